"""Rules of a book, what they did, and what suggestions have learned of its entries."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from core.schema import KeysWithBook


class Migration(migrations.Migration):

    dependencies = [
        ('finance', '0006_import_rows_left_out'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='LearnedBook',
            fields=[
                ('book', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='finance.book')),
                ('complete_at', models.DateTimeField(blank=True, null=True)),
                ('tried', models.JSONField(default=list)),
                ('right', models.JSONField(default=list)),
            ],
        ),
        migrations.AddField(
            model_name='importrow',
            name='memo',
            field=models.CharField(blank=True, db_default='', default='', max_length=200, verbose_name='note'),
        ),
        migrations.AddField(
            model_name='importrow',
            name='new_payee',
            field=models.CharField(blank=True, db_default='', default='', max_length=200, verbose_name='payee to post'),
        ),
        migrations.AddField(
            model_name='importrow',
            name='split',
            field=models.JSONField(db_default=[], default=list, verbose_name='split'),
        ),
        migrations.AddField(
            model_name='importrow',
            name='suggestions',
            field=models.JSONField(db_default=[], default=list),
        ),
        migrations.CreateModel(
            name='LearnedEntry',
            fields=[
                ('pk', models.CompositePrimaryKey('entry_id', 'book_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('counted', models.JSONField()),
                ('book', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
                ('entry', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.journalentry')),
            ],
        ),
        migrations.CreateModel(
            name='PayeeName',
            fields=[
                ('pk', models.CompositePrimaryKey('book_id', 'key', 'name', blank=True, editable=False, primary_key=True, serialize=False)),
                ('key', models.CharField(max_length=200)),
                ('name', models.CharField(max_length=200)),
                ('weight', models.IntegerField()),
                ('book', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
            ],
        ),
        migrations.CreateModel(
            name='RuleGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('position', models.PositiveIntegerField(verbose_name='position')),
                ('active', models.BooleanField(default=True, verbose_name='active')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rule_groups', to='finance.book', verbose_name='book')),
            ],
            options={
                'verbose_name': 'group of rules',
                'verbose_name_plural': 'groups of rules',
            },
        ),
        migrations.CreateModel(
            name='Rule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('position', models.PositiveIntegerField(verbose_name='position')),
                ('active', models.BooleanField(default=True, verbose_name='active')),
                ('stop', models.BooleanField(default=False, verbose_name='stop')),
                ('override', models.BooleanField(default=False, verbose_name='override')),
                ('definition', models.JSONField(verbose_name='definition')),
                ('version', models.PositiveIntegerField(default=1, verbose_name='version')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('removed_at', models.DateTimeField(blank=True, null=True, verbose_name='removed')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rules', to='finance.book', verbose_name='book')),
                ('group', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='rules', to='finance.rulegroup', verbose_name='group')),
            ],
            options={
                'verbose_name': 'rule',
                'verbose_name_plural': 'rules',
            },
        ),
        migrations.CreateModel(
            name='RuleLog',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(verbose_name='version')),
                ('step', models.PositiveSmallIntegerField(verbose_name='step')),
                ('changes', models.JSONField(default=dict, verbose_name='changes')),
                ('problem', models.CharField(blank=True, max_length=200, verbose_name='problem')),
                ('at', models.DateTimeField(auto_now_add=True, verbose_name='at')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
                ('entry', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='rule_log', to='finance.journalentry')),
                ('row', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='rule_log', to='finance.importrow')),
                ('rule', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='log', to='finance.rule')),
            ],
            options={
                'verbose_name': 'what a rule did',
                'verbose_name_plural': 'what rules did',
            },
        ),
        migrations.CreateModel(
            name='RuleVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(verbose_name='version')),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('stop', models.BooleanField(verbose_name='stop')),
                ('override', models.BooleanField(verbose_name='override')),
                ('definition', models.JSONField(verbose_name='definition')),
                ('saved_at', models.DateTimeField(auto_now_add=True, verbose_name='saved')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
                ('rule', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='finance.rule')),
                ('saved_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'version of a rule',
                'verbose_name_plural': 'versions of rules',
            },
        ),
        migrations.CreateModel(
            name='WordCount',
            fields=[
                ('pk', models.CompositePrimaryKey('book_id', 'word', 'outgoing', 'account_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('word', models.CharField(max_length=64)),
                ('outgoing', models.BooleanField()),
                ('entries', models.IntegerField()),
                ('weight', models.IntegerField()),
                ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.account')),
                ('book', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
            ],
        ),
        migrations.CreateModel(
            name='RuleApplication',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('since', models.DateField(blank=True, null=True, verbose_name='from')),
                ('until', models.DateField(blank=True, null=True, verbose_name='to')),
                ('closed_too', models.BooleanField(default=False, verbose_name='closed periods too')),
                ('state', models.CharField(choices=[('waiting', 'waiting for a worker'), ('running', 'under way'), ('done', 'done'), ('cancelled', 'cancelled')], default='waiting', max_length=9, verbose_name='state')),
                ('run_id', models.BigIntegerField(blank=True, null=True, verbose_name='run')),
                ('last_entry', models.BigIntegerField(default=0)),
                ('through_entry', models.BigIntegerField(default=0)),
                ('looked', models.PositiveIntegerField(default=0, verbose_name='entries looked at')),
                ('changed', models.PositiveIntegerField(default=0, verbose_name='entries corrected')),
                ('left', models.JSONField(default=list, verbose_name='left as they are')),
                ('left_count', models.PositiveIntegerField(default=0)),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='started')),
                ('finished_at', models.DateTimeField(blank=True, null=True, verbose_name='finished')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rule_applications', to='finance.book', verbose_name='book')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('rule', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.rule')),
            ],
            options={
                'verbose_name': 'application of rules',
                'verbose_name_plural': 'applications of rules',
                'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ['waiting', 'running'])), fields=('book',), name='finance_ruleapplication_one_open')],
            },
        ),
        migrations.AddConstraint(
            model_name='rulegroup',
            constraint=models.UniqueConstraint(fields=('book', 'name'), name='finance_rulegroup_name'),
        ),
        migrations.AddIndex(
            model_name='rule',
            index=models.Index(fields=['book', 'group', 'position'], name='finance_rule_order'),
        ),
        migrations.AddConstraint(
            model_name='rule',
            constraint=models.UniqueConstraint(condition=models.Q(('removed_at', None)), fields=('book', 'name'), name='finance_rule_name'),
        ),
        migrations.AddIndex(
            model_name='rulelog',
            index=models.Index(fields=['rule', '-id'], name='finance_rulelog_rule'),
        ),
        migrations.AddConstraint(
            model_name='ruleversion',
            constraint=models.UniqueConstraint(fields=('rule', 'number', 'book'), name='finance_ruleversion_number'),
        ),
        KeysWithBook("rulegroup"),
        KeysWithBook("rule", ["group"]),
        KeysWithBook("ruleversion", ["rule"]),
        KeysWithBook("rulelog", ["rule", "row", "entry"]),
        KeysWithBook("ruleapplication", ["rule"]),
        KeysWithBook("learnedentry", ["entry"]),
        KeysWithBook("wordcount", ["account"]),
    ]
