"""Demo books that people load for themselves: runs of a long operation, found by their user."""

from django.db.models import QuerySet

from identity.models import User
from platform_outbox.operations import services
from platform_outbox.operations.models import OperationRun

DEMO = "books.demo"
DEMO_MONTHS = 24


def start_demo(*, owner: User) -> OperationRun:
    """Have a worker fill a demo book for the user, or return the run that is at it."""
    try:
        return services.start(name=DEMO, given={"owner": owner.pk}, by=owner.get_username())
    except services.OperationBusy as error:
        return OperationRun.objects.get(pk=error.run_id)


def demo_runs_of(*, owner: User) -> QuerySet[OperationRun]:
    """The user's runs, the latest first. By number: an address may have belonged to somebody else."""
    return OperationRun.objects.filter(operation=DEMO, scope=f"user:{owner.pk}").order_by("-pk")
