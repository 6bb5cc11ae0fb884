"""The ledger's proof: per book a chain of seals, one for each entry (see docs/proof.md).

- Seals are append-only, like the entries they seal, and go on where the chain of their book ends, without a gap.
- Where a chain ends is noted by a trigger, which nobody else can do, so that seals taken away from its end are missed.

Only new tables: nothing that is posted to is locked, and workers seal what is there in slices.
"""

import django.db.models.deletion
from django.db import migrations, models

FORWARD = """
ALTER TABLE finance_seal ADD CONSTRAINT finance_seal_hash_length CHECK (octet_length(hash) = 32);

CREATE FUNCTION finance_continue_chain() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    part record;
    known bigint;
BEGIN
    FOR part IN SELECT book_id, min(seq) AS first, max(seq) AS last, count(*) AS seals
                  FROM made GROUP BY book_id ORDER BY book_id LOOP
        SELECT seals INTO known FROM finance_chainhead WHERE book_id = part.book_id FOR UPDATE;
        IF part.first <> coalesce(known, 0) + 1 OR part.seals <> part.last - part.first + 1 THEN
            RAISE EXCEPTION 'the chain of book % has % seals; % seals from % to % do not continue it',
                part.book_id, coalesce(known, 0), part.seals, part.first, part.last
                USING ERRCODE = 'check_violation', CONSTRAINT = 'finance_chain_continued';
        END IF;
        INSERT INTO finance_chainhead (book_id, seals, hash, entry_id, sealed_at)
        SELECT book_id, seq, hash, entry_id, sealed_at FROM made WHERE book_id = part.book_id AND seq = part.last
        ON CONFLICT (book_id) DO UPDATE
           SET seals = excluded.seals, hash = excluded.hash, entry_id = excluded.entry_id,
               sealed_at = excluded.sealed_at;
    END LOOP;
    RETURN NULL;
END $$;

CREATE TRIGGER finance_seal_continues
    AFTER INSERT ON finance_seal REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION finance_continue_chain();

CREATE TRIGGER finance_seal_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON finance_seal
    FOR EACH STATEMENT EXECUTE FUNCTION finance_refuse_rewrite();

CREATE TRIGGER finance_chainhead_by_trigger_only
    BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON finance_chainhead
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION finance_refuse_rewrite();
"""

REVERSE = """
DROP TRIGGER finance_chainhead_by_trigger_only ON finance_chainhead;
DROP TRIGGER finance_seal_append_only ON finance_seal;
DROP TRIGGER finance_seal_continues ON finance_seal;
DROP FUNCTION finance_continue_chain();
ALTER TABLE finance_seal DROP CONSTRAINT finance_seal_hash_length;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('finance', '0012_make_invitation_links_again'),
    ]

    operations = [
        migrations.CreateModel(
            name='ChainHead',
            fields=[
                ('book', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='chain', serialize=False, to='finance.book')),
                ('seals', models.BigIntegerField(verbose_name='sealed entries')),
                ('hash', models.BinaryField(max_length=32)),
                ('sealed_at', models.DateTimeField(verbose_name='sealed')),
                ('entry', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='finance.journalentry')),
            ],
        ),
        migrations.CreateModel(
            name='Seal',
            fields=[
                ('pk', models.CompositePrimaryKey('book_id', 'seq', blank=True, editable=False, primary_key=True, serialize=False)),
                ('seq', models.BigIntegerField()),
                ('hash', models.BinaryField(max_length=32)),
                ('sealed_at', models.DateTimeField(verbose_name='sealed')),
                ('book', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='finance.book')),
                ('entry', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='seal', to='finance.journalentry')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('seq__gte', 1)), name='finance_seal_from_one')],
            },
        ),
        migrations.RunSQL(FORWARD, REVERSE),
    ]
