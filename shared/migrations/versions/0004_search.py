"""Search: folded words in a full-text index of the database, tags, and indexes for each order of the list."""

import uuid
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from shared.db.columns import UtcDateTime
from shared.search.folding import index_text, sort_key
from shared.search.index import NUMBERS_PER_MS, first_number_at

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)

BATCH = 500
"""Clips in one batch of the backfill: a text may have megabytes."""

POSTGRES = (
    # The prefixes of words are lexemes, too. Nearly every clip has a word that begins with `a`: to merge the clips of
    # five thousand such words takes longer than people wait.
    """
    CREATE FUNCTION search_words(said text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT array_to_tsvector(array(
            SELECT unnest(ARRAY[word, '^' || left(word, 1), '^' || left(word, 2), '^' || left(word, 3)])
            FROM unnest(string_to_array(said, ' ')) AS word WHERE word <> ''
        ))
    $$
    """,
    "ALTER TABLE search ADD words tsvector GENERATED ALWAYS AS (search_words(name || tags || text)) STORED",
    # Long values are stored out of line, uncompressed: a scan of the newest tens of thousands of rows reads few pages.
    "ALTER TABLE search ALTER words SET STORAGE EXTERNAL, ALTER text SET STORAGE EXTERNAL",
    "ALTER TABLE search SET (toast_tuple_target = 256)",
    # No statistics of words: with them, Postgres prefers to scan rows, and underrates the cost of long ones.
    "ALTER TABLE search ALTER words SET STATISTICS 0, ALTER text SET STATISTICS 0",
    # No pending list (fastupdate): every search would read all of it.
    "CREATE INDEX search_words ON search USING gin (words) WITH (fastupdate = off)",
)

SQLITE = (
    # The tokenizer separates words at ASCII characters only: `shared.search.folding` did everything else.
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

ORDERS = {
    "clip_recent": ["library_id", "created_at", "id", "status", "duration_ms"],
    "clip_length": ["library_id", "duration_ms", "id", "status", "created_at"],
    "clip_name": ["library_id", "sort_name", "id", "status", "duration_ms", "created_at"],
}


def upgrade() -> None:
    is_postgres = op.get_bind().dialect.name == "postgresql"
    sort_name = sa.String(64, "C" if is_postgres else None)
    op.add_column("clip", sa.Column("sort_name", sort_name, nullable=False, server_default=""))
    op.add_column("clip", sa.Column("tags", sa.JSON(), nullable=False, server_default="[]"))
    op.create_table(
        "search",
        sa.Column(
            "number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False
        ),
        sa.Column("clip_id", sa.Uuid(), sa.ForeignKey("clip.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
    )
    op.create_table(
        "tagged",
        sa.Column("clip_id", sa.Uuid(), sa.ForeignKey("clip.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("library_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
    )
    op.create_index("tagged_recent", "tagged", ["library_id", "key", "created_at", "clip_id"])
    _fill()
    op.create_index("search_clip", "search", ["clip_id"], unique=True)
    for statement in POSTGRES if is_postgres else SQLITE:
        op.execute(statement)
    if not is_postgres:
        op.execute("INSERT INTO found(found) VALUES ('rebuild')")
    op.drop_index("clip_recent", "clip")
    for name, columns in ORDERS.items():
        _index_of_library(name, columns)


def _fill() -> None:
    """Fill the search table and the sort names for all clips."""
    bind = op.get_bind()
    clip = sa.table("clip", sa.column("id", sa.Uuid()), sa.column("sort_name"))
    search = sa.table(
        "search",
        sa.column("number"), sa.column("clip_id", sa.Uuid()),
        sa.column("name"), sa.column("tags"), sa.column("text"),
    )  # fmt: skip
    order = sa.update(clip).where(clip.c.id == sa.bindparam("clip")).values(sort_name=sa.bindparam("key"))
    taken: set[int] = set()
    for rows in _batches(bind):
        found = []
        for row in rows:
            number = first_number_at(row.created_at) + row.id.int % NUMBERS_PER_MS
            while number in taken:
                number += 1
            taken.add(number)
            words = {"name": index_text(row.name), "tags": " ", "text": index_text(row.text or "")}
            found.append({"number": number, "clip_id": row.id, **words})
        bind.execute(sa.insert(search), found)
        bind.execute(order, [{"clip": row.id, "key": sort_key(row.name)} for row in rows])


def _batches(bind: sa.Connection) -> Iterator[Any]:
    clip = sa.table(
        "clip",
        sa.column("id", sa.Uuid()), sa.column("name"), sa.column("text"), sa.column("created_at", UtcDateTime()),
    )  # fmt: skip
    last: uuid.UUID | None = None
    while True:
        after = sa.true() if last is None else clip.c.id > last
        rows = bind.execute(sa.select(*clip.c).where(after).order_by(clip.c.id).limit(BATCH)).all()
        if not rows:
            return
        yield rows
        last = rows[-1].id


def _index_of_library(name: str, columns: list[str]) -> None:
    here = sa.text("deleted_at IS NULL")
    op.create_index(name, "clip", columns, postgresql_where=here, sqlite_where=here)


def downgrade() -> None:
    for name in ORDERS:
        op.drop_index(name, "clip")
    _index_of_library("clip_recent", ["library_id", "created_at", "id"])
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE found")
    op.drop_table("tagged")
    op.drop_table("search")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION search_words")
    for column in ("tags", "sort_name"):
        op.drop_column("clip", column)
