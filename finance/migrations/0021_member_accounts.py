import django.db.models.deletion
from django.db import migrations, models

from core.schema import KeysWithBook


class Migration(migrations.Migration):
    """Members who see some accounts of a book; accounts that members leave out of their own figures."""

    dependencies = [
        ('finance', '0020_changes_beside_the_journal'),
    ]

    operations = [
        migrations.AddField(
            model_name='membership',
            name='sees_all',
            field=models.BooleanField(db_default=True, default=True, verbose_name='sees all accounts'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(('sees_all', True), models.Q(('role', 'owner'), _negated=True), _connector='OR'), name='finance_owner_sees_all'),
        ),
        migrations.AddField(
            model_name='invitation',
            name='account_ids',
            field=models.JSONField(blank=True, null=True, verbose_name='accounts'),
        ),
        migrations.CreateModel(
            name='MemberAccount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.account', verbose_name='account')),
                ('book', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
                ('membership', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='seen', to='finance.membership', verbose_name='member')),
            ],
            options={
                'verbose_name': 'account that a member sees',
                'verbose_name_plural': 'accounts that members see',
            },
        ),
        migrations.CreateModel(
            name='LeftOutAccount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.account', verbose_name='account')),
                ('book', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
                ('membership', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='left_out', to='finance.membership', verbose_name='member')),
            ],
            options={
                'verbose_name': 'account left out of own figures',
                'verbose_name_plural': 'accounts left out of own figures',
            },
        ),
        migrations.AddConstraint(
            model_name='memberaccount',
            constraint=models.UniqueConstraint(fields=('book', 'membership', 'account'), name='finance_memberaccount_once'),
        ),
        migrations.AddConstraint(
            model_name='leftoutaccount',
            constraint=models.UniqueConstraint(fields=('book', 'membership', 'account'), name='finance_leftoutaccount_once'),
        ),
        KeysWithBook("memberaccount", ["membership", "account"]),
        KeysWithBook("leftoutaccount", ["membership", "account"]),
    ]
