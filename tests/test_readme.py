"""What README.md and ARCHITECTURE.md say is what there is."""

import re
from collections.abc import Iterable
from pathlib import Path

from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo

from services.api.app import ROUTES
from services.api.openapi.document import build
from services.api.settings import ApiSettings
from services.realtime.settings import RealtimeSettings
from services.transcriber.settings import TranscriberSettings
from shared.settings import ProcessSettings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()

SERVICES: dict[str, type[ProcessSettings]] = {
    "api": ApiSettings,
    "realtime": RealtimeSettings,
    "transcriber": TranscriberSettings,
}

ELSEWHERE = {
    *("REALTIME_PORT", "TRANSCRIBER_PORT"),  # infra/local_up.py
    *("DICTAPHONE_SECRET", "PUBLISH"),  # infra/compose.yaml
    *("ARGS", "FANOUT_GEN_C"),  # Makefile, tests/bench/realtime.py
    *("HF_ENDPOINT", "HF_HUB_OFFLINE", "HF_TOKEN"),  # the hub's client
    *("CLUSTER_ID", "HASH_FROM_CADDY_HASH_PASSWORD", "URL", "ID"),  # the reader's own, in examples
}
"""Names in capitals that are no service's settings."""


def test_the_configuration_table_is_what_the_services_read() -> None:
    table = re.search(r"^\| Variable .*\n\|[-|]+\|\n((?:\|.*\n)*)", README, re.MULTILINE)
    assert table
    assert table[1] == "".join(f"{row}\n" for row in rows())


def rows() -> Iterable[str]:
    """The table: a row for each variable, and for each meaning where services differ."""
    readers: dict[tuple[str, str, str], list[str]] = {}
    for service, settings in SERVICES.items():
        for name, field in settings.model_fields.items():
            assert field.description, f"{settings.__name__}.{name} has no description"
            meaning = field.description.replace("|", "\\|")
            readers.setdefault((variable(name, field), default(field), meaning), []).append(service)
    for (name, value, meaning), services in readers.items():
        yield f"| `{name}` | {value} | {', '.join(services) if len(services) < len(SERVICES) else 'all'} | {meaning} |"


def variable(name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else name.upper()


def default(field: FieldInfo) -> str:
    value = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
    if isinstance(value, bool):
        value = "on" if value else "off"
    return "" if value in ("", frozenset()) else f"`{value}`"


def test_every_variable_that_is_named_exists() -> None:
    known = {variable(name, field) for settings in SERVICES.values() for name, field in settings.model_fields.items()}
    named = set(re.findall(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b|\b[A-Z]+(?==)", README))
    assert named <= known | ELSEWHERE


def test_every_command_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^\s+)make ([a-z-]+)", README + ARCHITECTURE, re.MULTILINE))
    assert {"local-up", "test", "deploy-api", "deploy-realtime", "deploy-transcriber", "bench-api"} <= named <= targets
    modules = set(re.findall(r"python -m ([a-z_.]+)", README + ARCHITECTURE)) - {"services."}
    for module in modules:
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module


def test_every_curl_example_is_in_the_api() -> None:
    commands = re.findall(r"^ +curl (.*)$", README, re.MULTILINE)
    assert commands
    operations = {(method, address(path)) for path, methods in build(ROUTES)["paths"].items() for method in methods}
    for command in commands:
        given = re.search(r"-X (\w+)", command)
        bodies = {"--upload-file": "put", "--data-binary": "post"}
        implied = next((method for option, method in bodies.items() if option in command), "get")
        method = given[1].lower() if given else implied
        asked = re.search(r'"\$URL([^"?]*)', command)
        assert asked, command
        assert any(method == known and path.fullmatch(asked[1]) for known, path in operations), command


def address(path: str) -> re.Pattern[str]:
    """What an OpenAPI path matches; names of clips may have slashes."""
    return re.compile(re.sub(r"\{(\w+)\}", lambda part: ".+" if part[1] == "name" else "[^/]+", path))


MADE_BY_THE_READER = {"infra/.env"}


def test_every_link_and_every_file_exists() -> None:
    for text in (README, ARCHITECTURE):
        for link in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (ROOT / link).exists(), link
        headings = {title.lower().replace(" ", "-") for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
        assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings
    folders = "services|shared|static|infra|tests|requirements"
    for path in re.findall(rf"`((?:{folders})/[\w./-]*|[\w.-]+\.(?:toml|md))`", README + ARCHITECTURE):
        assert (ROOT / path).exists() or path in MADE_BY_THE_READER, path
