-- The words of a text, for search: without accents and capitals, split at marks, and behind a word for the book,
-- so that one index serves all books and none reads another's. Names no object but those of pg_catalog: indexes are
-- made of it, also by a restore that knows no other schema.
CREATE FUNCTION finance_search_words(book bigint, said text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN to_tsvector(
        'pg_catalog.simple'::regconfig,
        'lifeosbook' || book::text || ' ' || translate(
            -- Letters with accents are looked for only where there are any: translate() takes its time for each.
            CASE WHEN octet_length(said) = char_length(said) THEN said
                 ELSE translate(
                     lower(said),
                     'àáâãäåçèéêëìíîïñòóôõöøùúûüýÿāăąćčďđēęěğīİıłńňōőřśšşťţūůűźżž’',
                     'aaaaaaceeeeiiiinoooooouuuuyyaaaccddeeegiiilnnoorsssttuuuzzz '
                 )
            END,
            -- What PostgreSQL's parser would keep together or leave out: names of hosts, paths, signs, tags.
            './:@-_<>&~*', '           '
        )
    );

-- What an index of such words is asked for: every word of the text as the beginning of one; as a phrase in its order.
-- NULL for a text without words.
CREATE FUNCTION finance_search_query(book bigint, said text, phrase boolean) RETURNS tsquery
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (
        SELECT ('lifeosbook' || book::text)::tsquery && (string_agg(
                   quote_literal(word.lexeme) || CASE WHEN phrase AND word.place < word.places THEN '' ELSE ':*' END,
                   CASE WHEN phrase THEN ' <-> ' ELSE ' & ' END ORDER BY word.place))::tsquery
          FROM (SELECT found.lexeme, place, max(place) OVER () AS places
                  FROM unnest(finance_search_words(book, said)) AS found, unnest(found.positions) AS place
                 WHERE place > 1) AS word
    );
