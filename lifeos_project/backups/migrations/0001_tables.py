from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='BackupRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('backup', 'backup'), ('restore', 'restore')], default='backup', max_length=8, verbose_name='kind')),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('location', models.CharField(blank=True, max_length=500, verbose_name='kept in')),
                ('started_at', models.DateTimeField(verbose_name='started')),
                ('state', models.CharField(choices=[('running', 'running'), ('good', 'good'), ('failed', 'failed'), ('interrupted', 'interrupted')], default='running', max_length=12, verbose_name='state')),
                ('stage', models.CharField(blank=True, max_length=120, verbose_name='step')),
                ('finished_at', models.DateTimeField(blank=True, null=True, verbose_name='finished')),
                ('size', models.BigIntegerField(blank=True, null=True, verbose_name='bytes')),
                ('sha256', models.CharField(blank=True, max_length=64, verbose_name='SHA-256')),
                ('encrypted', models.BooleanField(default=False, verbose_name='encrypted')),
                ('entries', models.BigIntegerField(blank=True, null=True, verbose_name='entries')),
                ('error', models.TextField(blank=True, verbose_name='what went wrong')),
            ],
            options={
                'verbose_name': 'backup',
                'verbose_name_plural': 'backups',
                'indexes': [models.Index(fields=['kind', 'state', '-started_at'], name='backups_run_latest')],
            },
        ),
    ]
