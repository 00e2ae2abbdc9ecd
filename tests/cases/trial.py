"""One case through a real stack: sent, prepared, heard, and the sound that players get, placed on the right clock."""

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests import speech
from tests.cases.case import Case
from tests.cases.places import Places, loudest_channel
from tests.cases.players import BrowserPage, Playback, can_play, play
from tests.cases.worker import decoded, heard_places, right_places

HEARD_S = 120
"""Time for a clip's words, while the machine does other things, too."""

RENDITION_S = 60

POLL_S = 0.3

SETTLED = {"done", "failed", "off"}

RENDITION = "m4a"

MADE, ON_DEMAND = "made", "on demand"


@dataclass
class Trial:
    """What became of one case."""

    case: Case
    refusal: str | None = None
    clip: Mapping[str, Any] | None = None
    word_errors: float | None = None
    clock: Places = field(default_factory=lambda: Places(None, None))
    """Where the words stand on the transcript's clock, less where they should, in seconds."""
    played: Places = field(default_factory=lambda: Places(None, None))
    """Likewise in the sound that a player gets."""
    played_as: str = ""
    rendition: str = ""
    """`made` with the preparation, `on demand`, or why there is none; empty: nobody wanted it."""
    playbacks: dict[str, tuple[str, Playback | str]] = field(default_factory=dict)
    """Browser → what it played, and how; or why it did not."""

    def address(self, source: str) -> str:
        """Of the original, or of the rendition."""
        assert self.clip is not None
        return f"/api/clips/{self.clip['id']}/audio{'' if source == 'original' else f'?as={source}'}"


async def send(api: httpx.AsyncClient, case: Case) -> Trial:
    """Send a case, wait for its words, and look for them in what a player gets."""
    trial = Trial(case)
    content = await asyncio.to_thread(case.make)
    id = uuid.uuid4()
    answer = await api.put(
        f"/api/clips/{id}", params={"name": case.name}, content=content, headers={"Content-Type": case.claim}
    )
    if answer.is_error:
        trial.refusal = f"{answer.status_code} {answer.json().get('detail', '')}"
        return trial
    trial.clip = clip = await _settled(api, id)
    if clip["status"] != "done":
        return trial
    if case.words or not case.copies:
        heard = clip["text"] or ""
        trial.word_errors = speech.word_errors(heard, case.words) if case.words else float(bool(heard))
    if not case.copies:
        return trial
    trial.clock = _off(await asyncio.to_thread(lambda: heard_places(case, decoded(content))), right_places(case))
    trial.played_as = "original" if clip["has_true_clock"] else RENDITION
    if trial.played_as == RENDITION:
        trial.rendition = await _rendition(api, trial.address(RENDITION))
    if trial.rendition in {"", MADE, ON_DEMAND}:
        played = (await api.get(trial.address(trial.played_as))).content
        sound, rate = await asyncio.to_thread(loudest_channel, played)
        trial.played = _off(heard_places(case, sound, rate), right_places(case))
    return trial


async def play_all(api: httpx.AsyncClient, trial: Trial, pages: Mapping[str, BrowserPage]) -> None:
    """Play what the page would choose, in all browsers at the same time."""
    if trial.played_as:
        await asyncio.gather(*(_play(api, trial, name, page) for name, page in pages.items()))


async def _play(api: httpx.AsyncClient, trial: Trial, name: str, page: BrowserPage) -> None:
    assert trial.clip is not None
    is_original = trial.clip["has_true_clock"] and await can_play(page, trial.clip["mime"])
    source = "original" if is_original else RENDITION
    if not is_original and not trial.rendition:
        trial.rendition = await _rendition(api, trial.address(RENDITION))
    url = str(api.base_url).rstrip("/") + trial.address(source)
    try:
        playback: Playback | str = await play(page, url, trial.case)
    except Exception as error:  # whatever a browser answers is what the table says
        playback = str(error).splitlines()[0][:120]
    trial.playbacks[name] = source, playback


async def _settled(api: httpx.AsyncClient, id: uuid.UUID) -> Mapping[str, Any]:
    for _ in range(round(HEARD_S / POLL_S)):
        clip: Mapping[str, Any] = (await api.get(f"/api/clips/{id}")).json()
        if clip["status"] in SETTLED:
            break
        await asyncio.sleep(POLL_S)
    return clip


async def _rendition(api: httpx.AsyncClient, url: str) -> str:
    """Wait for a rendition. Return whether it was there at once, or why it cannot be made."""
    for number in range(round(RENDITION_S / POLL_S)):
        answer = await api.get(url)
        if answer.status_code == 200:
            return ON_DEMAND if number else MADE
        if answer.status_code != 202:
            return f"{answer.status_code} {answer.json().get('detail', '')}"
        await asyncio.sleep(POLL_S)
    return "not made"


def _off(places: Places, right: Places) -> Places:
    def difference(place_s: float | None, right_s: float | None) -> float | None:
        return None if place_s is None or right_s is None else place_s - right_s

    return Places(difference(places.first_s, right.first_s), difference(places.last_s, right.last_s))
