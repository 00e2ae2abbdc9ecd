"""`python -m infra.newest_python`: which interpreter is chosen, and the printed line. Nothing is installed here."""

import os
import sys
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import pytest

from infra import newest_python
from infra.newest_python import NEWEST, SUITES


class VersionInfo(NamedTuple):
    major: int
    minor: int


class Machine:
    """The interpreters that a machine has, and those that it can fetch."""

    def __init__(self) -> None:
        self.installed: set[int] = set()
        self.downloadable: set[int] = set()
        self.suites: set[str] = set()
        self.asked: list[str] = []

    def find_installed(self, minor: int) -> Path | None:
        self.asked.append(f"installed 3.{minor}")
        return Path(f"/usr/bin/python3.{minor}") if minor in self.installed else None

    def download(self, minor: int) -> Path | None:
        self.asked.append(f"uv 3.{minor}")
        return Path(f"/uv/python3.{minor}") if minor in self.downloadable else None

    def unpack(self, suite: str, minor: int, cache: Path) -> Path | None:
        self.asked.append(suite)
        return cache / f"python3.{minor}-{suite}" if suite in self.suites else None


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine that runs Python 3.11 and has no newer one. An environment stands for its interpreter."""
    machine = Machine()
    monkeypatch.setattr(sys, "version_info", VersionInfo(3, 11))
    monkeypatch.setattr(newest_python, "_installed", machine.find_installed)
    monkeypatch.setattr(newest_python, "_downloaded_by_uv", machine.download)
    monkeypatch.setattr(newest_python, "_debian", machine.unpack)
    monkeypatch.setattr(newest_python, "_environment", lambda interpreter, cache: interpreter)
    return machine


def test_an_installed_newest_python_is_taken_without_a_download(machine: Machine, tmp_path: Path) -> None:
    machine.installed, machine.downloadable, machine.suites = {NEWEST - 1, NEWEST}, {NEWEST}, set(SUITES)
    assert newest_python.newest(tmp_path) == Path(f"/usr/bin/python3.{NEWEST}")
    assert machine.asked == [f"installed 3.{NEWEST}"]


def test_uv_downloads_the_newest_python_before_a_debian_is_unpacked(machine: Machine, tmp_path: Path) -> None:
    machine.downloadable, machine.suites = {NEWEST}, set(SUITES)
    assert newest_python.newest(tmp_path) == Path(f"/uv/python3.{NEWEST}")


@pytest.mark.parametrize("suites", [set(SUITES), {"trixie"}], ids=["all", "trixie"])
def test_the_newest_debian_that_can_be_unpacked_is_taken(
    machine: Machine, tmp_path: Path, suites: Collection[str]
) -> None:
    machine.suites = set(suites)
    expected = max(suites, key=lambda suite: SUITES[suite])
    assert newest_python.newest(tmp_path) == tmp_path / f"python3.{SUITES[expected]}-{expected}"


def test_an_older_installed_python_is_the_last_resort(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.installed = {11, 12, 13}
    assert newest_python.newest(tmp_path) == Path("/usr/bin/python3.13")


def test_this_python_is_not_a_newer_one(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.installed = {11}
    with pytest.raises(SystemExit) as ended:
        newest_python.main()
    assert str(ended.value) == (
        f"No Python newer than 3.11 was found. Install Python 3.{NEWEST}, or mmdebstrap (on Debian and Ubuntu: "
        "apt install mmdebstrap), and start again."
    )
    assert capsys.readouterr().out == "", "make would take it for an interpreter"


def test_main_prints_the_interpreter_alone(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.installed = {NEWEST}
    newest_python.main()
    assert capsys.readouterr().out == f"/usr/bin/python3.{NEWEST}\n"


# -- one candidate ------------------------------------------------------------------------------------------------


def program(path: Path, answer: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{answer}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("answer", "is_release"),
    [
        ("echo '(3, 14) final'", True),
        ("echo '(3, 14) candidate'", False),
        ("echo '(3, 13) final'", False),
        ("echo 'pyenv: python3.14: command not found' >&2; exit 127", False),
    ],
    ids=["a release", "a candidate", "another version", "a script of pyenv"],
)
def test_only_a_final_release_of_the_version_is_taken(tmp_path: Path, answer: str, is_release: bool) -> None:
    assert newest_python._is_release(program(tmp_path / "python3.14", answer), 14) is is_release


def test_a_candidate_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert not newest_python._is_release(tmp_path / "python3.14", 14)


def test_pythons_are_found_on_the_path_first_and_in_pyenv_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_path = program(tmp_path / "bin/python3.14", "echo '(3, 14) final'")
    in_pyenv = program(tmp_path / "pyenv/versions/3.14.1/bin/python3.14", "echo '(3, 14) final'")
    monkeypatch.setenv("PATH", os.pathsep.join((str(on_path.parent), "/bin")))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    assert newest_python._installed(14) == on_path
    on_path.write_text("#!/bin/sh\nexit 127\n")  # as pyenv's own do for a version that is not chosen
    assert newest_python._installed(14) == in_pyenv
