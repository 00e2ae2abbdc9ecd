"""Addresses of places: reload, bookmarks and links open what they name, or say why not and lead on."""

import uuid
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.many import id_of, put
from tests.browser.page import SOON_MS, DictaphonePage, clip_page, title_of
from tests.browser.screenshots import SCREENS
from tests.conftest import Launch, Parts
from tests.servers.stack import Stack

CLIPS = 300

FAR = 3
"""A clip that the first pages of the list do not reach."""


@pytest.fixture(scope="module")
def far_stack(module_local_parts: Parts) -> Iterator[Stack]:
    """Api and realtime over more clips than a list has at first."""
    put(module_local_parts, CLIPS)
    with Stack(module_local_parts, ["api", "realtime"], migrate=False) as stack:
        yield stack


@pytest.fixture
async def phone(far_stack: Stack, launch_browser: Launch) -> AsyncIterator[DictaphonePage]:
    """A page on a phone, where a place lies over the list."""
    context = await (await launch_browser()).new_context(**SCREENS["phone"], service_workers="block")
    here = DictaphonePage(await context.new_page())
    yield here
    assert here.errors == []


def title(page: Page) -> Locator:
    return clip_page(page).get_by_role("heading", level=1)


async def test_a_clips_page_waits_for_no_list(far_stack: Stack, phone: DictaphonePage) -> None:
    await phone.page.route("**/api/clips?*", lambda route: route.abort())
    await phone.page.route("**/api/clips", lambda route: route.abort())
    await phone.page.goto(f"{far_stack.api_url}/clips/{id_of(FAR)}")
    await expect(title(phone.page)).to_have_text(f"Clip {FAR}")
    await expect(phone.page).to_have_title(f"Clip {FAR} – Dictaphone")


async def test_reload_and_back_and_old_links_lead_where_they_led(far_stack: Stack, phone: DictaphonePage) -> None:
    await phone.page.goto(f"{far_stack.api_url}/#clip={id_of(FAR).upper()}&t=2")
    await expect(title(phone.page)).to_have_text(f"Clip {FAR}")
    assert phone.page.url == f"{far_stack.api_url}/clips/{id_of(FAR)}?t=2"
    await phone.page.reload()
    await expect(title(phone.page)).to_have_text(f"Clip {FAR}")
    await phone.page.get_by_role("link", name="Back to the clips").click()
    await expect(phone.page).to_have_url(f"{far_stack.api_url}/")
    await title_of(phone.row(id_of(CLIPS))).click()
    await expect(title(phone.page)).to_have_text(f"Clip {CLIPS}")
    await phone.page.reload()
    await expect(title(phone.page)).to_have_text(f"Clip {CLIPS}")
    await phone.page.go_back()
    await expect(phone.row(id_of(CLIPS))).to_be_visible()


async def test_a_clip_that_is_not_there_says_so_and_leads_back(far_stack: Stack, phone: DictaphonePage) -> None:
    await phone.page.goto(f"{far_stack.api_url}/clips/{uuid.uuid4()}")
    await expect(phone.page.get_by_role("alert").get_by_text("is not here")).to_be_visible()
    await phone.page.get_by_role("link", name="Back to the clips").click()
    await expect(phone.row(id_of(CLIPS))).to_be_visible()


async def test_a_clip_in_the_bin_leads_there(far_stack: Stack, phone: DictaphonePage) -> None:
    async with httpx.AsyncClient(base_url=far_stack.api_url, trust_env=False) as api:
        (await api.delete(f"/api/clips/{id_of(FAR + 1)}")).raise_for_status()
    await phone.page.goto(f"{far_stack.api_url}/clips/{id_of(FAR + 1)}")
    await expect(phone.page.get_by_role("alert").get_by_text("is in the bin")).to_be_visible()
    await phone.page.get_by_role("link", name="Bin", exact=True).click()
    await expect(phone.page).to_have_url(f"{far_stack.api_url}/bin")


async def test_a_clip_that_cannot_be_reached_is_opened_when_it_can(far_stack: Stack, phone: DictaphonePage) -> None:
    await phone.page.route(f"**/api/clips/{id_of(FAR)}", lambda route: route.abort())
    await phone.page.goto(f"{far_stack.api_url}/clips/{id_of(FAR)}")
    await expect(phone.page.get_by_role("alert").get_by_text("could not be opened")).to_be_visible(timeout=SOON_MS)
    await phone.page.unroute(f"**/api/clips/{id_of(FAR)}")
    await phone.page.get_by_role("button", name="Retry").click()
    await expect(title(phone.page)).to_have_text(f"Clip {FAR}")
