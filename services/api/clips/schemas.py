"""What a person may change of a clip."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from shared.clips.tags import normalize_tags
from shared.languages import LANGUAGES

MAX_TEXT_CHARS = 2_000_000
"""Characters of an edited transcript: a day of speech is about a million."""


def _known_language(code: str | None) -> str | None:
    if code is not None and code not in LANGUAGES:
        raise ValueError(
            f"{code[:40]!r} is no language that can be transcribed; "
            f"say null to have it found out, or one of {', '.join(sorted(LANGUAGES))}"
        )
    return code


def _tidy_tags(names: list[str] | None) -> list[str] | None:
    return None if names is None else normalize_tags(names)


class ClipPatch(BaseModel):
    """What PATCH may change."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str | None = None
    text: str | None = Field(default=None, max_length=MAX_TEXT_CHARS)
    language: Annotated[
        str | None, AfterValidator(_known_language), WithJsonSchema({"enum": [*sorted(LANGUAGES), None]})
    ] = None
    """What is spoken, which has the clip heard again; null: it is to be found out."""
    tags: Annotated[list[str] | None, AfterValidator(_tidy_tags)] = None
    """All of its tags: those that are not among them go."""
