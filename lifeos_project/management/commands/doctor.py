import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from lifeos_project import doctor, version

MARKS = {"ok": "ok     ", "notice": "notice ", "error": "ERROR  ", "skipped": "-      "}


class Command(BaseCommand):
    help = (
        "Check everything an installation depends on, and say what to do about problems. Changes nothing; exits with "
        "1 if there is an error."
    )
    # They are what it reports.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=["text", "json"], default="text")
        parser.add_argument("--mail", metavar="ADDRESS", default="", help="send a test mail there")
        parser.add_argument("--releases", action="store_true", help="ask RELEASES_URL whether there is a newer release")

    def handle(self, *args: Any, **options: Any) -> None:
        results = doctor.examine(doctor.Asked(mail_to=options["mail"], releases=options["releases"]))
        if options["format"] == "json":
            document = {
                "status": doctor.worst(results),
                "version": version.VERSION,
                "release": version.release(),
                "checks": [
                    {
                        "name": result.name,
                        "state": result.state,
                        "findings": [
                            {"state": found.state, "says": found.says, "todo": found.todo} for found in result.findings
                        ],
                    }
                    for result in results
                ],
            }
            self.stdout.write(json.dumps(document, ensure_ascii=False, indent=1))
        else:
            width = max(len(result.title) for result in results)
            for result in results:
                for number, finding in enumerate(result.findings):
                    title = "" if number else result.title
                    self.stdout.write(f"{MARKS[finding.state]} {title:<{width}}  {finding.says}")
                    if finding.todo:
                        self.stdout.write(f"        {'':<{width}}  → {finding.todo}")
        if doctor.worst(results) == doctor.State.ERROR:
            sys.exit(1)
