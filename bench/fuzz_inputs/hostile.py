"""Values that programs trip over, of each kind that a request or a file can hold."""

import random

TEXTS = (
    "", " ", "\x00", "a\x00b", "\ud800", "\udfffx", "\u202egnp.exe", "e\u0301" * 60, "a" + "\u0300" * 120, "😀" * 60,
    "\U0010ffff", "\ufeffx", "\u2028", "\x85", "\x1b[31m", "a\r\nX-Injected: yes", "<script>alert(1)</script>",
    "' OR 1=1 --", "%s%n{0}{x}", "{{7*7}}", "../../etc/passwd", "..%2f", "null", "true", "NaN", "ß", "İ", "ﬁ", "１２",
    "١٢٣", "🇩🇪", "שלום", "\\", '"', "=1+1", ":", "::", "Expenses:", "a:b:c:d:e:f", "-", "0", "%", "%00", "_", "^$",
    "https://evil.example/", "//evil.example", "javascript:alert(1)", "a@b", "a@b.example\n", "é@example.org",
    "https://hook.invalid:99999/", "https://[::1/", "https://hook.invalid/\ud800", "https://hook.invalid/ä",
    "https://127.0.0.1/", "http://[fe80::1%25eth0]/", "https://" + "a" * 64 + ".invalid/", "https://xn--.invalid/",
)  # fmt: skip
LENGTHS = (
    1, 2, 7, 8, 9, 63, 64, 65, 115, 116, 119, 120, 121, 149, 150, 151, 199, 200, 201, 239, 240, 241, 253, 254, 255, 256,
    299, 300, 301, 499, 500, 501, 4096, 10_000,
)  # fmt: skip
# As they stand in JSON, query and path; several are no JSON.
NUMBERS = (
    "0", "-0", "-1", "1", "2", "1.0", "0.1", "-0.0", "1e3", "32767", "32768", "2147483647", "2147483648",
    "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "1E+999999",
    "1E-999999", "1e308", "1e309", "NaN", "Infinity", "-Infinity", "0x10", "1_000", "+1", "01", "1" * 40, "1" * 5000,
)  # fmt: skip
AMOUNTS = (
    "0", "-0", "0.00", "0.001", "12.345", "1e3", "1E+999999", "1E-999999", "NaN", "sNaN", "Infinity", "-Infinity",
    "92233720368547758.07", "92233720368547758.08", "-92233720368547758.08", "-92233720368547758.09", "9" * 20,
    "9" * 21, "0." + "0" * 20 + "1", "9" * 400, "1,00", "1.000,00", "１.００", " 1", "1 ", "+", "-", ".", "+.5", "5.",
    "\u22121", "1\x00", "--1", "0x1p3",
)  # fmt: skip
DATES = (
    "0001-01-01", "0001-01-02", "1582-10-10", "1900-02-29", "1999-12-31", "2000-02-29", "2026-02-30", "2026-13-01",
    "2026-00-00", "9999-12-30", "9999-12-31", "10000-01-01", "-0001-01-01", "0000-01-01", "2026-6-1", "20260601",
    "2026-W23-1", "2026-06-01T12:00:00", "2026-06-01T00:00:00Z", "2026-06-01 ", "2026-06-01\x00", "٢٠٢٦-٠٦-٠١",
    "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2026-06-01T25:00:00Z", "2026-06-01T12:00:00.1234567Z",
    "2026-06-01T12:00:00+99:99", "today", "1780000000",
)  # fmt: skip
IDS = (
    "0", "-1", "1", "999999999", "2147483648", "9223372036854775807", "9223372036854775808", "1" * 30, "1" * 5000,
    "1.0", "1e3", "null", "None", "x", "%00", "1%00", "%ff", "%ed%a0%80", "%", "%zz", "%c3%28", "%2f", "..", "%2e%2e",
    "１", "%EF%BC%91", "%D9%A1", "1;x=1", "1%20", "%0a1", "1%0a", "%e2%80%ae1", "~", "%5f", "_5F", "a" * 300,
    "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "{book_id}", "é", "%F0%9F%98%80",
)  # fmt: skip
CURSORS = (
    "", "x", "0", "-1", "1" * 30, "::", "2026-01-01:", ":5", "2026-02-30:1", "9999-12-31:9223372036854775808",
    "0001-01-01:-1", "bzox", "bzo5OTk5OTk5OTk5OTk5OTk5OTk5OTk=", "eyJhIjoxfQ==", "AAAA", "\x00", "%00", "====",
    "cD0yMDI2LTAxLTAx", "1:2:3:4", "NaN", "é", "😀", "a" * 5000, "2026-01-01:1\x00",
)  # fmt: skip
CONTENT_TYPES = (
    "", "application/json; charset=zip", "application/json; charset=utf-16", "application/json; charset=latin-1",
    "application/json; charset=klingon", "application/json; charset=\x00", "application/json; charset=idna",
    "application/json; charset=undefined", "application/json; charset=rot13", "application/json; charset=",
    'application/json; charset="utf-8', "application/json;;;", "application/jsonx", "text/plain", "text/xml", "json",
    "application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=zip",
    "application/x-www-form-urlencoded; charset=utf-7", "application/x-www-form-urlencoded; charset=hex",
    "application/x-www-form-urlencoded; charset=utf-16", "multipart/form-data", "multipart/form-data; boundary=",
    "multipart/form-data; boundary=a b", "multipart/form-data; boundary=" + "b" * 300, "multipart/mixed; boundary=x",
    "multipart/form-data; boundary=x; charset=zip", "*/*", "é/é", "application/" + "j" * 5000,
    "application/json; version=\u00ff", "application/json, text/html", "/", ";", "application/octet-stream",
)  # fmt: skip
# Upper case and at most 20 characters: gunicorn refuses others.
METHODS = (
    "TRACE", "FOO", "OPTIONS", "HEAD", "PUT", "DELETE", "PATCH", "CONNECT", "PROPFIND", "QUERY", "DISPATCH",
    "HTTP_METHOD", "__INIT__", "SETUP", "G" * 20, "POST", "GET",
)  # fmt: skip
HEADERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Accept", ("", "*/*", "text/html", "application/json;q=x", "application/xml", "application/json; indent=1e9",
                "application/json; indent=99999", "a/b;c=" + "d" * 5000, "text/html;q=2", ",,,", "application/json\xff",
                "text/html, application/json;q=0.9", "application/vnd.oai.openapi", "application/yaml")),
    ("Accept-Language", ("", "de", "en-GB", "x" * 5000, "en;q=1e999", "*", "\xff", "en-us-" + "x-" * 300, "../en",
                         "zh-hans", "en;q=NaN", "en\u00e9")),
    ("Accept-Encoding", ("", "gzip", "identity;q=0", "*;q=0", "br", "gzip;q=x", "\xff")),
    ("If-None-Match", ("*", '"x"', "W/", "x" * 5000, '"', "\xff")),
    ("If-Match", ("*", '"x"', "W/\"x\"", '"')),
    ("If-Modified-Since", ("x", "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 31 Dec 9999 23:59:59 GMT",
                           "Thu, 01 Jan 0000 00:00:00 GMT", "Mon, 99 Foo 99999 99:99:99 GMT")),
    ("If-Unmodified-Since", ("x", "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 31 Feb 2026 00:00:00 GMT")),
    ("Range", ("bytes=0-", "bytes=5-1", "bytes=-99999999999999999999", "x")),
    ("Host", ("", "x", "localhost:99999", "localhost:x", "evil.example", "a" * 5000, "[::1", "[::1]:1", "localhost\xff",
              "localhost, evil.example", "user@localhost", "127.0.0.1:8000", "LOCALHOST", "localhost.")),
    ("X-Forwarded-For", ("", "x", "1.2.3.4, 5.6.7.8", "::1", "fe80::1%eth0", "1.2.3.4:99", "999.1.1.1", "," * 5000,
                         "::ffff:1.2.3.4", "\xff", "1.2.3.4\x00", "0x7f.1")),
    ("X-Forwarded-Host", ("evil.example", "", "\xff", "localhost:x")),
    ("X-Forwarded-Proto", ("https", "http", "", "\xff", "https,http")),
    ("X-Forwarded-Port", ("443", "x", "-1")),
    ("X-Request-ID", ("", "x", "a" * 64, "a" * 65, "abc def gh", "\xff" * 10, "abcdefgh-._")),
    ("X-HTTP-Method-Override", ("DELETE", "FOO", "\xff")),
    ("User-Agent", ("", "\xff" * 300, "a" * 10_000, "\x01\x02")),
    ("Referer", ("", "https://evil.example/", "http://[::1", "http://localhost:x/", "\xff", "a" * 5000)),
    ("Origin", ("null", "https://evil.example", "http://[::1", "http://localhost:x", "\xff", "")),
    ("Authorization", ("", "Bearer", "Bearer x", "Bearer a.b.c", "Bearer x y", "Basic eDp5", "Basic", "Bearer \xff",
                       "Bearer eyJhbGciOiJub25lIn0.eyJ1c2VyX2lkIjoiMSJ9.", "Token x", "Bearer " + "a" * 10_000,
                       "Bearer eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjoieCJ9.AAAA", "Digest \x00", "Bearer ..", "bearer é")),
    ("Cookie", ("", "=", ";;;", "sessionid=", "sessionid=x", "sessionid=" + "a" * 5000, "sessionid=\xff", "csrftoken=x",
                "sessionid=a; sessionid=b", "django_language=xx", "messages=x", 'messages="a\\054"', "theme=\xff",
                "refresh=x", "lifeos_refresh=\xff", "$Version=1", "a" * 10_000, 'sessionid="\\777"', "sessionid=%00")),
    ("Idempotency-Key", ("", " ", "x", "a" * 200, "a" * 201, "\xff", "\x7f", "a b", "a" * 10_000, "\x00", "k,k", "é")),
    ("HX-Request", ("true", "x", "")),
    ("HX-Target", ("x", "\xff", "a" * 500)),
    ("HX-Current-URL", ("x", "http://[::1", "\xff", "https://evil.example/")),
    ("HX-Current-URL-URI-AutoEncoded", ("true",)),
    ("HX-Trigger-Name", ("%00", "%ff", "x")),
    ("Content-Encoding", ("gzip", "x", "\xff")),
    ("Content-Length", ("0", "1", "7", "99999999999999999999", "5000000", "007")),
    ("Transfer-Encoding", ("chunked", "x")),
    ("Expect", ("100-continue", "x")),
    ("Upgrade", ("websocket", "h2c")),
    ("Traceparent", ("x", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "\xff")),
)  # fmt: skip
FILE_NAMES = (
    "", "a", ".", "..", "../../x.csv", "C:\\x.csv", "a\x00b.csv", "a" * 255, "a" * 256, "a" * 300 + ".csv", "ä.csv",
    "\u202evsc.x", "x.csv; name=file", 'x".csv', "x\r\ny.csv", "x.pdf", "😀.csv", "%00.csv", "con", "x\ud800.csv", "/", "x/",
)  # fmt: skip


def text(chance: random.Random) -> str:
    """Any hostile text, often one at the edge of a column's length."""
    if chance.random() < 0.35:
        return chance.choice("aé\u0301😀0 ") * chance.choice(LENGTHS)
    return chance.choice((*TEXTS, *AMOUNTS, *DATES, *NUMBERS))
