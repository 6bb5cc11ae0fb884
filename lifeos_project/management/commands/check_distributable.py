from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from lifeos_project.postgresql import distribution


class Command(BaseCommand):
    help = "Say whether the tables could be spread over several servers by Citus, book by book."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--sql", action="store_true", help="Print the statements that spread them, for psql.")

    def handle(self, *args: Any, sql: bool, **options: Any) -> None:
        found = distribution.examine()
        if sql and not found.problems:
            for line in distribution.script(found):
                self.stdout.write(line)
            return
        self.stdout.write(f"Distributed by book: {', '.join(found.distributed)}")
        self.stdout.write(f"Copied to every server: {', '.join(found.reference)}")
        self.stdout.write(f"Stay on one server: {', '.join(found.local)}")
        self.stdout.write(f"Triggers (citus.enable_unsafe_triggers = on): {', '.join(found.triggers)}")
        for problem in found.problems:
            self.stdout.write(f"- {problem}")
        if found.problems:
            count = len(found.problems)
            raise CommandError(f"{count} {'thing stands' if count == 1 else 'things stand'} in the way.")
        self.stdout.write("Nothing stands in the way.")
