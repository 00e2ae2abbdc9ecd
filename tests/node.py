"""Clients that are written in JavaScript and come from npm, each a process that is told and tells in lines of JSON."""

import asyncio
import json
import shutil
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.servers.stack import ROOT

SCRIPTS = ROOT / "tests" / "scripts"

has_node = pytest.mark.skipif(
    shutil.which("node") is None or not (SCRIPTS / "node_modules" / ".stamp").is_file(),
    reason="there is no node on the PATH, or no node_modules: make tests/scripts/node_modules/.stamp",
)


class NodeClient:
    """A script of tests/scripts, running."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def told(self) -> dict[str, Any]:
        """What it says next."""
        assert self._process.stdout
        assert self._process.stderr
        line = await self._process.stdout.readline()
        assert line, (await self._process.stderr.read()).decode()
        told: dict[str, Any] = json.loads(line)
        return told

    def tell(self, **words: Any) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(words).encode() + b"\n")


@asynccontextmanager
async def node_client(script: str, **wish: Any) -> AsyncIterator[NodeClient]:
    """Run a script with one argument, the wish as JSON; kill it at the end, if it has not ended."""
    process = await asyncio.create_subprocess_exec(
        "node", script, json.dumps(wish), cwd=SCRIPTS, stdin=PIPE, stdout=PIPE, stderr=PIPE, limit=1 << 24
    )
    try:
        yield NodeClient(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
