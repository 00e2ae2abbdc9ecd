"""Column types and indexes that behave the same on Postgres and on SQLite."""

import enum
from datetime import UTC, datetime

from sqlalchemy import DateTime, Dialect, Enum, Index, String, TypeDecorator, text

MAX_DURATION_MS = 2**31 - 1
"""The largest value of an integer column: 24 days in milliseconds."""


class UtcDateTime(TypeDecorator[datetime]):
    """An instant in UTC. SQLite has no time zones: it stores naive UTC, and reading adds the zone again."""

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


def enum_column(enum_class: type[enum.Enum]) -> Enum:
    """A text column with the values of an enum, not the names of its members. A new member needs no migration."""
    return Enum(
        enum_class,
        native_enum=False,
        create_constraint=False,
        length=16,
        values_callable=lambda members: [member.value for member in members],
    )


def collated_text(length: int) -> String:
    """A text column that is ordered by code point, whatever the locale of the server."""
    return String(length).with_variant(String(length, "C"), "postgresql")


def partial_index(where: str, name: str, *columns: str) -> Index:
    """An index of the rows that fulfil a condition."""
    return Index(name, *columns, postgresql_where=text(where), sqlite_where=text(where))
