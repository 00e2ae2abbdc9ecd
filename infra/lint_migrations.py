"""Lint the SQL of each database revision on Postgres, with squawk: `python -m infra.lint_migrations`, in `make check`.

A revision runs against a Postgres without rows that writes its statements down, so no server is needed. What a revision
does to each row that it reads is therefore not seen: such fills need a test of their own.
"""

import io
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql

MIGRATIONS = Path(__file__).parents[1] / "shared" / "migrations"

PLACEHOLDERS = postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
"""Writes parameters as $1, which is SQL; psycopg's own %(name)s is not."""

OLDEST_POSTGRES = "15"
"""Major version whose behaviour squawk assumes: the oldest one that PostgreSQL maintains in December 2026."""

RULES_OFF = {
    "prefer-text-field": "varchar(n) states a limit that the API promises; Postgres widens it without a rewrite",
    "require-statement-timeout": "a fill takes as long as the library is large; lock_timeout is what protects others",
}
"""Rules of squawk that hold for no revision here, with the reason. Every other default rule is on."""

_COUNTS = "the numbers count versions, attempts, segments and milliseconds, or are far from 2^31 rows"

EXCEPTIONS: Mapping[str, Mapping[str, str]] = {
    "0001": {
        "prefer-bigint-over-int": _COUNTS,
        "prefer-identity": "SQLAlchemy made SERIAL of the plain keys; new tables name sa.Identity()",
        "require-lock-timeout": "makes the first tables: nobody holds a lock on them",
    },
    "0002": {"prefer-bigint-over-int": _COUNTS},
    "0004": {"renaming-object": "no statement names an index: one with more columns takes the place of another"},
}
"""Rules that a single revision may break, with the reason. An exception that is not needed is refused, too."""


@dataclass(frozen=True)
class Violation:
    """One finding of squawk in the SQL of one revision."""

    revision: str
    rule: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.revision}, line {self.line} of its SQL: {self.rule}: {self.message}"


class EmptyResult:
    """The answer to every query of a revision: no rows."""

    rowcount = 0

    def all(self) -> list[Any]:
        return []

    def first(self) -> None:
        return None

    def scalar(self) -> None:
        return None

    def scalars(self) -> "EmptyResult":
        return self

    def __iter__(self) -> Iterator[Any]:
        return iter(())


class EmptyDatabase:
    """The connection that a revision gets: answers every query with no rows, and writes down every other statement."""

    def __init__(self, context: MigrationContext) -> None:
        self.dialect = context.dialect
        self._context = context

    def execute(
        self, statement: sa.Select[Any] | sa.UpdateBase | sa.TextClause, parameters: object = None, **_options: object
    ) -> EmptyResult:
        """Write the statement down. Parameters stay placeholders: squawk looks at the statement, not at values."""
        if not isinstance(statement, sa.Select):
            self._context.impl.static_output(f"{str(statement.compile(dialect=PLACEHOLDERS)).strip()};")
        return EmptyResult()


def render(upgrade: ModuleType) -> str:
    """Return the SQL with which a revision's module upgrades an empty Postgres, transaction included."""
    output = io.StringIO()
    options = {"as_sql": True, "output_buffer": output}
    context = MigrationContext.configure(dialect_name="postgresql", opts=options)
    # Alembic's offline mode has no connection; a revision that reads rows while it runs asks for one.
    context.impl.connection = cast("sa.Connection", EmptyDatabase(context))
    with Operations.context(context), context.begin_transaction():
        upgrade.upgrade()
    return output.getvalue()


def revisions(folder: Path = MIGRATIONS) -> dict[str, str]:
    """Return the SQL of every revision in a folder, oldest first."""
    scripts = reversed(list(ScriptDirectory(str(folder)).walk_revisions()))
    return {script.revision: render(script.module) for script in scripts}


def lint(statements: Mapping[str, str], exclude: Iterable[str] = RULES_OFF) -> list[Violation]:
    """Run squawk over the SQL of revisions and return what it finds. Raise `RuntimeError` if squawk is missing."""
    squawk = shutil.which("squawk", path=os.pathsep.join((sysconfig.get_path("scripts"), os.environ.get("PATH", ""))))
    if squawk is None:
        raise RuntimeError("There is no squawk beside this Python: run `make check`, which installs squawk-cli.")
    with tempfile.TemporaryDirectory() as folder:
        for revision, sql in statements.items():
            Path(folder, f"{revision}.sql").write_text(sql)
        command = [squawk, "--reporter=json", f"--pg-version={OLDEST_POSTGRES}", f"--exclude={','.join(exclude)}"]
        files = [f"{revision}.sql" for revision in statements]
        result = subprocess.run([*command, *files], cwd=folder, capture_output=True, text=True, check=False)
    if result.returncode not in {0, 1}:
        raise RuntimeError(f"squawk failed with {result.returncode}: {result.stderr.strip()}")
    return [
        Violation(Path(entry["file"]).stem, entry["rule_name"], entry["line"] + 1, entry["message"])
        for entry in json.loads(result.stdout or "[]")
    ]


def main() -> int:
    """Print violations that have no exception, and exceptions that no violation needs any more."""
    violations = lint(revisions())
    allowed = {(revision, rule) for revision, rules in EXCEPTIONS.items() for rule in rules}
    refused = [violation for violation in violations if (violation.revision, violation.rule) not in allowed]
    needless = allowed - {(violation.revision, violation.rule) for violation in violations}
    for violation in refused:
        print(violation)
    for revision, rule in sorted(needless):
        print(f"{revision}: the exception for {rule} in infra/lint_migrations.py is not needed any more: delete it")
    return 1 if refused or needless else 0


if __name__ == "__main__":
    sys.exit(main())
