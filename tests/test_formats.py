"""The table of formats in the documents says what the code does."""

import re
from pathlib import Path

from services.api.audio_formats import table
from shared.clips.universal import NEVER, PLAYABLE, Version

DOCUMENT = (Path(__file__).parents[1] / "docs" / "formats.md").read_text()


def test_every_format_that_is_taken_is_in_the_table() -> None:
    stored = {found.mime for found in vars(table).values() if isinstance(found, table.AudioFormat)}
    assert stored == set(re.findall(r"^\|.*\| `((?:audio|video)/[^`]+)` \| [^|]+ \|$", DOCUMENT, re.MULTILINE))


def test_what_browsers_play_is_what_the_server_reckons_with() -> None:
    rows = [
        f"| `{row.types[0]}` | {', '.join(row.codecs)} | {_version(row.chrome)} | {_version(row.firefox)} "
        f"| {_version(row.safari)} | {_version(row.ios)} | {'yes' if row.is_universal else 'no'} | {row.source} |"
        for row in PLAYABLE
    ]
    _, _, section = DOCUMENT.partition("## What browsers play")
    assert rows == [line for line in section.splitlines() if line.startswith("| `")]


def _version(version: Version) -> str:
    return "–" if version == NEVER else ".".join(str(number) for number in version)
