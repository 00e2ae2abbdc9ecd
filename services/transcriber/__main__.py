"""`python -m services.transcriber`."""

import os
import signal
import sys
import threading
from collections.abc import Sequence

import structlog

from services.transcriber.captions.captioner import Captioner
from services.transcriber.jobs.base import Job
from services.transcriber.jobs.prepare import PrepareJob
from services.transcriber.jobs.render import RenderJob
from services.transcriber.jobs.transcribe import TranscribeJob
from services.transcriber.models.registry import ModelRegistry
from services.transcriber.outbox_sender import OutboxSender
from services.transcriber.recognizers.factory import NO_RECOGNIZER, open_recognizer
from services.transcriber.recognizers.streaming import open_caption_models
from services.transcriber.runtime import WorkerRuntime
from services.transcriber.settings import TranscriberSettings
from shared import logs
from shared.db.engine import open_engine
from shared.settings import load
from shared.storage.factory import open_store
from shared.threads import EXIT_UNFIT, LifelineThread, dead_threads

log = structlog.get_logger(__name__)

SPARE_CONNECTIONS = 3
"""Database connections beside two for each clip (its work, its lease): the outbox sender, `/readyz`, one to spare."""


EXIT_MARGIN_S = 2.5
"""Time after the grace period in which this process ends in any case. Platforms kill after 10 s at the earliest."""


def main() -> None:
    settings = load(TranscriberSettings)
    logs.configure("transcriber", settings.log_level)
    stopping = threading.Event()
    jobs: list[Job] = []
    exit_timer = threading.Timer(settings.stop_grace_seconds + EXIT_MARGIN_S, lambda: _exit_now(_exit_status(jobs)))
    exit_timer.daemon = True

    def stop(*_: object) -> None:
        if not stopping.is_set():
            stopping.set()
            exit_timer.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    concurrency = [settings.queue_concurrency(), PrepareJob.queue_concurrency, RenderJob.queue_concurrency]
    concurrent_clips = sum(sum(each.values()) for each in concurrency)
    engine = open_engine(settings, pool_size=2 * concurrent_clips + SPARE_CONNECTIONS)
    store = open_store(settings)
    models = ModelRegistry(settings.data_dir / "models")
    recognizer = open_recognizer(settings, models)
    if recognizer is None:
        log.warning("no recognizer", what_to_do=NO_RECOGNIZER)
    caption_models = open_caption_models(settings, models)
    for name in [
        *(settings.embedded_models() if recognizer else ()),
        *(caption_models.names if caption_models else ()),
    ]:
        models.request(name)  # the download begins now, and not with the first clip
    redis_url = settings.redis_url.get_secret_value()
    sender = OutboxSender(engine, redis_url)
    transcribe_job = TranscribeJob(engine, store, recognizer, settings, sender.wake, sender.send_hint)
    jobs += [
        PrepareJob(engine, store, settings, sender.wake),
        transcribe_job,
        RenderJob(engine, store, settings, sender.wake),
    ]
    captioner = Captioner(engine, store, redis_url, sender.send_hint, caption_models) if caption_models else None
    LifelineThread(lambda: transcribe_job.requeue_without_recognizer(stopping), "requeue").start()
    while WorkerRuntime(settings, engine, store, recognizer, jobs, captioner, stopping, models.states).run():
        log.info("a job came in during the shutdown; going on")
    models.close()
    sender.stop()
    log.info("ended")
    exit_timer.cancel()
    if any(thread not in {threading.main_thread(), exit_timer} for thread in threading.enumerate()):
        # It may be inside the engine's native code, which the interpreter's own shutdown would tear down and abort.
        _exit_now(_exit_status(jobs))
    sys.exit(_exit_status(jobs))


def _exit_status(jobs: Sequence[Job]) -> int:
    return EXIT_UNFIT if dead_threads() or any(job.has_stalled for job in jobs) else 0


def _exit_now(status: int) -> None:
    """End the process without waiting for a thread. Clips that it still has are claimed again after their leases."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
