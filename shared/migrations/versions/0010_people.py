"""People, passkeys, sessions, libraries and their members, invitations, tokens, and tries that are counted."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import steps

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)

FOREIGN_KEYS = (
    ("passkey", "person_id"),
    ("sign_in", "person_id"),
    ("member", "person_id"),
    ("invitation", "library_id"),
    ("invitation", "created_by"),
    ("token", "person_id"),
    ("token", "library_id"),
)
"""Columns by which rows are found, and deleted with what they belong to."""

EXPIRIES = (
    ("sign_in_expiry", "sign_in", "expires_at"),
    ("ceremony_expiry", "ceremony", "expires_at"),
    ("attempt_age", "attempt", "window_start"),
)


def upgrade() -> None:
    steps.briefly(_expand)
    for table, column in FOREIGN_KEYS:
        steps.create_index(f"ix_{table}_{column}", table, [column])
    for name, table, column in EXPIRIES:
        steps.create_index(name, table, [column])


def _expand() -> None:
    for name, columns in _tables().items():
        if not steps.has_table(name):
            op.create_table(name, *columns)
    # All clips that there are belong to it. An older release knows no row of it, and needs none.
    op.execute(
        "INSERT INTO library (id, name, created_at) SELECT 'home', 'Home', CURRENT_TIMESTAMP "
        "WHERE NOT EXISTS (SELECT 1 FROM library WHERE id = 'home')"
    )


def _tables() -> dict[str, list[sa.schema.SchemaItem]]:
    """The new tables, each after those that it refers to. Older releases read and write none of them."""
    return {
        "person": [
            sa.Column("id", sa.Uuid(), primary_key=True),
            sa.Column("name", sa.String(100), nullable=False),
            sa.Column("name_key", sa.String(300), unique=True),
            sa.Column("email", sa.String(254), unique=True),
            sa.Column("password_hash", sa.Text()),
            sa.Column("created_at", INSTANT, nullable=False),
            sa.Column("blocked_at", INSTANT),
            sa.Column("removed_at", INSTANT),
        ],
        "library": [
            sa.Column("id", sa.String(64), primary_key=True),
            sa.Column("name", sa.String(100), nullable=False),
            sa.Column("created_at", INSTANT, nullable=False),
        ],
        "passkey": [
            sa.Column("id", sa.Uuid(), primary_key=True),
            _person_id("person_id"),
            sa.Column("credential_id", sa.LargeBinary(), nullable=False, unique=True),
            sa.Column("public_key", sa.LargeBinary(), nullable=False),
            sa.Column("sign_count", sa.BigInteger(), nullable=False),
            sa.Column("rp_id", sa.String(255), nullable=False),
            sa.Column("name", sa.String(100), nullable=False),
            sa.Column("created_at", INSTANT, nullable=False),
            sa.Column("used_at", INSTANT),
        ],
        "sign_in": [
            sa.Column("id", sa.Uuid(), primary_key=True),
            _person_id("person_id"),
            sa.Column("secret_sha256", sa.String(64), nullable=False, unique=True),
            sa.Column("created_at", INSTANT, nullable=False),
            sa.Column("used_at", INSTANT, nullable=False),
            sa.Column("expires_at", INSTANT, nullable=False),
            sa.Column("ended_at", INSTANT),
            sa.Column("device", sa.String(100), nullable=False),
            sa.Column("how", sa.String(16), nullable=False),
        ],
        "ceremony": [
            sa.Column("id", sa.Uuid(), primary_key=True),
            sa.Column("kind", sa.String(16), nullable=False),
            sa.Column("secret_sha256", sa.String(64), nullable=False, unique=True),
            sa.Column("data", sa.JSON(), nullable=False),
            sa.Column("expires_at", INSTANT, nullable=False),
        ],
        "attempt": [
            sa.Column("key", sa.String(64), primary_key=True),
            sa.Column("window_start", INSTANT, primary_key=True),
            sa.Column("count", sa.BigInteger(), nullable=False),
        ],
        "member": [
            sa.Column("library_id", sa.String(64), _of("library"), primary_key=True),
            sa.Column("person_id", sa.Uuid(), _of("person"), primary_key=True),
            sa.Column("role", sa.String(16), nullable=False),
            sa.Column("created_at", INSTANT, nullable=False),
        ],
        "invitation": [
            sa.Column("id", sa.Uuid(), primary_key=True),
            sa.Column("secret_sha256", sa.String(64), nullable=False, unique=True),
            sa.Column("library_id", sa.String(64), _of("library")),
            sa.Column("role", sa.String(16), nullable=False),
            sa.Column("uses_left", sa.BigInteger(), nullable=False),
            sa.Column("expires_at", INSTANT, nullable=False),
            _person_id("created_by"),
            sa.Column("created_at", INSTANT, nullable=False),
            sa.Column("revoked_at", INSTANT),
        ],
        "token": [
            sa.Column("id", sa.Uuid(), primary_key=True),
            _person_id("person_id"),
            sa.Column("library_id", sa.String(64), _of("library")),
            sa.Column("name", sa.String(100), nullable=False),
            sa.Column("scopes", sa.JSON(), nullable=False),
            sa.Column("secret_sha256", sa.String(64), nullable=False, unique=True),
            sa.Column("created_at", INSTANT, nullable=False),
            sa.Column("used_at", INSTANT),
            sa.Column("expires_at", INSTANT),
            sa.Column("revoked_at", INSTANT),
        ],
    }


def _person_id(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Uuid(), _of("person"), nullable=False)


def _of(table: str) -> sa.ForeignKey:
    return sa.ForeignKey(f"{table}.id", ondelete="CASCADE")


def downgrade() -> None:
    for name in reversed(_tables()):
        op.drop_table(name)
