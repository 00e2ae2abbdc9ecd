"""What fingers need: fields that iOS does not zoom into, and every action of a row without a pointer that hovers."""

from typing import Any, Literal

from playwright.async_api import expect

from tests import recordings
from tests.browser.page import DictaphonePage
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
