"""Bytes of a bank file → text. Banks write UTF-8, UTF-16 and code pages, sometimes two at once."""

import codecs
import contextlib
import re
import unicodedata
from collections import Counter
from functools import cache

from charset_normalizer import from_bytes

from finance.imports.parsers.east_asian import SURE as EAST_ASIAN
from finance.imports.parsers.east_asian import east_asian_page

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
OFFERED = (
    "utf-8", "utf-16", "cp1252", "iso8859-15", "mac-roman", "cp1250", "iso8859-2", "cp1251", "koi8-r", "koi8-u", "cp866",
    "iso8859-5", "cp1253", "iso8859-7", "cp1254", "cp1257", "cp1255", "cp1256",
    "cp874", "cp437", "cp850", "cp852", "gb18030", "big5", "cp932", "euc_jp",
    "cp949",
)  # fmt: skip
# Letters beyond a to z of the languages of bank files, by how common they are there: everyday, now and then, rare.
_LETTERS_OF = {
    "de": ("äöüß", "", "é"), "fr": ("éèêàç", "ùâîôûëï", "œæÿü"), "pt": ("ãçáéíóúâêôõà", "", "ü"),
    "es": ("áéíóúñ", "", "ü"), "it": ("àèéìòù", "", "îó"), "sv": ("åäö", "", "éü"), "da": ("æøå", "", "éäöü"),
    "fi": ("äö", "", "åšž"), "is": ("", "áðéíóúýþæö", ""), "ca": ("àèéíòóúçï", "", "ü"), "nl": ("éëï", "", "èöüáóê"),
    "pl": ("ąćęłńóśźż", "", "é"), "cs": ("áčďéěíňóřšťúůýž", "", ""), "sk": ("áäčďéíľňóôšťúýž", "", "ĺŕ"),
    "hu": ("áéíóöőúüű", "", ""), "ro": ("ăâîșțşţ", "", "é"), "hr": ("čćđšž", "", ""), "sl": ("čšž", "", "ćđ"),
    "et": ("äõöü", "", "šž"), "lv": ("āčēģīķļņšūž", "", "ōŗ"), "lt": ("ąčęėįšųūž", "", ""), "tr": ("çğıöşü", "", "âî"),
    "ru": ("абвгдежзийклмнопрстуфхцчшыьэюя", "ё", "щъ"), "uk": ("абвгдежзийклмнопрстуфхцчшьюяіїє", "ґ", "щ"),
    "bg": ("абвгдежзийклмнопрстуфхцчшъюя", "", "щь"), "he": ("אבגדהוזחטיכלמנסעפצקרשתםןץףך", "", ""),
    "ar": ("ابتثجحخدذرزسشصضطظعغفقكلمنهويةىأإآئءؤ", "", "ًٌٍَُِّْ"),
    "th": ("กขคฆงจฉชซญฎฏฐณดตถทธนบปผฝพฟภมยรลวศษสหฬอฮะาำเแโใไัิีึืุู็่้๊๋์", "ๆฯๅ", ""), "el": ("αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώ", "ϊϋΐΰ", ""),
}  # fmt: skip
_WEIGHTS = (1.0, 0.7, 0.4)
# Where a page is told from another by one letter, the currency of the account says which country wrote it.
_PAGE_OF_CURRENCY = {
    "CZK": "cp1250", "PLN": "cp1250", "HUF": "cp1250", "RON": "cp1250", "TRY": "cp1254", "LTL": "cp1257", "LVL": "cp1257",
}  # fmt: skip
# Headings say so as well, and need no letter beyond a to z for it.
_PAGE_OF_WORDS = {
    page: re.compile(rb"(?<![A-Za-z])(?:" + words + rb")(?![A-Za-z])", re.IGNORECASE)
    for page, words in (
        ("cp1250", rb"opis|iznos|isplata|uplata|stanje|prejemnik|breme|kwota|rachunek|egyenleg|castka"),
        ("cp1254", rb"tutar|bakiye|tarih"),
        ("cp1257", rb"likutis|atlikums|datums|paskirtis|saaja|selgitus"),
    )
}
_LATIN = ("cp1252", "cp1250", "cp1254", "cp1257", "iso8859-2", "iso8859-15", "mac-roman", "cp850", "cp852")
# Of other systems than Windows: no currency and no heading speaks for or against them.
_OTHER_SYSTEMS = ("cp850", "cp852", "mac-roman")
# A text with more kinds of letters beyond a to z than this tells its page.
_FEW_LETTERS = 3
# Among equals the first: what is Hebrew to the end of each word is seldom anything else.
_OTHER_SCRIPTS = (
    "cp1255", "cp1251", "koi8-r", "koi8-u", "cp1256", "cp1253", "iso8859-5", "iso8859-7", "cp866", "mac-cyrillic",
)  # fmt: skip
# Hebrew letters that stand at the ends of words only, and those that never do.
_AT_THE_END, _NOT_AT_THE_END = "ךםןףץ", "כמנפצ"
# Where two pages explain a text about equally, the frequencies of letters decide, if there are enough of them.
_EQUAL, _ENOUGH = 0.05, 60
# How much the page that the account's currency speaks for, or else Western, may explain less than another one.
_HEAD_START = 0.3
# The share of letters that must fit a non-Latin page. Below it the script is one that no single-byte page can hold.
_SURE = 0.95
# Beside words, and what words hold besides letters.
_MARKS = "–—‘’“”„‚…•€£§°©®·¡¿ªº´¨¸ \u00ad"
_APOSTROPHES = "’´"
_WORDS = re.compile(rb"[A-Za-z\x80-\xff]+")
_DOUBLE_ENCODED = re.compile(
    "[ÃÂÅÄ][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u2013-\u203a\u20ac]"
)
_SAMPLE_BYTES = 200_000
_TEXT_WORDS = re.compile(r"[\w\ufffd]+")
_LINES_SHOWN, _LONGEST_SHOWN = 20, 24
# Of UTF-16: the least share of zeros in a text with digits, and of those that stand in the other half of the places.
_ZEROS, _ASTRAY = 0.1, 0.05


def decode(data: bytes, encoding: str = "", *, currency: str = "") -> tuple[str, str]:
    """The text and the name of its encoding; a given encoding is believed, but never fails on a stray byte.

    `currency` is that of the account, which decides between pages that the text leaves equal.
    """
    if encoding:
        # Some codecs of Python make halves of characters or fail although they are told not to; UTF-8 is the refuge.
        try:
            text = data.decode(encoding, errors="replace")
        except (LookupError, ValueError):
            text = data.decode("utf-8", errors="replace")
        return _tidy(text.encode("utf-8", errors="replace").decode("utf-8")), encoding
    found = (
        next((name for mark, name in _BOMS if data.startswith(mark)), None)
        or _by_nulls(data)
        or _utf8(data)
        or _code_page(data, currency)
    )
    text = data.decode(found, errors="replace")
    if found.startswith("utf-8") and _DOUBLE_ENCODED.search(text[:_SAMPLE_BYTES]):
        # "Ã¼" back to "ü", where the whole file can be read that way.
        with contextlib.suppress(UnicodeError):
            text = text.encode("cp1252").decode("utf-8")
    return _tidy(text), found


def other_reading(data: bytes, encoding: str) -> str:
    """Another encoding that explains a text of few letters beyond a to z as well, and makes other words of it; or "".

    "Straße" of DOS is "Straáe" in Windows: one letter alone does not say which of the two is meant.
    """
    if encoding not in _LATIN:
        return ""
    sample = data[:_SAMPLE_BYTES]
    words = [word for word in _WORDS.findall(sample) if not word.isascii()][:2000]
    if not words or len({byte for word in words for byte in word if byte > 0x7F}) > _FEW_LETTERS:
        return ""
    said, own = words_under(sample, encoding), _likelihood(words, encoding)
    others = _OTHER_SYSTEMS if encoding not in _OTHER_SYSTEMS else _LATIN
    equal = [page for page in others if page != encoding and _likelihood(words, page) >= own - _EQUAL]
    return next((page for page in equal if words_under(sample, page) != said), "")


def words_under_each(data: bytes) -> tuple[tuple[str, str], ...]:
    """The encodings that people can choose from, each with the words that it makes of the bytes."""
    wide = b"\x00" in data[:64]
    # The lines that show a difference, picked once for all of them.
    lines = [] if wide else [line for line in data.splitlines() if not line.isascii()][:_LINES_SHOWN]
    return tuple((name, words_under(data if wide else b"\n".join(lines), name)) for name in OFFERED)


def words_under(data: bytes, encoding: str, *, number: int = 3) -> str:
    """The first words with letters beyond a to z that the encoding makes of the bytes, to be looked at; "" for none."""
    wide = encoding.startswith(("utf-16", "utf-32"))
    if wide != (b"\x00" in data[:64]):
        return ""
    lines = [data] if wide else [line for line in data.splitlines() if not line.isascii()]
    text = b"\n".join(lines[:_LINES_SHOWN])[:_SAMPLE_BYTES].decode(encoding, errors="replace")
    found = dict.fromkeys(word[:_LONGEST_SHOWN] for word in _TEXT_WORDS.findall(text) if not word.isascii())
    return ", ".join(list(found)[:number])


def _tidy(text: str) -> str:
    return text.lstrip("\ufeff").replace("\x00", "")


def _by_nulls(data: bytes) -> str | None:
    """UTF-16 without a mark: zeros in every second byte, beside digits and delimiters. Padding has them in all places."""
    sample = data[:4000]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if len(sample) < 4 or even + odd < _ZEROS * len(sample) or min(even, odd) > _ASTRAY * max(even, odd):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _utf8(data: bytes) -> str | None:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        # A few characters cut in half do not make a UTF-8 file something else.
        text = data.decode("utf-8", errors="replace")
        broken = text.count("\ufffd")
        whole = sum(1 for character in text if character > "\x7f" and character != "\ufffd")
        return "utf-8" if (whole >= 5 * broken) else None
    return "utf-8"


def _code_page(data: bytes, currency: str) -> str:
    """The page under which the words of the text are words of one language; Western among equals.

    Statistics of letters need more text than most statements have. Here each letter beyond a to z counts for the
    languages that have it, and the page whose best language explains most of them wins. Chinese, Japanese and Korean
    are told by how common their characters are.
    """
    sample = data[:_SAMPLE_BYTES]
    words = [word for word in _WORDS.findall(sample) if not word.isascii()][:2000]
    if not words:
        return "cp1252"
    strange = sum(byte > 0x7F for word in words for byte in word)
    eastern, sure = east_asian_page(sample)
    if 2 * sum(len(word) for word in words) < 3 * strange:
        scores = {page: _likelihood(words, page) for page in _OTHER_SCRIPTS}
        best = max(scores.values())
        if best >= _SURE:
            equal = [page for page, score in scores.items() if score > best - _EQUAL]
            if len(equal) > 1 and strange >= _ENOUGH and (match := from_bytes(sample, cp_isolation=equal).best()):
                return next((page for page in equal if codecs.lookup(page) == codecs.lookup(match.encoding)), equal[0])
            return max(equal, key=lambda page: scores[page])
        if sure >= EAST_ASIAN:
            return eastern
        # Thai fills its page, so that other scripts are often words in it.
        if _likelihood(words, "cp874") >= _SURE:
            return "cp874"
    by_words = next((page for page, pattern in _PAGE_OF_WORDS.items() if pattern.search(sample)), "cp1252")
    first = _PAGE_OF_CURRENCY.get(currency, by_words)
    # Three letters prove little, thirty a lot.
    ahead = _HEAD_START * min(1.0, 3 / strange)
    latin = max(_LATIN, key=lambda page: (_likelihood(words, page) + ahead * (page == first), page == first))
    return eastern if sure >= EAST_ASIAN and sure >= _likelihood(words, latin) else latin


def _likelihood(words: list[bytes], page: str) -> float:
    """How well one language explains the words under the page: 1 for all of its letters, less for strange ones."""
    letters: Counter[str] = Counter()
    wrong = 0.0
    for word in words:
        text = word.decode(page, errors="replace")
        quoted = text.startswith("«") and text.endswith("»")
        for place, character in enumerate(text):
            lower = character.lower()
            if character.isascii() or (quoted and character in "«»"):
                continue
            if unicodedata.category(character)[0] not in "LM":
                # A dash or a sign of currency beside a word is no letter of it; in a word it is a wrong page.
                inside = 0 < place < len(text) - 1 and character not in _APOSTROPHES
                wrong += inside or character not in _MARKS
            elif character in _AT_THE_END + _NOT_AT_THE_END and len(text) > 1:
                misplaced = (character in _AT_THE_END) != (place == len(text) - 1)
                wrong += misplaced
                letters[lower] += not misplaced
            elif character != lower and place > 0 and text[place - 1].islower():
                wrong += 1
            else:
                letters[lower] += 1
    total = sum(letters.values()) + wrong
    best = max(
        (
            sum(letters[letter] * weight for part, weight in zip(parts, _WEIGHTS, strict=True) for letter in part)
            for parts in _languages_of(page)
        ),
        default=0.0,
    )
    return (best - wrong) / total if total else 0.0


@cache
def _languages_of(page: str) -> list[tuple[str, str, str]]:
    """Letters of the languages that can be written with the page."""
    found = []
    for parts in _LETTERS_OF.values():
        # Romanian has its own commas only in Unicode; pages write cedillas.
        letters = "".join(parts[:2]).translate({ord("ș"): None, ord("ț"): None})
        with contextlib.suppress(UnicodeEncodeError):
            letters.encode(page)
            found.append(parts)
    return found
