"""The servers that the other tests rely on: real, strict, durable, and gone when the run is."""

import base64
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest
import redis
from botocore.exceptions import ClientError
from playwright.async_api import Error as PlaywrightError

from tests import speech
from tests.conftest import Launch, Parts, StartStack
from tests.servers import postgres as postgres_module
from tests.servers.chromium import Microphone
from tests.servers.postgres import Postgres
from tests.servers.seaweedfs import SeaweedFS
from tests.servers.server import PORTS, Server, ServerFailed, free_port
from tests.servers.stack import ROOT, Service
from tests.servers.valkey import Valkey
from tests.servers.whisper import ANOTHER_TEXT, API_KEY, Fault, Whisper

FIRST = speech.ALL[0]
VERBOSE: dict[str, str | list[str]] = {
    "response_format": "verbose_json",
    "timestamp_granularities[]": ["segment", "word"],
}


# -- Postgres -----------------------------------------------------------------------------------------------------


def test_postgres_refuses_a_wrong_password(postgres: Postgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.url(password="wrong"))


def test_postgres_keeps_what_it_confirmed_when_it_is_killed() -> None:
    with Postgres() as server:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            assert connection.execute("SHOW fsync").fetchone() == ("on",)
            connection.execute("CREATE TABLE kept AS SELECT 42 AS number")
            server.kill()
        assert not server.is_running()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(server.url(), connect_timeout=2)
        server.start()
        with psycopg.connect(server.url()) as connection:
            assert connection.execute("SELECT number FROM kept").fetchone() == (42,)


def test_postgres_gives_each_test_its_own_migrated_database(postgres: Postgres, postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM clip").fetchone() == (0,)
        assert connection.execute("SELECT lower('ÄÉ')").fetchone() == ("äé",)
    assert postgres_url != postgres.url()


def test_postgres_does_not_run_as_root(postgres: Postgres) -> None:
    expected = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()
    assert psutil.Process(postgres.pid).uids().effective == expected


def test_postgres_runs_from_where_only_its_owner_reaches_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    source = postgres_module.package()
    for each in (source, source.with_name(f"{source.name}.libs")):
        if each.exists():
            shutil.copytree(each, hidden / each.name)
    monkeypatch.setattr(postgres_module, "package", lambda: hidden / source.name)
    with Postgres(fast=True) as server, psycopg.connect(server.url()) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("off",)


# -- Valkey -------------------------------------------------------------------------------------------------------


def test_valkey_refuses_a_wrong_password(valkey: Valkey) -> None:
    with redis.Redis.from_url(valkey.url(password="wrong")) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_valkey_forgets_everything_unless_it_is_durable() -> None:
    for durable, kept in ((False, None), (True, "value")):
        with Valkey(durable=durable) as server:
            with server.client() as client:
                client.set("key", "value")
            server.kill()
            server.start()
            with server.client() as client:
                assert client.get("key") == kept


def test_a_paused_valkey_accepts_and_does_not_answer(valkey: Valkey) -> None:
    with valkey.client() as client:
        valkey.pause()
        try:
            with pytest.raises(redis.TimeoutError):
                client.ping()
        finally:
            valkey.resume()
    with valkey.client() as client:
        assert client.ping()


# -- SeaweedFS ----------------------------------------------------------------------------------------------------


def test_seaweedfs_refuses_a_wrong_secret_and_no_secret(seaweedfs: SeaweedFS, bucket: Parts) -> None:
    seaweedfs.client.put_object(Bucket=bucket["BUCKET_NAME"], Key="a", Body=b"bytes")
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        seaweedfs.client_with("wrong").get_object(Bucket=bucket["BUCKET_NAME"], Key="a")
    assert httpx.get(f"{seaweedfs.endpoint}/{bucket['BUCKET_NAME']}/a").status_code == 403


def test_seaweedfs_checks_presigned_urls(seaweedfs: SeaweedFS, bucket: Parts) -> None:
    name = bucket["BUCKET_NAME"]
    seaweedfs.client.put_object(Bucket=name, Key="a", Body=b"bytes")
    url = seaweedfs.client.generate_presigned_url("get_object", Params={"Bucket": name, "Key": "a"})
    assert httpx.get(url, headers={"Range": "bytes=1-2"}).content == b"yt"
    assert httpx.get(url.replace("/a?", "/b?")).status_code == 403


def test_seaweedfs_makes_no_bucket_by_itself(seaweedfs: SeaweedFS) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket"):
        seaweedfs.client.put_object(Bucket="nobody-made-this", Key="a", Body=b"")


def test_seaweedfs_keeps_what_it_confirmed_when_it_is_killed() -> None:
    with SeaweedFS() as server:
        name = server.create_bucket()
        server.client.put_object(Bucket=name, Key="a/b", Body=b"x" * 100_000)
        server.kill()
        server.start()
        assert server.client.get_object(Bucket=name, Key="a/b")["Body"].read() == b"x" * 100_000
        assert server.keys(name) == ["a/b"]


# -- what all servers share ---------------------------------------------------------------------------------------


def test_a_server_that_ends_is_told_with_its_log() -> None:
    class Broken(Server):
        name = "broken"

        def command(self) -> list[str]:
            return [sys.executable, "-c", "raise SystemExit('the disk is on fire')"]

        def check(self) -> None:
            raise ConnectionRefusedError

    broken = Broken()
    with pytest.raises(
        ServerFailed, match=r"broken was started on port \d+ and ended with 1(.|\n)*the disk is on fire"
    ):
        broken.start()
    broken.close()


def test_ports_are_free_and_not_ephemeral() -> None:
    assert all(free_port() in PORTS for _ in range(100))
    low = Path("/proc/sys/net/ipv4/ip_local_port_range")
    if low.exists():
        assert max(PORTS) < int(low.read_text().split()[0])


KILLED_RUN = """
import os, signal
from tests.servers.postgres import Postgres
from tests.servers.seaweedfs import SeaweedFS
from tests.servers.valkey import Valkey
servers = [each().start() for each in (Postgres, Valkey, SeaweedFS)]
print(*(server.pid for server in servers), *(server.folder for server in servers), *servers[2].sockets, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_run_leaves_no_process_and_no_folder() -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED_RUN], cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    words = done.stdout.split()
    pids, paths = [int(word) for word in words if word.isdigit()], [Path(word) for word in words if not word.isdigit()]
    assert len(pids) == 3
    assert len(paths) >= 6
    _wait_until(lambda: not any(map(psutil.pid_exists, pids)) and not any(path.exists() for path in paths))


# -- our own services ---------------------------------------------------------------------------------------------


def test_a_stack_comes_back_after_each_death(start_stack: StartStack, local_parts: Parts) -> None:
    stack = start_stack(local_parts, "realtime")
    first = stack.pid("realtime")
    for end in (stack.kill, stack.stop):
        end("realtime")
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{stack.url('realtime')}/readyz")
        stack.start("realtime")
        assert httpx.get(f"{stack.url('realtime')}/readyz").status_code == 200
    assert stack.pid("realtime") != first
    assert "realtime" in stack.log("realtime")


def test_a_stack_that_does_not_start_says_why(start_stack: StartStack, local_parts: Parts) -> None:
    with pytest.raises(ServerFailed, match=r"realtime .* ended with 2(.|\n)*REDIS_URL"):
        start_stack(local_parts, "realtime", REDIS_URL="http://127.0.0.1")


# -- Whisper ------------------------------------------------------------------------------------------------------


def ask_openai(
    whisper: Whisper, audio: bytes, fields: dict[str, str | list[str]] | None = None, key: str = API_KEY
) -> httpx.Response:
    return httpx.post(
        whisper.openai_url,
        headers={"Authorization": f"Bearer {key}"},
        files={"file": ("clip.webm", audio, "audio/webm")},
        data={"model": "whisper-1", **(fields or {})},
        timeout=30,
    )


def ask_cog(whisper: Whisper, audio: str, id: str = "") -> httpx.Response:
    url = f"{whisper.url}/predictions/{id or uuid.uuid4()}"
    return httpx.put(url, json={"input": {"audio": audio}}, timeout=30)


@pytest.fixture(scope="module")
def webm() -> bytes:
    return speech.encode(speech.samples([FIRST]))


@pytest.fixture(scope="module")
def data_url(webm: bytes) -> str:
    return "data:audio/webm;base64," + base64.b64encode(webm).decode()


def test_whisper_speaks_the_openai_contract(whisper: Whisper, webm: bytes) -> None:
    answer = ask_openai(whisper, webm, VERBOSE).json()
    assert speech.word_errors(answer["text"], speech.TEXTS[FIRST]) <= 0.2
    assert not answer["text"].startswith(" ")
    assert answer["segments"][0]["start"] < answer["segments"][0]["end"] <= answer["duration"]
    assert [word["word"] for word in answer["words"]][:2] == ["And", "Mr."]
    assert ask_openai(whisper, webm).json().keys() == {"text"}
    assert whisper.refused == []


def test_whisper_is_strict_about_the_openai_contract(whisper: Whisper, webm: bytes) -> None:
    assert ask_openai(whisper, webm, key="wrong").status_code == 401
    assert ask_openai(whisper, webm, {"model": "large"}).status_code == 404
    assert ask_openai(whisper, webm, {"beam_size": "5"}).status_code == 400
    assert ask_openai(whisper, webm, {"timestamp_granularities[]": ["word"]}).status_code == 400
    assert ask_openai(whisper, b"no audio").status_code == 400
    assert len(whisper.refused) == 4


def test_whisper_speaks_the_cog_contract(whisper: Whisper, data_url: str) -> None:
    answer = ask_cog(whisper, data_url, "one").json()
    assert (answer["id"], answer["status"], answer["error"]) == ("one", "succeeded", None)
    assert answer["output"]["transcription"].startswith(" And Mr. ")
    assert answer["output"]["segments"][0]["text"].startswith(" And Mr. ")
    assert ask_cog(whisper, "data:audio/webm;base64,AAAA").json()["status"] == "failed"
    assert ask_cog(whisper, "file:///etc/passwd").status_code == 422
    assert whisper.prediction_ids[0] == "one"


def test_whisper_does_one_cog_prediction_at_a_time(whisper: Whisper, data_url: str) -> None:
    whisper.fail(Fault.HANG, times=1)
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(ask_cog, whisper, data_url, "one")
        whisper.wait_for_requests(1)
        _wait_until(lambda: ask_cog(whisper, data_url, "two").status_code == 409)
        same = ask_cog(whisper, data_url, "one")
        assert (same.status_code, same.json()["status"]) == (202, "processing")
        whisper.heal()
        assert first.result().json()["status"] == "succeeded"


def test_whisper_breaks_as_it_is_told(whisper: Whisper, webm: bytes, data_url: str) -> None:
    answers = {
        Fault.ERROR: (500, "Internal"), Fault.BUSY: (409, "Already"), Fault.UNAVAILABLE: (503, "Unavailable"),
        Fault.BROKEN_JSON: (200, '{"status"'), Fault.NONSENSE: (200, "no"), Fault.HTML: (200, "<!doctype html>"),
    }  # fmt: skip
    for fault, (status, beginning) in answers.items():
        whisper.fail(fault, times=2)
        for answer in (ask_openai(whisper, webm), ask_cog(whisper, data_url)):
            assert answer.status_code == status, fault
            assert beginning in answer.text, fault
    whisper.fail(Fault.RESET)
    with pytest.raises(httpx.ReadError):
        ask_openai(whisper, webm)
    with pytest.raises(httpx.ReadError):
        ask_cog(whisper, data_url)
    whisper.fail(Fault.FAILED, times=1)
    assert ask_cog(whisper, data_url).json()["status"] == "failed"
    whisper.fail(Fault.ANOTHER, times=1)
    answer = ask_cog(whisper, data_url, "mine")
    assert (answer.json()["id"], answer.json()["output"]["transcription"]) == ("dictaphone", ANOTHER_TEXT)
    whisper.fail(Fault.ONLY_JSON)
    assert ask_openai(whisper, webm, VERBOSE).status_code == 400
    assert ask_openai(whisper, webm).status_code == 200


# -- our own services ---------------------------------------------------------------------------------------------


def test_a_forked_service_is_a_process_of_its_own(redis_url: str) -> None:
    with (
        Service("realtime", {"REDIS_URL": redis_url}) as first,
        Service("realtime", {"REDIS_URL": redis_url}) as second,
    ):
        assert [os.getsid(service.pid) for service in (first, second)] == [first.pid, second.pid]
        first.kill()
        assert not first.is_running()
        assert second.is_running()
        second.stop()
    assert not second.is_running()


def test_a_forked_service_ends_with_its_own_exit_status_and_log(redis_url: str) -> None:
    service = Service("realtime", {"REDIS_URL": redis_url})
    assert _ended_by(service, signal.SIGTERM) == 0
    assert _ended_by(service, signal.SIGKILL) == -signal.SIGKILL
    wrong = Service("realtime", {"REDIS_URL": "nowhere"})
    assert wrong.spawn().wait(10) == 2
    assert "REDIS_URL" in wrong.log()
    assert "REDIS_URL" not in service.log()
    for each in (service, wrong):
        each.close()


def _ended_by(service: Service, number: signal.Signals) -> int:
    process = service.spawn()
    service.wait_until_ready()
    process.send_signal(number)
    return process.wait(10)


# -- Chromium -----------------------------------------------------------------------------------------------------

LISTEN = """async () => {
    const stream = await navigator.mediaDevices.getUserMedia({audio: true});
    const meter = new AudioContext();
    const analyser = meter.createAnalyser();
    meter.createMediaStreamSource(stream).connect(analyser);
    const wave = new Float32Array(analyser.fftSize);
    for (;;) {
        analyser.getFloatTimeDomainData(wave);
        const peak = Math.max(...wave.map(Math.abs));
        if (peak > 0.05) return peak;
        await new Promise(requestAnimationFrame);
    }
}"""


async def test_chromium_hears_the_file(launch_browser: Launch, whisper: Whisper, tmp_path: Path) -> None:
    browser = await launch_browser(speech.microphone(tmp_path / "speech.wav", [FIRST]))
    page = await browser.new_page()
    # Any origin will do: loopback counts as secure, and only there a page has a microphone.
    await page.goto(whisper.url)
    assert await page.evaluate(LISTEN) > 0.05


@pytest.mark.parametrize(
    ("microphone", "error"), [(Microphone.REFUSED, "NotAllowedError"), (Microphone.ABSENT, "NotFoundError")]
)
async def test_chromium_without_a_microphone(
    launch_browser: Launch, whisper: Whisper, microphone: Microphone, error: str
) -> None:
    page = await (await launch_browser(microphone)).new_page()
    await page.goto(whisper.url)
    with pytest.raises(PlaywrightError, match=error):
        await page.evaluate("() => navigator.mediaDevices.getUserMedia({audio: true})")


def _wait_until(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not true after {seconds:.0f} s"
        time.sleep(0.05)
