"""What fingers need: fields that iOS does not zoom into, and every action of a row without a pointer that hovers."""

from typing import Any, Literal

from playwright.async_api import Locator, Page, expect

from tests import recordings
from tests.browser.page import DictaphonePage, open_clip
from tests.conftest import Launch
from tests.servers.stack import Stack

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}

LATER = "search/finding settings/settings list/selection clip/clip-page bin/bin shared/sheet"
"""Style sheets that come with their parts."""

SMALL = """async (sheets) => {
  const { styled } = await import("/static/shared/style-sheets.js");
  await Promise.all(sheets.split(" ").map(styled));
  for (const template of document.querySelectorAll("template")) document.body.append(template.content.cloneNode(true));
  const fields = document.querySelectorAll(
    "select, textarea, [role=textbox], input:not([type=checkbox], [type=radio], [type=range], [type=file])",
  );
  return [...fields]
    .map((field) => [field.ariaLabel || field.name || field.className, parseFloat(getComputedStyle(field).fontSize)])
    .filter(([, px]) => px < 16);
}"""


async def test_no_field_is_so_small_that_ios_zooms_into_it(launch_browser: Launch, calm_stack: Stack) -> None:
    context = await (await launch_browser()).new_context(**PHONE, service_workers="block")
    here = await DictaphonePage.open(context, calm_stack.api_url)
    assert await here.page.evaluate(SMALL, LATER) == []


async def test_fingers_find_every_action_of_a_row(launch_browser: Launch, calm_stack: Stack) -> None:
    context = await (await launch_browser()).new_context(**PHONE, locale="en-US", service_workers="block")
    here = await DictaphonePage.open(context, calm_stack.api_url)
    id = "00000000-0000-4000-8000-0000000000f1"
    answer = await context.request.put(
        f"{calm_stack.api_url}/api/clips/{id}?name=One",
        data=recordings.recording(),
        headers={"Content-Type": "audio/webm"},
    )
    assert answer.ok
    row = here.row(id)
    for name in ("Play One", "More for One"):
        await expect(row.get_by_role("button", name=name)).to_be_visible()
    await row.get_by_role("button", name="More for One").tap()
    inside: tuple[tuple[Literal["menuitem", "menuitemcheckbox"], str], ...]
    inside = (("menuitemcheckbox", "Star"), ("menuitem", "Delete"))
    for role, name in inside:
        await expect(here.page.get_by_role(role, name=name)).to_be_visible()
    await here.page.get_by_role("heading", name="Dictaphone").tap()
    await expect(here.page.get_by_role("menu")).to_have_count(0)


async def test_a_finger_that_rests_chooses_a_row_and_leaves_words_to_be_chosen(
    launch_browser: Launch, calm_stack: Stack
) -> None:
    """What is chosen is offered below the rows, over none of them; the words of a clip are text, as on any page."""
    context = await (await launch_browser()).new_context(**PHONE, locale="en-US", service_workers="block")
    here = await DictaphonePage.open(context, calm_stack.api_url)
    id = "00000000-0000-4000-8000-0000000000f2"
    url = f"{calm_stack.api_url}/api/clips/{id}"
    kind = {"Content-Type": "audio/webm"}
    assert (await context.request.put(f"{url}?name=Two", data=recordings.recording(2), headers=kind)).ok
    assert (await context.request.patch(url, data={"text": "Words that a finger chooses. " * 9})).ok
    chosen = here.page.get_by_role("group", name="Selection")

    words = (await open_clip(here, id)).get_by_text("Words that a finger chooses.").first
    assert await words.evaluate("(element) => getComputedStyle(element).userSelect") in {"auto", "text"}
    await rests_on(here.page, words)
    await expect(chosen).to_be_hidden()

    await here.page.goto(calm_stack.api_url)
    row = here.row(id)
    assert await row.evaluate("(element) => getComputedStyle(element).userSelect") == "none"
    await rests_on(here.page, row)
    await expect(chosen).to_contain_text("1 selected")
    bar, first = await chosen.bounding_box(), await here.rows().first.bounding_box()
    assert bar is not None
    assert first is not None
    assert bar["y"] >= first["y"] + first["height"] or bar["y"] + bar["height"] <= first["y"]
    assert here.errors == []


async def rests_on(page: Page, element: Locator) -> None:
    """Hold a finger on an element for as long as a phone takes for a long press."""
    box = await element.bounding_box()
    assert box is not None
    devtools = await page.context.new_cdp_session(page)
    point = {"x": box["x"] + min(60, box["width"] / 2), "y": box["y"] + min(20, box["height"] / 2)}
    await devtools.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    await page.wait_for_timeout(900)
    await devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    await devtools.detach()
