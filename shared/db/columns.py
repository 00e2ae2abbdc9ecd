"""Column types and indexes that behave the same on Postgres and on SQLite."""

import enum
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import JSON, DateTime, Dialect, Index, String, TypeDecorator, text

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


class OpenEnum(TypeDecorator[str]):
    """A text column with the values of an enum. A new member needs no migration.

    After a rollback, rows hold values that a newer release has written. Such a value is read as the text that it is,
    and stays as it is when the row is written.
    """

    impl = String
    cache_ok = True

    def __init__(self, enum_class: type[enum.StrEnum], length: int = 16) -> None:
        super().__init__(length)
        self.enum_class = enum_class

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else known_or_text(self.enum_class, value)


class ReadableJson(TypeDecorator[Any]):
    """A JSON column, of whose values `read` keeps what this release understands: a newer one may have written them."""

    impl = JSON
    cache_ok = True

    def __init__(self, read: Callable[[Any], Any]) -> None:
        super().__init__()
        self.read = read

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else self.read(value)


AnyEnum = TypeVar("AnyEnum", bound=enum.StrEnum)


def known_or_text(enum_class: type[AnyEnum], value: str) -> AnyEnum | str:
    """The member with this value, or the value itself if a newer release has named it."""
    try:
        return enum_class(value)
    except ValueError:
        return value


def collated_text(length: int) -> String:
    """A text column that is ordered by code point, whatever the locale of the server."""
    return String(length).with_variant(String(length, "C"), "postgresql")


def partial_index(where: str, name: str, *columns: str) -> Index:
    """An index of the rows that fulfil a condition."""
    return Index(name, *columns, postgresql_where=text(where), sqlite_where=text(where))
