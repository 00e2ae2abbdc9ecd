"""Those who use the system while it breaks: each does one thing over and over, and notes what was acknowledged."""

import asyncio
import random
import uuid
from abc import ABC, abstractmethod
from urllib.parse import quote

from tests import tus
from tests.chaos import sounds
from tests.chaos.client import Client, Wrong
from tests.chaos.ledger import Clip, Ledger, Named, Segment

THINK_S = (0.2, 1.2)
"""Seconds between two things that one person does."""

ABANDON_CHANCE = 0.1
"""Share of the recordings whose tab is closed in the middle."""

SECOND_SEGMENT_CHANCE = 0.3
"""Share of the recordings that are interrupted once, and so are two segments."""

WAV, WEBM = {"Content-Type": "audio/wav"}, {"Content-Type": "audio/webm"}
PROGRESS_HEADER = "Recorded-Ms"


class Person(ABC):
    """Does one thing after another until told to stop; what is begun is done to its end."""

    def __init__(self, name: str, seed: int, client: Client, ledger: Ledger) -> None:
        self.name = name
        self.chance = random.Random(f"{seed}/{name}")
        self.client, self.ledger = client, ledger

    async def live(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                await self.act()
            except Wrong as error:
                self.ledger.find(f"{self.name} got an answer that no fault excuses", str(error))
            await asyncio.sleep(self.chance.uniform(*THINK_S))

    @abstractmethod
    async def act(self) -> None:
        """Do the one thing, once."""

    def new_id(self) -> str:
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))

    def stored_clip(self) -> Clip | None:
        """Some clip that is stored; those of one that was abandoned are left alone."""
        clips = [clip for clip in self.ledger.clips.values() if clip.is_stored and not clip.is_abandoned]
        return self.chance.choice(clips) if clips else None


class Uploader(Person):
    """Sends whole files: by PUT under an id, or by tus."""

    async def act(self) -> None:
        number, is_tus = self.ledger.next_number(), self.chance.random() < 0.4
        is_wav = self.chance.random() < 0.7
        data = sounds.wav(number) if is_wav else sounds.webm(number)
        clip = self.ledger.add(self.new_id(), f"file {number}", [number], [data], sounds.words([number]))
        [segment] = clip.segments
        name, headers = f"file {number}", WAV if is_wav else WEBM
        if is_tus:
            said = {"clip_id": clip.id, "name": name, "filetype": headers["Content-Type"]}
            begin = {**tus.SPOKEN, "Upload-Length": str(len(data)), "Upload-Metadata": tus.metadata(**said)}
            begun = await self.client.insist("POST", "/api/uploads", headers=begin)
            await send(self, begun.headers["Location"], segment)
        else:
            query = {"name": name}
            await self.client.insist("PUT", f"/api/clips/{clip.id}", params=query, content=data, headers=headers)
            segment.acknowledged = len(data)
        self.ledger.stored(clip)


class Namer(Person):
    """Stores clips under a name, as web-dictaphone's clients do: the older one of that name goes to the bin."""

    def __init__(self, name: str, seed: int, client: Client, ledger: Ledger) -> None:
        super().__init__(name, seed, client, ledger)
        self._named: Named | None = None

    async def act(self) -> None:
        # A PUT without an answer may still arrive, after all that follow: the name is not used again.
        if self._named is None or self._named.unanswered or len(self._named.acknowledged) == 3:
            self._named = Named(f"{self.name} {len(self.ledger.names)}")
            self.ledger.names.append(self._named)
        number = self.ledger.next_number()
        answer = await self.client.ask(
            "PUT", f"/clips/{quote(self._named.name)}", content=sounds.wav(number), headers=WAV
        )
        if answer is None:
            self._named.unanswered.append(number)
        else:
            self._named.acknowledged.append((answer.json()["id"], number))
            self.ledger.counts["clips"] += 1


class Recorder(Person):
    """Records: sends pieces while somebody speaks, and says when it is over."""

    async def act(self) -> None:
        is_abandoned = self.chance.random() < ABANDON_CHANCE
        numbers = [self.ledger.next_number() for _ in range(1 + (self.chance.random() < SECOND_SEGMENT_CHANCE))]
        name = f"recording {numbers[0]}"
        clip = self.ledger.add(self.new_id(), name, numbers, map(sounds.webm, numbers), sounds.words(numbers))
        clip.is_abandoned = is_abandoned
        for place, segment in enumerate(clip.segments):
            said = {"clip_id": clip.id, "name": name, "filetype": "audio/webm", "segment": place}
            begin = {**tus.DEFERRED, "Upload-Metadata": tus.metadata(**said)}
            begun = await self.client.insist("POST", "/api/uploads", headers=begin)
            is_cut = is_abandoned and place == len(clip.segments) - 1
            await send(self, begun.headers["Location"], segment, is_cut=is_cut)
        if is_abandoned:
            return
        over = {"segments": len(numbers), "duration_ms": int(1000 * sounds.DIGIT_S * sounds.LENGTH * len(numbers))}
        await self.client.insist("POST", f"/api/clips/{clip.id}/finish", json=over)
        self.ledger.stored(clip)


async def send(person: Person, location: str, segment: Segment, *, is_cut: bool = False) -> None:
    """Send a segment in pieces by tus, each until it is confirmed; `is_cut`: only the first half."""
    end = len(segment.data) // 2 if is_cut else len(segment.data)
    while segment.acknowledged < end:
        size = person.chance.randint(1, max(1, len(segment.data) // 2))
        start, piece = segment.acknowledged, segment.data[segment.acknowledged : end][:size]
        place = {**tus.BODY, "Upload-Offset": str(start), PROGRESS_HEADER: "500"}
        if start + len(piece) == len(segment.data):
            place["Upload-Length"] = str(len(segment.data))
        answer = await person.client.ask("PATCH", location, (204, 409), content=piece, headers=place)
        if answer is None or answer.status_code == 409:
            await person.client.pause()
            answer = await person.client.insist("HEAD", location, (200,), headers=tus.SPOKEN)
        offset = int(answer.headers["Upload-Offset"])
        if offset < segment.acknowledged:
            raise Wrong(f"{location} had {segment.acknowledged} bytes and has {offset} now")
        segment.acknowledged = offset
        await asyncio.sleep(person.chance.uniform(0.02, 0.2))
    if not is_cut:
        # The answer to the last piece may be lost: its length is said once more, with nothing.
        length = {**tus.BODY, "Upload-Offset": str(end), "Upload-Length": str(end)}
        await person.client.insist("PATCH", location, content=b"", headers=length)


class Editor(Person):
    """Renames clips and corrects words, upon the version that it has read."""

    async def act(self) -> None:
        clip = self.stored_clip()
        if clip is None:
            return
        read = await self.client.insist("GET", f"/api/clips/{clip.id}")
        is_text = self.chance.random() < 0.5
        value = f"{self.name} wrote {self.ledger.next_number()}"
        field, known = ("text", clip.text) if is_text else ("name", clip.name)
        known.trying(value)
        answer = await self.client.ask(
            "PATCH",
            f"/api/clips/{clip.id}",
            (200, 412),
            json={field: value},
            headers={"If-Match": read.headers["ETag"]},
        )
        if answer is None:
            return
        if answer.status_code == 412:
            known.refused(value)
            return
        changed = answer.json()
        if changed[field] != value:
            raise Wrong(f"{field} of {clip.id} was to be {value!r}, and the answer says {changed[field]!r}")
        known.acknowledged(value, changed["version"])
        self.ledger.counts["edits"] += 1


class Remover(Person):
    """Moves clips to the bin, and takes them out again. Only one may live: an answer to DELETE names no version."""

    async def act(self) -> None:
        clip = self.stored_clip()
        if clip is None or clip.is_awaited:
            return
        read = await self.client.insist("GET", f"/api/clips/{clip.id}")
        version, headers = read.json()["version"], {"If-Match": read.headers["ETag"]}
        is_deletion = read.json()["deleted_at"] is None
        method, path = ("DELETE", f"/api/clips/{clip.id}") if is_deletion else ("POST", f"/api/clips/{clip.id}/restore")
        clip.in_bin.trying(is_deletion)
        answer = await self.client.ask(method, path, (200, 204, 412), headers=headers)
        if answer is not None and answer.status_code == 412:
            return
        if answer is not None:
            clip.in_bin.acknowledged(is_deletion, version + 1)
            self.ledger.counts["deletions"] += 1
