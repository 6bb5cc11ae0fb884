from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from core.schema import KeysWithBook, SqlFile

_SQL = Path(__file__).parent / "sql"
_DROP_WORDS = (
    "DROP FUNCTION finance_search_query(bigint, text, boolean); DROP FUNCTION finance_search_words(bigint, text)"
)
_DROP_INDEXES = "DROP INDEX finance_entry_words, finance_line_words, finance_line_size"


class Migration(migrations.Migration):
    """Files on entries, and the indexes that search reads."""

    dependencies = [
        ('finance', '0010_tags'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AttachmentContent',
            fields=[
                ('pk', models.CompositePrimaryKey('book_id', 'sha256', blank=True, editable=False, primary_key=True, serialize=False)),
                ('sha256', models.CharField(max_length=64)),
                ('size', models.PositiveIntegerField(verbose_name='size in bytes')),
                ('content', models.BinaryField(verbose_name='content')),
                ('thumbnail', models.BinaryField(null=True, verbose_name='thumbnail')),
                ('book', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
            ],
        ),
        migrations.CreateModel(
            name='Attachment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('file_name', models.CharField(max_length=200, verbose_name='file')),
                ('content_type', models.CharField(max_length=40, verbose_name='type')),
                ('size', models.PositiveIntegerField(verbose_name='size in bytes')),
                ('sha256', models.CharField(max_length=64)),
                ('has_thumbnail', models.BooleanField(default=False, verbose_name='has a thumbnail')),
                ('added_at', models.DateTimeField(auto_now_add=True, verbose_name='added')),
                ('removed_at', models.DateTimeField(blank=True, null=True, verbose_name='removed')),
                ('added_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by')),
                ('book', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='attachments', to='finance.book', verbose_name='book')),
                ('entry', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.journalentry', verbose_name='entry')),
                ('removed_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'attachment',
                'verbose_name_plural': 'attachments',
                'indexes': [models.Index(fields=['book', 'id'], name='finance_attachment_list'), models.Index(fields=['book', 'sha256'], name='finance_attachment_file')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('removed_at', None)), fields=('entry', 'sha256', 'book'), name='finance_attachment_once')],
            },
        ),
        KeysWithBook("attachment", ["entry"]),
        # Pictures and PDFs are compressed already: do not try again.
        migrations.RunSQL(
            "ALTER TABLE finance_attachmentcontent ALTER COLUMN content SET STORAGE EXTERNAL,"
            " ALTER COLUMN thumbnail SET STORAGE EXTERNAL",
            migrations.RunSQL.noop,
        ),
        SqlFile(_SQL / "finance_search_words.sql", _DROP_WORDS),
        SqlFile(_SQL / "search_indexes.sql", _DROP_INDEXES),
    ]
