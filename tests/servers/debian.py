"""Programs that Debian packages and PyPI does not: those of the system, else installed by apt where we may."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path


def program(name: str) -> Path | None:
    """Find a program. Debian has some where only root's PATH leads."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return Path(path) if path else None


def install(package: str, *more: str, program_name: str | None = None) -> str | None:
    """Install packages, unless the program is there, which has the first one's name if it has no other.

    Return the reason if it could not be done.
    """
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return "it can be installed by apt only as root on Debian or Ubuntu"
    with (Path(tempfile.gettempdir()) / "dictaphone-apt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if program(program_name or package):  # another test process has done it meanwhile
            return None
        for command in (["update"], ["install", "--yes", "--no-install-recommends", package, *more]):
            done = subprocess.run(
                [apt, "-qq", *command],
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                return f"`apt-get {' '.join(command)}` ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return None
