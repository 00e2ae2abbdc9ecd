"""The page's bundle, as `infra/bundle/build.js` made it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import structlog

log = structlog.get_logger(__name__)

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Bundle:
    """One script and one style sheet that the page starts with, and the parts that come later; all in memory."""

    id: str
    """Digest of the files. It stands in their addresses, so that they are cached for good."""
    script: str
    """The name of the script that the page starts with."""
    style: str
    """Text of the style sheet that the page starts with."""
    files: Mapping[str, bytes]
    """Every other file by its name below `prefix`."""

    @property
    def prefix(self) -> str:
        return f"/static/bundle/{self.id}/"

    @classmethod
    def read(cls, folder: Path, digest: str) -> Self | None:
        """Read the bundle that was made of the page's files with this digest; None: there is none."""
        try:
            manifest = json.loads((folder / MANIFEST).read_bytes())
            if manifest["made_of"] != digest:
                log.warning("bundle not served", reason="it was made of other files than those in static/")
                return None
            names = [name for name in manifest["files"] if name != manifest["style"]]
            return cls(
                id=manifest["id"],
                script=manifest["script"],
                style=(folder / manifest["style"]).read_text(),
                files={name: (folder / name).read_bytes() for name in names},
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("bundle not served", reason=str(error))
            return None
