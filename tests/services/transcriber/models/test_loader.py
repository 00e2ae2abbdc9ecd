"""On which device models are loaded. No GPU is here: the engine's query of devices and its model are replaced."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ctranslate2
import faster_whisper
import pytest

from services.transcriber import hardware
from services.transcriber.models.loader import GpuUnusable, ModelLoader
from services.transcriber.models.registry import BUNDLED_MODEL, ModelRegistry
from services.transcriber.recognizers.embedded import EmbeddedRecognizer
from services.transcriber.recognizers.factory import open_recognizer
from services.transcriber.recognizers.recognizer import RecognizerUnavailable
from services.transcriber.settings import TranscriberSettings
from tests.services.transcriber import files
from tests.services.transcriber.recognizers.test_recognizers import measure, settings, transcribe

NO_CUBLAS = "Library libcublas.so.12 is not found or cannot be loaded"


class Engine:
    """The engine on a machine with a GPU. `broken` is what its models raise there at their first use."""

    def __init__(self) -> None:
        self.supported = {"float32", "float16", "int8", "int8_float16", "int8_float32"}
        self.broken: Exception | None = None
        self.loaded: list[dict[str, Any]] = []

    def load(self, folder: str, **options: Any) -> Any:
        self.loaded.append({"folder": Path(folder).name, **options})
        model = self.real(folder, **{**options, "device": "cpu", "compute_type": "int8"})
        if options["device"] == "cuda" and self.broken:
            model.encode = self._fail
        return model

    def _fail(self, *_: object) -> None:
        assert self.broken
        raise self.broken

    real = staticmethod(faster_whisper.WhisperModel)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    replaced = Engine()
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 1)
    monkeypatch.setattr(ctranslate2, "get_supported_compute_types", lambda device: replaced.supported)
    monkeypatch.setattr(faster_whisper, "WhisperModel", replaced.load)
    hardware.count_gpus.cache_clear()
    yield replaced
    hardware.count_gpus.cache_clear()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ModelRegistry(tmp_path_factory.mktemp("models")).folder(BUNDLED_MODEL)


def test_with_a_gpu_its_model_and_its_types_are_the_default(engine: Engine, folder: Path) -> None:
    assert TranscriberSettings().embedded_models() == ["large-v3-turbo"]
    assert TranscriberSettings(whisper_model="small").embedded_models() == ["small"]
    assert TranscriberSettings(whisper_device="cpu").embedded_models() == ["base"]
    recognizer = open_recognizer(TranscriberSettings())
    assert recognizer
    assert recognizer.name == "faster-whisper large-v3-turbo"

    loader = ModelLoader()
    loader.load(lambda: folder, 3)
    expected = {"device": "cuda", "compute_type": "float16", "num_workers": 3, "local_files_only": True}
    assert engine.loaded == [{"folder": folder.name, **expected}]
    assert loader.state == "cuda (float16)"


@pytest.mark.parametrize(
    ("supported", "chosen"),
    [
        ({"float32", "int8", "int8_float32"}, "int8_float32"),
        ({"float32"}, "float32"),
        ({"float32", "int8_float16", "int8_float32"}, "int8_float16"),
    ],
)
def test_an_old_gpu_computes_in_what_it_knows(engine: Engine, folder: Path, supported: set[str], chosen: str) -> None:
    engine.supported = supported
    ModelLoader("cuda").load(lambda: folder, 1)
    assert engine.loaded[0]["compute_type"] == chosen


def test_at_most_four_blocks_share_a_gpu(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.transcriber.settings.available_cores", lambda: 16)
    assert TranscriberSettings().engine_threads() == TranscriberSettings().concurrent_clips() == 4
    assert TranscriberSettings(whisper_threads=8).concurrent_clips() == 8
    assert TranscriberSettings(whisper_device="cpu").engine_threads() == 16
    assert TranscriberSettings(whisper_device="cpu", whisper_threads=2).concurrent_clips() == 2
    assert TranscriberSettings(whisper_device="cpu", whisper_threads=2, concurrency=1).engine_threads() == 2


def test_a_gpu_that_fails_leaves_the_work_to_the_cpu(engine: Engine) -> None:
    """The driver is there and cuBLAS is not: the clip has its words all the same, and `/readyz` says why."""
    engine.broken = RuntimeError(NO_CUBLAS)
    wanted = settings(concurrency=1)
    models = ModelRegistry(wanted.data_dir / "models", wanted.whisper_device)
    assert transcribe(EmbeddedRecognizer(wanted, models), measure(files.webm())).text
    assert [each["device"] for each in engine.loaded] == ["cuda", "cpu"]
    assert models.states()["device"] == f"cpu (int8), because the GPU fails: {NO_CUBLAS}"
    # The next model is not tried there again.
    models.loader.load(lambda: models.folder(BUNDLED_MODEL), 1)
    assert [each["device"] for each in engine.loaded] == ["cuda", "cpu", "cpu"]


def test_the_cpu_that_stands_in_has_its_own_default_model(engine: Engine, tmp_path: Path, folder: Path) -> None:
    engine.broken = RuntimeError(NO_CUBLAS)
    models = ModelRegistry(tmp_path)
    recognizer = EmbeddedRecognizer(TranscriberSettings(), models)
    asked: list[str] = []

    def folder_of(name: str) -> Path:
        asked.append(name)
        return folder

    models.folder = folder_of  # type: ignore[method-assign]  # neither model is here
    assert transcribe(recognizer, measure(files.webm())).text
    assert (asked[0], asked[-1]) == ("large-v3-turbo", "base")
    assert recognizer.name == "faster-whisper base"


def test_a_gpu_that_is_demanded_fails_clearly(engine: Engine) -> None:
    engine.broken = RuntimeError(NO_CUBLAS)
    wanted = settings(concurrency=1, whisper_device="cuda")
    models = ModelRegistry(wanted.data_dir / "models", wanted.whisper_device)
    with pytest.raises(GpuUnusable, match=r"on the GPU \(Library libcublas.*WHISPER_DEVICE") as raised:
        transcribe(EmbeddedRecognizer(wanted, models), measure(files.webm()))
    assert raised.value.is_configuration_error
    assert [each["device"] for each in engine.loaded] == ["cuda"]
    assert models.states()["device"] == f"cuda, which fails: {NO_CUBLAS}"


def test_without_a_gpu_the_cpu_is_used_and_a_demand_fails() -> None:
    """The engine as it is here, without a driver."""
    if hardware.count_gpus():
        pytest.skip("this machine has a GPU")
    assert not ModelLoader().uses_gpu
    wanted = settings(concurrency=1, whisper_device="cuda")
    with pytest.raises(GpuUnusable, match="CUDA"):
        transcribe(EmbeddedRecognizer(wanted), measure(files.webm()))


def test_a_gpu_that_fails_later_is_loaded_anew(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an error of CUDA, each further call in the process fails until the model is loaded anew, or for ever."""
    wanted = settings(concurrency=1)
    recognizer = EmbeddedRecognizer(wanted)
    assert transcribe(recognizer, measure(files.webm())).text
    model = recognizer._loaded(lambda: None).result()

    def fail(*_: object, **__: object) -> None:
        engine.broken = RuntimeError("CUDA failed with error an illegal memory access was encountered")
        raise engine.broken

    monkeypatch.setattr(model, "encode", fail)
    with pytest.raises(Exception, match="GPU failed"):
        transcribe(recognizer, measure(files.webm()))
    assert transcribe(recognizer, measure(files.webm())).text
    assert [each["device"] for each in engine.loaded] == ["cuda", "cuda", "cpu"]


def test_clips_that_fail_at_once_load_the_model_anew_once(engine: Engine) -> None:
    """Each further copy takes memory of the GPU beside the one in use, and the first that does not fit ends its use."""
    recognizer = EmbeddedRecognizer(settings(concurrency=2))
    failed = recognizer._loaded(lambda: None)

    def fail() -> None:
        with pytest.raises(RecognizerUnavailable, match="GPU failed"), recognizer._gpu_errors(failed):
            raise RuntimeError("CUDA failed with error out of memory")

    fail()
    anew = recognizer._loaded(lambda: None)
    assert anew is not failed
    fail()
    assert recognizer._loaded(lambda: None) is anew
    assert len(engine.loaded) == 2


def test_a_clip_that_fails_on_the_gpu_after_others_left_it_is_tried_again(engine: Engine) -> None:
    recognizer = EmbeddedRecognizer(settings(concurrency=2))
    failed = recognizer._loaded(lambda: None)

    def fail() -> None:
        with recognizer._gpu_errors(failed):
            recognizer._models.loader.uses_gpu = False
            raise RuntimeError("CUDA failed with error out of memory")

    with pytest.raises(RecognizerUnavailable, match="GPU failed"):
        fail()
