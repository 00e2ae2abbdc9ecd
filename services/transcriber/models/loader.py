"""Load speech models on the GPU where one can be used, otherwise on the CPU."""

import ctypes
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import structlog

from services.transcriber.errors import RetryLater
from services.transcriber.hardware import Device, wants_gpu

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

log = structlog.get_logger(__name__)

CPU_COMPUTE_TYPE = "int8"

GPU_COMPUTE_TYPES = ("float16", "int8_float16", "int8_float32", "float32")
"""The first one that the GPU supports is used. A GPU without fast `float16` (Pascal, Maxwell) has no `int8_float16`
either: https://opennmt.net/CTranslate2/quantization.html."""

CUDA = "cuda"

CUBLAS_LIBRARIES = ("libcublasLt.so.12", "libcublas.so.12")
"""The libraries of CUDA that CTranslate2 4.8 opens by their names, the one that the other needs first."""

GPU_ERRORS = (RuntimeError, ValueError, OSError)
"""What the engine raises where a GPU, its driver, its memory or a library fails."""


class GpuUnusable(RetryLater):
    """The configuration demands a GPU that cannot be used."""

    is_configuration_error = True


class ModelLoader:
    """Loads the models of this process. The first failure of the GPU brings all later models to the CPU."""

    def __init__(self, device: Device = "auto") -> None:
        """`device` is WHISPER_DEVICE."""
        self._device = device
        self.uses_gpu = wants_gpu(device)
        self.state = ""
        """Where the models are computed, and why not on the GPU, for people; empty before the first model."""

    def load(self, folder: Callable[[], Path], workers: int) -> "WhisperModel":
        """Load a model that `workers` threads use at a time.

        `folder` is called again if the model is to be another one on the CPU. Raises what `folder` raises,
        `GpuUnusable`, and `RuntimeError`, `ValueError` or `OSError` if the files are no model.
        """
        from faster_whisper import WhisperModel

        if self.uses_gpu:
            gpu_folder = folder()
            try:
                return self._load_on_gpu(gpu_folder, workers)
            except GPU_ERRORS as error:
                self._give_up_gpu(error)
        # One thread for each worker: with as many workers as cores, more clips an hour than with all cores on one clip.
        model = WhisperModel(
            str(folder()),
            device="cpu",
            compute_type=CPU_COMPUTE_TYPE,
            cpu_threads=1,
            num_workers=workers,
            local_files_only=True,
        )
        self.state = self.state or f"cpu ({CPU_COMPUTE_TYPE})"
        return model

    def _load_on_gpu(self, folder: Path, workers: int) -> "WhisperModel":
        import ctranslate2
        from faster_whisper import WhisperModel

        _preload_cublas()
        supported = ctranslate2.get_supported_compute_types(CUDA)
        compute_type = next(each for each in GPU_COMPUTE_TYPES if each in supported)
        # The workers share the weights, and each has a CUDA stream of its own.
        model = WhisperModel(
            str(folder), device=CUDA, compute_type=compute_type, num_workers=workers, local_files_only=True
        )
        # The engine opens cuBLAS at its first use, so a missing one would be noticed with the first clip.
        model.encode(model.feature_extractor(np.zeros(model.feature_extractor.sampling_rate, np.float32)))
        self.state = f"{CUDA} ({compute_type})"
        log.info("the speech model is on the GPU", folder=str(folder), compute_type=compute_type)
        return model

    def _give_up_gpu(self, error: Exception) -> None:
        """Use the CPU from now on. Raises `GpuUnusable` if the configuration demands the GPU."""
        if self._device == CUDA:
            self.state = f"{CUDA}, which fails: {error}"
            raise GpuUnusable(
                f"The speech model cannot be used on the GPU ({error}). Whoever runs the server can mend the driver or "
                "install cuBLAS of CUDA 12, or set WHISPER_DEVICE to auto or cpu, and start it again."
            ) from error
        log.warning("the GPU cannot be used; using the CPU", reason=str(error))
        self.uses_gpu = False
        self.state = f"cpu ({CPU_COMPUTE_TYPE}), because the GPU fails: {error}"


def _preload_cublas() -> None:
    """Open cuBLAS of NVIDIA's wheel: the engine then finds it by its name, which the dynamic linker alone does not."""
    with suppress(ModuleNotFoundError):  # there is no package `nvidia`: the system's library is used
        spec = find_spec("nvidia.cublas.lib")
        for folder in (spec and spec.submodule_search_locations) or ():
            for name in CUBLAS_LIBRARIES:
                with suppress(OSError):
                    ctypes.CDLL(str(Path(folder) / name), mode=ctypes.RTLD_GLOBAL)
