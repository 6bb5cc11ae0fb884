import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from core.schema import KeysWithBook


class Migration(migrations.Migration):
    """Recurring invoices, and refunds of shared bills."""

    dependencies = [
        ('finance', '0030_members_shares_and_fed_goals'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='RecurringInvoice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('currency', models.CharField(max_length=8, verbose_name='currency')),
                ('lines', models.JSONField(default=list, verbose_name='lines')),
                ('sender', models.TextField(blank=True, max_length=500, verbose_name='from')),
                ('note', models.TextField(blank=True, max_length=1000, verbose_name='note')),
                ('first', models.DateField(verbose_name='first day')),
                ('unit', models.CharField(choices=[('week', 'weeks'), ('month', 'months'), ('year', 'years')], max_length=5, verbose_name='unit')),
                ('every', models.PositiveSmallIntegerField(default=1, verbose_name='every')),
                ('until', models.DateField(blank=True, null=True, verbose_name='last day')),
                ('term', models.PositiveSmallIntegerField(default=14, verbose_name='days to pay')),
                ('next_on', models.DateField(blank=True, null=True, verbose_name='next')),
                ('made_on', models.DateField(blank=True, null=True, verbose_name='latest draft')),
                ('problem', models.CharField(blank=True, max_length=300, verbose_name='problem')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='added')),
                ('changed_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
            ],
            options={
                'verbose_name': 'recurring invoice',
                'verbose_name_plural': 'recurring invoices',
            },
        ),
        migrations.AddField(
            model_name='invoice',
            name='recurring_on',
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='sharedbill',
            name='refund_of',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='refunds', to='finance.sharedbill', verbose_name='refund of'),
        ),
        migrations.AddIndex(
            model_name='sharedbill',
            index=models.Index(condition=models.Q(('refund_of__isnull', False)), fields=['refund_of'], name='finance_sharedbill_refunds'),
        ),
        migrations.AddField(
            model_name='recurringinvoice',
            name='book',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book', verbose_name='book'),
        ),
        migrations.AddField(
            model_name='recurringinvoice',
            name='income',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.account', verbose_name='income category'),
        ),
        migrations.AddField(
            model_name='recurringinvoice',
            name='money_account',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='finance.account'),
        ),
        migrations.AddField(
            model_name='recurringinvoice',
            name='person',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.person', verbose_name='client'),
        ),
        migrations.AddField(
            model_name='recurringinvoice',
            name='saved_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='recurringinvoice',
            name='tax_account',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.account'),
        ),
        migrations.AddField(
            model_name='invoice',
            name='recurring',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='invoices', to='finance.recurringinvoice', verbose_name='recurring invoice'),
        ),
        migrations.AddConstraint(
            model_name='invoice',
            constraint=models.UniqueConstraint(fields=('recurring', 'recurring_on', 'book'), name='finance_invoice_recurring'),
        ),
        migrations.AddIndex(
            model_name='recurringinvoice',
            index=models.Index(fields=['book', '-id'], name='finance_recurringinvoice_list'),
        ),
        migrations.AddIndex(
            model_name='recurringinvoice',
            index=models.Index(fields=['book', 'next_on'], name='finance_recurringinvoice_due'),
        ),
        KeysWithBook("recurringinvoice", ["person", "income", "tax_account", "money_account"]),
        # As KeysWithBook would, which would also rebuild the primary keys.
        migrations.RunSQL(
            "ALTER TABLE finance_invoice ADD CONSTRAINT finance_invoice_recurring_of_book"
            " FOREIGN KEY (book_id, recurring_id) REFERENCES finance_recurringinvoice (book_id, id)"
            " DEFERRABLE INITIALLY DEFERRED",
            "ALTER TABLE finance_invoice DROP CONSTRAINT finance_invoice_recurring_of_book",
        ),
        migrations.RunSQL(
            "ALTER TABLE finance_sharedbill ADD CONSTRAINT finance_sharedbill_refund_of_of_book"
            " FOREIGN KEY (book_id, refund_of_id) REFERENCES finance_sharedbill (book_id, id)"
            " DEFERRABLE INITIALLY DEFERRED",
            "ALTER TABLE finance_sharedbill DROP CONSTRAINT finance_sharedbill_refund_of_of_book",
        ),
    ]
