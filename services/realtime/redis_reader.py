"""From Redis to the hub: one supervised reader, which proves for every batch that nothing was missed before it."""

import asyncio
import json
import random
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import structlog
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from services.realtime.hub import Hub
from services.realtime.replay_buffer import REPLAY_FRAMES, Event
from shared.libraries import HOME
from shared.redis.streams import FIELD, StreamId, epoch_key, hints_key, stream_key

log = structlog.get_logger(__name__)

BATCH = 200
"""Entries for each read: a call costs some 150 µs, an entry 3 µs, and a batch holds the loop for a millisecond."""

BLOCK_MS = 2_000
"""How long a read waits: the longest that a wipe can go unnoticed while nobody changes anything."""

ANSWER_S = 3
"""Seconds that Redis has to connect, and to answer beyond what it was told to wait: then it counts as away."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 2.0
"""Pauses between tries while Redis is away: a restart takes half a second, and an outage costs no load."""

# Finds the life of a stream, or founds one, and reads what is in it, all in one step.
#
# A life ends with a wipe (the epoch is gone) and with the server's process (run_id): one that restarts from a snapshot,
# or a replica that takes over, may lack entries that it once acknowledged. Its founding entry is newer than all that
# was ever seen here, as far as anybody can know, so that even a clock that went back cannot give out an old id again.
FIND_OR_FOUND = """
local info = redis.pcall('INFO', 'server')
local run = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or ''
local epoch = redis.call('GET', KEYS[1])
if not epoch or string.sub(epoch, 1, #run) ~= run or redis.call('XLEN', KEYS[2]) == 0 then
  epoch = run .. ':' .. ARGV[1]
  local founded = redis.pcall('XADD', KEYS[2], ARGV[2], 'epoch', epoch)
  if type(founded) == 'table' then redis.call('XADD', KEYS[2], '*', 'epoch', epoch) end
  redis.call('SET', KEYS[1], epoch)
end
return {epoch, redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', ARGV[3])}
"""

Entry = tuple[bytes, list[bytes]]
"""What Redis says of an entry: its id, and its fields and values in turn."""


class Feed:
    """Reads the streams for as long as it runs; comes back by itself after anything."""

    def __init__(self, redis_url: str, hub: Hub) -> None:
        # One connection at a time, made by hand: a pool would replace a lost one in silence, and a lost connection is
        # what makes everything before it doubtful. RESP2, because its replies are lists in every version.
        pool = ConnectionPool.from_url(
            redis_url,
            protocol=2,
            socket_connect_timeout=ANSWER_S,
            socket_timeout=BLOCK_MS / 1000 + ANSWER_S,
            retry=Retry(NoBackoff(), 0),
            client_name="dictaphone-realtime",
        )
        self._new_connection: Callable[[], Any] = pool.make_connection
        self._hub = hub
        self._epochs: dict[str, str] = {}
        self._last: dict[str, str] = {}
        self._last_hints: dict[str, str] = {}
        self.fault: str | None = "Redis was not reached yet."
        """One sentence while the feed is not reading, for whoever asks whether this server is ready."""
        self.failures = 0
        """How often it lost Redis or stumbled, ever."""
        self.events = 0
        """Entries that it passed on, ever."""
        self.reading = asyncio.Event()
        """Set once the feed has read for the first time."""

    async def run(self) -> None:
        """Read until cancelled."""
        pause = FIRST_PAUSE_S
        while True:
            began = time.monotonic()
            connection = self._new_connection()
            try:
                await connection.connect()
                await self._read(connection)
            except (RedisError, OSError) as error:
                self._note(f"Redis does not answer ({type(error).__name__}). Connections stay; events wait.")
                log.warning("the feed lost Redis and tries again", reason=str(error), pause_s=round(pause, 2))
            except Exception:
                # The reader must not die of a fault that nobody foresaw: say it whole, go on.
                self._note("The feed stumbled and starts over; the log says where.")
                log.exception("the feed stumbled")
            finally:
                await connection.disconnect(nowait=True)
            if time.monotonic() - began > LONGEST_PAUSE_S:
                pause = FIRST_PAUSE_S
            # Jitter, so that the servers of one Redis do not come back at one instant.
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 – no secret
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def _read(self, connection: AbstractConnection) -> None:
        opened: set[str] = set()
        while True:
            for library in ({HOME} | self._hub.libraries()) - opened:
                await self._open(connection, library)
                opened.add(library)
            if self.fault:
                self.fault = None
                self.reading.set()
                log.info("the feed reads")
            opened = await self._advance(connection, sorted(opened))

    async def _open(self, connection: AbstractConnection, library: str) -> None:
        """Go on where we were if the stream still lives; otherwise begin anew, and tell everyone."""
        last = StreamId.parse(self._last.get(library, "0-0"))
        founding_id = StreamId(max(time.time_ns() // 1_000_000, last.ms + 1), 0)
        command = ("EVAL", FIND_OR_FOUND, 2, epoch_key(library), stream_key(library))
        [(found, entries)] = await _ask(
            connection, (*command, secrets.token_hex(8), str(founding_id), REPLAY_FRAMES + 1)
        )
        epoch = found.decode()
        if self._epochs.get(library) == epoch:
            return
        life = list(_since_founding(entries, found))
        self._epochs[library], self._last[library] = epoch, life[-1][0].decode()
        log.info("a life of a stream begins", library=library, epoch=epoch, entries=len(life))
        # The oldest entry is the place to count from: the founding, or an event that had others before it.
        self._hub.of(library).begin(life[0][0].decode(), list(_events(life[1:])))

    async def _advance(self, connection: AbstractConnection, libraries: list[str]) -> set[str]:
        """Wait for events and pass them on; return the libraries that are proven to have no gap so far.

        The proof comes after the entries, in one round trip, and before anybody sees them: the stream is in the life
        that we know, and still holds the last entry that we read, so nothing behind it was trimmed.
        """
        keys = {stream_key(library).encode(): library for library in libraries}
        hints = {hints_key(library).encode(): library for library in libraries}
        lasts = [self._last[library] for library in libraries]
        last_hints = [self._last_hints.get(library, "$") for library in libraries]
        read, epochs, *held = await _ask(
            connection,
            ("XREAD", "COUNT", BATCH, "BLOCK", BLOCK_MS, "STREAMS", *keys, *hints, *lasts, *last_hints),
            ("MGET", *map(epoch_key, libraries)),
            *(("XRANGE", key, last, last) for key, last in zip(keys, lasts, strict=True)),
        )
        proven = {
            library
            for library, epoch, entries in zip(libraries, epochs, held, strict=True)
            if entries and epoch == self._epochs[library].encode()
        }
        for library in set(libraries) - proven:
            log.warning("a stream was wiped, or trimmed behind us; everyone fetches again", library=library)
            # Not even the same epoch, should it be found again, lets us go on from here.
            del self._epochs[library]
        for key, entries in read or ():
            if key in hints:
                self._last_hints[hints[key]] = entries[-1][0].decode()
                await self._pass_on(hints[key], entries)
            elif (library := keys[key]) in proven:
                self._last[library] = entries[-1][0].decode()
                events = list(_events(entries))
                self.events += len(events)
                self._hub.of(library).publish(events)
        return proven

    async def _pass_on(self, library: str, hints: Sequence[Entry]) -> None:
        for _, hint in _events(hints):
            for _ in self._hub.of(library).tell(hint):
                await asyncio.sleep(0)

    def _note(self, fault: str) -> None:
        self.failures += 1
        self.fault = fault


async def _ask(connection: AbstractConnection, *commands: tuple[Any, ...]) -> list[Any]:
    """Send commands in one write and read their replies; those behind a blocking one are answered after it."""
    await connection.send_packed_command(connection.pack_commands(commands), check_health=False)
    return [await connection.read_response() for _ in commands]


def _since_founding(newest_first: Sequence[Entry], epoch: bytes) -> Sequence[Entry]:
    """The entries of one life, oldest first: what stands before its founding belongs to another."""
    for place, (_, fields) in enumerate(newest_first):
        if fields == [b"epoch", epoch]:
            return newest_first[place::-1]
    return newest_first[::-1]


def _events(entries: Sequence[Entry]) -> Iterator[Event]:
    """The events among entries. What is none is not passed on: a frame that no browser can read would drop them all."""
    for id, fields in entries:
        data = dict(zip(fields[::2], fields[1::2], strict=True)).get(FIELD.encode())
        if data is None:
            continue
        try:
            # Decoded first, since `loads` would take other encodings than a browser does.
            if not json.loads(data.decode(), parse_constant=_refuse)["type"] or not data.startswith(b"{"):
                raise ValueError("it has no type")
        except (ValueError, KeyError, TypeError) as error:
            log.warning("an entry is no event and was left out", id=id.decode(), reason=repr(error))
        else:
            yield id.decode(), data


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
