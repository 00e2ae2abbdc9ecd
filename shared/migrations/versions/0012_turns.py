"""The turns of libraries in the lanes of the workers, and the clips of each lane by library."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import steps

revision = "0012"
down_revision = "0010"
branch_labels = None
depends_on = None

SOUND_MS = "coalesce(whole_ms, duration_ms, 0)"
WAITS = "status = 'pending' AND deleted_at IS NULL"

LANES = {
    "clip_to_prepare": f"{WAITS} AND prepared_at IS NULL AND {SOUND_MS} <= 1800000 AND bytes <= 134217728",
    "clip_to_prepare_long": f"{WAITS} AND prepared_at IS NULL AND ({SOUND_MS} > 1800000 OR bytes > 134217728)",
    "clip_to_transcribe": f"{WAITS} AND prepared_at IS NOT NULL AND {SOUND_MS} <= 120000",
    "clip_to_transcribe_long": f"{WAITS} AND prepared_at IS NOT NULL AND {SOUND_MS} > 120000",
}


def upgrade() -> None:
    if not steps.has_table("turn"):
        steps.briefly(_expand)
    for name, where in LANES.items():
        steps.create_index(name, "clip", ["library_id", "queued_at", "id"], where)
    steps.create_index("clip_in_work", "clip", ["library_id"], "status = 'transcribing'")


def _expand() -> None:
    op.create_table(
        "turn",
        sa.Column("lane", sa.String(64), primary_key=True),
        sa.Column("library_id", sa.String(64), primary_key=True),
        sa.Column("number", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    for name in (*LANES, "clip_in_work"):
        steps.drop_index(name, "clip")
    op.drop_table("turn")
