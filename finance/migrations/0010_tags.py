import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

from core.schema import KeysWithBook


class Migration(migrations.Migration):
    """Tags, and the rows that have them."""

    dependencies = [
        ('finance', '0009_import_speed'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Tag',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60, verbose_name='name')),
                ('colour', models.CharField(choices=[('grey', 'grey'), ('red', 'red'), ('orange', 'orange'), ('yellow', 'yellow'), ('green', 'green'), ('teal', 'teal'), ('blue', 'blue'), ('purple', 'purple'), ('pink', 'pink')], default='grey', max_length=8, verbose_name='colour')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tags', to='finance.book', verbose_name='book')),
            ],
            options={
                'verbose_name': 'tag',
                'verbose_name_plural': 'tags',
            },
        ),
        migrations.CreateModel(
            name='EntryTag',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tagged_at', models.DateTimeField(auto_now_add=True, verbose_name='tagged')),
                ('book', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book')),
                ('entry', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.journalentry')),
                ('tagged_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tag', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.tag')),
            ],
            options={
                'verbose_name': 'tag of an entry',
                'verbose_name_plural': 'tags of entries',
            },
        ),
        migrations.AddConstraint(
            model_name='tag',
            constraint=models.UniqueConstraint(models.F('book'), django.db.models.functions.text.Lower('name'), name='finance_tag_name'),
        ),
        migrations.AddIndex(
            model_name='entrytag',
            index=models.Index(fields=['tag', 'entry'], name='finance_entrytag_tag'),
        ),
        migrations.AddConstraint(
            model_name='entrytag',
            constraint=models.UniqueConstraint(fields=('entry', 'tag', 'book'), name='finance_entrytag_once'),
        ),
        KeysWithBook("tag"),
        KeysWithBook("entrytag", ["entry", "tag"]),
    ]
