"""What a page of its own shows of a clip: star, notes, markers, cuts, origin of its name; clips deleted for good."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import steps

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)

COLUMNS = (
    # An older release inserts clips without these columns: their defaults are the database's. Nobody knows any more
    # who gave an old clip its name, so a person has.
    lambda: sa.Column("starred_at", INSTANT),
    lambda: sa.Column("notes", sa.Text(), nullable=False, server_default=""),
    lambda: sa.Column("markers", sa.JSON(), nullable=False, server_default="[]"),
    lambda: sa.Column("name_origin", sa.String(16), nullable=False, server_default="person"),
    lambda: sa.Column("text_length", sa.BigInteger()),
    # What is cut out of a clip. An older release shows such a clip whole.
    lambda: sa.Column("cuts", sa.JSON(), nullable=False, server_default="[]"),
    lambda: sa.Column("joined_from", sa.JSON(), nullable=False, server_default="[]"),
    lambda: sa.Column("whole_ms", sa.Integer()),
    lambda: sa.Column("whole_text", sa.Text()),
    lambda: sa.Column("hidden", sa.JSON(), nullable=False, server_default="[]"),
)
"""New columns of `clip`, in order; each is made anew, since a column belongs to one table."""


def upgrade() -> None:
    steps.briefly(_expand)
    steps.create_index(
        "clip_starred", "clip", ["library_id", "created_at", "id"], "starred_at IS NOT NULL AND deleted_at IS NULL"
    )


def _expand() -> None:
    for column in COLUMNS:
        steps.add_column("clip", column())
    steps.add_column("rendition", sa.Column("peaks", sa.JSON()))
    if not steps.has_table("erased"):
        op.create_table(
            "erased",
            sa.Column("clip_id", sa.Uuid(), primary_key=True),
            sa.Column("library_id", sa.String(64), nullable=False),
            sa.Column("keys", sa.JSON(), nullable=False),
            sa.Column("erased_at", INSTANT, nullable=False),
            sa.Column("announced_at", INSTANT),
        )


def downgrade() -> None:
    op.drop_column("rendition", "peaks")
    op.drop_table("erased")
    steps.drop_index("clip_starred", "clip")
    for column in reversed(COLUMNS):
        op.drop_column("clip", column().name)
