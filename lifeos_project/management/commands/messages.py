"""For translators: bring the catalogues in line with the code, compile them, and tell what is left to translate."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from lifeos_project.languages.catalogues import TRANSLATED, compile_all, faults, path_of, read, write
from lifeos_project.languages.extraction import household_messages


class Command(BaseCommand):
    help = "Write new messages of the code into locale/*/LC_MESSAGES/django.po, drop old ones, and compile."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="Only tell what is wrong; write nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        messages = household_messages()
        wrong = 0
        for code in TRANSLATED:
            texts = read(code)
            if not options["check"]:
                write(code, messages, texts)
                texts = read(code)
            found = list(faults(messages, texts))
            wrong += len(found)
            self.stdout.write(f"{path_of(code)}: {len(messages)} messages, {len(found)} to look at")
            for fault in found:
                self.stdout.write(f"  {fault}")
        if not options["check"]:
            compile_all()
        elif wrong:
            raise CommandError("Some texts are missing or wrong; see above.")
