"""Files that come to the page: taken by what they are, or refused with the reason, and kept without a server."""

from pathlib import Path

from playwright.async_api import expect

from tests.browser.page import SOON_MS, DictaphonePage
from tests.conftest import Launch
from tests.odd_files import rare
from tests.servers.stack import Stack


async def test_a_file_is_taken_by_its_content_and_refused_with_the_reason(
    calm_stack: Stack, launch_browser: Launch, tmp_path: Path
) -> None:
    here = await DictaphonePage.open(await launch_browser(), calm_stack.api_url)
    message, camera, picture = (tmp_path / name for name in ("Audio Message.caf", "00001.mts", "IMG_1.heic"))
    message.write_bytes(rare("caf"))
    camera.write_bytes(rare("ts"))
    picture.write_bytes(b"\0\0\0\x24ftypheic\0\0\0\0mif1heic" + bytes(2000))
    await here.page.set_input_files("[data-part=files]", [message, picture, camera])
    waiting = here.page.locator("[data-clip-id][data-status=waiting]")
    await expect(waiting).to_have_count(2, timeout=SOON_MS)
    said = here.page.get_by_text("“IMG_1.heic” was not taken: This is a picture")
    await expect(said).to_be_visible(timeout=SOON_MS)

    # Without an answer it is kept, and refused in the same words with its first bytes.
    await here.page.route("**/api/media-type", lambda route: route.abort())
    await here.page.set_input_files("[data-part=files]", [picture])
    refused = here.page.locator("[data-clip-id]", has_text="This is a picture")
    await expect(refused).to_be_visible(timeout=SOON_MS)
