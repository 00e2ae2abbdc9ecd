"""A library as a person might have it: of real speech, of some days, short and of an hour, and with failures."""

import asyncio
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests import speech
from tests.browser.hour import put_hour
from tests.browser.page import WORDS_MS
from tests.recordings import WEBM_HEAD


@dataclass(frozen=True)
class Said:
    """A clip of the library: its name, what is said in it, and when."""

    name: str
    files: tuple[str, ...]
    ago: timedelta
    tags: tuple[str, ...] = ()
    starred: bool = False


LIBRARY = {
    "board": Said("Board meeting: the review of procedures", ("LJ050-0131.wav",), timedelta(minutes=50), ("work",)),
    "short": Said(
        "What she might have made of him", ("austen-0920.wav", "austen-0930.wav"), timedelta(minutes=95), ("novel",)
    ),
    "page": Said("A page read aloud", speech.ALL, timedelta(days=1), ("novel", "reading")),
    "john": Said("A last thought on John", ("austen-0930.wav",), timedelta(days=1, minutes=40), ("novel",), True),
    "norland": Said("Norland, first draft", ("austen-0870.wav",), timedelta(days=1, hours=2)),
    "selfish": Said("Not ill-disposed", ("austen-0880.wav", "austen-0890.wav"), timedelta(days=5), ("novel",)),
    "call": Said("Call about the review", ("LJ050-0131.wav", "austen-0880.wav"), timedelta(days=6), ("work",)),
}
"""What a person might have, by what the clip is called here."""

HOUR = "Chapter two, read aloud"
HOUR_NOTES = """The second chapter drags. Begin with the sisters.
- [x] Send the draft to Anna
- [ ] Ask about the cottage"""
HOUR_MARKERS = ((134_000, "John’s promise"), (1_110_000, "Selfish?"), (2_643_000, "The cottage"))

RIGHT_TO_LEFT = "اجتماع الصباح", "نبدأ اليوم بمراجعة الخطة. ثم نتكلم عن الميزانية، وعن موعد Launch في آذار."


async def put(
    api: httpx.AsyncClient, name: str, body: bytes, mime: str = "audio/wav", ago: timedelta = timedelta(days=12)
) -> str:
    id = str(uuid.uuid4())
    params = {"name": name, "recorded_at": (datetime.now(UTC) - ago).isoformat()}
    stored = await api.put(f"/api/clips/{id}", params=params, content=body, headers={"Content-Type": mime})
    stored.raise_for_status()
    return id


async def change(api: httpx.AsyncClient, id: str, **changed: Any) -> None:
    (await api.patch(f"/api/clips/{id}", json=changed)).raise_for_status()


async def break_one(url: str) -> str:
    """Store a file that begins like WebM and is none: it will fail, and say so. Return its id."""
    async with httpx.AsyncClient(base_url=url, trust_env=False) as api:
        return await put(api, "Half a download", WEBM_HEAD + bytes(4000), "audio/webm")


async def fill(url: str) -> dict[str, str]:
    """Store clips of every kind, two of them in the bin, and wait for their words. Return ids by their kind."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as api:
        clips = {"failed": await break_one(url)}
        john = speech.encode(speech.samples(("austen-0930.wav",)))
        clips["rtl"] = await put(api, RIGHT_TO_LEFT[0], john, ago=timedelta(days=8))
        for name, said in LIBRARY.items():
            clips[name] = await put(api, said.name, speech.encode(speech.samples(said.files)), ago=said.ago)
            await change(api, clips[name], tags=said.tags, starred=said.starred)
        for name in ("A shopping list", "Trying the microphone"):
            await api.delete(f"/api/clips/{await put(api, name, john)}")
        async with asyncio.timeout(WORDS_MS / 1000):
            while any(
                clip["status"] not in {"done", "failed"} for clip in (await api.get("/api/clips")).json()["clips"]
            ):
                await asyncio.sleep(0.3)
        clips["hour"] = await put_hour(api, clips["page"], speech.samples(), HOUR, timedelta(minutes=70))
        markers = [{"id": str(uuid.uuid4()), "at_ms": at_ms, "text": text} for at_ms, text in HOUR_MARKERS]
        await change(
            api, clips["hour"], tags=["novel", "reading"], starred=True, notes=HOUR_NOTES, markers={"set": markers}
        )
        await change(api, clips["rtl"], text=RIGHT_TO_LEFT[1])
        heard = (await api.get(f"/api/clips/{clips['norland']}")).json()["text"]
        await change(api, clips["norland"], text=heard.replace("Mr. ", "Mister ").replace("leisure", "the leisure"))
    return clips
