"""People at a server that asks who they are: claim, passkey and password, a session that ends, two at one device."""

import asyncio
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.async_api import BrowserContext, Page, expect
from sqlalchemy import create_engine

from services.api.people.passwords import Passwords
from shared.db.engine import transaction
from shared.people.libraries import Library, Member
from shared.people.models import Person
from shared.people.roles import Role
from tests import speech
from tests.browser.page import SOON_MS, DictaphonePage
from tests.conftest import Launch, Parts, StartStack
from tests.servers.stack import PYTHON, ROOT, Stack

PASSWORD = "a sentence that is long enough"

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}

KEPT = """() => new Promise((resolve) => {
  const opening = indexedDB.open("dictaphone");
  opening.onsuccess = () => {
    const rows = opening.result.transaction("recordings").objectStore("recordings").getAll();
    rows.onsuccess = () => resolve(rows.result.length);
  };
})"""


def url_of(stack: Stack) -> str:
    """Passkeys need a name."""
    return stack.api_url.replace("127.0.0.1", "localhost")


def claim_code(stack: Stack) -> str:
    environment = {**stack.environment, **PYTHON}
    command = [sys.executable, "-m", "services.api.claim"]
    told = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    return told.rpartition("#")[2].strip()


@pytest.fixture
def closed(local_parts: Parts, start_stack: StartStack) -> Stack:
    return start_stack(local_parts, "api", "realtime", SIGN_IN="on")


async def device(launch: Launch, tmp_path: Path | None = None) -> BrowserContext:
    microphone = speech.microphone(tmp_path / "speech.wav") if tmp_path else None
    browser = await (launch(microphone) if microphone else launch())
    return await browser.new_context(service_workers="block", permissions=["microphone"] if microphone else [])


async def with_passkeys(page: Page) -> None:
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    await session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})


async def claim(page: Page, stack: Stack, name: str = "Ann", *, passkey: bool = False) -> None:
    await page.goto(f"{url_of(stack)}/claim#{claim_code(stack)}")
    await page.get_by_label("Name").fill(name)
    assert "#" not in page.url, "the code has left the address"
    if passkey:
        await page.get_by_role("button", name="Make a passkey").click()
    else:
        await page.get_by_label("A new password").fill(PASSWORD)
        await page.get_by_role("button", name="Use a password").click()
    await is_in(page)


async def is_in(page: Page) -> None:
    await expect(page.locator("[data-part=library]")).to_have_attribute("aria-busy", "false", timeout=SOON_MS)


async def sign_in(page: Page, name: str = "Ann") -> None:
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in", exact=True).click()


async def sign_out(page: Page) -> None:
    await page.locator("a[href='/settings']:visible").first.click()
    await page.get_by_role("button", name="Sign out", exact=True).click()
    await page.get_by_role("dialog").get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


async def keeps_nothing(page: Page) -> None:
    """Wait until the device has sent all that was recorded."""
    async with asyncio.timeout(SOON_MS / 1000):
        while await page.evaluate(KEPT):
            await asyncio.sleep(0.2)


async def end_session(page: Page) -> None:
    """As when its time is over: the cookie is not known any more."""
    await page.context.request.delete(f"{page.url.split('/', 3)[0]}//{page.url.split('/')[2]}/api/session")


async def test_a_new_server_is_claimed_by_a_passkey_which_opens_it_again(closed: Stack, launch_browser: Launch) -> None:
    page = await (await device(launch_browser)).new_page()
    await with_passkeys(page)
    await page.goto(f"{url_of(closed)}/")
    await expect(page.get_by_role("heading", name="Nobody owns this server yet")).to_be_visible()
    await claim(page, closed, passkey=True)
    await sign_out(page)
    await page.goto(f"{url_of(closed)}/bin")
    await page.get_by_role("button", name="Sign in with a passkey").click()
    await is_in(page)
    assert page.url.endswith("/bin"), "one goes on where one wanted to"


async def test_a_password_opens_it_and_a_wrong_one_does_not(closed: Stack, launch_browser: Launch) -> None:
    page = await (await device(launch_browser)).new_page()
    await claim(page, closed)
    await sign_out(page)
    await page.get_by_label("Name").fill("Ann")
    await page.get_by_label("Password").fill("another sentence")
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await expect(page.get_by_role("alert")).to_have_text("The server knows nobody with that.")
    await sign_in(page)
    await is_in(page)
    async with httpx.AsyncClient(base_url=closed.api_url) as stranger:
        assert (await stranger.get("/api/clips")).status_code == 401


async def test_a_session_that_ends_in_a_recording_costs_nothing(
    closed: Stack, launch_browser: Launch, tmp_path: Path
) -> None:
    page = await (await device(launch_browser, tmp_path)).new_page()
    await claim(page, closed)
    here = DictaphonePage(page)
    await here.button("Record").click()
    await here.has_recorded(3)
    await end_session(page)
    await here.has_recorded(7)
    await here.button("Stop").click()
    # Its key brings it to its end, and nobody has signed in.
    await keeps_nothing(page)
    await page.goto(f"{url_of(closed)}/")
    await sign_in(page)
    await is_in(page)
    clips = (await (await page.context.request.get(f"{url_of(closed)}/api/clips")).json())["clips"]
    assert [clip["status"] for clip in clips] == ["pending"]
    assert clips[0]["duration_ms"] >= 6_500
    assert clips[0]["gaps"] == []


async def test_what_is_recorded_signed_out_is_sent_after_signing_in_in_another_tab(
    closed: Stack, launch_browser: Launch, tmp_path: Path
) -> None:
    context = await device(launch_browser, tmp_path)
    page = await context.new_page()
    await claim(page, closed)
    await end_session(page)
    here = DictaphonePage(page)
    await here.button("Record").click()
    await here.has_recorded(3)
    await here.button("Stop").click()
    await expect(here.button("Record")).to_be_visible()
    assert await page.evaluate(KEPT) == 1
    await expect(page.get_by_text("Sign in when you are back")).to_be_attached(timeout=SOON_MS)
    await here.mark()
    other = await context.new_page()
    await other.goto(f"{url_of(closed)}/sign-in?beside")
    await sign_in(other)
    await expect(other.get_by_role("heading", name="You are signed in")).to_be_visible()
    await keeps_nothing(page)
    assert await here.was_never_reloaded()
    assert not re.search("Sign in when", await page.locator("[data-part=signed-out]").inner_text())


async def add_person(stack: Stack, name: str) -> None:
    """Somebody with a library of their own."""
    person = Person.of(name, now := datetime.now(UTC))
    person.password_hash = await Passwords().hash(PASSWORD)
    engine = create_engine(stack.environment["DATABASE_URL"])
    with transaction(engine) as session:
        session.add(person)
        session.add(Library(id=name, name=name, created_at=now))
        session.flush()
        session.add(Member(library_id=name, person_id=person.id, role=Role.OWNER, created_at=now))
    engine.dispose()


async def test_two_people_at_one_device_neither_see_nor_send_what_is_the_others(
    closed: Stack, launch_browser: Launch, tmp_path: Path
) -> None:
    await add_person(closed, "Ben")
    page = await (await device(launch_browser, tmp_path)).new_page()
    await page.goto(f"{url_of(closed)}/")
    await sign_in(page, "Ben")
    await is_in(page)
    here = DictaphonePage(page)
    await end_session(page)
    await here.button("Record").click()
    await here.has_recorded(2)
    await here.button("Stop").click()
    await expect(here.button("Record")).to_be_visible()
    assert await page.evaluate(KEPT) == 1
    await add_person(closed, "Ann")
    await page.goto(f"{url_of(closed)}/")
    await sign_in(page, "Ann")
    await expect(page.get_by_text("1 recording of another person waits here.")).to_be_visible(timeout=SOON_MS)
    await expect(here.rows()).to_have_count(0)
    await sign_out(page)
    assert await page.evaluate(KEPT) == 1, "signing out drops nothing that is nowhere else"
    await sign_in(page, "Ben")
    await is_in(page)
    await keeps_nothing(page)
    await expect(here.rows()).to_have_count(1)
