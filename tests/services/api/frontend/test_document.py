"""The page as it is sent: its places, the newest clips inside, and the bundle or plain modules."""

import json
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.api.frontend.document import modules_of, source_hash, with_first_list
from services.api.frontend.version import STATIC, PageFiles
from services.api.http.static_files import FOREVER
from tests import speech
from tests.conftest import Parts
from tests.servers.stack import Stack

NAVIGATION = {
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "none",
}
HOSTILE = "</script><script>alert(1)</script><!-- <script> \u2028 & ]]> \\u003c"
FIRST_LIST = re.compile(r'<script type="application/json" id="first-list">(.*?)</script>', re.DOTALL)
MAX_START_BYTES = 68_000
"""Compressed bytes of the page, its styles and its script, without a list."""


@pytest.fixture(scope="module")
def api(module_local_parts: Parts) -> Iterator[Stack]:
    with Stack(module_local_parts, ["api"], migrate=False) as stack:
        yield stack


@pytest.fixture(scope="module")
def bundled_api(tmp_path_factory: pytest.TempPathFactory, module_local_parts: Parts, bundle: Path) -> Iterator[Stack]:
    with Stack({**module_local_parts, "BUNDLE_DIR": str(bundle)}, ["api"], migrate=False) as stack:
        yield stack


def store_clip(api: Stack, name: str) -> str:
    id = str(uuid.uuid4())
    url = f"{api.api_url}/api/clips/{id}"
    sound = speech.encode(speech.samples())
    response = httpx.put(url, params={"name": name}, content=sound, headers={"Content-Type": "audio/webm"})
    assert response.status_code == 201, response.text
    return id


def first_list(response: httpx.Response) -> dict[str, Any]:
    [found] = FIRST_LIST.findall(response.text)
    page: dict[str, Any] = json.loads(found)
    return page


def without_cursor(page: dict[str, Any]) -> dict[str, Any]:
    return {**page, "realtime": page["realtime"]["url"]}


# -- the list inside ------------------------------------------------------------------------------------------------


def test_the_page_that_a_person_opens_brings_its_list_along(api: Stack) -> None:
    id = store_clip(api, HOSTILE)
    response = httpx.get(api.api_url, headers=NAVIGATION)
    page = first_list(response)
    assert [clip["name"] for clip in page["clips"] if clip["id"] == id] == [HOSTILE]
    asked = httpx.get(f"{api.api_url}/api/clips", params={"form": "short"}).json()
    assert without_cursor(page) == without_cursor(asked), "what GET /api/clips?form=short answers"
    assert "cursor" in page["realtime"]
    assert response.headers["cache-control"] == "private, no-store"
    assert "etag" not in response.headers


def test_no_name_breaks_out_of_the_list() -> None:
    names = [HOSTILE, "<!--<script>", "]]>", "\u2029", "&lt;/script&gt;"]
    sent = with_first_list("<body></body>", json.dumps(names))
    assert sent.count("</script>") == 1
    assert "<!--" not in sent
    found = FIRST_LIST.search(sent)
    assert found
    assert json.loads(found[1]) == names
    assert sent.endswith("</script>\n</body>")


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": "*/*"},
        {**NAVIGATION, "Sec-Fetch-Dest": "iframe"},
        {**NAVIGATION, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"},
        {**NAVIGATION, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
    ],
    ids=["any", "frame", "script", "fetch"],
)
def test_nobody_else_gets_the_list_in_the_page(api: Stack, headers: dict[str, str]) -> None:
    response = httpx.get(api.api_url, headers=headers)
    assert response.status_code == 200
    assert not FIRST_LIST.search(response.text)
    assert response.headers["cache-control"] == "no-cache"
    again = httpx.get(api.api_url, headers={**headers, "If-None-Match": response.headers["etag"]})
    assert again.status_code == 304


def test_a_service_worker_keeps_a_page_without_anybodys_list(api: Stack) -> None:
    worker = httpx.get(f"{api.api_url}/service-worker.js").text.splitlines()[0]
    version = json.loads(worker.removeprefix("const SHELL = ").removesuffix(";"))["version"]
    response = httpx.get(api.api_url, params={"shell": version}, headers=NAVIGATION)
    assert response.status_code == 200
    assert not FIRST_LIST.search(response.text)


def test_the_page_comes_without_a_list_when_the_database_is_away(
    server_parts: Parts, start_stack: Any, postgres: Any
) -> None:
    stack = start_stack(server_parts, "api")
    postgres.kill()
    response = httpx.get(stack.api_url, headers=NAVIGATION, timeout=30)
    assert response.status_code == 200
    assert not FIRST_LIST.search(response.text)
    assert response.headers["cache-control"] == "no-cache"


# -- places ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/recording", "/settings", "/bin"])
def test_each_place_of_the_page_is_an_address(api: Stack, path: str) -> None:
    response = httpx.get(f"{api.api_url}{path}", headers=NAVIGATION)
    assert response.status_code == 200
    assert "<title>" in response.text
    assert {"Accept", "Sec-Fetch-Mode", "Sec-Fetch-Dest"} <= set(response.headers["vary"].split(", "))


def test_a_clips_address_is_the_page_for_people_and_the_audio_for_clients_of_the_seed(api: Stack) -> None:
    name = str(uuid.uuid4())
    url = f"{api.api_url}/clips/{name}"
    sound = speech.encode(speech.samples())
    assert httpx.put(url, content=sound, headers={"Content-Type": "audio/webm"}).status_code == 201
    for headers in (NAVIGATION, {"Accept": NAVIGATION["Accept"]}):
        page = httpx.get(url, headers=headers)
        assert "<title>" in page.text
        assert page.headers["content-type"].startswith("text/html")
    for headers in ({}, {"Accept": "*/*", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "audio"}):
        audio = httpx.get(url, headers=headers)
        assert audio.content == sound
        assert {"Accept", "Sec-Fetch-Mode", "Sec-Fetch-Dest"} <= set(audio.headers["vary"].split(", "))
    assert httpx.get(url, headers={"Range": "bytes=0-3"}).status_code == 206
    assert httpx.head(url).headers["content-length"] == str(len(sound))


def test_a_name_that_is_no_id_stays_the_audio_in_a_tab_too(api: Stack) -> None:
    sound = speech.encode(speech.samples())
    for name in ("plain.webm", "a/b", "0123"):
        url = f"{api.api_url}/clips/{name}"
        assert httpx.put(url, content=sound, headers={"Content-Type": "audio/webm"}).status_code == 201
        assert httpx.get(url, headers=NAVIGATION).content == sound


# -- plain modules --------------------------------------------------------------------------------------------------


def test_the_page_names_every_module_of_its_start(api: Stack) -> None:
    """They arrive in one round of requests. index.html has no list of them that somebody must keep."""
    assert "modulepreload" not in (STATIC / "index.html").read_text()
    page = httpx.get(api.api_url).text
    named = re.findall(r'modulepreload" href="/static/([^"]+)"', page)
    assert {"page.js", "shared/words.js", "words/en.js"} <= set(named)
    assert {*named, "main.js"} == set(modules_of(STATIC))
    assert not [name for name in named if not (STATIC / name).is_file()]
    assert 'src="/static/main.js"' in page


def test_every_form_of_an_import_is_followed(tmp_path: Path) -> None:
    (tmp_path / "main.js").write_text(
        'import a from "./a.js";\nimport {\n  b,\n} from "./more/b.js";\nimport "./c.js";\n'
        'export { d } from "./d.js";\nexport * from \'./e.js\';\nconst f = () => import("./late.js");\n'
        'export const g = "from";\n// import "./never.js";\nconst text = `\n  import "./in-text.js"`;\n'
    )
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b.js").write_text('import "../main.js";')
    for name in "acde":
        (tmp_path / f"{name}.js").write_text('import "./main.js";')
    assert modules_of(tmp_path) == ["a.js", "c.js", "d.js", "e.js", "main.js", "more/b.js"]


def test_an_import_of_a_file_that_is_not_there_is_left_to_the_browser(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A developer has saved a module before the one that it imports: the page tells what is missing, and goes on."""
    served = PageFiles(copy, reload=True)
    (copy / "page.js").write_text(f'import "./not-yet.js";\n{(copy / "page.js").read_text()}')
    monkeypatch.setattr("time.monotonic", lambda: 1e9)
    assert "/static/main.js" in served.document
    assert "not-yet.js" not in served.document
    (copy / "not-yet.js").write_text("")
    monkeypatch.setattr("time.monotonic", lambda: 2e9)
    assert '"/static/not-yet.js"' in served.document


# -- the bundle -----------------------------------------------------------------------------------------------------


def test_the_bundle_is_one_script_and_a_style_sheet_inside(bundled_api: Stack) -> None:
    page = httpx.get(bundled_api.api_url)
    assert re.findall(r'<link rel="(?:stylesheet|modulepreload|preload)"', page.text) == []
    [script] = re.findall(r'<script type="module" src="([^"]+)"></script>', page.text)
    response = httpx.get(f"{bundled_api.api_url}{script}")
    assert response.headers["cache-control"] == FOREVER
    assert response.headers["content-type"].startswith("text/javascript")
    [style] = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
    assert len(style) > 1000
    [inline] = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    assert "dictaphone.theme" in inline, "nothing is asked for before the page is painted"
    assert "<script src=" not in page.text
    policy = page.headers["content-security-policy"]
    assert f"script-src 'self' {source_hash(inline)};" in policy
    assert f"style-src 'self' {source_hash(style)};" in policy


async def test_the_start_of_the_bundle_is_small(bundled_api: Stack) -> None:
    sizes = {}
    async with httpx.AsyncClient(base_url=bundled_api.api_url, headers={"Accept-Encoding": "br"}) as client:
        page = await client.get("/")
        [script] = re.findall(r'<script type="module" src="([^"]+)"></script>', page.text)
        for path in ("/", script):
            async with client.stream("GET", path) as response:
                sizes[path] = sum([len(part) async for part in response.aiter_raw()])
    assert sum(sizes.values()) <= MAX_START_BYTES, sizes


def test_every_file_of_the_bundle_is_there_and_its_worker_names_them(bundled_api: Stack) -> None:
    worker = httpx.get(f"{bundled_api.api_url}/service-worker.js").text.splitlines()[0]
    shell = json.loads(worker.removeprefix("const SHELL = ").removesuffix(";"))
    assert len(shell["files"]) < 60
    plain = {path for path in shell["files"] if path.endswith((".js", ".css")) and "/static/bundle/" not in path}
    page = httpx.get(bundled_api.api_url).text
    named = re.findall(r'(?:src|href)="(/static/(?!bundle/)[^"]+\.(?:js|css))"', page)
    assert plain == set(named)
    for path in shell["files"]:
        assert httpx.get(f"{bundled_api.api_url}{path}", params={"shell": shell["version"]}).status_code == 200, path
    for path in ("/static/bundle/", "/static/bundle/0123456789abcdef/js/main.js", shell["files"][1] + "x"):
        assert httpx.get(f"{bundled_api.api_url}{path}").status_code == 404


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    shutil.copytree(STATIC, folder, copy_function=shutil.copyfile)
    return folder


def test_a_bundle_is_served_beside_the_very_files_that_it_was_made_of_alone(copy: Path, bundle: Path) -> None:
    made_of = PageFiles(copy, bundle=bundle)
    assert made_of.bundle
    assert made_of.version("policy") != PageFiles(copy).version("policy")
    (copy / "page.js").write_text((copy / "page.js").read_text() + "\n// changed\n")
    changed = PageFiles(copy, bundle=bundle)
    assert changed.bundle is None
    assert "/static/main.js" in changed.document


@pytest.mark.parametrize("reload", [True, "auto"])
def test_a_developer_never_meets_an_old_bundle(
    copy: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch, reload: Any
) -> None:
    served = PageFiles(copy, bundle=bundle, reload=reload)
    assert bool(served.bundle) == (reload == "auto")
    (copy / "page.js").write_text((copy / "page.js").read_text() + "\n// changed\n")
    monkeypatch.setattr("time.monotonic", lambda: 1e9)
    assert "/static/main.js" in served.document
    assert served.bundle is None


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"made_of": 1}'])
def test_a_bundle_that_cannot_be_read_is_none(copy: Path, tmp_path: Path, damage: str) -> None:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "manifest.json").write_text(damage)
    assert PageFiles(copy, bundle=tmp_path / "bundle").bundle is None
    assert PageFiles(copy, bundle=tmp_path / "elsewhere").bundle is None


def test_a_part_of_the_bundle_shares_the_modules_of_the_start(bundle: Path) -> None:
    """A module that was in two files would be two modules: two libraries of clips, two languages."""
    files = json.loads((bundle / "manifest.json").read_text())["files"]
    parts = {name: (bundle / name).read_text() for name in files if name.endswith(".js") and name != "js/main.js"}
    start = (bundle / "js/main.js").read_text()
    exported = {name for names in re.findall(r"export\{([^}]*)\}", start) for name in re.findall(r" as (\w+)", names)}
    imported = {
        name.split(" as ")[0]
        for text in parts.values()
        for names in re.findall(r'import\{([^}]*)\}from"\./main\.js"', text)
        for name in names.split(",")
    }
    assert len(imported) > 10
    assert imported <= exported
    assert any(name.startswith("words_") for name in imported)
    assert not [name for name, text in parts.items() if "Press Record and speak" in text]
