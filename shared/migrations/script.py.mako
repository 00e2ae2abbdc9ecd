"""${message}."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import steps

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None

# Old code runs beside this revision and after it. Import nothing that a later release changes: no models, no folding.


def upgrade() -> None:
    # Expand: nullable columns, constant defaults, new tables. Each call is a transaction that waits for no lock.
    steps.briefly(_expand)
    # Fill, if rows need it: a hundred in each transaction, by primary key, with `steps.commit()` after each.
    # Index, while others read and write: steps.create_index("NAME", "TABLE", ["COLUMN"], "CONDITION")
    # Contract a release later, in a revision of its own: `steps.briefly`, `steps.drop_index`.


def _expand() -> None:
    ${upgrades if upgrades else 'steps.add_column("TABLE", sa.Column("NAME", sa.Text()))'}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
