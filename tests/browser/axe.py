"""What axe-core finds on a page."""

from typing import cast

from playwright.async_api import Page

from tests.node import SCRIPTS

_AXE = SCRIPTS / "node_modules" / "axe-core" / "axe.min.js"

_FOUND = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations.flatMap(({ id, impact, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${impact} ${id}: ${target} ${failureSummary}`));
}"""


async def violations(page: Page) -> list[str]:
    """A sentence for each fault of the page as it is shown now."""
    await page.evaluate(_AXE.read_text())
    return cast("list[str]", await page.evaluate(_FOUND))
