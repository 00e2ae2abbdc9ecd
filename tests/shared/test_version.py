"""The version that the services say is the one of the project."""

import tomllib
from pathlib import Path

from shared.version import VERSION

ROOT = Path(__file__).parents[2]


def test_the_version_is_the_one_of_the_project() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION
