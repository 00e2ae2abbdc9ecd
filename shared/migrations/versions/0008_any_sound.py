"""Renditions, and what was found out about a clip's sound: its clock, its tracks, its remarks."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import steps

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.briefly(_expand)
    steps.create_index("rendition_wanted", "rendition", ["wanted_at"], "key = '' AND error IS NULL")


def _expand() -> None:
    # An older release inserts clips without these columns: their defaults are the database's.
    steps.add_column("clip", sa.Column("has_true_clock", sa.Boolean(), nullable=False, server_default=sa.true()))
    steps.add_column("clip", sa.Column("remarks", sa.JSON(), nullable=False, server_default="[]"))
    steps.add_column("clip", sa.Column("track_set", sa.BigInteger()))
    steps.add_column("clip", sa.Column("is_dated", sa.Boolean(), nullable=False, server_default=sa.true()))
    if not steps.has_table("rendition"):
        op.create_table(
            "rendition",
            sa.Column("clip_id", sa.Uuid(), sa.ForeignKey("clip.id", ondelete="CASCADE"), primary_key=True),
            sa.Column("form", sa.String(8), primary_key=True),
            sa.Column("key", sa.String(255), nullable=False),
            sa.Column("bytes", sa.BigInteger(), nullable=False),
            sa.Column("sha256", sa.String(64), nullable=False),
            sa.Column("source_key", sa.String(255), nullable=False),
            sa.Column("tries", sa.BigInteger(), nullable=False),
            sa.Column("error", sa.Text()),
            sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=False),
            sa.Column("made_at", sa.DateTime(timezone=True)),
        )


def downgrade() -> None:
    op.drop_table("rendition")
    op.drop_column("clip", "is_dated")
    op.drop_column("clip", "track_set")
    op.drop_column("clip", "remarks")
    op.drop_column("clip", "has_true_clock")
