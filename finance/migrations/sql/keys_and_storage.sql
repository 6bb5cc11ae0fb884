-- A line's book, date and currency are those of its entry and of its account. Checked at once, not at commit.
ALTER TABLE finance_journalline
    ADD CONSTRAINT finance_line_entry_fk
        FOREIGN KEY (entry_id, book_id, date) REFERENCES finance_journalentry (id, book_id, date),
    ADD CONSTRAINT finance_line_account_fk
        FOREIGN KEY (account_id, book_id, currency) REFERENCES finance_account (id, book_id, currency);

-- A seal has no foreign key: it outlives the entry that somebody took away, and says so.
ALTER TABLE finance_seal
    DROP CONSTRAINT finance_seal_entry_id_key,
    ADD CONSTRAINT finance_seal_entry_id_key UNIQUE (entry_id, book_id),
    ADD CONSTRAINT finance_seal_hash_length CHECK (octet_length(hash) = 32);

-- Every posting rewrites the rows of its accounts' months: with room on the page a row stays there and out of the index.
ALTER TABLE finance_accountmonth SET (fillfactor = 70);
