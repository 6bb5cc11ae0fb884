import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from core.schema import KeysWithBook


class Migration(migrations.Migration):
    """Members' shares of budgets, goals that a schedule feeds, and extra payments on loans in scenarios."""

    dependencies = [
        ('finance', '0029_holidays_and_weekdays'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='BudgetShare',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('weight', models.BigIntegerField(verbose_name='share')),
                ('set_at', models.DateTimeField(auto_now_add=True, verbose_name='set')),
            ],
            options={
                'verbose_name': "member's share of a budget",
                'verbose_name_plural': "members' shares of budgets",
            },
        ),
        migrations.AddField(
            model_name='budget',
            name='shared_by',
            field=models.CharField(blank=True, choices=[('', 'not shared'), ('shares', 'shares'), ('percent', 'percentages')], default='', max_length=7, verbose_name='shared by'),
        ),
        migrations.AddField(
            model_name='goal',
            name='fed_amount',
            field=models.BigIntegerField(blank=True, null=True, verbose_name='of each payment'),
        ),
        migrations.AddField(
            model_name='goal',
            name='fed_since',
            field=models.DateTimeField(blank=True, null=True, verbose_name='fed since'),
        ),
        migrations.AddField(
            model_name='goal',
            name='schedule',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='finance.schedule', verbose_name='fed by'),
        ),
        migrations.AlterField(
            model_name='scenariostep',
            name='kind',
            field=models.CharField(choices=[('add', 'something new that repeats'), ('one_off', 'something new, once'), ('change', 'a plan changes'), ('stop', 'a plan ends'), ('delay', 'a plan comes later'), ('extra', 'more is paid on a loan'), ('shock', 'all income or spending changes')], max_length=8, verbose_name='step'),
        ),
        migrations.AddConstraint(
            model_name='goal',
            constraint=models.CheckConstraint(condition=models.Q(('fed_amount', None), ('fed_amount__gt', 0), _connector='OR'), name='finance_goal_fed_amount'),
        ),
        migrations.AddField(
            model_name='budgetshare',
            name='book',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book'),
        ),
        migrations.AddField(
            model_name='budgetshare',
            name='budget',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='shares', to='finance.budget', verbose_name='budget'),
        ),
        migrations.AddField(
            model_name='budgetshare',
            name='set_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by'),
        ),
        migrations.AddField(
            model_name='budgetshare',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='member'),
        ),
        migrations.AddConstraint(
            model_name='budgetshare',
            constraint=models.UniqueConstraint(fields=('budget', 'user', 'book'), name='finance_budgetshare_member'),
        ),
        migrations.AddConstraint(
            model_name='budgetshare',
            constraint=models.CheckConstraint(condition=models.Q(('weight__gte', 0)), name='finance_budgetshare_weight'),
        ),
        KeysWithBook("budgetshare", ["budget"]),
        KeysWithBook("goal", ["schedule"], has_key=True),
    ]
