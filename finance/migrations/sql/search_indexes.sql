-- Words of payee and note, words of memos where there are any, and amounts whatever their sign. docs/adr/0012.
CREATE INDEX finance_entry_words ON finance_journalentry
    USING gin (finance_search_words(book_id, payee || ' ' || description));
CREATE INDEX finance_line_words ON finance_journalline
    USING gin (finance_search_words(book_id, memo)) WHERE memo <> '';
CREATE INDEX finance_line_size ON finance_journalline (book_id, abs(amount));
