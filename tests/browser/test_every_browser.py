"""The main job in Chromium, Firefox and WebKit, by role and name: the same tests, in the same words."""

import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from tests import speech
from tests.browser.page import SOON_MS, WORDS_MS
from tests.browser.person import CLIPS, PLAYER, Person
from tests.conftest import Parts
from tests.servers.stack import Stack

SAID = ("austen-0870.wav",)

LENGTH_S = 12
"""Of the sound that is played: long enough for a step of ten seconds."""

TIMER = """(least) => {
  const [minutes, seconds] = document.querySelector("[role=timer]").textContent.split(":");
  return 60 * Number(minutes) + Number(seconds) >= least;
}"""

IS_KEPT = "() => Boolean(navigator.serviceWorker?.controller)"


@pytest.fixture(scope="module")
def stack(module_local_parts: Parts) -> Iterator[Stack]:
    with Stack(module_local_parts, migrate=False) as stack:
        yield stack


@pytest.fixture
async def api(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    stack.start("api")
    async with httpx.AsyncClient(base_url=stack.api_url, trust_env=False) as api:
        yield api


@pytest.fixture(scope="module")
def microphone() -> bytes:
    """A sentence, and silence until a test stops."""
    return speech.wav(speech.samples(SAID, lead_s=1, tail_s=30))


async def kept(api: httpx.AsyncClient, name: str, text: str) -> str:
    """Keep a clip with these words, and return its id."""
    id = str(uuid.uuid4())
    sound = speech.encode(speech.samples(SAID, tail_s=LENGTH_S)[: LENGTH_S * speech.RATE], "mp4", "aac")
    answer = await api.put(
        f"/api/clips/{id}", params={"name": name}, content=sound, headers={"Content-Type": "audio/mp4"}
    )
    answer.raise_for_status()
    (await api.patch(f"/api/clips/{id}", json={"text": text})).raise_for_status()
    return id


async def clip(api: httpx.AsyncClient, id: str) -> Any:
    return (await api.get(f"/api/clips/{id}")).raise_for_status().json()


async def records(person: Person, title: str, seconds: int) -> None:
    """Begin to record under a title, and wait until so much is recorded."""
    await person.clicks("button", "Record")
    await person.types("textbox", "Title of this recording", title)
    await person.waits_until(TIMER, seconds, ms=seconds * 1000 + SOON_MS)


async def test_what_is_said_becomes_words_and_is_played(person: Person, stack: Stack, microphone: bytes) -> None:
    await person.opens(stack.api_url, microphone)
    await records(person, "Dashwood’s leisure", 9)
    await person.clicks("button", "Stop")
    await person.sees("heading", "Dashwood’s leisure", within={"role": "article"})

    async def heard() -> str:
        seen = await person.sees("group", "Transcript", ms=WORDS_MS)
        return str(seen["text"])

    text = await person.waits(heard, "words", ms=WORDS_MS)
    assert speech.word_errors(text, speech.words(SAID)) <= 0.3, text
    await person.clicks("button", "Play", within=PLAYER)
    await person.sees("button", "Pause", within=PLAYER)
    await person.waits_until("() => document.querySelector('[aria-label=Seek]').value > 700")
    assert await person.faults() == []


async def test_a_clip_is_found_read_edited_and_played(person: Person, stack: Stack, api: httpx.AsyncClient) -> None:
    name = f"Marmalade {person.page.name}"
    id = await kept(api, name, "Oranges, sugar and patience.")
    await person.opens(stack.api_url)
    await person.clicks("searchbox", "Search clips")
    await person.page.type_text("marmalade patience")
    await person.sees("link", "/^Go to /")  # the list shows what was found, and where
    await person.clicks("link", name, within=CLIPS)
    await person.sees("heading", name, within={"role": "article"})
    assert f"/clips/{id}" in await person.page.evaluate("() => location.href")

    await person.clicks("button", "Edit", within={"role": "article"})
    await person.types("textbox", "Transcript", "Patience,")
    await person.page.press("Enter")
    await person.page.type_text("and honey.")
    await person.page.press("Escape")

    async def is_saved() -> bool:
        return bool((await clip(api, id))["text"] == "Patience,\nand honey.")

    await person.waits(is_saved, "saved words")

    await person.clicks("button", "Play", within=PLAYER)
    at = "() => Number(document.querySelector('[aria-label=Seek]').value)"
    await person.waits_until(f"() => ({at})() > 500")
    await person.clicks("button", "10 seconds forward")
    await person.waits_until(f"() => ({at})() > 9_500")
    await person.clicks("button", "10 seconds back")
    await person.waits_until(f"() => ({at})() < 9_000")
    speed = await person.sees("combobox", "Speed", within=PLAYER)
    assert speed["value"] == "1"
    await person.clicks("button", "Pause", within=PLAYER)
    await person.sees("button", "Play", within=PLAYER)

    await person.page.back()
    await person.misses("article")
    assert "/clips/" not in await person.page.evaluate("() => location.href")
    await person.sees("link", name, within=CLIPS)
    await person.page.goto(f"{stack.api_url}/clips/{id}")
    await person.sees("heading", name, within={"role": "article"})


async def test_a_browser_that_dies_loses_nothing(
    person: Person, stack: Stack, api: httpx.AsyncClient, microphone: bytes, full_length: bool
) -> None:
    """But for what it had not handed out yet: a piece, and the one that it was writing."""
    seconds = 60 if full_length else 6
    title = f"Broken off in {person.page.name}"
    await person.opens(stack.api_url, microphone)
    await records(person, title, seconds)
    await person.page.crash()
    await person.opens(stack.api_url)
    row = {"role": "listitem", "name": None, "within": CLIPS}
    await person.sees("link", title, within=row)
    await person.clicks("button", f"Finish: {title}")

    async def is_whole() -> bool:
        clips = (await api.get("/api/clips", params={"q": title})).json()["clips"]
        return bool(clips and clips[0]["status"] != "recording" and clips[0]["duration_ms"] >= 1000 * (seconds - 3))

    await person.waits(is_whole, "the recording on the server", ms=WORDS_MS)
    assert await person.faults() == []


async def test_without_a_network_one_records_renames_and_reloads(
    person: Person, stack: Stack, api: httpx.AsyncClient, microphone: bytes
) -> None:
    title = f"Offline in {person.page.name}"
    id = await kept(api, f"Before {person.page.name}", "Words that are known.")
    await person.opens(stack.api_url, microphone)
    await person.waits_until(IS_KEPT)
    await person.sees("link", f"Before {person.page.name}", within=CLIPS)
    stack.kill("api")
    await records(person, title, 3)
    await person.clicks("button", "Stop")
    await person.sees("heading", title, within={"role": "article"})
    await person.opens(f"{stack.api_url}/")
    await person.sees("link", title, within=CLIPS)
    await person.clicks("link", f"Before {person.page.name}", within=CLIPS)
    await person.clicks("button", "Rename", within={"role": "article"})
    await person.types("textbox", "Name", f"After {person.page.name}")
    await person.page.press("Enter")
    await person.sees("heading", f"After {person.page.name}", within={"role": "article"})
    stack.start("api")

    async def has_arrived() -> bool:
        clips = (await api.get("/api/clips", params={"q": title})).json()["clips"]
        return bool(clips and (await clip(api, id))["name"] == f"After {person.page.name}")

    await person.waits(has_arrived, "what was done offline on the server", ms=WORDS_MS)


PLAIN = """async (fallsBack) => {
  const { makePlainText, keepPlain } = await import("/static/shared/plain-text.js");
  const field = document.createElement("div");
  Object.assign(field, { role: "textbox", ariaLabel: "Plain" });
  field.style.cssText = "position: fixed; inset: 20px; z-index: 9; background: white; white-space: pre-wrap";
  if (fallsBack) [field.contentEditable] = ["true", keepPlain(field)];
  else makePlainText(field);
  document.body.append(field);
}"""

PASTE = """(html, text) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.setData("text/html", html);
  dataTransfer.setData("text/plain", text);
  const input = { inputType: "insertFromPaste", dataTransfer, bubbles: true, cancelable: true };
  document.activeElement.dispatchEvent(new InputEvent("beforeinput", input));
}"""


@pytest.mark.parametrize("falls_back", [False, True])
async def test_a_field_of_words_takes_plain_text_alone(person: Person, stack: Stack, falls_back: bool) -> None:
    """Firefox before 136 has no `plaintext-only`: there the fall-back is what there is."""
    await person.opens(stack.api_url)
    await person.page.evaluate(PLAIN, falls_back)
    await person.clicks("textbox", "Plain")
    await person.page.type_text("one")
    await person.page.press("Enter")
    await person.page.press("Control+b")
    await person.page.type_text("two")
    pastes = falls_back and person.page.name != "webkit"  # which takes no such event from a script
    if pastes:
        await person.page.evaluate(PASTE, "<b>three</b>", "three\nfour")
    field = await person.sees("textbox", "Plain")
    assert field["text"].rstrip("\n") == ("one\ntwothree\nfour" if pastes else "one\ntwo"), field
    assert "<b>" not in field["html"]
