"""The page's version: a service worker gets all files of one version, or none."""

import json
import shutil
import time
from pathlib import Path

import httpx
import pytest

from services.api.frontend.version import RELOAD_INTERVAL_S, STATIC, PageFiles, Signature


async def read_shell(client: httpx.AsyncClient) -> dict[str, list[str] | str]:
    """The first line of the service worker, as the browser reads it."""
    answer = await client.get("/service-worker.js")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "no-cache"
    first = answer.text.splitlines()[0]
    found: dict[str, list[str] | str] = json.loads(first.removeprefix("const SHELL = ").removesuffix(";"))
    return found


async def test_the_worker_names_every_file_of_the_page_and_each_is_there(client: httpx.AsyncClient) -> None:
    shell_now = await read_shell(client)
    here = {path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file()}
    assert set(shell_now["files"]) == {"/"} | {f"/static/{path}" for path in here - {"index.html", "service-worker.js"}}
    for path in shell_now["files"]:
        answer = await client.get(path, params={"shell": str(shell_now["version"])})
        assert answer.status_code == 200, path


async def test_files_of_another_version_are_refused(client: httpx.AsyncClient) -> None:
    for path in ("/", "/static/main.js"):
        answer = await client.get(path, params={"shell": "0123456789abcdef"})
        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:dictaphone:problem:other-version"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the page's files, with other times."""
    folder = tmp_path / "static"
    shutil.copytree(STATIC, folder, copy_function=shutil.copyfile)
    return folder


def change(folder: Path) -> None:
    words = folder / "words" / "de.js"
    words.write_text(words.read_text().replace("Neu", "neu", 1))


def test_any_change_is_another_version_and_a_copy_of_the_files_is_not(copy: Path) -> None:
    now = PageFiles().version("policy")
    assert PageFiles().version("another policy") != now
    assert PageFiles(copy).version("policy") == now
    change(copy)
    changed = PageFiles(copy).version("policy")
    assert changed != now
    (copy / "list" / "new.js").write_text("")
    assert PageFiles(copy).version("policy") not in {now, changed}


def test_the_files_are_read_once_unless_they_change_under_a_developer(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served, developed = PageFiles(copy), PageFiles(copy, reload=True)
    now = served.version("policy")
    reads: list[PageFiles] = []
    sign = PageFiles._sign

    def counted(self: PageFiles) -> Signature:
        reads.append(self)
        return sign(self)

    monkeypatch.setattr(PageFiles, "_sign", counted)
    change(copy)
    (copy / "list" / "new.js").write_text("")
    for _ in range(92):  # as a service worker that is updated
        assert served.version("policy") == developed.version("policy") == now
        assert "new.js" not in served.service_worker_script("policy")
    assert reads == []
    start = time.monotonic()
    monkeypatch.setattr("time.monotonic", lambda: start + RELOAD_INTERVAL_S)
    assert served.version("policy") == now
    assert developed.version("policy") != now
    assert "new.js" in developed.service_worker_script("policy")
    assert set(reads) == {developed}
