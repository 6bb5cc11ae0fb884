"""Changes that can be undone, and entries kept as templates."""

import django.contrib.postgres.functions
import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

from core.schema import KeysWithBook


class Migration(migrations.Migration):
    dependencies = [
        ("finance", "0014_registers"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Change",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("edit", "edited"),
                            ("delete", "deleted"),
                            ("merge_payees", "payees merged"),
                            ("undo", "undone"),
                        ],
                        max_length=12,
                        verbose_name="action",
                    ),
                ),
                ("asked", models.JSONField(default=dict, verbose_name="asked for")),
                ("entry_count", models.PositiveIntegerField(verbose_name="entries")),
                (
                    "redated_to",
                    models.DateField(blank=True, null=True, verbose_name="date given to entries of closed periods"),
                ),
                ("redated_count", models.PositiveIntegerField(default=0, verbose_name="entries of closed periods")),
                ("left", models.JSONField(default=list, verbose_name="left as they are")),
                ("left_count", models.PositiveIntegerField(default=0)),
                (
                    "made_at",
                    models.DateTimeField(
                        db_default=django.contrib.postgres.functions.TransactionNow(), editable=False, verbose_name="at"
                    ),
                ),
                (
                    "book",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="changes",
                        to="finance.book",
                        verbose_name="book",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
                (
                    "undoes",
                    models.OneToOneField(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="undone_by",
                        to="finance.change",
                        verbose_name="undoes",
                    ),
                ),
            ],
            options={
                "verbose_name": "change",
                "verbose_name_plural": "changes",
            },
        ),
        migrations.CreateModel(
            name="ChangedEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "after",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="finance.journalentry",
                    ),
                ),
                (
                    "before",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="finance.journalentry",
                    ),
                ),
                (
                    "book",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="finance.book"
                    ),
                ),
                (
                    "change",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="changed",
                        to="finance.change",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="EntryTemplate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                ("payee", models.CharField(blank=True, max_length=200, verbose_name="payee")),
                ("description", models.CharField(blank=True, max_length=500, verbose_name="description")),
                ("lines", models.JSONField(verbose_name="lines")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                (
                    "book",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="entry_templates",
                        to="finance.book",
                        verbose_name="book",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "entry template",
                "verbose_name_plural": "entry templates",
            },
        ),
        migrations.AddIndex(
            model_name="change",
            index=models.Index(fields=["book", "-id"], name="finance_change_history"),
        ),
        migrations.AddConstraint(
            model_name="changedentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("before__isnull", False), ("after__isnull", False), _connector="OR"),
                name="finance_changedentry_not_empty",
            ),
        ),
        migrations.AddConstraint(
            model_name="entrytemplate",
            constraint=models.UniqueConstraint(
                models.F("book"), django.db.models.functions.text.Lower("name"), name="finance_entrytemplate_name"
            ),
        ),
        KeysWithBook("change", ["undoes"]),
        KeysWithBook("changedentry", ["change", "before", "after"]),
        KeysWithBook("entrytemplate"),
    ]
