from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='OperationRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('operation', models.CharField(max_length=80, verbose_name='operation')),
                ('scope', models.CharField(blank=True, max_length=120, verbose_name='works on')),
                ('parameters', models.JSONField(verbose_name='parameters')),
                ('dry_run', models.BooleanField(verbose_name='dry run')),
                ('by', models.CharField(max_length=254, verbose_name='started by')),
                ('requested_at', models.DateTimeField(verbose_name='started')),
                ('state', models.CharField(choices=[('requested', 'Waiting for a worker'), ('running', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='requested', max_length=9, verbose_name='state')),
                ('token', models.CharField(blank=True, max_length=32)),
                ('started_at', models.DateTimeField(null=True, verbose_name='begun')),
                ('heartbeat_at', models.DateTimeField(null=True, verbose_name='last sign of life')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='ended')),
                ('cancel_requested_at', models.DateTimeField(null=True)),
                ('done', models.BigIntegerField(default=0, verbose_name='steps done')),
                ('total', models.BigIntegerField(null=True, verbose_name='steps in all')),
                ('unit', models.CharField(blank=True, max_length=20)),
                ('log', models.TextField(blank=True, verbose_name='log')),
                ('kept', models.JSONField(default=dict)),
                ('result', models.JSONField(null=True, verbose_name='result')),
                ('error', models.TextField(blank=True, verbose_name='error')),
            ],
            options={
                'verbose_name': 'operation run',
                'verbose_name_plural': 'operation runs',
                'db_table': 'platform_operation_run',
                'indexes': [models.Index(fields=['operation', '-id'], name='platform_operation_latest')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ['requested', 'running'])), fields=('operation', 'scope'), name='platform_operation_once')],
            },
        ),
    ]
