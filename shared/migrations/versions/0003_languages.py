"""The language that a person sets for a clip, and an index of the clips without a recognizer."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

OFF = sa.text("status = 'off'")


def upgrade() -> None:
    op.add_column("clip", sa.Column("language_set", sa.String(16)))
    op.create_index("clip_off", "clip", ["updated_at"], postgresql_where=OFF, sqlite_where=OFF)


def downgrade() -> None:
    op.drop_index("clip_off", "clip")
    op.drop_column("clip", "language_set")
