"""Recording: without a microphone, while others change things, and by keyboard alone."""

from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect

from tests import speech
from tests.browser.page import LISTEN, SOON_MS, DictaphonePage, open_clip, rename, title_of
from tests.conftest import Launch
from tests.servers.chromium import Microphone
from tests.servers.stack import Stack

NAMELESS = """() => [...document.querySelectorAll("button, input, a, [role=textbox]")]
    .filter(element => element.checkVisibility() && !(element.ariaLabel || element.textContent.trim())).length"""


LONG_NAME = "Jabra Evolve2 65 Flex (Bluetooth, hands-free)"

LONG_NAMES = f"""
const listed = navigator.mediaDevices.enumerateDevices.bind(navigator.mediaDevices);
navigator.mediaDevices.enumerateDevices = async () => (await listed()).map((device) =>
  device.kind === "audioinput" && device.label
    ? {{ kind: device.kind, deviceId: device.deviceId, groupId: device.groupId, label: "{LONG_NAME}" }}
    : device);
"""
"""Gives every microphone a name as long as some are."""


@pytest.mark.parametrize(
    ("microphone", "sentence"), [(Microphone.REFUSED, "not allowed"), (Microphone.ABSENT, "microphone")]
)
async def test_without_a_microphone_the_page_says_so_and_the_rest_works(
    calm_stack: Stack, launch_browser: Launch, microphone: Microphone, sentence: str
) -> None:
    sound = speech.encode(speech.samples(["austen-0880.wav"]))
    async with httpx.AsyncClient(base_url=calm_stack.api_url, verify=False) as api:
        clip = (await api.put("/clips/kept", content=sound, headers={"Content-Type": "audio/webm"})).json()["id"]
    here = await DictaphonePage.open(await launch_browser(microphone), calm_stack.api_url)
    await here.button("Record").click()
    alert = here.page.get_by_role("region", name="Recorder").get_by_role("alert")
    await expect(alert).to_contain_text(sentence, ignore_case=True, timeout=SOON_MS)
    await expect(here.button("Record")).to_be_visible()
    await rename(await open_clip(here, clip), "Still renamed")
    saved = "async id => (await (await fetch(`/api/clips/${id}`)).json()).name === 'Still renamed'"
    await here.page.wait_for_function(saved, arg=clip)
    assert here.errors == []


async def test_a_push_opens_no_second_microphone(calm_stack: Stack, launch_browser: Launch, tmp_path: Path) -> None:
    browser = await launch_browser(speech.microphone(tmp_path / "speech.wav"))
    context = await browser.new_context()
    await context.add_init_script(LISTEN)
    here = await DictaphonePage.open(context, calm_stack.api_url)
    await here.button("Record").click()
    await expect(here.button("Stop")).to_be_visible()
    async with httpx.AsyncClient(base_url=calm_stack.api_url, verify=False) as api:
        for number in range(3):
            sound = speech.encode(speech.samples(["austen-0880.wav"]))
            answer = await api.put(f"/clips/push-{number}", content=sound, headers={"Content-Type": "audio/webm"})
            await expect(here.row(answer.json()["id"])).to_be_visible(timeout=SOON_MS)
    await expect(here.button("Stop")).to_be_visible()
    assert await here.page.evaluate("() => window.microphones") == 1
    await here.button("Stop").click()
    await expect(here.button("Record")).to_be_visible()
    assert here.errors == []


async def test_the_main_job_by_keyboard_alone(calm_stack: Stack, launch_browser: Launch, tmp_path: Path) -> None:
    here = await DictaphonePage.open(
        await launch_browser(speech.microphone(tmp_path / "speech.wav")), calm_stack.api_url
    )
    keyboard = here.page.keyboard

    async def tab_to(name: str) -> None:
        for _ in range(40):
            await keyboard.press("Tab")
            if await here.page.evaluate("() => document.activeElement.ariaLabel") == name:
                return
        raise AssertionError(f"{name} cannot be reached with Tab")

    await tab_to("Record")
    await keyboard.press("Space")
    await expect(here.button("Stop")).to_be_visible()
    await expect(here.page.get_by_role("timer")).to_have_text("0:02", timeout=SOON_MS)
    await here.button("Stop").focus()
    await keyboard.press("Enter")
    # Its page is open then.
    await expect(here.page.get_by_role("article").get_by_role("button", name="Rename")).to_be_visible()
    await tab_to("Rename")
    await keyboard.press("Enter")
    await expect(here.page.get_by_role("textbox", name="Name")).to_be_focused()
    await keyboard.press("ControlOrMeta+A")
    await keyboard.type("Typed by keyboard")
    await keyboard.press("Enter")
    await expect(title_of(here.rows().first)).to_have_text("Typed by keyboard")
    assert await here.page.evaluate(NAMELESS) == 0, "everything that can be used has a name"


async def test_a_microphone_is_named_in_full(calm_stack: Stack, launch_browser: Launch, tmp_path: Path) -> None:
    """Headsets differ in the last words of their names. Browsers tell the names once a microphone was allowed."""
    browser = await launch_browser(speech.microphone(tmp_path / "speech.wav"))
    cut = "(element) => element.scrollWidth > element.clientWidth + 1"
    for width, height in ((320, 640), (390, 844), (844, 390), (1440, 844)):
        context = await browser.new_context(viewport={"width": width, "height": height})
        await context.add_init_script(LONG_NAMES)
        here = await DictaphonePage.open(context, calm_stack.api_url)
        await here.button("Record").click()
        await expect(here.button("Stop")).to_be_visible()
        beside_its_level = here.page.locator("[data-part=level-name]:visible")
        await expect(beside_its_level).to_have_text(LONG_NAME)
        assert not await beside_its_level.evaluate(cut), width
        await here.button("Microphone").click()
        item = here.page.get_by_role("menu").get_by_text(LONG_NAME)
        await expect(item.first).to_be_visible()
        assert not await item.first.evaluate(cut), width
        await here.page.keyboard.press("Escape")
        await here.button("Stop").click()
        await expect(here.button("Stop")).to_be_hidden()
        assert here.errors == []
        await context.close()
