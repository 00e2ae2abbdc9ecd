"""What people do to a clip while the real worker hears it, and who waits for whom."""

import itertools
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from shared.clips.models import Clip, Status
from shared.redis import jobs
from tests import speech
from tests.conftest import Parts, StartStack
from tests.servers import whisper as whisper_server
from tests.servers.whisper import API_KEY, Fault, Whisper
from tests.services.transcriber import files, tone_clips
from tests.services.transcriber.test_runtime import PREPARATION_ATTEMPTS, ApiStandIn, http_request, wait_until

NEW = 50
"""The tone that takes the place of another."""

STOPPED_S = 30
"""In which a worker has laid down what nobody wants any more. An idle machine takes three seconds, and a passage."""


@pytest.fixture
def local(local_parts: Parts) -> Iterator[ApiStandIn]:
    library = ApiStandIn(local_parts)
    yield library
    library.close()


@pytest.fixture
def library(parts: Parts) -> Iterator[ApiStandIn]:
    library = ApiStandIn(parts)
    yield library
    library.close()


@pytest.fixture
def tone_whisper(whisper: Whisper, monkeypatch: pytest.MonkeyPatch) -> Whisper:
    """A server that hears tones."""
    monkeypatch.setattr(whisper_server, "_transcribe", tone_clips.heard)
    return whisper


def test_a_persons_actions_during_a_transcription_last(
    library: ApiStandIn, parts: Parts, start_stack: StartStack, tone_whisper: Whisper
) -> None:
    wishes = ["renamed", "edited", "deleted", "restored", "replaced", "asked"]
    environment = {
        "WHISPER_URL": tone_whisper.openai_url,
        "WHISPER_API_KEY": API_KEY,
        "CONCURRENCY": str(2 * len(wishes)),
    }
    stack = start_stack(parts, "api", "transcriber", **environment)
    tone_whisper.fail(Fault.HANG)
    with httpx.Client(base_url=stack.api_url, headers={"Content-Type": "audio/wav"}, timeout=30) as client:
        id = {
            wish: uuid.UUID(client.put(f"/clips/{wish}", content=tone_clips.tone(number)).json()["id"])
            for number, wish in enumerate(wishes)
        }
        tone_whisper.wait_for_requests(len(wishes))
        client.patch(f"/api/clips/{id['renamed']}", json={"name": "a better name"}).raise_for_status()
        client.patch(f"/api/clips/{id['edited']}", json={"text": "my own words"}).raise_for_status()
        client.delete(f"/api/clips/{id['deleted']}").raise_for_status()
        client.delete(f"/api/clips/{id['restored']}").raise_for_status()
        client.post(f"/api/clips/{id['restored']}/restore").raise_for_status()
        new = uuid.UUID(client.put("/clips/replaced", content=tone_clips.tone(NEW)).json()["id"])
        # Nothing goes on: the worker loses the clip that a person asks for, and another attempt begins.
        client.post(f"/api/clips/{id['asked']}/transcription").raise_for_status()
        tone_whisper.wait_for_requests(len(wishes) + 3)  # what was restored, what is new, what was asked for
        tone_whisper.heal()
        clips = {wish: library.wait(id[wish], Status.DONE) for wish in ("renamed", "edited", "restored", "asked")}
        clips["new"] = library.wait(new, Status.DONE)
        wait_until(lambda: library.waiting() == 0)
        # Once more, twice, now that nobody holds it: the second finds it waiting, or in somebody's hands.
        for _ in range(2):
            client.post(f"/api/clips/{id['asked']}/transcription").raise_for_status()
        wait_until(lambda: library.clip(id["asked"]).status is Status.DONE and library.waiting() == 0)
    said = {wish: tone_clips.said(number) for number, wish in enumerate(wishes)}
    assert (clips["renamed"].name, clips["renamed"].text) == ("a better name", said["renamed"])
    assert (clips["edited"].name, clips["edited"].text) == ("edited", "my own words")
    assert {revision.source: revision.text for revision in library.revisions(id["edited"])} == {
        "machine": said["edited"], "person": "my own words",
    }  # fmt: skip
    assert (clips["restored"].attempt, clips["restored"].text) == (PREPARATION_ATTEMPTS + 2, said["restored"])
    assert (clips["asked"].attempt, clips["asked"].text) == (PREPARATION_ATTEMPTS + 2, said["asked"])
    assert clips["new"].text == tone_clips.said(NEW)
    for wish in ("deleted", "replaced"):
        binned = library.clip(id[wish])
        assert (binned.deleted_at is not None, binned.text, library.revisions(id[wish])) == (True, None, []), wish
    for one in (id["renamed"], id["restored"], new):
        assert len(library.revisions(one)) == 1
    revisions = library.revisions(id["asked"])
    attempts = [revision.attempt or 0 for revision in revisions]
    assert attempts == sorted(set(attempts))
    assert (attempts[0], attempts[-1]) == (PREPARATION_ATTEMPTS + 2, library.clip(id["asked"]).attempt)
    assert {revision.text for revision in revisions} == {said["asked"]}


def test_a_deleted_long_clip_is_cancelled_and_a_note_does_not_wait_for_it(
    local: ApiStandIn, local_parts: Parts, start_stack: StartStack
) -> None:
    worker = start_stack(local_parts, "transcriber", CONCURRENCY="1", LEASE_SECONDS="600")["transcriber"]
    long = local.put(speech.wav(speech.repeated(speech.samples(), 900)), "audio/wav")
    local.wait(long, Status.TRANSCRIBING)
    local.wait(local.put(speech.wav(speech.samples([speech.ALL[4]])), "audio/wav"), Status.DONE)
    assert local.clip(long).status is Status.TRANSCRIBING
    local.change(long, Clip.move_to_bin)
    lost = 'dictaphone_transcriptions_total{outcome="lost"} 1.0'
    wait_until(lambda: lost in http_request(worker.port, "GET", "/metrics")[1], seconds=STOPPED_S)
    assert local.revisions(long) == []


@pytest.mark.parametrize("at_once", [1, 2])
def test_a_long_clip_does_not_wait_behind_all_notes(
    local: ApiStandIn, local_parts: Parts, start_stack: StartStack, whisper: Whisper, monkeypatch: pytest.MonkeyPatch,
    at_once: int,
) -> None:  # fmt: skip
    turn, notes_heard = threading.Event(), itertools.count(1)

    def hear(audio: bytes) -> dict[str, Any]:
        """Hear a few notes, and no other before the long clip has had its turn."""
        if len(audio) > len(files.silence(60)):
            turn.set()
        elif next(notes_heard) > 3 * at_once:
            turn.wait(30)
        return tone_clips.heard(audio)

    monkeypatch.setattr(whisper_server, "_transcribe", hear)
    environment = {"WHISPER_URL": whisper.openai_url, "WHISPER_API_KEY": API_KEY, "CONCURRENCY": str(at_once)}
    start_stack(local_parts, "transcriber", **environment)
    whisper.fail(Fault.HANG)
    notes = [local.put(files.silence(1), "audio/wav") for _ in range(8 * at_once)]
    long = local.put(files.silence(jobs.LONG_CLIP_MS / 1000 + 1), "audio/wav")
    wait_until(lambda: all(local.clip(id).prepared_at for id in (*notes, long)))
    whisper.heal()
    for id in (long, *notes):
        local.wait(id, Status.DONE)
    sizes = [len(asked.audio) for asked in whisper.requests]
    assert sizes.index(max(sizes)) <= 4 * at_once
