"""A small disk that can be full, in the first way that this machine and its user allow."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.servers.server import new_folder, remove

SIZE_BYTES = 128 * 1024**2
"""Room for the clips of one round, and soon filled."""

SHARED_MEMORY = Path("/dev/shm")
MAX_SHARED_BYTES = 512 * 1024**2
"""A larger one is not filled: it is the machine's memory. Containers get 64 MB."""

NO_DISK = (
    "no disk is filled: that needs a small file system, and here root may not mount one, an ordinary user may have no "
    f"mounts of his own (unshare --user --mount), and {SHARED_MEMORY} is not small"
)

NAMESPACE_DISK = Path("/mnt")
"""Where `enter_namespace` mounts the disk: a folder that every Linux has, hidden for our own processes alone."""

INSIDE = "DICTAPHONE_CHAOS_NAMESPACE"
"""Set in the process that `enter_namespace` has started."""


@dataclass(frozen=True)
class Disk:
    """A folder, and whether it is a small disk of its own."""

    folder: Path
    is_small: bool
    why_not: str = NO_DISK

    def fill(self) -> None:
        """Take the last byte."""
        with contextlib.suppress(OSError), self._ballast.open("ab", buffering=0) as ballast:
            while True:
                ballast.write(bytes(1024**2))
        with contextlib.suppress(OSError), self._ballast.open("ab", buffering=0) as ballast:
            while True:
                ballast.write(bytes(1))

    def free(self) -> None:
        self._ballast.unlink(missing_ok=True)

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"


@contextlib.contextmanager
def open_disk() -> Iterator[Disk]:
    """A small disk if there can be one; otherwise an ordinary folder."""
    with contextlib.ExitStack() as held:
        if INSIDE in os.environ:
            folder, is_small = Path(held.enter_context(TemporaryDirectory(dir=NAMESPACE_DISK))), True
        elif mounted := _mount(held):
            folder, is_small = mounted, True
        elif SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).total <= MAX_SHARED_BYTES:
            folder, is_small = Path(held.enter_context(TemporaryDirectory(dir=SHARED_MEMORY))), True
        else:
            folder, is_small = new_folder("disk"), False
            held.callback(remove, folder)
        yield Disk(folder, is_small)


def _mount(held: contextlib.ExitStack) -> Path | None:
    folder = new_folder("disk")
    held.callback(remove, folder)
    if os.geteuid() != 0 or not _run("mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES}", "tmpfs", str(folder)):
        return None
    held.callback(_run, "umount", "--lazy", str(folder))
    return folder


def enter_namespace(command: list[str]) -> None:
    """Become the same command in a mount namespace with a disk of its own, if this user may have that.

    The user stays himself in there: Postgres refuses to run as root.
    """
    if os.geteuid() == 0 or INSIDE in os.environ or shutil.which("unshare") is None:
        return
    namespace = ["unshare", "--user", "--map-current-user", "--keep-caps", "--mount"]
    if not _run(*namespace, "mount", "-t", "tmpfs", "tmpfs", str(NAMESPACE_DISK)):
        return
    script = f'mount -t tmpfs -o size={SIZE_BYTES} tmpfs {NAMESPACE_DISK} && exec "$@"'
    os.environ[INSIDE] = "1"
    os.execvp("unshare", [*namespace, "sh", "-c", script, "sh", *command])


def _run(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
