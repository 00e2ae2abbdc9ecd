"""What this process may compute on: processor cores and NVIDIA GPUs."""

import os
from collections.abc import Iterator
from functools import cache
from math import ceil
from pathlib import Path
from typing import Literal

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")

Device = Literal["auto", "cpu", "cuda"]
"""A value of WHISPER_DEVICE."""


def available_cores(cgroups: Path = CGROUPS, own_cgroups: Path = OWN_CGROUPS) -> int:
    """The number of cores that this process may use: a container may see 64 and have the time of two."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([cores, *(max(1, ceil(quota)) for quota in _cpu_quotas(cgroups, own_cgroups))])


@cache
def count_gpus() -> int:
    """The number of GPUs that the engine may use; 0 without the engine, a driver or a GPU."""
    try:
        import ctranslate2
    except ImportError:
        return 0
    return int(ctranslate2.get_cuda_device_count())


def wants_gpu(device: Device) -> bool:
    """Whether the embedded engine is to compute on a GPU, by WHISPER_DEVICE. It may turn out that it cannot."""
    return device == "cuda" or (device == "auto" and count_gpus() > 0)


def _cpu_quotas(cgroups: Path, own_cgroups: Path) -> Iterator[float]:
    """The limits of processor time that this process has, in cores: its control group's and those of all above it.

    https://docs.kernel.org/admin-guide/cgroup-v2.html (`cpu.max`), and version 1 (`cpu.cfs_quota_us`).
    """
    try:
        lines = own_cgroups.read_text().splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, controllers, own = line.split(":", 2)
        if not controllers:
            root, names = cgroups, ["cpu.max"]
        elif "cpu" in controllers.split(","):
            root, names = cgroups / "cpu", ["cpu.cfs_quota_us", "cpu.cfs_period_us"]
        else:
            continue
        # In a container, the group's path may be the host's, and its files lie in the root.
        group = Path(own.lstrip("/"))
        for folder in (root / each for each in (group, *group.parents)):
            try:
                quota, period = " ".join((folder / name).read_text() for name in names).split()
                if int(quota) > 0:  # version 1 says -1 for no limit, version 2 `max`
                    yield int(quota) / int(period)
            except (OSError, ValueError, ZeroDivisionError):
                continue
