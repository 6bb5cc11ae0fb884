"""German, French and Spanish are whole: every message of the code has its text, and the texts fit their messages."""

import io
import os
import subprocess
import sys
from gettext import GNUTranslations

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation
from django.utils.translation import gettext, ngettext

from core import texts
from core.languages import translations_of
from lifeos_project.languages import catalogues
from lifeos_project.languages.catalogues import TRANSLATED, faults, path_of, read
from lifeos_project.languages.extraction import ROOT, Message, household_messages, template_messages
from lifeos_project.management.commands import messages as command
from lifeos_project.tests.texts import differences


@pytest.fixture(scope="module")
def messages():
    return household_messages()


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_message_is_translated_and_fits(code, messages):
    assert len(messages) > 2500
    assert list(faults(messages, read(code))) == []
    assert b"#, fuzzy" not in path_of(code).read_bytes()


@pytest.mark.parametrize("code", TRANSLATED)
def test_catalogues_are_as_the_command_writes_them(code, messages, tmp_path, monkeypatch):
    written = path_of(code).read_bytes()
    monkeypatch.setattr(catalogues, "CATALOGUES", tmp_path)
    catalogues.write(code, messages, read_from(written, code, tmp_path))
    changed = differences(written.decode(), catalogues.path_of(code).read_text())
    assert not changed, f"run make messages\n{changed}"


def read_from(written, code, tmp_path):
    path = tmp_path / code / "LC_MESSAGES" / "django.po"
    path.parent.mkdir(parents=True)
    path.write_bytes(written)
    return catalogues.read(code)


@pytest.mark.parametrize(
    ("message", "text", "fault"),
    [
        (Message("%(count)s rows"), (), "Not translated"),
        (Message("%(count)s rows"), ("",), "Not translated"),
        (Message("%(count)s rows"), ("%(number)s Zeilen",), "Other placeholders"),
        (Message("{count} rows"), ("{count} Zeilen {count}",), "Other placeholders"),
        (Message("<b>now</b>"), ("jetzt",), "Other tags"),
        (Message(" in"), ("in",), "Another blank"),
        (Message("one", "many"), ("eins",), "Not translated"),
    ],
)
def test_faults_are_named(message, text, fault):
    found = list(faults({message: ["a.py"]}, {message: text}))
    assert len(found) == 1
    assert found[0].startswith(fault)


def test_a_first_form_may_leave_its_number_out():
    message = Message("%(count)d row", "%(count)d rows")
    assert list(faults({message: ["a.py"]}, {message: ("eine Zeile", "%(count)d Zeilen")})) == []
    assert list(faults({}, {message: ("a", "b")})) == ["Not in the code: “%(count)d row”"]


def test_messages_of_templates_and_of_python_are_found(messages):
    assert set(template_messages('{% translate "A" context "c" %}{{ x|default:_("B") }}')) >= {
        Message("A", context="c"),
        Message("B"),
    }
    block = "{% blocktranslate count n=n trimmed %}one {{ a }}{% plural %}{{ n }} of 5 %{% endblocktranslate %}"
    assert list(template_messages(block)) == [Message("one %(a)s", "%(n)s of 5 %%")]
    # An error's own sentence, and what was not found.
    assert Message("Wrong e-mail address or password.") in messages
    assert Message("bank file") in messages


def test_the_command_tells_what_is_missing(messages, tmp_path, monkeypatch):
    monkeypatch.setattr(catalogues, "CATALOGUES", tmp_path)
    monkeypatch.setattr(command, "household_messages", lambda: messages)
    with pytest.raises(CommandError):
        call_command("messages", check=True, stdout=io.StringIO())
    call_command("messages", stdout=io.StringIO())
    assert set(catalogues.read("fr")) == set(messages)


@pytest.mark.parametrize(
    ("code", "text", "count"), [("de", "Speichern", "0"), ("fr", "Enregistrer", "1"), ("es", "Guardar", "0")]
)
def test_django_speaks_the_language(code, text, count):
    with translation.override(code):
        assert gettext("Save") == text
        one, none = (ngettext("%(days)d day later", "%(days)d days later", number) for number in (1, 0))
        # In French nothing is singular.
        assert (one == none) is (code == "fr")
    with translation.override("en-gb"):
        assert gettext("Save") == "Save"


def test_a_process_without_django_speaks_it_too():
    """The readers of foreign files know neither settings nor database."""
    program = "import sys; from core import texts; texts.speak(sys.argv[1]); from finance.errors import NotFound; "
    program += "from decimal import Decimal; print(NotFound(thing='account'), texts.number(Decimal('1234.50')), 'django' in sys.modules)"
    said = {
        code: subprocess.run(
            [sys.executable, "-c", program, code], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        for code in ("de", "en-gb")
    }
    assert said["en-gb"] == "No such account in this book. 1,234.50 False\n"
    with translation.override("de"):
        assert said["de"] == f"{texts.gettext('No such {thing} in this book.').format(thing='Konto')} 1.234,50 False\n"


def test_a_name_is_known_in_all_languages():
    assert len(translations_of("Bank fees")) == 4


def test_texts_are_compiled_where_they_changed(tmp_path, monkeypatch):
    """A new checkout has no compiled texts, and needs no gettext to make them."""
    monkeypatch.setattr(catalogues, "CATALOGUES", tmp_path)
    catalogues.write("de", {Message("Save"): ["a.py"]}, {Message("Save"): ("Speichern",)})
    assert catalogues.compile_all() == [path_of("de").with_suffix(".mo")]
    assert catalogues.compile_all() == []
    with path_of("de").with_suffix(".mo").open("rb") as file:
        assert GNUTranslations(file).gettext("Save") == "Speichern"
    later = path_of("de").with_suffix(".mo").stat().st_mtime + 1
    os.utime(path_of("de"), (later, later))
    assert len(catalogues.compile_all()) == 1
