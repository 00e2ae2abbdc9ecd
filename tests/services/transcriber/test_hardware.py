"""How many cores a process may use: by its affinity, and by the limits of its control groups."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from services.transcriber import hardware

V1 = "4:cpu,cpuacct:/docker/abc"


@pytest.mark.parametrize(
    ("own", "files", "cores"),
    [
        ("0::/", {"cpu.max": "200000 100000"}, 2),
        ("0::/", {"cpu.max": "150000 100000"}, 2),
        ("0::/", {"cpu.max": "50000 100000"}, 1),
        ("0::/", {"cpu.max": "max 100000"}, 64),
        ("0::/", {}, 64),
        ("0::/a/b", {"a/b/cpu.max": "max 100000", "a/cpu.max": "300000 100000"}, 3),
        ("0::/a/b", {"a/b/cpu.max": "100000 100000", "a/cpu.max": "300000 100000"}, 1),
        ("0::/../host's", {"cpu.max": "200000 100000"}, 2),
        (V1, {"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"}, 4),
        (V1, {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 64),
        (f"3:cpuset:/\n{V1}", {"cpu/docker/abc/cpu.cfs_quota_us": "1", "cpu/docker/abc/cpu.cfs_period_us": "9"}, 1),
        ("0::/", {"cpu.max": "nonsense"}, 64),
    ],
)
def test_the_limits_of_a_container_count(
    own: str, files: Mapping[str, str], cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container with the time of two cores saw 64, and had 64 clips share them."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{content}\n")
    membership = tmp_path / "self"
    membership.write_text(f"{own}\n")
    assert hardware.available_cores(tmp_path, membership) == cores


def test_without_control_groups_the_affinity_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5}, raising=False)
    assert hardware.available_cores(tmp_path, tmp_path / "none") == 2
