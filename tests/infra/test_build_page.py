"""The bundle takes the place of an older bundle, and of nothing else."""

from pathlib import Path

import pytest

from infra.build_page import BuildError, build_page


def test_a_folder_that_is_no_bundle_stays(tmp_path: Path) -> None:
    """A wrong BUNDLE_DIR, such as `.`, costs nobody a file."""
    (tmp_path / "recordings").mkdir()
    precious = tmp_path / "recordings" / "one.webm"
    precious.write_bytes(b"sound")
    with pytest.raises(BuildError, match="not a bundle"):
        build_page(tmp_path)
    assert precious.read_bytes() == b"sound"


def test_an_older_bundle_and_an_empty_folder_are_replaced(tmp_path: Path) -> None:
    build_page(tmp_path)
    newest = (tmp_path / "manifest.json").read_text()
    (tmp_path / "manifest.json").write_text('{"made_of": "other files"}')
    build_page(tmp_path)
    assert (tmp_path / "manifest.json").read_text() == newest
    assert not [*tmp_path.parent.glob(f"{tmp_path.name}.*")], "nothing is left beside it"
