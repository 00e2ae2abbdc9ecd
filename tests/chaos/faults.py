"""What each kind of fault does: break something, wait, and heal it."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping

import redis

from tests.chaos.plan import Episode, Fault, Kind
from tests.chaos.proxy import Weather
from tests.chaos.system import System


async def play(episode: Episode, system: System) -> None:
    """Break what the episode says, all at once; return when all of it is healed."""
    async with asyncio.TaskGroup() as faults:
        for fault in episode.faults:
            faults.create_task(FAULTS[fault.kind](system, fault))


async def kill(system: System, fault: Fault) -> None:
    with system.down(fault.target) as service:
        await asyncio.to_thread(service.kill)
        await asyncio.sleep(fault.seconds)


async def terminate(system: System, fault: Fault) -> None:
    with system.down(fault.target):
        await system.terminate(fault.target)
        await asyncio.sleep(fault.seconds)


async def freeze(system: System, fault: Fault) -> None:
    process = system.process(fault.target)
    await asyncio.to_thread(process.pause)
    await asyncio.sleep(fault.seconds)
    await asyncio.to_thread(process.resume)


async def flush(system: System, _: Fault) -> None:
    client = redis.Redis.from_url(system.redis_url, socket_timeout=10)
    try:
        await asyncio.to_thread(client.flushall)
    finally:
        client.close()


async def restart(system: System, fault: Fault) -> None:
    server = system.servers[fault.target]
    await asyncio.to_thread(server.kill)
    await asyncio.sleep(fault.seconds)
    await asyncio.to_thread(server.start)


async def fill(system: System, fault: Fault) -> None:
    await asyncio.to_thread(system.disk.fill)
    try:
        await asyncio.sleep(fault.seconds)
    finally:
        system.disk.free()


def weather(kind: Weather) -> Callable[[System, Fault], Coroutine[None, None, None]]:
    async def break_link(system: System, fault: Fault) -> None:
        system.links[fault.target].set(kind)
        await asyncio.sleep(fault.seconds)
        system.links[fault.target].set(Weather.FINE)

    return break_link


FAULTS: Mapping[Kind, Callable[[System, Fault], Coroutine[None, None, None]]] = {
    Kind.KILL: kill,
    Kind.TERMINATE: terminate,
    Kind.FREEZE: freeze,
    Kind.FLUSH: flush,
    Kind.RESTART: restart,
    Kind.FILL: fill,
    Kind.CUT: weather(Weather.CUT),
    Kind.HANG: weather(Weather.HANG),
    Kind.DELAY: weather(Weather.SLOW),
}
