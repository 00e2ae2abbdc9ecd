"""Clips, transcripts and the outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
STATUS = sa.String(16)


def upgrade() -> None:
    op.create_table(
        "clip",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("library_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("mime", sa.String(255), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("audio_key", sa.String(255), nullable=False),
        sa.Column("duration_ms", sa.Integer()),
        sa.Column("status", STATUS, nullable=False),
        sa.Column("text", sa.Text()),
        sa.Column("edited_at", INSTANT),
        sa.Column("language", sa.String(16)),
        sa.Column("recognizer", sa.String(255)),
        sa.Column("error", sa.Text()),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("lease_until", INSTANT),
        sa.Column("queued_at", INSTANT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("deleted_at", INSTANT),
    )
    _partial_index("clip_recent", ["library_id", "created_at", "id"], "deleted_at IS NULL")
    _partial_index("clip_bin", ["library_id", "deleted_at", "id"], "deleted_at IS NOT NULL")
    _partial_index("clip_named", ["library_id", "name"], "deleted_at IS NULL")
    _partial_index("clip_unfinished", ["queued_at"], "status IN ('pending', 'transcribing')")
    op.create_table(
        "transcript",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("clip_id", sa.Uuid(), sa.ForeignKey("clip.id", ondelete="CASCADE"), nullable=False),
        sa.Column("attempt", sa.Integer()),
        sa.Column("source", STATUS, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("language", sa.String(16)),
        sa.Column("recognizer", sa.String(255)),
        sa.Column("passages", sa.JSON()),
        sa.Column("created_at", INSTANT, nullable=False),
    )
    op.create_index("transcript_clip", "transcript", ["clip_id", "id"])
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("topic", sa.String(32), nullable=False),
        sa.Column("clip_id", sa.Uuid(), sa.ForeignKey("clip.id", ondelete="CASCADE"), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
    )


def _partial_index(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "clip", columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where))


def downgrade() -> None:
    for table in ("outbox", "transcript", "clip"):
        op.drop_table(table)
