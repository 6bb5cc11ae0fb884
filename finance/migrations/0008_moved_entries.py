from django.db import migrations, models


class Migration(migrations.Migration):
    """A new place that entries come from; the column stays as it is."""

    dependencies = [
        ('finance', '0007_rules_and_learning'),
    ]

    operations = [
        migrations.AlterField(
            model_name='journalentry',
            name='source',
            field=models.CharField(choices=[('manual', 'entered by hand'), ('import', 'bank file'), ('opening', 'opening balance'), ('exchange', 'currency exchange'), ('reversal', 'reversal'), ('correction', 'correction'), ('api', 'API'), ('demo', 'demonstration'), ('moved', 'another program')], default='manual', max_length=12, verbose_name='source'),
        ),
    ]
