"""Print the newest available Python, with the packages of `make local-up` (`python -m infra.newest_python`).

The newest supported release is looked for on the PATH and among the interpreters of pyenv and uv, which downloads it
where its server can be reached. Otherwise `mmdebstrap`, which root may install, unpacks Debian's testing release into a
folder, and `chroot` enters it. Interpreters and packages stay in a cache folder.
"""

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "requirements" / "local.txt"

NEWEST = 14
"""The newest supported minor version of Python 3: every pinned package has wheels for 3.11 up to this one."""

SUITES = {"forky": 14, "trixie": 13}
"""Debian release → the minor version of its Python."""

DOWNLOAD_S, UNPACK_S = 120, 1200
"""Seconds for uv to download an interpreter, and for `mmdebstrap` to unpack a Debian, which takes 80 on two cores."""

SHARED_FOLDERS = ("/proc", "/dev", "/tmp", "/var/tmp")  # noqa: S108  # mounted, and no file is created in them
"""Folders of this machine that a program in the unpacked Debian sees, beside this repository."""


class NotFound(Exception):
    """No newer Python is available here. The message says what would help."""


def main() -> None:
    try:
        interpreter = newest(_cache_folder())
    except NotFound as error:
        sys.exit(str(error))
    sys.stdout.write(f"{interpreter}\n")


def newest(cache: Path) -> Path:
    """Return an executable that runs the newest Python with our packages. Raise `NotFound` if there is none."""
    if interpreter := _installed(NEWEST) or _downloaded_by_uv(NEWEST):
        return _environment(interpreter, cache)
    for suite, minor in SUITES.items():
        if (wrapper := _debian(suite, minor, cache)) is not None:
            return wrapper
    for minor in range(NEWEST - 1, sys.version_info.minor, -1):
        if interpreter := _installed(minor):
            return _environment(interpreter, cache)
    raise NotFound(
        f"No Python newer than {sys.version_info.major}.{sys.version_info.minor} was found. Install Python 3.{NEWEST}, "
        f"or mmdebstrap (on Debian and Ubuntu: apt install mmdebstrap), and start again."
    )


# -- interpreters of this machine ------------------------------------------------------------------------------


def _installed(minor: int) -> Path | None:
    return next((path for path in _candidates(minor) if _is_release(path, minor)), None)


def _candidates(minor: int) -> Iterator[Path]:
    name = f"python3.{minor}"
    for folder in os.get_exec_path():
        yield Path(folder, name)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from pyenv.glob(f"versions/3.{minor}.*/bin/{name}")
    managed = _run(
        [sys.executable, "-m", "uv", "python", "find", "--no-python-downloads", "--managed-python", f"3.{minor}"]
    )
    if managed.returncode == 0:
        yield Path(managed.stdout.strip())


def _is_release(path: Path, minor: int) -> bool:
    """Whether this runs a final release of that version. pyenv puts scripts of this name on the PATH that run none."""
    if not path.is_file():
        return False
    version = _run([str(path), "-c", "import sys, venv; print(sys.version_info[:2], sys.version_info.releaselevel)"])
    return version.stdout.strip() == f"(3, {minor}) final"


def _downloaded_by_uv(minor: int) -> Path | None:
    _run([sys.executable, "-m", "uv", "python", "install", f"3.{minor}"], timeout_s=DOWNLOAD_S)
    return _installed(minor)


def _environment(interpreter: Path, cache: Path) -> Path:
    """Return the Python of a virtual environment with the pinned packages."""
    folder = cache / f"venv-{interpreter.name}-{_requirements_hash()}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        _run_or_fail([str(interpreter), "-m", "venv", "--clear", str(folder)])
        _run_or_fail([str(python), *PIP_INSTALL, "-r", str(REQUIREMENTS)])
        (folder / "complete").touch()
    return python


PIP_INSTALL = (
    *("-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--root-user-action=ignore"),
    *("--require-hashes", "--only-binary=:all:"),
)


# -- Debian in a folder ----------------------------------------------------------------------------------------


def _debian(suite: str, minor: int, cache: Path) -> Path | None:
    """Return a script that runs Debian's Python with the pinned packages; None if this machine cannot have one."""
    if sys.platform != "linux" or not _has_mmdebstrap():
        return None
    system = cache / suite
    if not (system / "complete").exists():
        shutil.rmtree(system, ignore_errors=True)
        # The archive index of a testing release is renewed seldom, and may have expired.
        options = ["--variant=minbase", "--include=python3", '--aptopt=Acquire::Check-Valid-Until "false"']
        result = _run(["mmdebstrap", "--quiet", *options, suite, str(system)], timeout_s=UNPACK_S)
        if result.returncode:
            sys.stderr.write(f"Debian {suite} could not be unpacked: {result.stderr.strip()[-500:]}\n")
            return None
        (system / "complete").touch()
    packages = system / f"packages-{_requirements_hash()}"
    if not packages.exists():
        partial = packages.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        target = ["--target", str(partial), "--python-version", f"3.{minor}"]
        _run_or_fail([sys.executable, *PIP_INSTALL, *target, "-r", str(REQUIREMENTS)])
        partial.rename(packages)
    (system / f"usr/local/lib/python3.{minor}/dist-packages/dictaphone.pth").write_text(f"/{packages.name}\n")
    wrapper = cache / f"python3.{minor}-{suite}"
    wrapper.write_text(_wrapper(system, f"/usr/bin/python3.{minor}"))
    wrapper.chmod(0o755)
    trial = _run([str(wrapper), "-c", "import av"])
    if trial.returncode:
        sys.stderr.write(f"Python 3.{minor} of Debian {suite} does not run here: {trial.stderr.strip()[-500:]}\n")
        return None
    return wrapper


def _has_mmdebstrap() -> bool:
    apt = shutil.which("apt-get")
    if shutil.which("mmdebstrap") is None and apt is not None and os.geteuid() == 0:
        sys.stderr.write("Installing mmdebstrap by apt-get\n")
        for command in (["update"], ["install", "--yes", "--no-install-recommends", "mmdebstrap"]):
            _run([apt, "-qq", *command], timeout_s=UNPACK_S)
    return shutil.which("mmdebstrap") is not None


def _wrapper(system: Path, python: str) -> str:
    """Return a shell script that replaces itself by this Python: one process, so that signals reach it as usual.

    Its mounts are in a namespace of its own, and end with it.
    """
    folders = " ".join(shlex.quote(folder) for folder in (*SHARED_FOLDERS, str(ROOT)))
    return f"""\
#!/bin/sh
if [ "$1" != --inside ]; then
	[ "$(id -u)" = 0 ] || user=--map-root-user
	exec unshare --mount $user -- "$0" --inside "$PWD" "$@"
fi
system={shlex.quote(str(system))} folder=$2
shift 2
for shared in {folders}; do
	mkdir -p "$system$shared" && mount --rbind "$shared" "$system$shared" || exit
done
exec chroot "$system" /usr/bin/env -C "$folder" {python} "$@"
"""


# -- shared by both --------------------------------------------------------------------------------------------


def _cache_folder() -> Path:
    if os.geteuid() == 0:
        return Path("/var/cache/dictaphone")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dictaphone"


def _requirements_hash() -> str:
    return hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]


def _run(command: Sequence[str], *, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a command that may fail. One that takes too long has failed."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"{shlex.join(command)} took longer than {timeout_s} s")


def _run_or_fail(command: Sequence[str]) -> None:
    result = _run(command, timeout_s=UNPACK_S)
    if result.returncode:
        raise NotFound(f"`{shlex.join(command)}` failed:\n{result.stdout}{result.stderr}")


if __name__ == "__main__":
    main()
