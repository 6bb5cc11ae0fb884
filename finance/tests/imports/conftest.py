"""Helpers of the import stories."""

import pytest

from finance.imports.models import ImportRow
from finance.imports.services import confirm_import, stage_import

CSV = b"""Date,Payee,Description,Amount,Balance
2026-03-01,Employer,Salary,2000.00,2000.00
2026-03-02,Rewe,Groceries,-35.50,1964.50
2026-03-03,Kiosk,Coffee,-3.50,1961.00
2026-03-03,Kiosk,Coffee,-3.50,1957.50
"""


@pytest.fixture
def stage(book, accounts, owner):
    def run(data=CSV, *, account=None, file_name="march.csv", **options):
        data = data.encode() if isinstance(data, str) else data
        return stage_import(
            book=book, account=account or accounts.checking, actor=owner, data=data, file_name=file_name, **options
        )

    return run


@pytest.fixture
def confirm(owner):
    return lambda batch, **options: confirm_import(batch=batch, actor=owner, **options)


@pytest.fixture
def fates():
    return lambda batch: list(ImportRow.objects.filter(batch=batch).order_by("pk").values_list("fate", flat=True))


@pytest.fixture
def nothing_suggested(settings):
    """For stories in which rows have no category unless somebody chooses one."""
    settings.ENABLE_ML = False
