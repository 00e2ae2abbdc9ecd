"""Sittings: who saved a person's revision, and when last, so that the saves of one sitting change one row."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _limit_lock_wait()
    op.add_column("transcript", sa.Column("saved_at", sa.DateTime(timezone=True)))
    op.add_column("transcript", sa.Column("sitting", sa.Uuid()))


def downgrade() -> None:
    _limit_lock_wait()
    op.drop_column("transcript", "sitting")
    op.drop_column("transcript", "saved_at")


def _limit_lock_wait() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute("SET LOCAL lock_timeout = '5s'")
