"""The JSON that a client sends to change a clip."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from shared.clips.tags import normalize_tags
from shared.languages import LANGUAGES

MAX_TEXT_CHARS = 2_000_000
"""Characters of an edited transcript: a day of speech is about a million."""


def _supported_language(code: str | None) -> str | None:
    if code is not None and code not in LANGUAGES:
        raise ValueError(
            f"{code[:40]!r} is no language that can be transcribed; "
            f"say null to have it found out, or one of {', '.join(sorted(LANGUAGES))}"
        )
    return code


def _normalized_tags(names: list[str] | None) -> list[str] | None:
    return None if names is None else normalize_tags(names)


class ClipPatch(BaseModel):
    """What PATCH may change."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str | None = None
    text: str | None = Field(default=None, max_length=MAX_TEXT_CHARS)
    language: Annotated[
        str | None, AfterValidator(_supported_language), WithJsonSchema({"enum": [*sorted(LANGUAGES), None]})
    ] = None
    """The language that is spoken; the clip is transcribed again in it. null: a recognizer is to detect it."""
    tags: Annotated[list[str] | None, AfterValidator(_normalized_tags)] = None
    """All tags of the clip: the ones it had and that are not listed are removed."""
