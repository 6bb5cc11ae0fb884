"""Where each chain ended when its book was last verified: seals that are taken away together with the head are missed.

A chain can be deleted as a whole by whoever owns the tables, head and all, and then looks like one that was never begun.
A verification notes the heads it found; the next one expects the chains to hold them still. A noted head moves on and is
never taken back.
"""

import django.db.models.deletion
from django.db import migrations, models

FORWARD = """
CREATE FUNCTION finance_keep_noted_heads() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'the noted head of a chain only moves on'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_append_only';
END $$;
REVOKE ALL ON FUNCTION finance_keep_noted_heads() FROM PUBLIC;

CREATE TRIGGER finance_noted_head_moves_on
    BEFORE UPDATE ON finance_notedhead
    FOR EACH ROW WHEN (NEW.book_id <> OLD.book_id OR NEW.seals < OLD.seals
                       OR (NEW.seals = OLD.seals AND NEW.hash <> OLD.hash))
    EXECUTE FUNCTION finance_keep_noted_heads();
CREATE TRIGGER finance_noted_head_stays
    BEFORE DELETE OR TRUNCATE ON finance_notedhead
    FOR EACH STATEMENT EXECUTE FUNCTION finance_keep_noted_heads();
"""

REVERSE = """
DROP TRIGGER finance_noted_head_stays ON finance_notedhead;
DROP TRIGGER finance_noted_head_moves_on ON finance_notedhead;
DROP FUNCTION finance_keep_noted_heads();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('finance', '0018_log_closings'),
    ]

    operations = [
        migrations.CreateModel(
            name='NotedHead',
            fields=[
                ('book', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='noted_head', serialize=False, to='finance.book')),
                ('seals', models.BigIntegerField(verbose_name='sealed entries')),
                ('hash', models.BinaryField(max_length=32)),
                ('noted_at', models.DateTimeField(verbose_name='noted')),
            ],
        ),
        migrations.AddField(
            model_name='ledgercheck',
            name='warnings',
            field=models.JSONField(db_default=[], default=list, verbose_name='warnings'),
        ),
        migrations.RunSQL(FORWARD, REVERSE),
    ]
