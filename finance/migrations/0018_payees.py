import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models

from core.schema import KeysWithBook


class Migration(migrations.Migration):
    """Payees that a household named, with their aliases."""

    dependencies = [
        ('finance', '0017_statements'),
    ]

    operations = [
        migrations.CreateModel(
            name='Payee',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='payees', to='finance.book', verbose_name='book')),
                ('default_account', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='finance.account', verbose_name='usual category')),
            ],
            options={
                'verbose_name': 'payee',
                'verbose_name_plural': 'payees',
            },
        ),
        migrations.CreateModel(
            name='PayeeAlias',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('book', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
                ('payee', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='aliases', to='finance.payee')),
            ],
            options={
                'verbose_name': 'alias of a payee',
                'verbose_name_plural': 'aliases of payees',
            },
        ),
        migrations.AddConstraint(
            model_name='payee',
            constraint=models.UniqueConstraint(models.F('book'), django.db.models.functions.text.Lower('name'), name='finance_payee_name'),
        ),
        migrations.AddConstraint(
            model_name='payeealias',
            constraint=models.UniqueConstraint(models.F('book'), django.db.models.functions.text.Lower('name'), name='finance_payeealias_name'),
        ),
        KeysWithBook("payee", ["default_account"]),
        KeysWithBook("payeealias", ["payee"]),
    ]
