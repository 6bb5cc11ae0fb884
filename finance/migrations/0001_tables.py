import django.contrib.postgres.functions
import django.core.serializers.json
import django.db.models.deletion
import django.db.models.functions.text
import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Book',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('base_currency', models.CharField(max_length=8, verbose_name='base currency')),
                ('time_zone', models.CharField(max_length=64, verbose_name='time zone')),
                ('closed_through', models.DateField(blank=True, null=True, verbose_name='closed through')),
                ('closed_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='closed at')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
            ],
            options={
                'verbose_name': 'book',
                'verbose_name_plural': 'books',
                'permissions': [('export_book', 'Can export a book')],
            },
        ),
        migrations.CreateModel(
            name='Account',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('type', models.CharField(choices=[('asset', 'asset'), ('liability', 'liability'), ('equity', 'equity'), ('income', 'income'), ('expense', 'expense')], max_length=9, verbose_name='type')),
                ('kind', models.CharField(choices=[('group', 'group'), ('cash', 'cash'), ('checking', 'checking'), ('savings', 'savings'), ('card', 'card'), ('loan', 'loan'), ('receivable', 'receivable'), ('payable', 'payable'), ('investment', 'investment'), ('property', 'property'), ('tax', 'tax'), ('category', 'category'), ('opening', 'opening balances'), ('trading', 'trading'), ('other', 'other')], max_length=10, verbose_name='kind')),
                ('currency', models.CharField(max_length=8, verbose_name='currency')),
                ('closed_on', models.DateField(blank=True, null=True, verbose_name='closed on')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('parent', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='children', to='finance.account')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='accounts', to='finance.book')),
            ],
            options={
                'verbose_name': 'account',
                'verbose_name_plural': 'accounts',
            },
        ),
        migrations.CreateModel(
            name='BookDay',
            fields=[
                ('book', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='finance.book')),
                ('date', models.DateField()),
            ],
        ),
        migrations.CreateModel(
            name='NotedHead',
            fields=[
                ('book', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='noted_head', serialize=False, to='finance.book')),
                ('seals', models.BigIntegerField(verbose_name='sealed entries')),
                ('hash', models.BinaryField(max_length=32)),
                ('noted_at', models.DateTimeField(verbose_name='noted')),
            ],
        ),
        migrations.CreateModel(
            name='AccountMonth',
            fields=[
                ('pk', models.CompositePrimaryKey('account_id', 'month', 'book_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('month', models.DateField()),
                ('debit', models.BigIntegerField()),
                ('credit', models.BigIntegerField()),
                ('lines', models.BigIntegerField()),
                ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='months', to='finance.account')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
            ],
        ),
        migrations.CreateModel(
            name='ImportBatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('file_name', models.CharField(max_length=255, verbose_name='file')),
                ('sha256', models.CharField(max_length=64)),
                ('content', models.BinaryField(verbose_name='content')),
                ('size', models.PositiveIntegerField(verbose_name='size in bytes')),
                ('format', models.CharField(blank=True, choices=[('csv', 'CSV'), ('ofx', 'OFX')], max_length=4, verbose_name='format')),
                ('state', models.CharField(choices=[('received', 'being read'), ('staged', 'waiting for confirmation'), ('confirmed', 'confirmed'), ('undone', 'undone'), ('discarded', 'discarded'), ('refused', 'not readable')], default='received', max_length=9, verbose_name='state')),
                ('profile', models.JSONField(blank=True, null=True, verbose_name='how the columns are read')),
                ('notes', models.JSONField(default=list, verbose_name='notes')),
                ('problem', models.TextField(blank=True, verbose_name='problem')),
                ('rows_total', models.PositiveIntegerField(default=0, verbose_name='rows')),
                ('rows_done', models.PositiveIntegerField(default=0, verbose_name='rows read')),
                ('reading_at', models.DateTimeField(blank=True, null=True)),
                ('question', models.JSONField(db_default={}, default=dict)),
                ('reader', models.CharField(blank=True, db_default='', default='', max_length=32)),
                ('refusal', models.JSONField(blank=True, null=True)),
                ('moved_openings', models.JSONField(db_default=[], default=list)),
                ('kept', models.JSONField(default=list, encoder=django.core.serializers.json.DjangoJSONEncoder, verbose_name='entries kept')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='uploaded')),
                ('confirmed_at', models.DateTimeField(blank=True, null=True, verbose_name='confirmed at')),
                ('undone_at', models.DateTimeField(blank=True, null=True, verbose_name='undone at')),
                ('account', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='imports', to='finance.account', verbose_name='account')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='imports', to='finance.book')),
                ('confirmed_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('undone_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'import',
                'verbose_name_plural': 'imports',
            },
        ),
        migrations.CreateModel(
            name='ImportProfile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('signature', models.CharField(max_length=64)),
                ('reading', models.JSONField(verbose_name='how the columns are read')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
                ('account', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='import_profiles', to='finance.account')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
                ('updated_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'import profile',
                'verbose_name_plural': 'import profiles',
            },
        ),
        migrations.CreateModel(
            name='ImportStatement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField()),
                ('external_account', models.CharField(blank=True, max_length=64, verbose_name='number at the bank')),
                ('label', models.CharField(blank=True, max_length=64)),
                ('currency', models.CharField(max_length=8, verbose_name='currency')),
                ('start', models.DateField(blank=True, null=True, verbose_name='from')),
                ('end', models.DateField(blank=True, null=True, verbose_name='to')),
                ('stated_opening', models.BigIntegerField(blank=True, null=True)),
                ('stated_closing', models.BigIntegerField(blank=True, null=True)),
                ('closing_on', models.DateField(blank=True, null=True)),
                ('balance_break', models.PositiveIntegerField(blank=True, null=True)),
                ('account', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.account', verbose_name='account')),
                ('batch', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='statements', to='finance.importbatch')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.book')),
            ],
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(max_length=254, verbose_name='e-mail address')),
                ('role', models.CharField(choices=[('owner', 'owner'), ('editor', 'editor'), ('viewer', 'viewer')], max_length=8)),
                ('nonce', models.CharField(db_default='', default='', max_length=64)),
                ('token_hash', models.CharField(max_length=64)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField()),
                ('accepted_at', models.DateTimeField(blank=True, null=True)),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='invitations', to='finance.book')),
                ('invited_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='JournalEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=uuid_utils.compat.uuid7)),
                ('date', models.DateField(verbose_name='date')),
                ('payee', models.CharField(blank=True, max_length=200, verbose_name='payee')),
                ('description', models.CharField(blank=True, max_length=500, verbose_name='description')),
                ('source', models.CharField(choices=[('manual', 'entered by hand'), ('import', 'bank file'), ('opening', 'opening balance'), ('exchange', 'currency exchange'), ('reversal', 'reversal'), ('correction', 'correction'), ('api', 'API'), ('demo', 'demonstration')], default='manual', max_length=12, verbose_name='source')),
                ('line_count', models.PositiveSmallIntegerField(verbose_name='lines')),
                ('created_at', models.DateTimeField(db_default=django.contrib.postgres.functions.TransactionNow(), editable=False, verbose_name='recorded')),
                ('book', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='finance.book')),
                ('corrects', models.OneToOneField(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='corrected_by', to='finance.journalentry', verbose_name='corrects')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('reverses', models.OneToOneField(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reversed_by', to='finance.journalentry', verbose_name='reverses')),
            ],
            options={
                'verbose_name': 'journal entry',
                'verbose_name_plural': 'journal entries',
            },
        ),
        migrations.CreateModel(
            name='ImportRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(verbose_name='line')),
                ('date', models.DateField(blank=True, null=True, verbose_name='date')),
                ('raw_date', models.CharField(blank=True, max_length=64, verbose_name='date as written by the bank')),
                ('amount', models.BigIntegerField(blank=True, null=True, verbose_name='amount')),
                ('balance', models.BigIntegerField(blank=True, null=True, verbose_name='balance')),
                ('payee', models.CharField(blank=True, max_length=200, verbose_name='payee')),
                ('description', models.CharField(blank=True, max_length=500, verbose_name='description')),
                ('text', models.CharField(blank=True, max_length=400)),
                ('bank_id', models.CharField(blank=True, max_length=120, verbose_name="bank's id")),
                ('booked', models.BooleanField(default=True)),
                ('identity', models.CharField(blank=True, max_length=48)),
                ('occurrence', models.PositiveIntegerField(default=1)),
                ('fate', models.CharField(choices=[('new', 'new'), ('already_imported', 'already imported'), ('probable_match', 'probable match'), ('pending', 'not booked by the bank'), ('error', 'error')], max_length=16, verbose_name='fate')),
                ('reason', models.CharField(blank=True, max_length=300, verbose_name='reason')),
                ('note', models.CharField(blank=True, max_length=200)),
                ('decision', models.CharField(blank=True, choices=[('', 'as suggested'), ('post', 'post'), ('match', 'accept the match'), ('ignore', 'ignore')], max_length=6, verbose_name='decision')),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('suggestion', models.CharField(blank=True, max_length=200)),
                ('outcome', models.CharField(blank=True, choices=[('', '—'), ('posted', 'posted'), ('linked', 'linked to an entry'), ('ignored', 'ignored'), ('left', 'left out')], max_length=8, verbose_name='outcome')),
                ('active', models.BooleanField(default=False)),
                ('account', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.account')),
                ('batch', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='rows', to='finance.importbatch')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.book')),
                ('counter_account', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.account', verbose_name='category')),
                ('decided_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('statement', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='rows', to='finance.importstatement')),
                ('matched_entry', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.journalentry')),
                ('posted_entry', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='import_rows', to='finance.journalentry', verbose_name='entry')),
            ],
            options={
                'verbose_name': 'imported row',
                'verbose_name_plural': 'imported rows',
            },
        ),
        migrations.AddField(
            model_name='importbatch',
            name='opening_entry',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.journalentry', verbose_name='opening balance'),
        ),
        migrations.CreateModel(
            name='JournalLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('date', models.DateField()),
                ('currency', models.CharField(max_length=8)),
                ('amount', models.BigIntegerField()),
                ('position', models.PositiveSmallIntegerField()),
                ('memo', models.CharField(blank=True, max_length=200)),
                ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='finance.account')),
                ('book', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.book')),
                ('entry', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='finance.journalentry')),
            ],
        ),
        migrations.CreateModel(
            name='LedgerCheck',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('checked_at', models.DateTimeField(verbose_name='checked')),
                ('entries', models.BigIntegerField(verbose_name='entries')),
                ('lines', models.BigIntegerField(verbose_name='lines')),
                ('problems', models.JSONField(default=list, verbose_name='problems')),
                ('warnings', models.JSONField(db_default=[], default=list, verbose_name='warnings')),
                ('book', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='checks', to='finance.book')),
            ],
            options={
                'verbose_name': 'ledger check',
                'verbose_name_plural': 'ledger checks',
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('owner', 'owner'), ('editor', 'editor'), ('viewer', 'viewer')], max_length=8)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='finance.book')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='MonthRebuild',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('by', models.CharField(max_length=254, verbose_name='by')),
                ('at', models.DateTimeField(verbose_name='at')),
                ('removed', models.BigIntegerField(default=0, verbose_name='wrong or needless totals removed')),
                ('written', models.BigIntegerField(default=0, verbose_name='totals written')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book', verbose_name='book')),
            ],
            options={
                'verbose_name': 'rebuild of month totals',
                'verbose_name_plural': 'rebuilds of month totals',
            },
        ),
        migrations.CreateModel(
            name='PeriodChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(verbose_name='at')),
                ('transaction_at', models.DateTimeField(verbose_name='beginning of the transaction')),
                ('role', models.CharField(max_length=63, verbose_name='database role')),
                ('closed_before', models.DateField(null=True, verbose_name='closed through, before')),
                ('closed_after', models.DateField(null=True, verbose_name='closed through, after')),
                ('book', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='finance.book', verbose_name='book')),
            ],
            options={
                'verbose_name': 'change of a closing date',
                'verbose_name_plural': 'changes of closing dates',
            },
        ),
        migrations.CreateModel(
            name='Seal',
            fields=[
                ('pk', models.CompositePrimaryKey('book_id', 'seq', blank=True, editable=False, primary_key=True, serialize=False)),
                ('seq', models.BigIntegerField()),
                ('hash', models.BinaryField(max_length=32)),
                ('sealed_at', models.DateTimeField(verbose_name='sealed')),
                ('book', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='finance.book')),
                ('entry', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='seal', to='finance.journalentry')),
            ],
        ),
        migrations.CreateModel(
            name='WebhookDelivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('message_id', models.CharField(max_length=64, verbose_name='message')),
                ('event_id', models.BigIntegerField(null=True, verbose_name='event number')),
                ('event_type', models.CharField(max_length=120, verbose_name='event')),
                ('occurred_at', models.DateTimeField(verbose_name='happened')),
                ('body', models.TextField(verbose_name='body')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('state', models.CharField(choices=[('waiting', 'on its way'), ('delivered', 'delivered'), ('failed', 'failed'), ('skipped', 'not sent')], default='waiting', max_length=9, verbose_name='state')),
                ('attempts_made', models.PositiveIntegerField(default=0, verbose_name='attempts')),
                ('last_attempt_at', models.DateTimeField(null=True, verbose_name='last attempt')),
                ('status_code', models.PositiveSmallIntegerField(null=True, verbose_name='answer')),
                ('failure', models.CharField(blank=True, choices=[('', 'delivered'), ('address', 'The address leads to a network that webhooks may not reach.'), ('dns', 'The name cannot be resolved.'), ('connect', 'No connection could be made.'), ('tls', 'No secure connection could be made.'), ('timeout', 'No answer came in time.'), ('protocol', 'The connection broke off, or the answer was not HTTP.'), ('status', 'The answer was a refusal.'), ('redirect', 'The answer was a redirect, which is not followed.'), ('unsent', 'The address is not allowed here any more.')], default='', max_length=8, verbose_name='problem')),
                ('book', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
            ],
            options={
                'verbose_name': 'webhook delivery',
                'verbose_name_plural': 'webhook deliveries',
            },
        ),
        migrations.CreateModel(
            name='WebhookAttempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(verbose_name='attempt')),
                ('at', models.DateTimeField(verbose_name='at')),
                ('milliseconds', models.PositiveIntegerField(verbose_name='took')),
                ('address', models.CharField(blank=True, max_length=45, verbose_name='network address')),
                ('request_headers', models.JSONField(default=dict, verbose_name='headers')),
                ('status_code', models.PositiveSmallIntegerField(null=True, verbose_name='answer')),
                ('response_body', models.TextField(blank=True, verbose_name='beginning of the answer')),
                ('failure', models.CharField(blank=True, choices=[('', 'delivered'), ('address', 'The address leads to a network that webhooks may not reach.'), ('dns', 'The name cannot be resolved.'), ('connect', 'No connection could be made.'), ('tls', 'No secure connection could be made.'), ('timeout', 'No answer came in time.'), ('protocol', 'The connection broke off, or the answer was not HTTP.'), ('status', 'The answer was a refusal.'), ('redirect', 'The answer was a redirect, which is not followed.'), ('unsent', 'The address is not allowed here any more.')], default='', max_length=8, verbose_name='problem')),
                ('detail', models.CharField(blank=True, max_length=300, verbose_name='details')),
                ('book', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
                ('delivery', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='attempts', to='finance.webhookdelivery')),
            ],
            options={
                'verbose_name': 'attempt',
                'verbose_name_plural': 'attempts',
            },
        ),
        migrations.CreateModel(
            name='WebhookEndpoint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('url', models.CharField(max_length=500, verbose_name='address')),
                ('description', models.CharField(blank=True, max_length=200, verbose_name='description')),
                ('event_types', models.JSONField(default=list, verbose_name='events')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('active', models.BooleanField(default=True, verbose_name='active')),
                ('stopped', models.CharField(blank=True, choices=[('', 'in use'), ('by_hand', 'switched off'), ('failing', 'switched off after days of failure'), ('gone', 'switched off because the address answered that it is gone')], default='', max_length=8, verbose_name='state')),
                ('stopped_at', models.DateTimeField(null=True, verbose_name='switched off')),
                ('failing_since', models.DateTimeField(null=True, verbose_name='failing since')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='webhooks', to='finance.book', verbose_name='book')),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'webhook',
                'verbose_name_plural': 'webhooks',
            },
        ),
        migrations.AddField(
            model_name='webhookdelivery',
            name='endpoint',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='finance.webhookendpoint'),
        ),
        migrations.CreateModel(
            name='WebhookSecret',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('secret', models.CharField(max_length=100)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField(null=True)),
                ('book', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
                ('endpoint', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='secrets', to='finance.webhookendpoint')),
            ],
        ),
        migrations.CreateModel(
            name='ChainHead',
            fields=[
                ('book', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='chain', serialize=False, to='finance.book')),
                ('seals', models.BigIntegerField(verbose_name='sealed entries')),
                ('hash', models.BinaryField(max_length=32)),
                ('sealed_at', models.DateTimeField(verbose_name='sealed')),
                ('entry', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='finance.journalentry')),
            ],
        ),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.UniqueConstraint(fields=('book', 'parent', 'name'), name='finance_account_sibling_name', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.UniqueConstraint(fields=('id', 'book', 'currency'), name='finance_account_book_currency'),
        ),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.UniqueConstraint(condition=models.Q(('kind__in', ['opening', 'trading'])), fields=('book', 'currency', 'kind'), name='finance_account_system_unique'),
        ),
        migrations.AddConstraint(
            model_name='importprofile',
            constraint=models.UniqueConstraint(fields=('account', 'signature', 'book'), name='finance_importprofile_unique'),
        ),
        migrations.AddIndex(
            model_name='importstatement',
            index=models.Index(fields=['book', 'external_account'], name='finance_importstatement_ext'),
        ),
        migrations.AddConstraint(
            model_name='importstatement',
            constraint=models.UniqueConstraint(fields=('batch', 'position', 'book'), name='finance_importstatement_position'),
        ),
        migrations.AddConstraint(
            model_name='invitation',
            constraint=models.UniqueConstraint(fields=('token_hash', 'book'), name='finance_invitation_token'),
        ),
        migrations.AddConstraint(
            model_name='invitation',
            constraint=models.UniqueConstraint(models.F('book'), django.db.models.functions.text.Lower('email'), condition=models.Q(('accepted_at', None)), name='finance_invitation_open_unique'),
        ),
        migrations.AddIndex(
            model_name='journalentry',
            index=models.Index(fields=['book', 'date', 'id'], name='finance_entry_journal'),
        ),
        migrations.AddIndex(
            model_name='journalentry',
            index=models.Index(models.F('book'), django.db.models.functions.text.Lower('payee'), models.F('date'), name='finance_entry_payee'),
        ),
        migrations.AddConstraint(
            model_name='journalentry',
            constraint=models.UniqueConstraint(fields=('uid', 'book'), name='finance_entry_uid'),
        ),
        migrations.AddConstraint(
            model_name='journalentry',
            constraint=models.UniqueConstraint(fields=('id', 'book', 'date'), name='finance_entry_book_date'),
        ),
        migrations.AddConstraint(
            model_name='journalentry',
            constraint=models.CheckConstraint(condition=models.Q(('line_count__gte', 2)), name='finance_entry_two_lines'),
        ),
        migrations.AddIndex(
            model_name='importrow',
            index=models.Index(fields=['batch', 'fate', 'id'], name='finance_importrow_batch'),
        ),
        migrations.AddIndex(
            model_name='importrow',
            index=models.Index(condition=models.Q(('active', True)), fields=['account', 'date'], name='finance_importrow_known'),
        ),
        migrations.AddConstraint(
            model_name='importrow',
            constraint=models.UniqueConstraint(condition=models.Q(('active', True)), fields=('account', 'identity', 'occurrence', 'book'), name='finance_importrow_identity'),
        ),
        migrations.AddConstraint(
            model_name='importrow',
            constraint=models.CheckConstraint(condition=models.Q(('active', False), models.Q(models.Q(('identity', ''), _negated=True), ('account__isnull', False)), _connector='OR'), name='finance_importrow_active_known'),
        ),
        migrations.AddIndex(
            model_name='importbatch',
            index=models.Index(fields=['book', '-id'], name='finance_importbatch_list'),
        ),
        migrations.AddIndex(
            model_name='importbatch',
            index=models.Index(fields=['book', 'sha256'], name='finance_importbatch_file'),
        ),
        migrations.AddIndex(
            model_name='journalline',
            index=models.Index(fields=['account', 'date', 'id'], include=('amount', 'entry'), name='finance_line_register'),
        ),
        migrations.AddConstraint(
            model_name='journalline',
            constraint=models.CheckConstraint(condition=models.Q(('amount', 0), _negated=True), name='finance_line_amount_not_zero'),
        ),
        migrations.AddConstraint(
            model_name='journalline',
            constraint=models.UniqueConstraint(fields=('entry', 'position', 'book'), name='finance_line_position'),
        ),
        migrations.AddIndex(
            model_name='ledgercheck',
            index=models.Index(fields=['book', '-checked_at'], name='finance_check_latest'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.UniqueConstraint(fields=('book', 'user'), name='finance_membership_unique'),
        ),
        migrations.AddConstraint(
            model_name='seal',
            constraint=models.CheckConstraint(condition=models.Q(('seq__gte', 1)), name='finance_seal_from_one'),
        ),
        migrations.AddIndex(
            model_name='webhookattempt',
            index=models.Index(fields=['delivery', 'number'], name='finance_webhook_attempts'),
        ),
        migrations.AddConstraint(
            model_name='webhookendpoint',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('active', True), ('stopped', '')), models.Q(('active', False), models.Q(('stopped', ''), _negated=True)), _connector='OR'), name='finance_webhook_stopped_has_reason'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(fields=['endpoint', '-id'], name='finance_webhook_log'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(fields=['endpoint', 'state', '-id'], name='finance_webhook_log_by_state'),
        ),
        migrations.AddConstraint(
            model_name='webhookdelivery',
            constraint=models.UniqueConstraint(fields=('endpoint', 'message_id', 'book'), name='finance_webhook_message_once'),
        ),
        migrations.AddConstraint(
            model_name='webhooksecret',
            constraint=models.UniqueConstraint(condition=models.Q(('expires_at', None)), fields=('endpoint', 'book'), name='finance_webhook_secret_current'),
        ),
    ]
