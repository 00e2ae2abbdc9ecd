"""What the page says in other languages is what the transcriber writes on clips."""

from pathlib import Path

import pytest

from services.transcriber.audio import limits
from services.transcriber.jobs import render, verdict
from shared.clips.models import MAX_TRIES

SENTENCES = Path("static/shared/sentences.js").read_text()


@pytest.mark.parametrize(
    "sentence",
    [
        limits.TOO_LONG.replace("{hours:g}", "{}"),
        limits.IMPLAUSIBLE,
        limits.TOO_SLOW,
        verdict.NO_ROOM,
        verdict.STALLED,
        render.STALLED,
        render.STOPPED.replace("{tries}", "{}"),
        verdict.next_step_after(1).replace("2", "{}").replace(str(MAX_TRIES), "{}"),
        verdict.next_step_after(MAX_TRIES).replace(str(MAX_TRIES), "{}"),
    ],
)
def test_the_page_knows_the_sentence(sentence: str) -> None:
    assert f'"{sentence}"' in SENTENCES
