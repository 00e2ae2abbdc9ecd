"""`python -m tests.cases`: run odd files through a real stack and three browsers, and print a table."""

import argparse
import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from tests.browser import browsers
from tests.cases import table
from tests.cases.case import Case
from tests.cases.catalogue import GROUPS
from tests.cases.shared import FOLDER, shared_cases
from tests.cases.trial import Trial, play_all, send
from tests.servers.stack import Stack
from tests.servers.valkey import Valkey

AT_A_TIME = 3
"""Cases that are on their way while one is played."""

SHARED = "shared"
"""The group of the files of a folder."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.cases", description=__doc__)
    parser.add_argument("--group", action="append", choices=[*GROUPS, SHARED], help="only these groups of cases")
    parser.add_argument("--name", action="append", help="only cases whose name has this in it")
    parser.add_argument("--browser", action="append", choices=list(browsers.PAGES), help="only these browsers")
    parser.add_argument("--without-browsers", action="store_true", help="play nothing")
    parser.add_argument("--folder", type=Path, default=Path(FOLDER), help="where the group `shared` is")
    given = parser.parse_args()
    parts = given.name or [""]
    all = {**GROUPS, SHARED: shared_cases(given.folder)}
    groups = {
        group: [case for case in all[group] if any(part in case.name for part in parts)] for group in given.group or all
    }
    names = [] if given.without_browsers else given.browser or list(browsers.PAGES)
    asyncio.run(_run(groups, names))


async def _run(groups: Mapping[str, Sequence[Case]], names: Sequence[str]) -> None:
    async with contextlib.AsyncExitStack() as held:
        folder, redis = held.enter_context(TemporaryDirectory()), held.enter_context(Valkey())
        environment = {"DATA_DIR": folder, "REDIS_URL": redis.url()}
        stack = await asyncio.to_thread(lambda: held.enter_context(Stack(environment)))
        api = await held.enter_async_context(
            httpx.AsyncClient(base_url=stack.api_url, timeout=60, headers={"Sec-Fetch-Dest": "empty"}, trust_env=False)
        )
        pages: dict[str, Any] = {}
        for name in names:
            pages[name] = await held.enter_async_context(browsers.open_page(name))
            await pages[name].goto(f"{stack.api_url}/")
        for group, cases in groups.items():
            if cases:
                print(f"\n### {group}\n\n{table.head(names)}", flush=True)
                await _run_group(api, cases, pages)


async def _run_group(api: httpx.AsyncClient, cases: Sequence[Case], pages: Mapping[str, Any]) -> None:
    places = asyncio.Semaphore(AT_A_TIME)
    async with asyncio.TaskGroup() as tasks:
        for task in [tasks.create_task(_send(api, case, places)) for case in cases]:
            trial = await task
            if isinstance(trial, Trial):
                await play_all(api, trial, pages)
            print(table.row(trial, list(pages)) if isinstance(trial, Trial) else trial, flush=True)


async def _send(api: httpx.AsyncClient, case: Case, places: asyncio.Semaphore) -> Trial | str:
    """The trial of a case, or a line for the table: one that fails must not cost the others their lines."""
    async with places:
        try:
            return await send(api, case)
        except Exception as error:
            return f"| {case.name} | **{type(error).__name__}: {error}** |"


if __name__ == "__main__":
    main()
