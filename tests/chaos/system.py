"""The whole system on real servers, each service reached by links of its own that can be cut."""

import asyncio
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from typing import Literal, Self

import psutil

from shared.settings import DatabaseSettings, StoreSettings
from tests.chaos import sounds
from tests.chaos.disk import Disk, open_disk
from tests.chaos.ledger import Ledger
from tests.chaos.plan import Kind
from tests.chaos.proxy import Link
from tests.servers.postgres import Postgres
from tests.servers.seaweedfs import SeaweedFS
from tests.servers.server import Server, ServerFailed
from tests.servers.stack import SERVICES, Service, migrate
from tests.servers.valkey import Valkey
from tests.servers.whisper import API_KEY, Whisper

Parts = Literal["servers", "local"]
"""`servers`: two of each service, on Postgres, Valkey and SeaweedFS. `local`: one of each, on SQLite and files."""

END_S = 10
"""Seconds in which a service must end by itself after SIGTERM: then `make local-up` and Docker kill it."""

SANE_EXITS = frozenset({0, -signal.SIGTERM})
"""How a service may end after SIGTERM: uvicorn ends its process by the signal that it was sent, once all is done."""

WATCH_S = 0.2
"""Seconds between two looks whether a service has ended."""

SETTINGS = {
    "WHISPER_API_KEY": API_KEY,
    # Whoever reads audio follows no redirect to a bucket that is cut off.
    "AUDIO_DELIVERY": "stream",
    "LIVE_CAPTIONS": "off",  # the small models that they need do not come along
    "CONCURRENCY": "4",
    # The clip of a killed worker and the pauses between tries: seconds instead of minutes.
    "LEASE_SECONDS": "4",
    "RETRY_SECONDS": "0.2",
    "STOP_GRACE_SECONDS": "3",
}


class System:
    """Servers, links and services, from `async with` to its end."""

    def __init__(self, parts: Parts, ledger: Ledger) -> None:
        self.parts, self._ledger = parts, ledger
        self.links: dict[str, Link] = {}
        """By `SERVICE>SERVER`."""
        self.servers: dict[str, Server] = {}
        self.services: dict[str, Service] = {}
        self._held = AsyncExitStack()
        self._down: set[str] = set()
        """Services that are down on purpose."""

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._held.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._held.aclose()

    # -- what can be done to it ---------------------------------------------------------------------------------

    @property
    def targets(self) -> Mapping[Kind, list[str]]:
        """What each kind of fault can hit."""
        services, servers, links = list(self.services), list(self.servers), list(self.links)
        return {
            Kind.KILL: services,
            Kind.TERMINATE: services,
            Kind.FREEZE: [*services, *servers],
            Kind.FLUSH: ["valkey"],
            Kind.RESTART: servers,
            Kind.FILL: ["disk"] if self.disk.is_small else [],
            **dict.fromkeys((Kind.CUT, Kind.HANG, Kind.DELAY), links),
        }

    def process(self, name: str) -> Server:
        return self.services.get(name) or self.servers[name]

    @contextmanager
    def down(self, service: str) -> Iterator[Service]:
        """Have a service down on purpose within the block, and start it at the end."""
        self._down.add(service)
        try:
            yield self.services[service]
        finally:
            self.services[service].launch()
            self._down.discard(service)

    async def terminate(self, service: str) -> None:
        """Send SIGTERM. Whatever is wrong with how the service ends is a finding."""
        server = self.services[service]
        try:
            status = await asyncio.to_thread(server.terminate, END_S)
        except psutil.TimeoutExpired:
            self._ledger.find(f"{service} still ran {END_S} s after SIGTERM", server.log_tail())
            await asyncio.to_thread(server.kill)
            return
        if status not in SANE_EXITS:
            self._ledger.find(f"{service} ended with {status} after SIGTERM", server.log_tail())

    async def watch(self) -> None:
        """Start services again that end by themselves, as a supervisor does, and note it."""
        while True:
            await asyncio.sleep(WATCH_S)
            for name, server in self.services.items():
                if name in self._down or server.is_running():
                    continue
                self._ledger.find(f"{name} ended by itself with {server.exit_status}", server.log_tail())
                server.launch()

    # -- what it is made of -------------------------------------------------------------------------------------

    @property
    def api_urls(self) -> list[str]:
        return [f"http://127.0.0.1:{self.services[name].port}" for name in self._named("api")]

    @property
    def websocket_urls(self) -> list[str]:
        """Of each realtime server, and of the page's own address."""
        realtime = [f"ws://127.0.0.1:{self.services[name].port}/websocket" for name in self._named("realtime")]
        return [*realtime, *(f"{url.replace('http', 'ws')}/websocket" for url in self.api_urls)]

    def logs(self) -> Iterable[tuple[str, str]]:
        """What each service wrote, by its name."""
        return [(name, service.log()) for name, service in self.services.items()]

    @property
    def redis_url(self) -> str:
        return self._environment("")["REDIS_URL"]

    @property
    def direct(self) -> tuple[DatabaseSettings, StoreSettings]:
        """Database and store, reached without a link."""
        return DatabaseSettings.model_validate(self._settings("")), StoreSettings.model_validate(self._settings(""))

    def _settings(self, service: str) -> dict[str, object]:
        return {name.lower(): value for name, value in self._environment(service).items()}

    async def _start(self) -> None:
        self.disk: Disk = self._held.enter_context(open_disk())
        self._whisper = self._held.enter_context(Whisper(transcribe=sounds.heard))
        kinds = (Valkey, Postgres, SeaweedFS) if self.parts == "servers" else (Valkey,)
        started = await asyncio.gather(*(asyncio.to_thread(_started, kind) for kind in kinds))
        for server in started:
            self._held.push_async_callback(asyncio.to_thread, server.close)
            self.servers[server.name] = server
        if isinstance(bucket := self.servers.get("seaweedfs"), SeaweedFS):
            self._bucket = await asyncio.to_thread(bucket.create_bucket)
        await asyncio.to_thread(migrate, self._environment(""))
        numbers = ("", "-2") if self.parts == "servers" else ("",)
        names = [f"{service}{number}" for number in numbers for service in reversed(SERVICES)]
        for name in names:
            await self._add_service(name)
        for service in self.services.values():
            service.launch()
        await asyncio.gather(*(asyncio.to_thread(service.wait_until_ready) for service in self.services.values()))

    async def _add_service(self, name: str) -> None:
        kind, _, number = name.partition("-")
        needs = ["valkey"] if kind == "realtime" else list(self.servers)
        ports = {server: self.servers[server].port for server in needs}
        if kind == "transcriber":
            ports["whisper"] = self._whisper.port
        if kind == "api":
            ports["realtime"] = self.services[f"realtime{number and f'-{number}'}"].port
        for server, port in ports.items():
            self.links[f"{name}>{server}"] = await self._held.enter_async_context(Link(port))
        service = Service(name, self._environment(name))
        self._held.push_async_callback(asyncio.to_thread, self._close, service)
        self.services[name] = service

    def _environment(self, name: str) -> dict[str, str]:
        """The variables of a service; without a name, those that lead to the servers themselves."""
        folder = self.disk.folder / (name if self.parts == "servers" else "data")
        folder.mkdir(exist_ok=True)
        environment = {**SETTINGS, "DATA_DIR": str(folder)}
        for server_name, server in self.servers.items():
            link = self.links.get(f"{name}>{server_name}")
            if name and link is None:
                continue
            port = link.port if link else server.port
            environment |= {
                variable: value.replace(f"127.0.0.1:{server.port}", f"127.0.0.1:{port}")
                for variable, value in self._address(server).items()
            }
        if link := self.links.get(f"{name}>whisper"):
            environment["WHISPER_URL"] = f"http://127.0.0.1:{link.port}/v1/audio/transcriptions"
        if link := self.links.get(f"{name}>realtime"):
            environment["REALTIME_UPSTREAM"] = f"ws://127.0.0.1:{link.port}/websocket"
            transcriber = self.services["transcriber"]
            environment["WAKE_URL"] = f"http://127.0.0.1:{transcriber.port}/wake"
        return environment

    def _address(self, server: Server) -> Mapping[str, str]:
        match server:
            case Valkey():
                return {"REDIS_URL": server.url()}
            case Postgres():
                return {"DATABASE_URL": server.url()}
            case SeaweedFS():
                return server.settings(self._bucket)
        raise ServerFailed(f"{server.name} is no server that a service needs")

    def _named(self, kind: str) -> list[str]:
        return [name for name in self.services if name.partition("-")[0] == kind]

    def _close(self, service: Service) -> None:
        service.kill()
        service.close()


def _started(kind: type[Server]) -> Server:
    return kind().start()
