"""The story of the second job: hear the clip's audio and write its words, or say why there are none."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

from prometheus_client import Counter
from sqlalchemy import Engine
from sqlmodel import Session

from services.transcriber.claims import Check, Claim, Claimant, Meters
from services.transcriber.recognizers import NOBODY, Recognizer
from services.transcriber.settings import TranscriberSettings
from services.transcriber.sound import fetched
from shared.jobs import TRANSCRIBE
from shared.models import Clip
from shared.outbox import record
from shared.storage import Store

AUDIO = Counter("dictaphone_transcribed_audio_seconds_total", "Length of the audio that was transcribed")


class Transcriber(Claimant):
    """Gives clips their words."""

    job = TRANSCRIBE
    meters = Meters("transcription", "transcribed", (0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200))

    def __init__(
        self,
        engine: Engine,
        store: Store,
        recognizer: Recognizer | None,
        settings: TranscriberSettings,
        committed: Callable[[], None],
    ) -> None:
        super().__init__(engine, store, settings, committed)
        self.at_once = settings.jobs_at_once()
        self.refusal = NOBODY if recognizer is None else None
        self._recognizer = recognizer

    def work(self, claim: Claim, check: Check) -> str:
        assert self._recognizer is not None  # otherwise nothing is claimed
        name = self._recognizer.name
        with fetched(self.store, claim.clip.audio_key, claim.clip.mime, self.folder) as audio:
            check()
            found = self._recognizer.transcribe(audio, attempt_id=claim.attempt_id, check=check)

        def finish(session: Session, clip: Clip, now: datetime) -> str:
            revision = clip.finish(
                text=found.text,
                language=found.language,
                recognizer=name,
                passages=[asdict(passage) for passage in found.passages],
                duration_ms=claim.clip.duration_ms or audio.duration_ms,
                note=audio.note,
                now=now,
            )
            session.add(revision)
            record(session, clip, now=now)
            return "done"

        outcome = self.settle(claim, finish)
        if outcome == "done":
            AUDIO.inc(audio.duration_ms / 1000)
        return outcome
