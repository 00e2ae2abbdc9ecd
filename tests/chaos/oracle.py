"""What must be true in the end, when all faults are healed: nothing lost, nothing twice, nothing stuck."""

import asyncio
import json
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlmodel import Session, col, func, select

from shared.clips import models
from shared.db.engine import open_engine, read_session
from shared.outbox.models import OutboxRow
from shared.storage.factory import open_store
from shared.storage.store import Store, StoreError
from shared.uploads.models import Piece, Upload
from tests.chaos import logs, sounds
from tests.chaos.client import Client, Wrong
from tests.chaos.ledger import Clip, Ledger, Named
from tests.chaos.listener import Listener, PublicClip, read_library
from tests.chaos.system import System
from tests.tus import FETCH

SETTLE_S = 90
"""Longest time until everything is as it must be. The longest pause before another try at a clip is a minute of it."""

ANSWER_S = 60
"""Longest time for the answers to all that the oracle asks then."""

TRIES = 3
"""For audio that breaks off, when nothing else does."""

LOOK_S = 0.5
"""Seconds between two looks."""

Finding = tuple[str, str]
"""What is wrong, and what shows it."""


@dataclass(frozen=True)
class Oracle:
    """Compares the system with what its people know."""

    system: System
    ledger: Ledger
    client: Client
    listeners: Sequence[Listener]

    async def judge(self, patience_s: float = SETTLE_S) -> float:
        """Wait until all is as it must be, note what is not, and return the seconds that it took."""
        began = time.monotonic()
        database, storage = self.system.direct
        engine, store = open_engine(database), open_store(storage)
        try:
            async with asyncio.timeout(patience_s + ANSWER_S):
                while (unsettled := await self._unsettled(engine)) and time.monotonic() - began < patience_s:
                    await asyncio.sleep(LOOK_S)
                settled_s = time.monotonic() - began
                found = [*unsettled, *await self._lost(engine, store)]
        except (TimeoutError, Wrong) as error:
            settled_s, found = time.monotonic() - began, [("the library cannot be read", repr(error))]
        finally:
            engine.dispose()
        for what, evidence in [*found, *self._logged()]:
            self.ledger.find(what, evidence)
        return settled_s

    # -- what may take a while ----------------------------------------------------------------------------------

    async def _unsettled(self, engine: Engine) -> list[Finding]:
        """What is not yet as it must be; more of it may only come from a fault that lasts."""
        library = {clip["id"]: clip for clip in await read_library(self.client)}
        with read_session(engine) as session:
            waiting = session.exec(select(func.count()).select_from(OutboxRow)).one()
        found: list[Finding] = [("the outbox is not empty", f"{waiting} rows")] if waiting else []
        for clip in self.ledger.clips.values():
            found += _without_words(clip, library.get(clip.id))
        named = {id: number for name in self.ledger.names for id, number in name.acknowledged}
        for id, number in named.items():
            found += _without_its_words(library.get(id), sounds.words([number]))
        for place, listener in enumerate(self.listeners):
            found += _differences(place, listener.clips, library)
        return found

    # -- what must be there at once -----------------------------------------------------------------------------

    async def _lost(self, engine: Engine, store: Store) -> list[Finding]:
        listed = await read_library(self.client)
        library = {clip["id"]: clip for clip in listed}
        twice = [id for id, count in Counter(clip["id"] for clip in listed).items() if count > 1]
        found: list[Finding] = [("a clip is listed twice", id) for id in twice]
        found += self._strangers(library)
        with read_session(engine) as session:
            for clip in self.ledger.clips.values():
                found += _other_bytes(session, store, clip)
                found += _other_edits(clip, library.get(clip.id))
        for named in self.ledger.names:
            found += _other_owner(named, library)
        played = [(clip.id, clip.segments[0].data) for clip in self.ledger.clips.values() if clip.is_stored]
        played += [(id, sounds.wav(number)) for named in self.ledger.names for id, number in named.acknowledged]
        for id, data in played:
            found += await self._unplayable(id, data)
        return found

    def _strangers(self, library: Mapping[str, PublicClip]) -> list[Finding]:
        """Clips that nobody made."""
        names = {named.name for named in self.ledger.names}
        strangers = [clip for id, clip in library.items() if id not in self.ledger.clips and clip["name"] not in names]
        return [("a clip is there that nobody made", json.dumps(clip)) for clip in strangers]

    async def _unplayable(self, id: str, data: bytes) -> list[Finding]:
        """A file that can be played as it is must come back as it was sent; a recording's container is made anew."""
        for _ in range(TRIES):
            if answer := await self.client.ask("GET", f"/api/clips/{id}/audio", (200, 404), headers=FETCH):
                break
        else:
            return [("the audio of a clip cannot be played", f"{id}: it breaks off")]
        if answer.status_code != 200 or not answer.content:
            return [("the audio of a clip cannot be played", f"{id}: {answer.status_code} {answer.text[:300]}")]
        if data.startswith(b"RIFF") and answer.content != data:
            return [("the audio of a clip is not what was sent", f"{id}: {len(answer.content)} of {len(data)} bytes")]
        return []

    def _logged(self) -> Iterator[Finding]:
        for name, log in self.system.logs():
            for fault, times in Counter(logs.faults_in(log)).items():
                yield f"{name} logged what it must not, {times} times", fault


def _without_words(clip: Clip, found: PublicClip | None) -> list[Finding]:
    if found is None or not clip.is_stored or True in clip.in_bin.possible:
        return []  # a clip that is not there is for `_lost` to tell
    if found["status"] == "done":
        return []
    return [(f"a clip is {found['status']}, and has no words", json.dumps(found))]


def _without_its_words(found: PublicClip | None, words: str) -> list[Finding]:
    """A clip that nobody edits, unless it is in the bin, where it may have got no words."""
    if found is None or found["deleted_at"] is not None or (found["status"], found["text"]) == ("done", words):
        return []
    return [("a clip has other words than were said", f"{words!r} was said: {json.dumps(found)}")]


def _differences(place: int, page: Mapping[str, PublicClip], library: Mapping[str, PublicClip]) -> list[Finding]:
    differing = [id for id in {*page, *library} if page.get(id) != library.get(id)]
    what = f"page {place} shows other clips than the database has"
    return [(what, json.dumps({id: [page.get(id), library.get(id)] for id in differing[:2]}))] if differing else []


def _other_edits(clip: Clip, found: PublicClip | None) -> list[Finding]:
    if found is None:
        return [("a clip is lost", clip.id)] if clip.is_stored or clip.is_abandoned else []
    wrong = []
    if found["name"] not in clip.name.possible:
        wrong.append(f"its name is {found['name']!r}, and was to be one of {sorted(clip.name.possible)}")
    if found["status"] == "done" and not clip.is_abandoned and found["text"] not in clip.text.possible:
        wrong.append(f"its text is {found['text']!r}, and was to be one of {sorted(clip.text.possible)}")
    if (found["deleted_at"] is not None) not in clip.in_bin.possible:
        wrong.append(f"it was deleted at {found['deleted_at']}, and in the bin were to be {clip.in_bin.possible}")
    return [("a clip is not as its people left it", f"{clip.id}: {sentence}") for sentence in wrong]


def _other_owner(named: Named, library: Mapping[str, PublicClip]) -> list[Finding]:
    """The last clip of a name has it, and the earlier ones are in the bin."""
    having = [clip for clip in library.values() if clip["name"] == named.name]
    known = [id for id, _ in named.acknowledged]
    found: list[Finding] = [("a clip is lost", f"{named.name}: {id}") for id in known if id not in library]
    more = [clip["id"] for clip in having if clip["id"] not in known]
    if len(more) > len(named.unanswered):
        found.append(("a clip is there twice", f"{named.name}: {known}, {more}, {named.unanswered} without an answer"))
    alive = [clip["id"] for clip in having if clip["deleted_at"] is None]
    last = known[-1:] if not named.unanswered else alive[:1]
    if alive != last:
        found.append(("a name has another clip than the last one", f"{named.name}: {alive}, not {last}"))
    return found


def _other_bytes(session: Session, store: Store, clip: Clip) -> list[Finding]:
    """The bytes that were acknowledged, in order, wherever they are: in pieces, joined, or as the played object."""
    id = uuid.UUID(clip.id)
    row = session.get(models.Clip, id)
    found = []
    for place, segment in enumerate(clip.segments):
        if not segment.acknowledged:
            continue
        of_segment = select(Piece).join(Upload).where(col(Upload.clip_id) == id, col(Upload.segment) == place)
        pieces = session.exec(of_segment.order_by(col(Piece.start))).all()
        keys = [piece.key for piece in pieces] or ([row.audio_key] if row else [])
        try:
            stored = b"".join(block for key in keys for block in store.read(key))
        except StoreError as error:
            stored = b""
            found.append(("bytes are lost", f"{clip.id}, segment {place}: {error!r}"))
        if len(stored) < segment.acknowledged or not segment.data.startswith(stored):
            sizes = f"{len(stored)} bytes are there, {segment.acknowledged} were acknowledged of {len(segment.data)}"
            found.append(("bytes are lost or in another order", f"{clip.id}, segment {place}: {sizes}"))
    return found
