# ruff: noqa: E501
"""Small workbooks written byte by byte, so that tests need no library that writes them."""

import io
import struct
import zipfile
from xml.sax.saxutils import escape

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_STYLES = f'<styleSheet xmlns="{_MAIN}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>'
_CONTENT = "application/vnd.openxmlformats-officedocument.spreadsheetml"


class Day(int):
    """A date cell: days since 30 December 1899."""


class Formula(str):
    """A cell with a formula that was never calculated."""


def column(index):
    return chr(65 + index)


def xlsx(sheets, *, cells=""):
    """An XLSX file: `sheets` maps names to rows; `cells` is raw XML of one more row."""
    files = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
        f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_CONTENT}.sheet.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" Type="{_OFFICE}/officeDocument"'
        ' Target="xl/workbook.xml"/></Relationships>',
        "xl/styles.xml": _STYLES,
    }
    names, links = "", f'<Relationship Id="rId0" Type="{_OFFICE}/styles" Target="styles.xml"/>'
    for number, (name, rows) in enumerate(sheets.items(), 1):
        names += f'<sheet name="{name}" sheetId="{number}" r:id="rId{number}"/>'
        links += f'<Relationship Id="rId{number}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{number}.xml"/>'
        body = "".join(
            f'<row r="{r}">{"".join(_cell(value, f"{column(c)}{r}") for c, value in enumerate(row))}</row>'
            for r, row in enumerate(rows, 1)
        )
        files[f"xl/worksheets/sheet{number}.xml"] = (
            f'<worksheet xmlns="{_MAIN}"><sheetData>{body}{cells}</sheetData></worksheet>'
        )
    files["xl/workbook.xml"] = f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{names}</sheets></workbook>'
    files["xl/_rels/workbook.xml.rels"] = f'<Relationships xmlns="{_PACKAGE}/relationships">{links}</Relationships>'
    return _zipped(files)


def _cell(value, at):
    if isinstance(value, Formula):
        return f'<c r="{at}"><f>{value}</f><v></v></c>'
    if isinstance(value, Day):
        return f'<c r="{at}" s="1"><v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{at}"><v>{value!r}</v></c>'
    return f'<c r="{at}" t="inlineStr"><is><t>{escape(value)}</t></is></c>' if value else ""


def ods(rows):
    """An ODS file of one sheet; dates are texts in ISO form."""
    body = ""
    for row in rows:
        cells = ""
        for value in row:
            if isinstance(value, int | float):
                cells += f'<table:table-cell office:value-type="float" office:value="{value}"/>'
            elif len(value) == 10 and value[4] == "-":
                cells += f'<table:table-cell office:value-type="date" office:date-value="{value}"/>'
            else:
                cells += (
                    f'<table:table-cell office:value-type="string"><text:p>{escape(value)}</text:p></table:table-cell>'
                )
        body += f"<table:table-row>{cells}</table:table-row>"
    names = " ".join(f'xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"' for n in ("office", "table", "text"))
    content = f'<office:document-content {names}><office:body><office:spreadsheet><table:table table:name="S">{body}</table:table></office:spreadsheet></office:body></office:document-content>'
    manifest = '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    return _zipped({"mimetype": kind, "content.xml": content, "META-INF/manifest.xml": manifest})


def _zipped(files):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            head = "" if name == "mimetype" else '<?xml version="1.0" encoding="UTF-8"?>'
            archive.writestr(name, head + text)
    return target.getvalue()


def xls(rows):
    """An XLS file (BIFF8 in a compound file) of one sheet."""

    def rec(kind, data=b""):
        return struct.pack("<HH", kind, len(data)) + data

    def head(kind):
        return rec(0x809, struct.pack("<HHHHII", 0x600, kind, 0, 1997, 0, 6))

    formats = rec(0xE0, struct.pack("<HH16x", 0, 0)) + rec(0xE0, struct.pack("<HH16x", 0, 14))
    at = len(head(5) + formats) + len(rec(0x85, b"\x00" * 9)) + len(rec(0x0A))
    book = head(5) + formats + rec(0x85, struct.pack("<IBBBB", at, 0, 0, 1, 0) + b"S") + rec(0x0A)
    sheet = head(0x10)
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            if isinstance(value, int | float):
                sheet += rec(0x203, struct.pack("<HHHd", r, c, int(isinstance(value, Day)), float(value)))
            elif value:
                text = value.encode("utf-16-le")
                sheet += rec(0x204, struct.pack("<HHHHB", r, c, 0, len(value), 1) + text)
    stream = (book + sheet + rec(0x0A)).ljust(4096, b"\x00")
    stream += b"\x00" * (-len(stream) % 512)
    sectors = len(stream) // 512
    fat = [0xFFFFFFFD, 0xFFFFFFFE, *range(3, 2 + sectors), 0xFFFFFFFE]
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(512, b"\xff")

    def entry(name, kind, child, start, size):
        text = name.encode("utf-16-le") + b"\x00\x00" if name else b""
        fields = (text, len(text), kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child, b"", 0, 0, 0, start, size)
        return struct.pack("<64sHBBIII16sIQQIQ", *fields)

    names = entry("Root Entry", 5, 1, 0xFFFFFFFE, 0) + entry("Workbook", 2, 0xFFFFFFFF, 2, len(stream)) + entry("", 0, 0xFFFFFFFF, 0, 0) * 2  # fmt: skip
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 16
    header += struct.pack("<HHHHH6xIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    return header + struct.pack("<109I", 0, *[0xFFFFFFFF] * 108) + table + names + stream
