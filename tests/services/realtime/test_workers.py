"""Worker processes that share one port, and their metrics."""

import asyncio
import contextlib
import os
import signal
import sys

import psutil

from services.realtime.__main__ import WORKERS_DEPRECATED
from tests.servers.server import free_port
from tests.servers.stack import ROOT
from tests.services.realtime.conftest import TIMEOUT_S, WORKERS, Open, Page, Realtime


def children(realtime: Realtime) -> list[psutil.Process]:
    return list(psutil.Process(realtime.pid).children())


async def wait_for_metric(realtime: Realtime, line: str) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while f"dictaphone_realtime_{line}" not in realtime.get("/metrics").text.splitlines():
            await asyncio.sleep(0.05)


async def test_every_worker_takes_connections_and_any_reports_all(workers: Realtime, open_page: Open) -> None:
    pages = [await open_page(workers) for _ in range(60)]
    id = workers.publish("to all")
    for page in pages:
        await page.receives(id, "to all")
    await wait_for_metric(workers, "connections 60.0")
    await wait_for_metric(workers, f"redis_up {WORKERS}.0")
    await wait_for_metric(workers, "deliveries_total 60.0")
    for child in children(workers):
        connected = [line for line in child.net_connections("tcp4") if line.status == psutil.CONN_ESTABLISHED]
        assert len(connected) > 3, "the kernel shares them out"


async def test_an_operator_is_told_that_workers_will_go(workers: Realtime) -> None:
    warnings = [line for line in workers.log().splitlines() if WORKERS_DEPRECATED in line]
    assert len(warnings) == 1


async def test_a_killed_worker_is_restarted_and_the_others_go_on(workers: Realtime, open_page: Open) -> None:
    pages = [await open_page(workers) for _ in range(30)]
    id = workers.publish("before")
    for page in pages:
        await page.receives(id, "before")
    await wait_for_metric(workers, "deliveries_total 30.0")
    victim = children(workers)[0]
    victim.kill()
    async with asyncio.timeout(TIMEOUT_S):
        while len(children(workers)) < WORKERS or victim.is_running():
            await asyncio.sleep(0.05)
    left = [page for page in pages if await _is_open(page)]
    assert 0 < len(left) < 30
    id = workers.publish("after")
    for page in left:
        await page.receives(id, "after")
    await wait_for_metric(workers, f"deliveries_total {30 + len(left)}.0")
    await wait_for_metric(workers, f"connections {len(left)}.0")


async def test_all_workers_stop_together(workers: Realtime, open_page: Open) -> None:
    pages = [await open_page(workers) for _ in range(6)]
    family = children(workers)
    assert len(family) == WORKERS
    assert workers.pid
    os.kill(workers.pid, signal.SIGTERM)
    for page in pages:
        assert await page.close_code() == 1012
    _, alive = psutil.wait_procs(family, timeout=TIMEOUT_S)
    assert not alive


async def test_workers_stop_with_their_parent(workers: Realtime) -> None:
    family = children(workers)
    assert workers.pid
    os.kill(workers.pid, signal.SIGKILL)
    _, alive = psutil.wait_procs(family, timeout=TIMEOUT_S)
    assert not alive


async def test_an_adopted_orphan_is_reaped(workers: Realtime) -> None:
    """As the first process of a container gets them."""
    adopt = (
        "import ctypes, os, runpy, subprocess, sys\n"
        "ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)\n"  # PR_SET_CHILD_SUBREAPER
        "subprocess.Popen(['sh', '-c', 'sleep 1 & exit'], stdout=subprocess.DEVNULL)\n"
        "sys.argv = ['services.realtime']\n"
        "runpy.run_module('services.realtime', run_name='__main__')\n"
    )
    environment = {**os.environ, **workers.environment(), "PORT": str(free_port())}
    first = await asyncio.create_subprocess_exec(sys.executable, "-c", adopt, env=environment, cwd=ROOT)
    try:
        await asyncio.sleep(3)
        assert first.returncode is None
        assert len(psutil.Process(first.pid).children()) == WORKERS
    finally:
        with contextlib.suppress(ProcessLookupError):
            first.terminate()
        await first.wait()


async def test_a_taken_port_is_not_shared_with_another_program(workers: Realtime) -> None:
    environment = {**os.environ, **workers.environment()}
    second = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.realtime", env=environment, cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    _, said = await asyncio.wait_for(second.communicate(), TIMEOUT_S)
    assert second.returncode == 1
    assert b"Set HOST and PORT" in said


async def _is_open(page: Page) -> bool:
    await asyncio.sleep(0)
    return page.socket.close_code is None
