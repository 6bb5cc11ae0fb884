"""The book in every key: books can be spread over servers, and no row can point into another book (docs/adr/0008)."""

from pathlib import Path

from django.db import migrations

from core.schema import KeysWithBook, SqlFile


class Migration(migrations.Migration):
    dependencies = [("finance", "0001_tables")]

    operations = [
        KeysWithBook("membership"),
        KeysWithBook("invitation"),
        KeysWithBook("account", ["parent"]),
        KeysWithBook("journalentry", ["reverses", "corrects"]),
        KeysWithBook("journalline"),
        SqlFile(
            Path(__file__).parent / "sql" / "keys_and_storage.sql",
            """
            ALTER TABLE finance_seal DROP CONSTRAINT finance_seal_hash_length, DROP CONSTRAINT finance_seal_entry_id_key;
            ALTER TABLE finance_seal ADD UNIQUE (entry_id);
            ALTER TABLE finance_accountmonth RESET (fillfactor);
            ALTER TABLE finance_journalline DROP CONSTRAINT finance_line_entry_fk, DROP CONSTRAINT finance_line_account_fk;
            """,
        ),
        # Pictures and PDFs are compressed already: do not try again.
        migrations.RunSQL(
            "ALTER TABLE finance_attachmentcontent ALTER COLUMN content SET STORAGE EXTERNAL,"
            " ALTER COLUMN thumbnail SET STORAGE EXTERNAL",
            migrations.RunSQL.noop,
        ),
        KeysWithBook("accountmonth", ["account"]),
        KeysWithBook("monthrebuild"),
        KeysWithBook("periodchange"),
        KeysWithBook("importprofile", ["account"]),
        KeysWithBook("importbatch", ["account", "opening_entry"]),
        KeysWithBook("importstatement", ["batch", "account"]),
        KeysWithBook(
            "importrow",
            ["batch", "statement", "account", "counter_account", "matched_entry", "posted_entry", "refund_of"],
        ),
        KeysWithBook("webhookendpoint"),
        KeysWithBook("webhooksecret", ["endpoint"]),
        KeysWithBook("webhookdelivery", ["endpoint"]),
        KeysWithBook("webhookattempt", ["delivery"]),
        KeysWithBook("rulegroup"),
        KeysWithBook("rule", ["group"]),
        KeysWithBook("ruleversion", ["rule"]),
        KeysWithBook("rulelog", ["rule", "row", "entry"]),
        KeysWithBook("ruleapplication", ["rule"]),
        KeysWithBook("learnedentry", ["entry"]),
        KeysWithBook("wordcount", ["account"]),
        KeysWithBook("refund", ["refund", "purchase"]),
        KeysWithBook("tag"),
        KeysWithBook("entrytag", ["entry", "tag"]),
        KeysWithBook("attachment", ["entry"]),
        KeysWithBook("exchangerate"),
        KeysWithBook("assetplan", ["account"]),
        KeysWithBook("assetvalue", ["account", "entry"]),
        KeysWithBook("savedreport"),
        KeysWithBook("dashboard"),
        KeysWithBook("savedview", ["account"]),
        KeysWithBook("change", ["undoes"]),
        KeysWithBook("changedentry", ["change", "before", "after"]),
        KeysWithBook("entrytemplate"),
        KeysWithBook("accountstatement", ["account", "imported"]),
        KeysWithBook("linemark", ["line", "statement"]),
        KeysWithBook("payee", ["default_account"]),
        KeysWithBook("payeealias", ["payee"]),
        KeysWithBook("memberaccount", ["membership", "account"]),
        KeysWithBook("leftoutaccount", ["membership", "account"]),
        KeysWithBook("transferfee", ["account", "category"]),
        KeysWithBook("schedule", ["account", "continues"]),
        KeysWithBook("scheduleoccurrence", ["schedule"]),
        KeysWithBook("schedulepayment", ["occurrence", "entry"]),
        KeysWithBook(
            "loan",
            ["account", "pays_from", "interest_account", "fee_account", "partner_account", "contribution_account"],
        ),
        KeysWithBook("loanrate", ["loan"]),
        KeysWithBook("loanmovement", ["loan", "entry"]),
        KeysWithBook("loanpayment", ["loan", "entry"]),
        KeysWithBook("cardterms", ["account", "pays_from"]),
        KeysWithBook("person"),
        KeysWithBook("personaccount", ["person", "account"]),
        KeysWithBook("costgroup"),
        KeysWithBook("groupmember", ["group", "person"]),
        KeysWithBook("sharedbill", ["group", "account", "category", "entry", "refund_of"]),
        KeysWithBook("billshare", ["bill", "person"]),
        KeysWithBook("settlement", ["group", "payer", "payee", "account", "entry"]),
        KeysWithBook("claim", ["person", "account", "money_account"]),
        KeysWithBook("recurringinvoice", ["person", "income", "tax_account", "money_account"]),
        KeysWithBook(
            "invoice",
            [
                "person",
                "income",
                "tax_account",
                "claim_account",
                "money_account",
                "entry",
                "closing_entry",
                "recurring",
            ],
        ),
        KeysWithBook("invoicepayment", ["invoice", "entry"]),
        KeysWithBook("budget", ["pays_from"]),
        KeysWithBook("budgetaccount", ["budget", "account"]),
        KeysWithBook("budgetline", ["budget", "account", "tag"]),
        KeysWithBook("linecarry", ["line"]),
        KeysWithBook("assignment", ["budget", "line"]),
        KeysWithBook("forecastaccount", ["account"]),
        KeysWithBook("forecast"),
        KeysWithBook("forecastpoint", ["forecast", "account"]),
        KeysWithBook("goal", ["account", "schedule"]),
        KeysWithBook("goalmove", ["goal", "account", "entry"]),
        KeysWithBook("scenario"),
        KeysWithBook("scenariostep", ["scenario", "account", "category"]),
        KeysWithBook("recurringfinding", ["account", "counter", "schedule"]),
        KeysWithBook("calendarfeed"),
        KeysWithBook("budgetshare", ["budget"]),
    ]
