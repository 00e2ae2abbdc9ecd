"""Kinds of columns that hold the same on Postgres and on SQLite."""

import enum
from datetime import UTC, datetime

from sqlalchemy import DateTime, Dialect, Enum, Index, String, TypeDecorator, text

MAX_DURATION_MS = 2**31 - 1
"""Milliseconds that an integer column holds: 24 days."""


class UtcDateTime(TypeDecorator[datetime]):
    """An instant in UTC. SQLite has no time zones: it gets naive UTC, and the zone is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def enum_column(of: type[enum.Enum]) -> Enum:
    """A text column that holds an enum's values, not its members' names, and needs no migration for a new one."""
    return Enum(
        of, native_enum=False, create_constraint=False, length=16, values_callable=lambda e: [m.value for m in e]
    )


def collated_text(length: int) -> String:
    """A text column that is ordered by code points, on every machine alike."""
    return String(length).with_variant(String(length, "C"), "postgresql")


def partial_index(rows: str, name: str, *columns: str) -> Index:
    """An index of these rows alone."""
    return Index(name, *columns, postgresql_where=text(rows), sqlite_where=text(rows))
