"""Month totals can be made anew: inserting a row into finance_monthrebuild does it.

Totals are written at trigger depth only (migration 0003), so that neither the application nor an operator at a console
can touch them; this is the second trigger that may. It computes them from the lines and reports what differed.
"""

import django.db.models.deletion
from django.db import migrations, models

FORWARD = """
CREATE FUNCTION finance_rebuild_months() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- Postings hold the book in share mode; none is under way while its totals are made.
    PERFORM 1 FROM finance_book WHERE id = NEW.book_id FOR UPDATE;
    DELETE FROM finance_accountmonth AS kept
     USING finance_account AS account
     WHERE account.id = kept.account_id AND account.book_id = NEW.book_id
       AND NOT EXISTS (
           SELECT FROM (
               SELECT coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS debit,
                      coalesce(-sum(amount) FILTER (WHERE amount < 0), 0) AS credit,
                      count(*) AS lines
                 FROM finance_journalline AS line
                WHERE line.account_id = kept.account_id
                  AND line.date >= kept.month AND line.date < (kept.month + interval '1 month')::date) AS proven
            WHERE proven.debit = kept.debit AND proven.credit = kept.credit AND proven.lines = kept.lines
              AND proven.lines > 0 AND kept.book_id = NEW.book_id);
    GET DIAGNOSTICS NEW.removed = ROW_COUNT;
    INSERT INTO finance_accountmonth (book_id, account_id, month, debit, credit, lines)
    SELECT NEW.book_id, line.account_id, date_trunc('month', line.date::timestamp)::date,
           coalesce(sum(line.amount) FILTER (WHERE line.amount > 0), 0),
           coalesce(-sum(line.amount) FILTER (WHERE line.amount < 0), 0),
           count(*)
      FROM finance_account AS account JOIN finance_journalline AS line ON line.account_id = account.id
     WHERE account.book_id = NEW.book_id
     GROUP BY 2, 3
     ORDER BY 2, 3
    ON CONFLICT (account_id, month) DO NOTHING;
    GET DIAGNOSTICS NEW.written = ROW_COUNT;
    RETURN NEW;
END $$;

CREATE TRIGGER finance_month_rebuild
    BEFORE INSERT ON finance_monthrebuild
    FOR EACH ROW EXECUTE FUNCTION finance_rebuild_months();
"""

REVERSE = """
DROP TRIGGER finance_month_rebuild ON finance_monthrebuild;
DROP FUNCTION finance_rebuild_months();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('finance', '0010_add_webhooks'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='book',
            options={'permissions': [('export_book', 'Can export a book')], 'verbose_name': 'book', 'verbose_name_plural': 'books'},
        ),
        migrations.CreateModel(
            name='MonthRebuild',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('by', models.CharField(max_length=254, verbose_name='by')),
                ('at', models.DateTimeField(verbose_name='at')),
                ('removed', models.BigIntegerField(default=0, verbose_name='wrong or needless totals removed')),
                ('written', models.BigIntegerField(default=0, verbose_name='totals written')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='finance.book', verbose_name='book')),
            ],
            options={
                'verbose_name': 'rebuild of month totals',
                'verbose_name_plural': 'rebuilds of month totals',
            },
        ),
        migrations.RunSQL(FORWARD, REVERSE),
    ]
