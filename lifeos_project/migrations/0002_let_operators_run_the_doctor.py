from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ("lifeos_project", "0001_remember_secrets"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="secretsighting",
            options={"permissions": [("run_doctor", "Can run the doctor")]},
        ),
    ]
