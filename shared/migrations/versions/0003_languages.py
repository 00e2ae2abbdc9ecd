"""The language that a person sets for a clip, and an index of the clips without a recognizer."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import steps

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.briefly(lambda: steps.add_column("clip", sa.Column("language_set", sa.String(16))))
    steps.create_index("clip_off", "clip", ["updated_at"], "status = 'off'")


def downgrade() -> None:
    op.drop_index("clip_off", "clip")
    op.drop_column("clip", "language_set")
