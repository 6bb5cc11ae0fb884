"""People, what is shared with them and owed by them, and invoices."""

import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

from core.schema import KeysWithBook


class Migration(migrations.Migration):

    dependencies = [
        ('finance', '0024_loans'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='CostGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('simplify', models.BooleanField(default=False, verbose_name='fewest payments')),
                ('archived_at', models.DateTimeField(blank=True, null=True, verbose_name='archived')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='added')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book', verbose_name='book')),
            ],
            options={
                'verbose_name': 'cost group',
                'verbose_name_plural': 'cost groups',
            },
        ),
        migrations.CreateModel(
            name='Person',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='e-mail address')),
                ('address', models.TextField(blank=True, max_length=500, verbose_name='address')),
                ('note', models.CharField(blank=True, max_length=500, verbose_name='note')),
                ('archived_at', models.DateTimeField(blank=True, null=True, verbose_name='archived')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='added')),
                ('book', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book', verbose_name='book')),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='member')),
            ],
            options={
                'verbose_name': 'person',
                'verbose_name_plural': 'people',
            },
        ),
        migrations.CreateModel(
            name='Invoice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('draft', 'draft'), ('sent', 'sent'), ('written_off', 'written off'), ('cancelled', 'cancelled')], default='draft', max_length=11, verbose_name='state')),
                ('year', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='year')),
                ('sequence', models.PositiveIntegerField(blank=True, null=True)),
                ('number', models.CharField(blank=True, max_length=40, verbose_name='number')),
                ('currency', models.CharField(max_length=8, verbose_name='currency')),
                ('issued_on', models.DateField(blank=True, null=True, verbose_name='date')),
                ('due_on', models.DateField(blank=True, null=True, verbose_name='due')),
                ('lines', models.JSONField(default=list, verbose_name='lines')),
                ('net', models.BigIntegerField(default=0, verbose_name='net')),
                ('tax', models.BigIntegerField(default=0, verbose_name='tax')),
                ('gross', models.BigIntegerField(default=0, verbose_name='total')),
                ('paid', models.BigIntegerField(default=0, verbose_name='paid')),
                ('sender', models.TextField(blank=True, max_length=500, verbose_name='from')),
                ('note', models.TextField(blank=True, max_length=1000, verbose_name='note')),
                ('reminders', models.PositiveSmallIntegerField(default=0, verbose_name='reminders')),
                ('reminded_at', models.DateTimeField(blank=True, null=True, verbose_name='last reminder')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='added')),
                ('book', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book', verbose_name='book')),
                ('closing_entry', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.journalentry')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('entry', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.journalentry')),
                ('income', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.account', verbose_name='income category')),
                ('claim_account', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.account')),
                ('money_account', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='finance.account')),
                ('tax_account', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.account')),
                ('person', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='invoices', to='finance.person', verbose_name='client')),
            ],
            options={
                'verbose_name': 'invoice',
                'verbose_name_plural': 'invoices',
            },
        ),
        migrations.CreateModel(
            name='GroupMember',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
                ('group', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='members', to='finance.costgroup')),
                ('person', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='groups', to='finance.person')),
            ],
            options={
                'verbose_name': 'member of a cost group',
                'verbose_name_plural': 'members of cost groups',
            },
        ),
        migrations.CreateModel(
            name='Claim',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('due_on', models.DateField(verbose_name='due')),
                ('amount', models.BigIntegerField(verbose_name='amount')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='note')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='added')),
                ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.account')),
                ('book', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('money_account', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='finance.account')),
                ('person', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='claims', to='finance.person')),
            ],
            options={
                'verbose_name': 'dated claim',
                'verbose_name_plural': 'dated claims',
            },
        ),
        migrations.CreateModel(
            name='PersonAccount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.account')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
                ('person', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='accounts', to='finance.person')),
            ],
            options={
                'verbose_name': 'account of a person',
                'verbose_name_plural': 'accounts of people',
            },
        ),
        migrations.CreateModel(
            name='Settlement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('paid', 'paid'), ('assigned', 'passed on'), ('exchanged', 'settled in another currency')], default='paid', max_length=9, verbose_name='kind')),
                ('date', models.DateField(verbose_name='date')),
                ('currency', models.CharField(max_length=8, verbose_name='currency')),
                ('amount', models.BigIntegerField(verbose_name='amount')),
                ('against_currency', models.CharField(blank=True, max_length=8)),
                ('against_amount', models.BigIntegerField(blank=True, null=True)),
                ('rate', models.DecimalField(blank=True, decimal_places=10, max_digits=24, null=True, verbose_name='rate')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='note')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='added')),
                ('account', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.account')),
                ('book', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book', verbose_name='book')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('entry', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.journalentry')),
                ('group', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='settlements', to='finance.costgroup', verbose_name='cost group')),
                ('payee', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.person', verbose_name='to')),
                ('payer', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.person', verbose_name='from')),
            ],
            options={
                'verbose_name': 'settlement',
                'verbose_name_plural': 'settlements',
            },
        ),
        migrations.CreateModel(
            name='SharedBill',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('scope', models.CharField(editable=False, max_length=400)),
                ('date', models.DateField(verbose_name='date')),
                ('description', models.CharField(max_length=200, verbose_name='description')),
                ('currency', models.CharField(max_length=8, verbose_name='currency')),
                ('total', models.BigIntegerField(verbose_name='total')),
                ('method', models.CharField(choices=[('equal', 'equally'), ('shares', 'by shares'), ('percent', 'by percentages'), ('exact', 'by exact amounts')], max_length=8, verbose_name='shared')),
                ('weight_total', models.BigIntegerField(default=0)),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='added')),
                ('account', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.account')),
                ('book', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book', verbose_name='book')),
                ('category', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.account')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('entry', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.journalentry')),
                ('group', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='bills', to='finance.costgroup', verbose_name='cost group')),
            ],
            options={
                'verbose_name': 'shared bill',
                'verbose_name_plural': 'shared bills',
            },
        ),
        migrations.CreateModel(
            name='BillShare',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('paid', models.BigIntegerField(default=0, verbose_name='paid')),
                ('owed', models.BigIntegerField(default=0, verbose_name='share')),
                ('weight', models.BigIntegerField(default=0)),
                ('position', models.PositiveSmallIntegerField()),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
                ('person', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.person')),
                ('bill', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='shares', to='finance.sharedbill')),
            ],
            options={
                'verbose_name': 'share of a bill',
                'verbose_name_plural': 'shares of bills',
            },
        ),
        migrations.CreateModel(
            name='InvoicePayment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('amount', models.BigIntegerField(verbose_name='amount')),
                ('matched', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='linked')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('entry', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.journalentry')),
                ('invoice', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='payments', to='finance.invoice')),
            ],
            options={
                'verbose_name': 'payment of an invoice',
                'verbose_name_plural': 'payments of invoices',
                'constraints': [models.UniqueConstraint(fields=('invoice', 'entry', 'book'), name='finance_invoicepayment_entry'), models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='finance_invoicepayment_positive')],
            },
        ),
        migrations.AddConstraint(
            model_name='person',
            constraint=models.UniqueConstraint(models.F('book'), django.db.models.functions.text.Lower('name'), name='finance_person_name'),
        ),
        migrations.AddIndex(
            model_name='invoice',
            index=models.Index(fields=['book', '-id'], name='finance_invoice_list'),
        ),
        migrations.AddIndex(
            model_name='invoice',
            index=models.Index(condition=models.Q(('paid__lt', models.F('gross')), ('state', 'sent')), fields=['book', 'due_on'], name='finance_invoice_open'),
        ),
        migrations.AddConstraint(
            model_name='invoice',
            constraint=models.UniqueConstraint(fields=('book', 'year', 'sequence'), name='finance_invoice_sequence'),
        ),
        migrations.AddConstraint(
            model_name='groupmember',
            constraint=models.UniqueConstraint(fields=('group', 'person', 'book'), name='finance_groupmember_unique'),
        ),
        migrations.AddIndex(
            model_name='claim',
            index=models.Index(fields=['book', 'due_on', 'id'], name='finance_claim_due'),
        ),
        migrations.AddConstraint(
            model_name='personaccount',
            constraint=models.UniqueConstraint(fields=('account', 'book'), name='finance_personaccount_account'),
        ),
        migrations.AddIndex(
            model_name='settlement',
            index=models.Index(fields=['book', '-date', '-id'], name='finance_settlement_list'),
        ),
        migrations.AddConstraint(
            model_name='settlement',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='finance_settlement_positive'),
        ),
        migrations.AddIndex(
            model_name='sharedbill',
            index=models.Index(fields=['book', '-date', '-id'], name='finance_sharedbill_list'),
        ),
        migrations.AddIndex(
            model_name='sharedbill',
            index=models.Index(fields=['book', 'scope', 'currency'], name='finance_sharedbill_scope'),
        ),
        migrations.AddConstraint(
            model_name='sharedbill',
            constraint=models.CheckConstraint(condition=models.Q(('total__gt', 0)), name='finance_sharedbill_positive'),
        ),
        migrations.AddConstraint(
            model_name='billshare',
            constraint=models.UniqueConstraint(fields=('bill', 'position', 'book'), name='finance_billshare_position'),
        ),
        KeysWithBook("person", []),
        KeysWithBook("personaccount", ["person", "account"]),
        KeysWithBook("costgroup", []),
        KeysWithBook("groupmember", ["group", "person"]),
        KeysWithBook("sharedbill", ["group", "account", "category", "entry"]),
        KeysWithBook("billshare", ["bill", "person"]),
        KeysWithBook("settlement", ["group", "payer", "payee", "account", "entry"]),
        KeysWithBook("claim", ["person", "account", "money_account"]),
        KeysWithBook("invoice", ["person", "income", "tax_account", "claim_account", "money_account", "entry", "closing_entry"]),
        KeysWithBook("invoicepayment", ["invoice", "entry"]),
    ]
