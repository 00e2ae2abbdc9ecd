"""Images without a Docker engine: read from the Dockerfile, put together in a folder, and run.

An image's folder gets what COPY takes through .dockerignore, and its packages are links to those that its requirements
name, in the environment of this test run. What the image would lack, the process lacks.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

import psutil
from packaging.requirements import Requirement

from infra.build_page import BuildError, build_page
from tests.servers.preloaded import ForkedProcess
from tests.servers.server import Server
from tests.servers.stack import ROOT, Service

BUNDLE = "bundle"
"""What a build makes; in the tree it is ignored."""

BUILD_PAGE = f"node infra/bundle/build.js {BUNDLE}"

# -- a reader of the Dockerfile -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Instruction:
    """One instruction of the Dockerfile, its continuation lines joined."""

    keyword: str
    arguments: str

    @classmethod
    def read_all(cls) -> Iterator["Instruction"]:
        text = re.sub(r"^#.*\n", "", (ROOT / "infra/Dockerfile").read_text(), flags=re.MULTILINE)
        for line in text.replace("\\\n", " ").splitlines():
            if line.strip():
                keyword, _, arguments = line.strip().partition(" ")
                yield cls(keyword, arguments.strip())


@cache
def stages() -> dict[str, tuple[str, list[Instruction]]]:
    """Stage → what it builds on, and its instructions."""
    stages_by_name: dict[str, tuple[str, list[Instruction]]] = {}
    lines: list[Instruction] = []
    for line in Instruction.read_all():
        if line.keyword == "FROM":
            base, _, name = line.arguments.partition(" AS ")
            stages_by_name[name] = (base, lines := [])
        else:
            lines.append(line)
    return stages_by_name


def instructions(stage: str) -> list[Instruction]:
    """The instructions of a stage behind those of the stages that it builds on."""
    base, own = stages()[stage]
    return [*(instructions(base) if base in stages() else ()), *own]


def last_instruction(stage: str, keyword: str) -> str:
    return [line.arguments for line in instructions(stage) if line.keyword == keyword][-1]


def environment(stage: str) -> dict[str, str]:
    pairs = [line.arguments for line in instructions(stage) if line.keyword == "ENV"]
    return dict(pair.split("=", 1) for text in pairs for pair in text.split())


def contents(stage: str) -> tuple[dict[str, str], set[str]]:
    """What a stage holds: its paths with where in the tree they come from, and the requirements installed in it."""
    held, installed = dict[str, str](), set[str]()
    folder = "/"
    for line in instructions(stage):
        if line.keyword == "WORKDIR":
            folder = line.arguments
        elif line.keyword == "COPY" and (other := re.fullmatch(r"--from=(\S+) (\S+) (\S+)", line.arguments)):
            source, path, target = other.groups()
            assert path == target, "this reader knows no renaming"
            theirs, packages = contents(source)
            held |= {name: origin for name, origin in theirs.items() if f"{name}/".startswith(f"{path}/")}
            installed |= packages if path == "/venv" else set()
        elif line.keyword == "COPY":
            source, target = line.arguments.split()
            into = target if target.startswith("/") else f"{folder}/{target}"
            held[f"{into.rstrip('/')}/{Path(source).name}" if into.endswith("/") else into] = source
        elif line.keyword == "RUN" and line.arguments == BUILD_PAGE:
            held[f"{folder}/{BUNDLE}"] = BUNDLE
        elif line.keyword == "RUN":
            installed |= {held[path] for path in re.findall(r"-r (\S+)", line.arguments)}
    return held, installed


# -- .dockerignore --------------------------------------------------------------------------------------------------


def _pattern(text: str) -> re.Pattern[str]:
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(words.get(part) or re.escape(part) for part in re.split(r"(\*\*/|\*\*|\*|\?)", text)))


@cache
def _rules() -> list[tuple[bool, re.Pattern[str]]]:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return [(line[0] == "!", _pattern(line.removeprefix("!"))) for line in lines if line and line[0] != "#"]


def is_in_build_context(path: str) -> bool:
    """Whether a build sees this file: the last line that names it, or a folder above it, decides."""
    sent = True
    places = [path, *(parent.as_posix() for parent in Path(path).parents if parent.name)]
    for lets_through, pattern in _rules():
        if any(pattern.fullmatch(place) for place in places):
            sent = lets_through
    return sent


@cache
def repository_files() -> list[str]:
    """The files below the root, but for what installers own."""
    pruned = {".git", ".venv", "node_modules"}
    paths: list[str] = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [each for each in folders if each not in pruned]
        paths += [(Path(folder) / file).relative_to(ROOT).as_posix() for file in files]
    return paths


# -- an image, put together -----------------------------------------------------------------------------------------


class Image:
    """The folder that an image's process would find, and the process in it."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.app, self.packages = folder / "app", folder / "packages"
        held, requirements = contents(name)
        for path, source in held.items():
            if source == BUNDLE:
                with contextlib.suppress(BuildError):  # without Node.js here, the page is plain modules
                    build_page(self.app / BUNDLE)
            elif path.startswith("/app/"):
                _copy(source, self.app / path.removeprefix("/app/"))
        self.packages.mkdir()
        for file in requirements:
            for requirement in requirements_in(file):
                _link(requirement, self.packages)

    @property
    def environment(self) -> dict[str, str]:
        return {"PYTHONPATH": f"{self.app}:{self.packages}", "PYTHONDONTWRITEBYTECODE": "1"}

    def command(self, words: list[str]) -> list[str]:
        assert words[0] == "python"
        # -S: without this test run's own packages.
        return [sys.executable, "-S", *words[1:]]

    def run(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(["python", *words]),
            cwd=self.app,
            env={**self.environment, **env},
            capture_output=True,
            text=True,
            check=False,
        )


class Container(Service):
    """An image's own command, started where it would be."""

    def __init__(self, image: Image, env: Mapping[str, str]) -> None:
        super().__init__(image.name, env)
        self._image = image

    def command(self) -> list[str]:
        return self._image.command(json.loads(last_instruction(self._image.name, "CMD")))

    def spawn(self) -> psutil.Popen | ForkedProcess:
        # A process of its own: those that tests fork have the tree's files.
        return Server.spawn(self)

    def working_folder(self) -> Path:
        return self._image.app

    def environment(self) -> Mapping[str, str]:
        return {**super().environment(), **self._image.environment}


def _copy(source: str, target: Path) -> None:
    for path in repository_files():
        inside = Path(path).is_relative_to(source)
        if inside and is_in_build_context(path):
            copy = target / Path(path).relative_to(source) if path != source else target
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, copy)


def requirements_in(file: str) -> list[Requirement]:
    """The pinned distributions of a requirements file that this platform and Python need."""
    lines = re.findall(r"^([A-Za-z0-9].*?)(?: \\)?$", (ROOT / file).read_text(), re.MULTILINE)
    requirements = [Requirement(line) for line in lines]
    return [each for each in requirements if each.marker is None or each.marker.evaluate()]


def _link(requirement: Requirement, folder: Path) -> None:
    """Link to the files of a distribution that is installed here, in the version that the requirement names."""
    distribution = metadata.distribution(requirement.name)
    version = distribution.version
    assert version in requirement.specifier, f"{requirement} is installed as {version}: run make test"
    site = Path(sysconfig.get_path("purelib"))
    for path in distribution.files or ():
        top = path.parts[0]
        if top not in {"..", "__pycache__"} and not (folder / top).exists():
            (folder / top).symlink_to(site / top)
