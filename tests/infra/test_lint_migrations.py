"""A migration that would stop a running Postgres is refused, and the revisions that exist are not."""

import shutil
from pathlib import Path

import pytest

from infra import lint_migrations
from infra.lint_migrations import EXCEPTIONS, MIGRATIONS, RULES_OFF, lint, revisions

REVISION = '''"""One revision, for a test."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    {body}
'''


def rules(folder: Path, *body: str) -> set[str]:
    """The rules that a revision with this body breaks."""
    (folder / "versions").mkdir()
    shutil.copy(MIGRATIONS / "env.py", folder)
    (folder / "versions" / "0001_test.py").write_text(REVISION.format(body="\n    ".join(body)))
    return {violation.rule for violation in lint(revisions(folder))}


def test_the_revisions_that_exist_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert lint_migrations.main() == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("rule", "statement"),
    [
        ("require-concurrent-index-creation", 'op.create_index("clip_mime", "clip", ["mime"])'),
        ("require-lock-timeout", 'op.add_column("clip", sa.Column("pinned_at", sa.DateTime(timezone=True)))'),
        ("ban-drop-column", 'op.drop_column("clip", "text")'),
        ("renaming-column", 'op.alter_column("clip", "text", new_column_name="words")'),
        ("adding-not-nullable-field", 'op.alter_column("clip", "text", nullable=False)'),
        ("changing-column-type", 'op.alter_column("clip", "bytes", type_=sa.Integer())'),
    ],
)
def test_a_revision_that_stops_others_is_refused(tmp_path: Path, rule: str, statement: str) -> None:
    assert rule in rules(tmp_path, statement)


def test_a_revision_that_stops_nobody_passes(tmp_path: Path) -> None:
    assert not rules(
        tmp_path,
        "op.execute(\"SET LOCAL lock_timeout = '5s'\")",
        'op.add_column("clip", sa.Column("pinned_at", sa.DateTime(timezone=True)))',
        "with op.get_context().autocommit_block():",
        "    op.create_index('clip_pinned', 'clip', ['pinned_at'], postgresql_concurrently=True, if_not_exists=True)",
    )


def test_a_revision_may_read_rows_while_it_runs(tmp_path: Path) -> None:
    body = (
        'clip = sa.table("clip", sa.column("id"), sa.column("text"))',
        "for row in op.get_bind().execute(sa.select(clip.c.id)).all():",
        "    raise AssertionError(row)",
        'op.get_bind().execute(sa.update(clip).values(text=""))',
        'op.drop_table("clip")',
    )
    assert "ban-drop-table" in rules(tmp_path, *body)


def test_an_exception_that_no_revision_needs_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        lint_migrations, "EXCEPTIONS", {**EXCEPTIONS, "0001": {**EXCEPTIONS["0001"], "ban-drop-table": ""}}
    )
    assert lint_migrations.main() == 1
    assert "0001: the exception for ban-drop-table" in capsys.readouterr().out


def test_every_rule_that_is_off_and_every_exception_has_a_reason() -> None:
    assert all(RULES_OFF.values())
    assert all(reason for exceptions in EXCEPTIONS.values() for reason in exceptions.values())
