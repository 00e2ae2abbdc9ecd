"""`python -m services.transcriber`."""

import os
import signal
import threading

import structlog

from services.transcriber.captions.captioner import Captioner
from services.transcriber.jobs.prepare import Preparer
from services.transcriber.jobs.transcribe import Transcriber
from services.transcriber.models.registry import Models
from services.transcriber.outbox_sender import Courier
from services.transcriber.recognizers.factory import NOBODY, open_recognizer
from services.transcriber.recognizers.streaming import open_ears
from services.transcriber.runtime import Shift
from services.transcriber.settings import TranscriberSettings
from shared import logs
from shared.db.engine import open_engine
from shared.settings import load
from shared.storage.factory import open_store

log = structlog.get_logger(__name__)

SPARE_CONNECTIONS = 3
"""Database connections beside two for each clip (its work, its lease): the courier, `/readyz`, one to spare."""


def main() -> None:
    settings = load(TranscriberSettings)
    logs.configure("transcriber", settings.log_level)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    at_once = sum([*settings.lanes().values(), *Preparer.lanes.values()])
    engine = open_engine(settings, pool_size=2 * at_once + SPARE_CONNECTIONS)
    store = open_store(settings)
    models = Models(settings.data_dir / "models")
    recognizer = open_recognizer(settings, models)
    if recognizer is None:
        log.warning("no recognizer", what_to_do=NOBODY)
    ears = open_ears(settings, models)
    for name in [*(settings.models() if recognizer else ()), *(ears.names if ears else ())]:
        models.want(name)  # now, not when the first clip comes
    redis_url = settings.redis_url.get_secret_value()
    courier = Courier(engine, redis_url)
    transcriber = Transcriber(engine, store, recognizer, settings, courier.wake, courier.hint)
    claimants = (Preparer(engine, store, settings, courier.wake), transcriber)
    captioner = Captioner(engine, store, redis_url, courier.hint, ears) if ears else None
    threading.Thread(target=transcriber.take_up, args=(stopping,), name="take up", daemon=True).start()
    while Shift(settings, engine, store, recognizer, claimants, captioner, stopping, models.told).run():
        log.info("work came in at the last moment; going on")
    models.close()
    for claimant in claimants:
        claimant.release_all()
    courier.stop()
    log.info("ended")
    if any(claimant.is_working for claimant in claimants):
        # A thread is still inside the engine's native code, which the interpreter's own way out would tear down.
        os._exit(0)


if __name__ == "__main__":
    main()
