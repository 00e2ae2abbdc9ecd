"""When a clip was made of audio in the store that no row knew."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import steps

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.briefly(lambda: steps.add_column("clip", sa.Column("found_at", sa.DateTime(timezone=True))))


def downgrade() -> None:
    op.drop_column("clip", "found_at")
