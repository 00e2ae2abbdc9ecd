"""The seed's own client code: its `fetch` calls by name, and a WebSocket on `/websocket` of the same origin."""

from typing import Any

import pytest
from playwright.async_api import Page

from tests import speech
from tests.conftest import Launch
from tests.servers.stack import Stack

SEED = """
window.frames_ = [];
window.dictaphone = {
  socket: new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/websocket`),
  async put(name, base64) {
    const bytes = Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
    const blob = new Blob([bytes], { type: "audio/webm; codecs=opus" });
    const response = await fetch("/clips/" + encodeURIComponent(name), {
      method: "PUT", headers: { "Content-Type": blob.type }, body: blob });
    return { answered: response.status, ...(await response.json()) };
  },
  async get(name) {
    const response = await fetch("/clips/" + encodeURIComponent(name));
    return { status: response.status, bytes: (await response.arrayBuffer()).byteLength };
  },
  async delete(name) {
    return (await fetch("/clips/" + encodeURIComponent(name), { method: "DELETE" })).status;
  },
};
window.dictaphone.socket.onmessage = () => window.frames_.push(Date.now());
await new Promise(opened => { window.dictaphone.socket.onopen = opened; });
"""


@pytest.fixture
async def seed(stack: Stack, launch_browser: Launch) -> Page:
    """A page of the seed's: its client code and nothing of ours, on our origin."""
    browser = await launch_browser()
    # Any answer of ours that is no page, without its policy: the seed's script is all that runs in it.
    page = await (await browser.new_context(bypass_csp=True)).new_page()
    await page.goto(f"{stack.api_url}/healthz")
    await page.evaluate("async () => {" + SEED + "}")
    return page


async def frames(page: Page, at_least: int) -> None:
    await page.wait_for_function("n => window.frames_.length >= n", arg=at_least)


@pytest.mark.parametrize("parts", ["local", pytest.param("servers", marks=pytest.mark.slow)], indirect=True)
async def test_the_seeds_client_works_unchanged(seed: Page) -> None:
    sound = speech.encode(speech.samples(["austen-0880.wav"]))
    name = "Café / first take? #1"
    encoded = await seed.evaluate("bytes => btoa(bytes)", sound.decode("latin-1"))
    assert await seed.evaluate("() => window.frames_.length") == 0, "a frame makes the seed's page reload: none unasked"

    put: dict[str, Any] = await seed.evaluate("([name, sound]) => dictaphone.put(name, sound)", [name, encoded])
    assert put["answered"] in {200, 201}
    assert put["name"] == name
    assert {"id", "text", "mime"} <= put.keys()
    await frames(seed, 1)

    got = await seed.evaluate("name => dictaphone.get(name)", name)
    assert got == {"status": 200, "bytes": len(sound)}

    seen = await seed.evaluate("() => window.frames_.length")
    assert await seed.evaluate("name => dictaphone.delete(name)", name) == 204
    await frames(seed, seen + 1)
    assert (await seed.evaluate("name => dictaphone.get(name)", name))["status"] == 404
