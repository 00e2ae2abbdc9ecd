"""Dead letters: rows of the outbox that a release cannot read are set apart, with the reason."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import steps

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.briefly(_expand)
    steps.create_index("outbox_dead", "outbox", ["dead_at"], "dead_at IS NOT NULL")


def _expand() -> None:
    steps.add_column("outbox", sa.Column("dead_at", sa.DateTime(timezone=True)))
    steps.add_column("outbox", sa.Column("dead_reason", sa.Text()))


def downgrade() -> None:
    op.drop_index("outbox_dead", "outbox")
    op.drop_column("outbox", "dead_reason")
    op.drop_column("outbox", "dead_at")
