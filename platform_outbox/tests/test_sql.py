"""The statements that stand by name in .sql files."""

import ast
import re
from pathlib import Path

import pytest

import platform_outbox
from platform_outbox.sql import QUERIES, load

PACKAGE = Path(platform_outbox.__file__).parent
FILES = sorted((PACKAGE / "sql").glob("*.sql"))


def names_in(path):
    """Every text of a module that could be a statement's name."""
    return {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}


def test_every_statement_has_a_line_that_says_what_it_is_for():
    named = [part for path in FILES for part in path.read_text().split("-- name: ")[1:]]
    assert len(named) == len(QUERIES) > 50
    for part in named:
        assert re.match(r"\w+\n-- [A-Z].+[.:;]", part), part


def test_every_statement_is_used():
    code = [path for path in PACKAGE.rglob("*.py") if not {"tests", "migrations"} & set(path.parts)]
    used = set().union(*map(names_in, code))
    assert QUERIES.keys() <= used, QUERIES.keys() - used


def test_no_comment_travels_to_the_server():
    assert not [name for name, statement in QUERIES.items() if "--" in statement]


def test_two_statements_of_one_name_are_refused(tmp_path):
    (tmp_path / "a.sql").write_text("-- name: one\n-- For this.\nSELECT 1\n")
    assert load(tmp_path) == {"one": "SELECT 1"}
    (tmp_path / "b.sql").write_text("-- name: one\n-- For that.\nSELECT 2\n")
    with pytest.raises(ValueError, match="Two statements are called one"):
        load(tmp_path)
