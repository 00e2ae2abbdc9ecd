"""Sittings: who saved a person's revision, and when last, so that the saves of one sitting change one row."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import steps

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.briefly(_expand)


def _expand() -> None:
    steps.add_column("transcript", sa.Column("saved_at", sa.DateTime(timezone=True)))
    steps.add_column("transcript", sa.Column("sitting", sa.Uuid()))


def downgrade() -> None:
    op.drop_column("transcript", "sitting")
    op.drop_column("transcript", "saved_at")
