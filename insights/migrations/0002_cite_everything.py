import django.db.models.deletion
from django.db import migrations, models


def forget_what_has_no_entry(apps, schema_editor):
    """Before the entry is required again: months and balances cannot be kept."""
    apps.get_model("insights", "InsightEvidence").objects.filter(entry=None).delete()


class Migration(migrations.Migration):

    dependencies = [
        ('finance', '0003_guard_ledger'),
        ('insights', '0001_notice_things'),
    ]

    operations = [
        migrations.AddField(
            model_name='insightevidence',
            name='date',
            field=models.DateField(null=True),
        ),
        migrations.AlterField(
            model_name='insightevidence',
            name='entry',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.journalentry'),
        ),
        migrations.RunPython(migrations.RunPython.noop, forget_what_has_no_entry),
        migrations.AlterField(
            model_name='insightevidence',
            name='role',
            field=models.CharField(choices=[('subject', 'this charge'), ('compared', 'earlier charge'), ('expected', 'expected'), ('month', 'month compared'), ('balance', 'balance')], max_length=8),
        ),
        migrations.AddConstraint(
            model_name='insightevidence',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('date__isnull', False), ('entry', None), ('role__in', ['month', 'balance'])), models.Q(('date', None), ('entry__isnull', False), ('role__in', ['subject', 'compared', 'expected'])), _connector='OR'), name='insights_evidence_entry_or_date'),
        ),
    ]
