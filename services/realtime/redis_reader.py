"""The reader of Redis streams: passes events to the hub, and proves for each batch that no entry before it was missed.

An *epoch* of a stream lasts from one wipe of Redis, or restart of its server, to the next. Redis keeps its name beside
the stream. The first entry of an epoch is a *marker*, with the name of the epoch and without an event.
"""

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

from services.realtime.hub import Hub
from services.realtime.replay_buffer import MAX_REPLAY_FRAMES, Event
from shared.libraries import HOME
from shared.redis.errors import UNAVAILABLE
from shared.redis.streams import PAYLOAD_FIELD, StreamId, epoch_key, hints_key, stream_key

log = structlog.get_logger(__name__)

BATCH_ENTRIES = 200
"""Entries of one read: a call costs some 150 µs, an entry 3 µs, and a batch holds the event loop for a millisecond."""

BLOCK_MS = 2_000
"""How long a read waits for entries: the longest time until a wipe is noticed while nobody changes anything."""

ANSWER_TIMEOUT_S = 3
"""Seconds for Redis to connect, and to answer beyond the time that it was told to block."""

MIN_RETRY_PAUSE_S, MAX_RETRY_PAUSE_S = 0.05, 2.0
"""Pauses between attempts while Redis is unavailable: a restart takes half a second, and an outage causes no load."""

# Return the stream's epoch and its newest entries; begin a new epoch first where the old one has ended. All in
# one step, so that two readers agree on the epoch.
#
# An epoch ends with a wipe (no name) and with Redis's process (another run_id): a server that restarts from a
# snapshot, or a replica that takes over, may lack entries that were acknowledged. The marker's id (ARGV[2]) is greater
# than all that this reader has seen, so that no id is given out twice even if the clock of Redis went back; where the
# stream already holds a greater id, Redis chooses.
OPEN_STREAM_SCRIPT = """
local info = redis.pcall('INFO', 'server')
local run = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or ''
local epoch = redis.call('GET', KEYS[1])
if not epoch or string.sub(epoch, 1, #run) ~= run or redis.call('XLEN', KEYS[2]) == 0 then
  epoch = run .. ':' .. ARGV[1]
  local added = redis.pcall('XADD', KEYS[2], ARGV[2], 'epoch', epoch)
  if type(added) == 'table' then redis.call('XADD', KEYS[2], '*', 'epoch', epoch) end
  redis.call('SET', KEYS[1], epoch)
end
return {epoch, redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', ARGV[3])}
"""

Entry = tuple[bytes, list[bytes]]
"""A stream entry as Redis returns it: its id, and its fields and values in turn."""


class RedisReader:
    """Reads the streams of all subscribed libraries, and recovers from any failure."""

    def __init__(self, redis_url: str, hub: Hub) -> None:
        # One connection, made by hand: a pool would replace a lost connection silently, and after a lost connection
        # the reader must check that it has missed nothing. RESP2 replies are lists in every version.
        pool = ConnectionPool.from_url(
            redis_url,
            protocol=2,
            socket_connect_timeout=ANSWER_TIMEOUT_S,
            socket_timeout=BLOCK_MS / 1000 + ANSWER_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            client_name="dictaphone-realtime",
        )
        self._new_connection: Callable[[], Any] = pool.make_connection
        self._hub = hub
        self._epochs: dict[str, str] = {}
        """Library → the epoch that is being read; none: open the stream again."""
        self._last_ids: dict[str, str] = {}
        """Library → the id of the last event entry read."""
        self._last_hint_ids: dict[str, str] = {}
        self.fault: str | None = "Redis was not reached yet."
        """One sentence for /readyz while the reader does not read."""
        self.failures = 0
        """Failures of any kind, ever."""
        self.events = 0
        """Events passed to the hub, ever."""
        self.first_read = asyncio.Event()
        """Set once the streams have been read for the first time."""

    async def run(self) -> None:
        """Read until cancelled."""
        pause_s = MIN_RETRY_PAUSE_S
        while True:
            started = time.monotonic()
            connection = self._new_connection()
            try:
                await connection.connect()
                await self._read(connection)
            except UNAVAILABLE as error:
                self._record_failure(f"Redis does not answer ({type(error).__name__}). Connections stay; events wait.")
                log.warning("Redis unavailable, retrying", reason=str(error), pause_s=round(pause_s, 2))
            except Exception:
                # An unforeseen fault must not end the reader: log it whole and start over.
                self._record_failure("Reading from Redis failed and starts over; the log has the traceback.")
                log.exception("reading from Redis failed, retrying", pause_s=round(pause_s, 2))
            finally:
                await connection.disconnect(nowait=True)
            if time.monotonic() - started > MAX_RETRY_PAUSE_S:
                pause_s = MIN_RETRY_PAUSE_S
            # Jitter: the realtime servers of one Redis must not all reconnect at one instant.
            await asyncio.sleep(pause_s * random.uniform(0.5, 1))  # noqa: S311 – no secret
            pause_s = min(pause_s * 2, MAX_RETRY_PAUSE_S)

    async def _read(self, connection: AbstractConnection) -> None:
        open_libraries: set[str] = set()
        while True:
            for library in ({HOME} | self._hub.subscribed_libraries()) - open_libraries:
                await self._open_stream(connection, library)
                open_libraries.add(library)
            if self.fault:
                self.fault = None
                self.first_read.set()
                log.info("reading from Redis")
            open_libraries = await self._read_batch(connection, sorted(open_libraries))

    async def _open_stream(self, connection: AbstractConnection, library: str) -> None:
        """Go on from the last entry if the epoch is the same; otherwise start the new one in the hub."""
        last_id = StreamId.parse(self._last_ids.get(library, "0-0"))
        marker_id = StreamId(max(time.time_ns() // 1_000_000, last_id.ms + 1), 0)
        command = ("EVAL", OPEN_STREAM_SCRIPT, 2, epoch_key(library), stream_key(library))
        arguments = (secrets.token_hex(8), str(marker_id), MAX_REPLAY_FRAMES + 1)
        [(epoch_bytes, newest_first)] = await _execute(connection, (*command, *arguments))
        epoch = epoch_bytes.decode()
        if self._epochs.get(library) == epoch:
            return
        entries = list(_entries_of_epoch(newest_first, epoch_bytes))
        self._epochs[library], self._last_ids[library] = epoch, entries[-1][0].decode()
        log.info("stream epoch started", library=library, epoch=epoch, entries=len(entries))
        # The oldest entry is the first cursor: either the marker, or an event whose predecessors were trimmed.
        cursor = entries[0][0].decode()
        self._hub.channel(library).start_epoch(cursor, list(_events(entries[1:])))

    async def _read_batch(self, connection: AbstractConnection, libraries: list[str]) -> set[str]:
        """Wait for entries and pass them on. Return the libraries whose streams are proven to have no gap.

        The proof has two parts: the epoch is still ours, and the stream still holds the entry that we read last, so
        nothing behind it was trimmed. Redis answers both after the entries, in the same round trip: a wipe between
        the read and the proof makes the proof fail, never the other way round.
        """
        event_keys = {stream_key(library).encode(): library for library in libraries}
        hint_keys = {hints_key(library).encode(): library for library in libraries}
        last_ids = [self._last_ids[library] for library in libraries]
        last_hint_ids = [self._last_hint_ids.get(library, "$") for library in libraries]
        batches, epochs, *last_entries = await _execute(
            connection,
            (
                *("XREAD", "COUNT", BATCH_ENTRIES, "BLOCK", BLOCK_MS, "STREAMS"),
                *(*event_keys, *hint_keys, *last_ids, *last_hint_ids),
            ),
            ("MGET", *map(epoch_key, libraries)),
            *(("XRANGE", key, last_id, last_id) for key, last_id in zip(event_keys, last_ids, strict=True)),
        )
        proven = {
            library
            for library, epoch, last_entry in zip(libraries, epochs, last_entries, strict=True)
            if last_entry and epoch == self._epochs[library].encode()
        }
        for library in set(libraries) - proven:
            log.warning("stream wiped, or trimmed before it was read; sending resync", library=library)
            # A gap within one epoch needs a resync, too: forget the epoch, even if the stream still has it.
            del self._epochs[library]
        for key, entries in batches or ():
            newest_id = entries[-1][0].decode()
            if key in hint_keys:
                self._last_hint_ids[hint_keys[key]] = newest_id
                await self._broadcast_hints(hint_keys[key], entries)
            elif (library := event_keys[key]) in proven:
                self._last_ids[library] = newest_id
                events = list(_events(entries))
                self.events += len(events)
                self._hub.channel(library).publish(events)
        return proven

    async def _broadcast_hints(self, library: str, entries: Sequence[Entry]) -> None:
        for _, hint in _events(entries):
            for _ in self._hub.channel(library).broadcast(hint):
                await asyncio.sleep(0)

    def _record_failure(self, fault: str) -> None:
        self.failures += 1
        self.fault = fault


async def _execute(connection: AbstractConnection, *commands: tuple[Any, ...]) -> list[Any]:
    """Send commands in one write and read their replies. Redis runs those behind a blocking one after it."""
    await connection.send_packed_command(connection.pack_commands(commands), check_health=False)
    return [await connection.read_response() for _ in commands]


def _entries_of_epoch(newest_first: Sequence[Entry], epoch: bytes) -> Sequence[Entry]:
    """Return the entries of one epoch, oldest first. Entries before its marker belong to an earlier one."""
    for index, (_, fields) in enumerate(newest_first):
        if fields == [b"epoch", epoch]:
            return newest_first[index::-1]
    return newest_first[::-1]


def _events(entries: Sequence[Entry]) -> Iterator[Event]:
    """Yield the events among entries. Markers and invalid entries are skipped: no client could parse their frames."""
    for id, fields in entries:
        data = dict(zip(fields[::2], fields[1::2], strict=True)).get(PAYLOAD_FIELD.encode())
        if data is None:
            continue
        try:
            # Decode first: `loads` would accept encodings that a browser does not.
            if not json.loads(data.decode(), parse_constant=_refuse_constant)["type"] or not data.startswith(b"{"):
                raise ValueError("it has no type")
        except (ValueError, KeyError, TypeError) as error:
            log.warning("invalid stream entry skipped", id=id.decode(), reason=repr(error))
        else:
            yield id.decode(), data


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
