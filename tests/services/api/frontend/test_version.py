"""The page's version: a service worker gets all files of one version, or none."""

import json
import shutil
from pathlib import Path

import httpx
import pytest

from services.api.frontend import version
from services.api.frontend.version import STATIC, page_version


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
    for path in ("/", "/static/scripts/main.js"):
        answer = await client.get(path, params={"shell": "0123456789abcdef"})
        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:dictaphone:problem:other-version"


def test_any_change_is_another_version_and_a_copy_of_the_files_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = page_version("policy")
    assert page_version("another policy") != now
    copy = tmp_path / "static"
    shutil.copytree(STATIC, copy, copy_function=shutil.copyfile)
    monkeypatch.setattr(version, "STATIC", copy)
    assert page_version("policy") == now
    words = copy / "scripts" / "words" / "de.js"
    words.write_text(words.read_text().replace("Neu", "neu", 1))
    changed = page_version("policy")
    assert changed != now
    (copy / "scripts" / "new.js").write_text("")
    assert page_version("policy") not in {now, changed}
