"""`python -m infra.newest_python`: print the newest Python that can be had, with the packages of `make local-up`.

The newest release that we support is looked for on the PATH, among pyenv's and uv's, and is fetched by uv where its
downloads can be reached. Debian's testing release has it too: where `mmdebstrap` is there, or root may install it, it
is unpacked into a folder and entered by `chroot`. What is prepared once stays in the cache.
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

OLDEST, NEWEST = 11, 14
"""Minor versions of Python 3 that are supported, both included: those that every pinned package has wheels for."""

SUITES = {"forky": 14, "trixie": 13}
"""Debian release → the minor version of its Python."""

DOWNLOAD_S, UNPACK_S = 120, 1200
"""Seconds for uv to fetch an interpreter, and for `mmdebstrap` to unpack a Debian: it takes 80 on two cores."""

SHARED_FOLDERS = ("/proc", "/dev", "/tmp", "/var/tmp")  # noqa: S108  # they are mounted, and nothing is made in them
"""What a program in the unpacked Debian sees of this machine, beside this repository."""


class NotFound(Exception):
    """No newer Python is to be had here; the text says what would help."""


def main() -> None:
    try:
        found = newest(_cache())
    except NotFound as error:
        sys.exit(str(error))
    sys.stdout.write(f"{found}\n")


def newest(cache: Path) -> Path:
    """Return an executable that runs the newest Python with our packages. Raises `NotFound`."""
    if found := _installed(NEWEST) or _fetched_by_uv(NEWEST):
        return _environment(found, cache)
    for suite, minor in SUITES.items():
        if (wrapper := _debian(suite, minor, cache)) is not None:
            return wrapper
    for minor in range(NEWEST - 1, sys.version_info.minor, -1):
        if found := _installed(minor):
            return _environment(found, cache)
    raise NotFound(
        f"No Python newer than {sys.version_info.major}.{sys.version_info.minor} was found. Install Python 3.{NEWEST}, "
        f"or mmdebstrap (on Debian and Ubuntu: apt install mmdebstrap), and start again."
    )


# -- interpreters of this machine ------------------------------------------------------------------------------


def _installed(minor: int) -> Path | None:
    return next((path for path in _candidates(minor) if _runs(path, minor)), None)


def _candidates(minor: int) -> Iterator[Path]:
    name = f"python3.{minor}"
    for folder in os.get_exec_path():
        yield Path(folder, name)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from pyenv.glob(f"versions/3.{minor}.*/bin/{name}")
    found = _run(
        [sys.executable, "-m", "uv", "python", "find", "--no-python-downloads", "--managed-python", f"3.{minor}"]
    )
    if found.returncode == 0:
        yield Path(found.stdout.strip())


def _runs(path: Path, minor: int) -> bool:
    """Whether this is a final release of that version; pyenv puts scripts of this name on the PATH that run none."""
    if not path.is_file():
        return False
    told = _run([str(path), "-c", "import sys, venv; print(sys.version_info[:2], sys.version_info.releaselevel)"])
    return told.stdout.strip() == f"(3, {minor}) final"


def _fetched_by_uv(minor: int) -> Path | None:
    try:
        _run([sys.executable, "-m", "uv", "python", "install", f"3.{minor}"], timeout_s=DOWNLOAD_S)
    except subprocess.TimeoutExpired:
        return None
    return _installed(minor)


def _environment(interpreter: Path, cache: Path) -> Path:
    """A virtual environment of this interpreter that holds the pinned packages."""
    folder = cache / f"venv-{interpreter.name}-{_stamp()}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        _must([str(interpreter), "-m", "venv", "--clear", str(folder)])
        _must([str(python), *INSTALL, "-r", str(REQUIREMENTS)])
        (folder / "complete").touch()
    return python


INSTALL = ("-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--root-user-action=ignore",
           "--require-hashes", "--only-binary=:all:")  # fmt: skip


# -- Debian in a folder ----------------------------------------------------------------------------------------


def _debian(suite: str, minor: int, cache: Path) -> Path | None:
    """A script that runs Debian's Python with the pinned packages; None if that cannot be made here."""
    if sys.platform != "linux" or not _has_mmdebstrap():
        return None
    system = cache / suite
    if not (system / "complete").exists():
        shutil.rmtree(system, ignore_errors=True)
        # A testing release's security archive is renewed seldom, and its date may be over.
        options = ["--variant=minbase", "--include=python3", '--aptopt=Acquire::Check-Valid-Until "false"']
        made = _run(["mmdebstrap", "--quiet", *options, suite, str(system)], timeout_s=UNPACK_S)
        if made.returncode:
            sys.stderr.write(f"Debian {suite} could not be unpacked: {made.stderr.strip()[-500:]}\n")
            return None
        (system / "complete").touch()
    packages = system / f"packages-{_stamp()}"
    if not packages.exists():
        partial = packages.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        target = ["--target", str(partial), "--python-version", f"3.{minor}"]
        _must([sys.executable, *INSTALL, *target, "-r", str(REQUIREMENTS)])
        partial.rename(packages)
    (system / f"usr/local/lib/python3.{minor}/dist-packages/dictaphone.pth").write_text(f"/{packages.name}\n")
    wrapper = cache / f"python3.{minor}-{suite}"
    wrapper.write_text(_wrapper(system, f"/usr/bin/python3.{minor}"))
    wrapper.chmod(0o755)
    return wrapper if _run([str(wrapper), "-c", "import av"]).returncode == 0 else None


def _has_mmdebstrap() -> bool:
    apt = shutil.which("apt-get")
    if shutil.which("mmdebstrap") is None and apt is not None and os.geteuid() == 0:
        for command in (["update"], ["install", "--yes", "--no-install-recommends", "mmdebstrap"]):
            _run([apt, "-qq", *command], timeout_s=UNPACK_S)
    return shutil.which("mmdebstrap") is not None


def _wrapper(system: Path, python: str) -> str:
    """A shell script that becomes this Python: one process throughout, so that signals reach it as any other.

    Its mounts are its own, and gone with it.
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


# -- what both ways share --------------------------------------------------------------------------------------


def _cache() -> Path:
    if os.geteuid() == 0:
        return Path("/var/cache/dictaphone")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dictaphone"


def _stamp() -> str:
    return hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]


def _run(command: Sequence[str], *, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout_s)


def _must(command: Sequence[str]) -> None:
    done = _run(command, timeout_s=UNPACK_S)
    if done.returncode:
        raise NotFound(f"`{shlex.join(command)}` failed:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    main()
