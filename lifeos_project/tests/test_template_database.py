"""A copied test database is never that of another state of the code."""

import pytest

from lifeos_project.tests.template_database import state_of_the_code


@pytest.mark.parametrize("name", ["finance/migrations/0001.py", "finance/migrations/sql/guard.sql"])
def test_a_change_of_code_or_sql_makes_another_template(tmp_path, settings, name):
    settings.BASE_DIR = tmp_path
    file = tmp_path / name
    file.parent.mkdir(parents=True)
    file.write_text("before")
    before = state_of_the_code()

    file.write_text("after")

    assert state_of_the_code() != before


def test_tests_do_not_count(tmp_path, settings):
    settings.BASE_DIR = tmp_path
    before = state_of_the_code()
    file = tmp_path / "finance/tests/test_money.py"
    file.parent.mkdir(parents=True)
    file.write_text("after")

    assert state_of_the_code() == before
