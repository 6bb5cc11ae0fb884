"""Deleting a book: hidden at once, erased when its grace is over, remembered for good."""

from pathlib import Path

from django.db import migrations, models
from django.db.models import Q

from core.schema import SqlFile

_SQL = Path(__file__).parent / "sql"
# The triggers as 0003_guards made them.
_AS_BEFORE = """
DROP FUNCTION finance_erase_only() CASCADE;
DROP TRIGGER finance_entry_append_only ON finance_journalentry;
DROP TRIGGER finance_line_append_only ON finance_journalline;
DROP TRIGGER finance_seal_append_only ON finance_seal;
DROP TRIGGER finance_month_by_trigger_only ON finance_accountmonth;
DROP TRIGGER finance_chainhead_by_trigger_only ON finance_chainhead;
DROP TRIGGER finance_periodchange_by_trigger_only ON finance_periodchange;
DROP TRIGGER finance_noted_head_stays ON finance_notedhead;
CREATE TRIGGER finance_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON finance_journalentry
    FOR EACH STATEMENT EXECUTE FUNCTION finance_refuse_rewrite();
CREATE TRIGGER finance_line_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON finance_journalline
    FOR EACH STATEMENT EXECUTE FUNCTION finance_refuse_rewrite();
CREATE TRIGGER finance_seal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON finance_seal
    FOR EACH STATEMENT EXECUTE FUNCTION finance_refuse_rewrite();
CREATE TRIGGER finance_month_by_trigger_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON finance_accountmonth
    FOR EACH STATEMENT EXECUTE FUNCTION finance_by_trigger_only();
CREATE TRIGGER finance_chainhead_by_trigger_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON finance_chainhead
    FOR EACH STATEMENT EXECUTE FUNCTION finance_by_trigger_only();
CREATE TRIGGER finance_periodchange_by_trigger_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON finance_periodchange
    FOR EACH STATEMENT EXECUTE FUNCTION finance_by_trigger_only();
CREATE TRIGGER finance_noted_head_stays BEFORE DELETE OR TRUNCATE ON finance_notedhead
    FOR EACH STATEMENT EXECUTE FUNCTION finance_keep_noted_heads();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('finance', '0018_payees'),
    ]

    operations = [
        migrations.AddField(
            model_name='book',
            name='is_demo',
            field=models.BooleanField(db_default=False, default=False, verbose_name='demo'),
        ),
        migrations.AddField(
            model_name='book',
            name='deleted_at',
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name='deleted'),
        ),
        migrations.AddField(
            model_name='book',
            name='erase_at',
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name='erased from'),
        ),
        migrations.AddConstraint(
            model_name='book',
            constraint=models.CheckConstraint(condition=Q(('deleted_at', None), ('erase_at', None)) | Q(('deleted_at__isnull', False), ('erase_at__isnull', False)), name='finance_book_deleted_until'),
        ),
        migrations.CreateModel(
            name='BookDeletion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('book_number', models.BigIntegerField(verbose_name='number of the book')),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('is_demo', models.BooleanField(verbose_name='demo')),
                ('deleted_at', models.DateTimeField(verbose_name='deleted')),
                ('deleted_by', models.CharField(max_length=254, verbose_name='deleted by')),
                ('erase_at', models.DateTimeField(verbose_name='erased from')),
                ('restored_at', models.DateTimeField(blank=True, null=True, verbose_name='restored')),
                ('restored_by', models.CharField(blank=True, max_length=254, verbose_name='restored by')),
                ('started_at', models.DateTimeField(blank=True, null=True, verbose_name='erasing began')),
                ('erased_at', models.DateTimeField(blank=True, null=True, verbose_name='erased')),
                ('counts', models.JSONField(default=dict, verbose_name='rows')),
                ('seals', models.BigIntegerField(default=0, verbose_name='sealed entries')),
                ('head', models.CharField(blank=True, max_length=64, verbose_name='head of the chain')),
                ('event_keys', models.JSONField(default=list)),
            ],
            options={
                'verbose_name': 'deletion of a book',
                'verbose_name_plural': 'deletions of books',
                'constraints': [models.UniqueConstraint(condition=Q(('restored_at', None)), fields=('book_number',), name='finance_bookdeletion_standing')],
            },
        ),
        migrations.AddIndex(
            model_name='changedentry',
            index=models.Index(fields=['before'], name='finance_changedentry_before'),
        ),
        migrations.AddIndex(
            model_name='changedentry',
            index=models.Index(fields=['after'], name='finance_changedentry_after'),
        ),
        migrations.AddIndex(
            model_name='assetvalue',
            index=models.Index(fields=['entry'], name='finance_assetvalue_entry'),
        ),
        SqlFile(_SQL / "finance_guard_deletion.sql", "DROP FUNCTION finance_guard_deletion() CASCADE"),
        SqlFile(_SQL / "finance_erase_only.sql", _AS_BEFORE),
        SqlFile(_SQL / "finance_erase_book.sql", "DROP FUNCTION finance_erase_book(bigint, text, integer)"),
    ]
