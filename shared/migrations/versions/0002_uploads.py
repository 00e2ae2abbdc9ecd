"""Uploads in pieces, gaps and waveforms, and the times of the maintenance tasks."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import steps

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    if not steps.has_table("upload"):
        steps.briefly(_expand)
    steps.create_index("clip_recording", "clip", ["updated_at"], "status = 'recording'")


def _expand() -> None:
    op.add_column("clip", sa.Column("prepared_at", INSTANT))
    op.add_column("clip", sa.Column("segments", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("clip", sa.Column("gaps", sa.JSON(), nullable=False, server_default="[]"))
    op.create_table(
        "upload",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("library_id", sa.String(64), nullable=False),
        sa.Column("clip_id", sa.Uuid(), nullable=False),
        sa.Column("segment", sa.Integer(), nullable=False),
        sa.Column("is_recording", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("mime", sa.String(255), nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("length", sa.BigInteger()),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
    )
    op.create_index("upload_segment", "upload", ["clip_id", "segment"], unique=True)
    op.create_index("upload_age", "upload", ["created_at"])
    op.create_table(
        "piece",
        sa.Column("upload_id", sa.Uuid(), sa.ForeignKey("upload.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("start", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
    )
    op.create_table(
        "waveform",
        sa.Column("clip_id", sa.Uuid(), sa.ForeignKey("clip.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("peaks", sa.JSON(), nullable=False),
    )
    op.create_table(
        "chore",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("done_at", INSTANT, nullable=False),
    )


def downgrade() -> None:
    for table in ("chore", "waveform", "piece", "upload"):
        op.drop_table(table)
    op.drop_index("clip_recording", "clip")
    for column in ("gaps", "segments", "prepared_at"):
        op.drop_column("clip", column)
