"""A library whose worker dies again and again."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from services.transcriber import __main__ as transcriber
from services.transcriber.settings import TranscriberSettings
from shared.db.engine import open_engine
from shared.outbox.publisher import OutboxPublisher
from shared.storage.factory import open_store
from tests.conftest import Parts
from tests.servers.server import free_port
from tests.services.transcriber.library import Library


class WorkerLibrary(Library):
    """Starts workers that may be killed; one that was is not heard of for a lease of a second."""

    def __init__(self, parts: Parts, log: Path, **environment: str) -> None:
        self.settings = TranscriberSettings.model_validate({name.lower(): value for name, value in parts.items()})
        super().__init__(open_engine(self.settings), open_store(self.settings))
        self.redis_url = self.settings.redis_url.get_secret_value()
        self.publisher = OutboxPublisher(self.redis_url)
        self.log = log
        self._environment = {**parts, "PORT": str(free_port()), "LEASE_SECONDS": "1", **environment}

    def close(self) -> None:
        self.publisher.close()
        self.engine.dispose()

    def log_tail(self) -> str:
        return self.log.read_text()[-3000:] if self.log.exists() else "(no worker wrote anything)"

    @contextmanager
    def worker(self, before: Callable[[], None] | None = None) -> Iterator[BaseProcess]:
        """`python -m services.transcriber`, forked off from a process that has imported it: that saves a second.

        `before` runs in the process before all else, and may break it.
        """
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        process: Any = context.Process(target=_work, args=(self._environment, self.log, before))
        process.start()
        try:
            yield process
        finally:
            process.kill()
            process.join()
            process.close()


def _work(environment: Mapping[str, str], log: Path, before: Callable[[], None] | None) -> None:
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.clear()
    os.environ.update(environment)
    if before:
        before()
    try:
        transcriber.main()
    finally:
        print("the interpreter ends", flush=True)
