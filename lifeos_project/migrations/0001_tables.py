from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='SecretSighting',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60)),
                ('fingerprint', models.CharField(max_length=32)),
                ('first_seen_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'permissions': [('run_doctor', 'Can run the doctor')],
                'constraints': [models.UniqueConstraint(fields=('name', 'fingerprint'), name='lifeos_secret_seen_once')],
            },
        ),
    ]
