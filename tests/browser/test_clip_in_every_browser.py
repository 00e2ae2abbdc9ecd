"""A clip and what a person does with it, in Chromium, Firefox and WebKit: found, read, edited, played, trimmed, saved.

What is asked otherwise, or not at all, where it cannot be done:

| what | where | why |
|---|---|---|
| a choice in a list of options is an event | in all | browsers draw that list outside of the page |
| where in its sound a clip is heard is not asked | in Firefox | its Web Audio stands still without a sound card |
| a trimmed clip is not played | in Firefox | without a sound card, an element may fail when it plays anew |
| nothing is pasted | in WebKit | it takes no such event from a script |
| `getUserMedia` plays a file | in all | Firefox and WebKit have a tone for a microphone |
| the server is killed in place of the network | in all | no driver of Firefox or WebKit cuts it |
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests import speech
from tests.browser.browsers import PAGES
from tests.browser.page import WORDS_MS
from tests.browser.person import CLIP, CLIPS, PLAYER, Person
from tests.conftest import Parts
from tests.servers.stack import Stack

FIRST, SECOND = speech.samples(["austen-0930.wav"]), speech.samples(["austen-0920.wav"])
PAUSE_S = 2.0
SOUND = np.concatenate([FIRST, np.zeros(int(PAUSE_S * speech.RATE), np.int16), SECOND])
LENGTH_S = len(SOUND) / speech.RATE

AT_MS = "() => Number(document.querySelector('[aria-label=Seek]').value)"


@dataclass(frozen=True)
class Heard:
    """A clip that was transcribed."""

    id: str
    name: str
    text: str
    sound: bytes


@pytest.fixture(scope="module")
def stack(module_local_parts: Parts) -> Iterator[Stack]:
    with Stack(module_local_parts, migrate=False) as stack:
        yield stack


@pytest.fixture(scope="module")
def api(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{stack.api_url}/api/clips", trust_env=False) as api:
        yield api


@pytest.fixture(scope="module")
def heard(api: httpx.Client) -> dict[str, Heard]:
    """A clip for each browser, with the same words; each browser plays AAC in MP4."""
    sound = speech.encode(SOUND, "mp4", "aac")
    ids = {name: f"00000000-0000-4000-8000-00000000000{number}" for number, name in enumerate(PAGES)}
    for name, id in ids.items():
        put = api.put(
            f"/{id}", params={"name": f"Norland {name}"}, content=sound, headers={"Content-Type": "audio/mp4"}
        )
        put.raise_for_status()
    end, clips = time.monotonic() + WORDS_MS / 1000, dict[str, Heard]()
    while len(clips) < len(ids):
        assert time.monotonic() < end, clips
        for name, id in ids.items():
            known = clip(api, id)
            if known["status"] == "done":
                clips[name] = Heard(id, known["name"], known["text"], sound)
        time.sleep(0.1)
    return clips


@pytest.fixture
def mine(heard: dict[str, Heard], person: Person) -> Heard:
    return heard[person.page.name]


def clip(api: httpx.Client, id: str) -> Any:
    return api.get(f"/{id}").raise_for_status().json()


def rename(api: httpx.Client, mine: Heard) -> None:
    """Give the clip the name that it had."""
    api.patch(f"/{mine.id}", json={"name": mine.name}).raise_for_status()


def restore_machine(api: httpx.Client, id: str) -> None:
    """Show the words as they were heard."""
    heard = api.get(f"/{id}/revisions").json()["revisions"][-1]["id"]
    api.post(f"/{id}/revisions/{heard}/restore").raise_for_status()


def has_file(path: Path, holds: bytes) -> bool:
    return path.exists() and holds in path.read_bytes()


async def stored(person: Person, api: httpx.Client, id: str, **wanted: Any) -> None:
    """Wait until the server has this of a clip."""

    async def is_there() -> bool:
        known = clip(api, id)
        return all(known[name] == value for name, value in wanted.items())

    await person.waits(is_there, f"{wanted} on the server")


async def test_a_clip_is_found_by_what_was_said_and_played_from_there(
    person: Person, stack: Stack, api: httpx.Client, mine: Heard
) -> None:
    await person.opens(stack.api_url)
    await person.clicks("searchbox", "Search clips")
    await person.page.type_text(f"{person.page.name} himself")
    await person.waits_until("() => document.querySelector('[data-part=finding]').textContent === '1 clip.'")
    await person.clicks("link", "/^Go to 0:/", within=CLIPS)
    await person.sees("heading", mine.name, within=CLIP)
    address = await person.page.evaluate("() => location.pathname + location.search")
    assert address.startswith(f"/clips/{mine.id}?t=")

    await person.clicks_word("himself")
    at_ms = await person.waits_until(f"() => ({AT_MS})() > 500 && ({AT_MS})()")
    await person.chooses("Speed", "2×", within=PLAYER)
    await person.clicks("button", "Skip silence", within=PLAYER)
    assert (await person.sees("button", "Skip silence", within=PLAYER))["pressed"] == "true"
    await person.clicks("button", "Play", within=PLAYER)
    await person.waits_until("(least) => window.sound?.currentTime > least", at_ms / 1000 + 0.5)
    assert await person.page.evaluate("() => [sound.playbackRate, sound.preservesPitch]") == [2, True]
    await person.clicks("button", "10 seconds back")
    await person.waits_until(f"(most) => ({AT_MS})() < most", at_ms)

    # What plays stays at the foot of the list, and leads back.
    await person.page.back()
    await person.misses("article")
    await person.sees("button", "Pause", within=PLAYER)
    assert (await person.sees("searchbox", "Search clips"))["value"] != ""
    await person.clicks("link", mine.name, within=PLAYER)
    await person.sees("heading", mine.name, within=CLIP)
    await person.clicks("button", "Pause", within=PLAYER)
    await person.sees("button", "Play", within=PLAYER)

    await person.clicks("button", "Rename", within=CLIP)
    await person.types("textbox", "Name", f"Ferrars {person.page.name}")
    await person.page.press("Enter")
    await person.clicks("button", "Edit", within=CLIP)
    await person.types("textbox", "Transcript", "Patience,")
    await person.page.press("Enter")
    await person.page.type_text("and honey.")
    await person.page.press("Escape")
    await person.sees("group", "Transcript")
    await stored(person, api, mine.id, name=f"Ferrars {person.page.name}", text="Patience,\nand honey.")
    rename(api, mine)
    assert await person.faults() == []


async def reads(person: Person, *, has: str, lacks: str) -> None:
    """Wait until the transcript has the one and not the other."""
    says = """(has, lacks) => {
      const text = document.querySelector("[data-part=text]")?.innerText ?? "";
      return text.includes(has) && !text.includes(lacks);
    }"""
    await person.waits_until(says, has, lacks)


async def test_the_page_of_a_clip(person: Person, stack: Stack, api: httpx.Client, mine: Heard) -> None:
    restore_machine(api, mine.id)
    await person.opens(f"{stack.api_url}/clips/{mine.id}")
    await reads(person, has="amiable", lacks="honey")

    await person.clicks("button", "Star", within=CLIP)
    await person.clicks("button", "Mark this moment", within=CLIP)
    await person.page.type_text("Launch")
    await person.page.press("Enter")
    await person.types("textbox", "Notes", "Train late.")
    await person.page.press("Enter")
    await person.page.type_text("- [ ] Ask him")
    await person.page.press("Tab")
    await person.clicks("checkbox", "Ask him", within=CLIP)
    await stored(person, api, mine.id, starred=True, notes="Train late.\n- [x] Ask him")
    marked = await person.sees("textbox", "/^Marker at /", within=CLIP)
    assert marked["value"] == "Launch"
    assert [marker["text"] for marker in clip(api, mine.id)["markers"]] == ["Launch"]

    await person.clicks("heading", mine.name, within=CLIP)
    await person.page.press("Control+f")
    await person.page.type_text("amiable")
    await person.clicks("textbox", "Replace with")
    await person.page.type_text("kind")
    await person.clicks("button", "Replace all")
    await reads(person, has="kind", lacks="amiable")
    await person.clicks("button", "Undo")
    await reads(person, has="amiable", lacks="kind")
    await person.clicks("tab", "History")
    await person.clicks("button", "/^Compare “As edited/", within=CLIP)
    assert "kind" in (await person.sees("deletion", within=CLIP))["text"]
    assert "amiable" in (await person.sees("insertion", within=CLIP))["text"]
    await person.clicks("button", "/^Restore “As edited/", within=CLIP)
    await person.clicks("tab", "Transcript")
    await reads(person, has="kind", lacks="amiable")

    await person.sees("link", "/^Play from 0:0[1-9]/", within=CLIP)  # the times of the restored words are here
    await person.clicks_word("woman")
    await person.waits_until(f"() => ({AT_MS})() > 4_000")
    await person.chooses("Speed", "1×", within=PLAYER)
    await person.picks("More", "Trim", within=CLIP)
    await person.clicks("button", "Start here", within=CLIP)
    await person.clicks("button", "Keep only this", within=CLIP)
    await reads(person, has="woman", lacks="himself")
    assert clip(api, mine.id)["duration_ms"] < 1000 * (LENGTH_S - PAUSE_S)
    if person.page.name != "firefox":
        await person.clicks("button", "Play", within=PLAYER)
        await person.waits_until(
            "most => window.sound?.currentTime >= 0.3 && sound.duration < most", LENGTH_S - PAUSE_S, ms=WORDS_MS
        )
    await person.clicks("button", "Undo")
    await reads(person, has="himself", lacks="amiable")
    await person.clicks("button", "Done", within=CLIP)
    assert clip(api, mine.id)["cuts"] == []
    assert await person.faults() == []


async def test_a_clip_is_downloaded_deleted_and_taken_back(
    person: Person, stack: Stack, api: httpx.Client, mine: Heard
) -> None:
    await person.opens(f"{stack.api_url}/clips/{mine.id}")
    text = clip(api, mine.id)["text"]
    for item, ending, holds in (("Original audio", "m4a", mine.sound), ("Text", "txt", text.encode())):
        await person.picks("Download", item, within=CLIP)

        async def is_saved(ending: str = ending, holds: bytes = holds) -> bool:
            return has_file(person.page.downloads / f"{mine.name}.{ending}", holds)

        await person.waits(is_saved, f"{item} in {person.page.downloads}")
    await person.picks("More", "Delete", within=CLIP)
    await person.misses("article")
    await person.misses("link", mine.name, within=CLIPS)
    await person.clicks("button", "Undo")
    await person.sees("link", mine.name, within=CLIPS)
    await stored(person, api, mine.id, deleted_at=None)
    assert await person.faults() == []


LOOK = """() => {
  const { lang, dir } = document.documentElement;
  return [lang, dir, getComputedStyle(document.body).backgroundColor, window.stays];
}"""
"""Language, direction, colour, and what a reload would take away."""


async def test_the_language_and_the_look_change_without_a_reload_and_stay(person: Person, stack: Stack) -> None:
    await person.opens(stack.api_url)
    await person.page.evaluate("() => { window.stays = true; }")
    _, _, light, _ = await person.page.evaluate(LOOK)
    await person.clicks("link", "Settings")
    await person.chooses("Theme", "Dark")
    await person.chooses("Language of this page", "Deutsch")
    await person.sees("heading", "Einstellungen")
    lang, _, dark, stays = await person.page.evaluate(LOOK)
    assert (lang, stays) == ("de", True)
    assert dark != light
    await person.chooses("Sprache dieser Seite", "العربية")
    await person.waits_until("() => document.documentElement.dir === 'rtl'")
    assert (await person.page.evaluate(LOOK))[3] is True
    await person.opens(f"{stack.api_url}/settings")
    assert (await person.page.evaluate(LOOK))[:3] == ["ar", "rtl", dark]
    assert await person.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    await person.page.evaluate("() => localStorage.clear()")
    assert await person.faults() == []
