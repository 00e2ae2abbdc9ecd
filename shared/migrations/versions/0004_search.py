"""Search: folded words in a full-text index of the database, tags, and indexes for each order of the list."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

from shared.migrations import folding_0004 as folding
from shared.migrations import steps

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)

BATCH_CLIPS = 100
"""Clips of one transaction of the fill: a text may have megabytes, and no writer shall wait for long."""

# The prefixes of words are lexemes, too. Nearly every clip has a word that begins with `a`: to merge the clips of five
# thousand such words takes longer than people wait.
SEARCH_WORDS = """
    CREATE FUNCTION search_words(said text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT array_to_tsvector(array(
            SELECT unnest(ARRAY[word, '^' || left(word, 1), '^' || left(word, 2), '^' || left(word, 3)])
            FROM unnest(string_to_array(said, ' ')) AS word WHERE word <> ''
        ))
    $$
    """

POSTGRES = (
    # Long values are stored out of line, uncompressed: a scan of the newest tens of thousands of rows reads few pages.
    "ALTER TABLE search ALTER words SET STORAGE EXTERNAL, ALTER text SET STORAGE EXTERNAL",
    "ALTER TABLE search SET (toast_tuple_target = 256)",
    # No statistics of words: with them, Postgres prefers to scan rows, and underrates the cost of long ones.
    "ALTER TABLE search ALTER words SET STATISTICS 0, ALTER text SET STATISTICS 0",
)

SQLITE = (
    # The tokenizer separates words at ASCII characters only: our folding did everything else.
    """
    CREATE VIRTUAL TABLE found USING fts5(
        name, tags, text, content='search', content_rowid='number', tokenize='ascii', prefix='1 2 3'
    )
    """,
    """
    CREATE TRIGGER search_added AFTER INSERT ON search BEGIN
        INSERT INTO found(rowid, name, tags, text) VALUES (new.number, new.name, new.tags, new.text);
    END
    """,
    """
    CREATE TRIGGER search_changed AFTER UPDATE ON search BEGIN
        INSERT INTO found(found, rowid, name, tags, text)
            VALUES ('delete', old.number, old.name, old.tags, old.text);
        INSERT INTO found(rowid, name, tags, text) VALUES (new.number, new.name, new.tags, new.text);
    END
    """,
    """
    CREATE TRIGGER search_gone AFTER DELETE ON search BEGIN
        INSERT INTO found(found, rowid, name, tags, text)
            VALUES ('delete', old.number, old.name, old.tags, old.text);
    END
    """,
)

LISTED = "deleted_at IS NULL"
BY_AGE = ["library_id", "created_at", "id", "status", "duration_ms"]
BY_LENGTH = ["library_id", "duration_ms", "id", "status", "created_at"]
BY_NAME = ["library_id", "sort_name", "id", "status", "duration_ms", "created_at"]


def upgrade() -> None:
    if not steps.has_table("search"):
        steps.briefly(_expand)
    last: uuid.UUID | None = None
    while rows := _clips_after(last):
        _index(rows)
        steps.commit()
        last = rows[-1].id
    if steps.is_postgres():
        # No pending list (fastupdate): every search would read all of it.
        is_eager = {"fastupdate": "off"}
        steps.create_index("search_words", "search", ["words"], postgresql_using="gin", postgresql_with=is_eager)
    steps.create_index("clip_length", "clip", BY_LENGTH, LISTED)
    steps.create_index("clip_name", "clip", BY_NAME, LISTED)
    _replace_index_by_age()


def _expand() -> None:
    """Make everything that is empty, which old code does not know."""
    is_postgres = steps.is_postgres()
    sort_name = sa.String(64, "C" if is_postgres else None)
    op.add_column("clip", sa.Column("sort_name", sort_name, nullable=False, server_default=""))
    op.add_column("clip", sa.Column("tags", sa.JSON(), nullable=False, server_default="[]"))
    words: list[sa.Column[Any]] = []
    if is_postgres:
        op.execute(SEARCH_WORDS)
        of_words = sa.Computed("search_words(name || tags || text)", persisted=True)
        words.append(sa.Column("words", postgresql.TSVECTOR(), of_words))
    op.create_table(
        "search",
        sa.Column(
            "number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False
        ),
        sa.Column("clip_id", sa.Uuid(), sa.ForeignKey("clip.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        *words,
    )
    op.create_index("search_clip", "search", ["clip_id"], unique=True)
    op.create_table(
        "tagged",
        sa.Column("clip_id", sa.Uuid(), sa.ForeignKey("clip.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("library_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
    )
    op.create_index("tagged_recent", "tagged", ["library_id", "key", "created_at", "clip_id"])
    for statement in POSTGRES if is_postgres else SQLITE:
        op.execute(statement)


# -- the fill ------------------------------------------------------------------------------------------------------

CLIP = sa.table(
    "clip",
    sa.column("id", sa.Uuid()), sa.column("name"), sa.column("text"), sa.column("created_at", INSTANT),
    sa.column("sort_name"),
)  # fmt: skip
SEARCH = sa.table(
    "search",
    sa.column("number"), sa.column("clip_id", sa.Uuid()), sa.column("name"), sa.column("tags"), sa.column("text"),
)  # fmt: skip


def _clips_after(last: uuid.UUID | None) -> Sequence[Any]:
    """The next clips, locked against deletion alone."""
    clips = (
        sa.select(CLIP.c.id, CLIP.c.name, CLIP.c.text, CLIP.c.created_at)
        .where(sa.true() if last is None else CLIP.c.id > last)
        .order_by(CLIP.c.id)
        .limit(BATCH_CLIPS)
    )
    return op.get_bind().execute(clips.with_for_update(read=True, key_share=True)).all()


def _index(rows: Sequence[Any]) -> None:
    """Write the entries and sort keys of these clips, unless an interrupted run has.

    What changes meanwhile is corrected later, by `services.api.background.index_repair`.
    """
    bind = op.get_bind()
    done = bind.execute(sa.select(SEARCH.c.clip_id).where(SEARCH.c.clip_id.in_([row.id for row in rows])))
    indexed = set(done.scalars())
    rows = [row for row in rows if row.id not in indexed]
    if not rows:
        return
    dialect = postgresql if steps.is_postgres() else sqlite
    insert = dialect.insert(SEARCH).on_conflict_do_nothing().returning(SEARCH.c.clip_id)
    entries = [
        {"clip_id": row.id, "name": folding.index_text(row.name), "tags": " "}
        | {"text": folding.index_text(row.text or ""), "number": folding.first_number(row.id, _utc(row.created_at))}
        for row in rows
    ]
    indexed = set(bind.execute(insert, entries).scalars())
    for entry in entries:
        # Several clips of one millisecond want the same number.
        while entry["clip_id"] not in indexed:
            entry["number"] = _next_free_number(entry["number"])
            indexed.update(bind.execute(insert, entry).scalars())
    order = sa.update(CLIP).where(CLIP.c.id == sa.bindparam("clip"), CLIP.c.name == sa.bindparam("named"))
    keys = [{"clip": row.id, "named": row.name, "key": folding.sort_key(row.name)} for row in rows]
    bind.execute(order.values(sort_name=sa.bindparam("key")), keys)


def _next_free_number(number: int) -> int:
    is_near = SEARCH.c.number.between(number, number + folding.NUMBERS_PER_MS)
    highest: int = op.get_bind().execute(sa.select(sa.func.max(SEARCH.c.number)).where(is_near)).scalar_one()
    return highest + 1


def _utc(instant: datetime) -> datetime:
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)  # SQLite has no time zones


# -- the index by age, which old code reads too --------------------------------------------------------------------


def _replace_index_by_age() -> None:
    """Give `clip_recent` more columns. There is always an index of that name, or of the same columns."""
    if not steps.is_postgres():
        steps.drop_index("clip_recent", "clip")
        steps.create_index("clip_recent", "clip", BY_AGE, LISTED)
        return
    if not steps.index_has_column("clip_recent", "duration_ms"):
        steps.create_index("clip_recent_new", "clip", BY_AGE, LISTED)
        steps.briefly(_rename_indexes)
    steps.drop_index("clip_recent_old", "clip")


def _rename_indexes() -> None:
    op.execute("ALTER INDEX clip_recent RENAME TO clip_recent_old")
    op.execute("ALTER INDEX clip_recent_new RENAME TO clip_recent")


def downgrade() -> None:
    for name in ("clip_recent", "clip_length", "clip_name"):
        op.drop_index(name, "clip")
    steps.create_index("clip_recent", "clip", ["library_id", "created_at", "id"], LISTED)
    if not steps.is_postgres():
        op.execute("DROP TABLE found")
    op.drop_table("tagged")
    op.drop_table("search")
    if steps.is_postgres():
        op.execute("DROP FUNCTION search_words")
    for column in ("tags", "sort_name"):
        op.drop_column("clip", column)
