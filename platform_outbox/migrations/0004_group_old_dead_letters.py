from django.db import migrations


class Migration(migrations.Migration):
    """Dead letters of before have only their last error's words left to be grouped by."""

    dependencies = [
        ('platform_outbox', '0003_group_errors_and_replay'),
    ]

    operations = [
        migrations.RunSQL(
            sql="""
                UPDATE platform_outbox
                SET error_group = left(md5(regexp_replace(error, '[0-9]+', '#', 'g')), 16)
                WHERE status = 'dead' AND discarded_at IS NULL AND error_group = ''
            """,
            reverse_sql=migrations.RunSQL.noop,
        ),
    ]
