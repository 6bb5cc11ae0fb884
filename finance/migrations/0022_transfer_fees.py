"""What banks take for transfers, by account; the rename of a payee is a change of its own; indexes by book."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from core.schema import KeysWithBook


class Migration(migrations.Migration):

    dependencies = [
        ('finance', '0021_member_accounts'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='TransferFee',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('fixed', models.BigIntegerField(blank=True, null=True, verbose_name='fixed fee')),
                ('fixed_up_to', models.BigIntegerField(blank=True, null=True, verbose_name='fixed up to')),
                ('share', models.IntegerField(blank=True, null=True, verbose_name='parts per million')),
                ('minimum', models.BigIntegerField(blank=True, null=True, verbose_name='at least')),
                ('maximum', models.BigIntegerField(blank=True, null=True, verbose_name='at most')),
                ('saved_at', models.DateTimeField(auto_now=True, verbose_name='saved')),
                ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.account', verbose_name='account')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='transfer_fees', to='finance.book', verbose_name='book')),
                ('category', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.account', verbose_name='booked as')),
                ('saved_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='saved by')),
            ],
            options={
                'verbose_name': 'transfer fee',
                'verbose_name_plural': 'transfer fees',
                'constraints': [models.UniqueConstraint(fields=('account', 'book'), name='finance_transferfee_account'), models.CheckConstraint(condition=models.Q(('fixed__isnull', False), ('share__isnull', False), _connector='OR'), name='finance_transferfee_not_empty')],
            },
        ),
        KeysWithBook("transferfee", ["account", "category"]),
        migrations.AlterField(
            model_name='change',
            name='action',
            field=models.CharField(choices=[('edit', 'edited'), ('delete', 'deleted'), ('merge_payees', 'payees merged'), ('rename_payee', 'payee renamed'), ('tag', 'tagged'), ('undo', 'undone')], max_length=12, verbose_name='action'),
        ),
        # By these an erased book finds its rows.
        migrations.AlterField(
            model_name='assetvalue',
            name='book',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='asset_values', to='finance.book'),
        ),
        migrations.AlterField(
            model_name='changedentry',
            name='book',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book'),
        ),
        migrations.AlterField(
            model_name='entrytag',
            name='book',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book'),
        ),
        migrations.AlterField(
            model_name='learnedentry',
            name='book',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book'),
        ),
        migrations.AlterField(
            model_name='refund',
            name='book',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book'),
        ),
        migrations.AlterField(
            model_name='webhookattempt',
            name='book',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book'),
        ),
        migrations.AlterField(
            model_name='webhookdelivery',
            name='book',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book'),
        ),
        migrations.AlterField(
            model_name='webhooksecret',
            name='book',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book'),
        ),
    ]
