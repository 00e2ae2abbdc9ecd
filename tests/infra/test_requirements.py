"""The pinned packages: one environment for what runs and what tests, and one version of each for every Python."""

import json
import re
import shlex
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "requirements"

NOT_ON_EVERY_PYTHON = {
    "async-timeout": "redis imports it before 3.11.3 alone",
    "httpx2-jsfetch": "a browser's transport for Python in WebAssembly, which is none of our platforms",
}
"""Package that some Pythons do not need → why the others are tested all the same."""


def test_one_environment_serves_both_what_runs_and_what_tests() -> None:
    pins = {name: set(re.findall(r"^\S+==.*?(?= \\$)", text, re.MULTILINE)) for name, text in requirements().items()}
    assert pins["local"] > pins["api"] | pins["realtime"] | pins["transcriber"]
    assert pins["dev"] > pins["local"]


def test_requirements_are_hashed_and_name_no_host() -> None:
    for text in requirements().values():
        assert text.count("==") <= text.count("--hash=sha256:")
        assert "://" not in text
        assert "index-url" not in text


def test_every_python_has_the_same_version_of_each_package() -> None:
    for name, text in requirements().items():
        versions = defaultdict(set)
        for pin in pinned_requirements(text):
            versions[pin.name].add(str(pin.specifier))
            if pin.marker is not None and "python_" in str(pin.marker).replace("platform_python_", ""):
                assert pin.name in NOT_ON_EVERY_PYTHON, f"requirements/{name}.txt has {pin}: and not every Python does"
        split_packages = {package: pins for package, pins in versions.items() if len(pins) > 1}
        assert not split_packages, (
            f"requirements/{name}.txt has two products in it, of which one is tested: {split_packages}"
        )


def test_make_lock_leaves_out_releases_as_young_as_renovate_does() -> None:
    printed = subprocess.run(["make", "-n", "lock"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    compiled = [line for line in printed.replace("\\\n", "").splitlines() if "pip compile" in line]
    assert compiled
    age = json.loads((ROOT / "renovate.json").read_text())["minimumReleaseAge"]
    for line in compiled:
        words = shlex.split(line)
        assert words[words.index("--exclude-newer") + 1] == age


def pinned_requirements(text: str) -> Iterator[Requirement]:
    for line in text.splitlines():
        if line[:1].isalnum():
            yield Requirement(line.removesuffix(" \\"))


def requirements() -> dict[str, str]:
    return {file.stem: file.read_text() for file in FOLDER.glob("*.txt")}
