"""Where the protocol tests run: the local host of this repository, and moto, which nobody here wrote.

A test that takes `place` runs against both: moto shows that the test asks for what AWS clients really do. A test that takes
`host` asks for what moto is known to get wrong (preconditions, waits, idempotence), so only the local host can answer.
"""

import itertools
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.request

import boto3
import pytest
from botocore.config import Config

import images

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILT = pathlib.Path(os.environ.get("TIERS_BUILT", ROOT / "target" / "debug"))
PROGRAMS = pathlib.Path(sys.executable).parent
REGION = "us-east-1"
# Long enough that a client which does not wait meets an update in progress, short enough for a test.
SETTLE_MS = 300
START_TIMEOUT_S = 30
# The waiters' own pauses are made for the cloud: 1 s and 5 s.
WAIT = {"Delay": 0.1, "MaxAttempts": 300}
ROLE = "arn:aws:iam::123456789012:role/worker"


class Place:
    """An endpoint that speaks Lambda's protocol."""

    def __init__(self, kind: str, endpoint: str, scratch: pathlib.Path):
        self.kind = kind
        self.endpoint = endpoint
        self.scratch = scratch
        self._numbers = itertools.count(1)
        self.settings = dict(
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            # What a test sends is sent once: a retry would hide the answer that it is about.
            config=Config(retries={"total_max_attempts": 1}),
        )
        self.fn = boto3.client("lambda", **self.settings)

    def fresh(self, stem: str = "worker") -> str:
        return f"{stem}-{next(self._numbers)}"

    def new_image(self) -> str:
        """The URI, by digest, of an image that no other call was given and that answers invocations."""
        raise NotImplementedError

    def function(self, **settings) -> str:
        """A new function's name, when it is active."""
        name = self.fresh()
        self.fn.create_function(
            FunctionName=name, PackageType="Image", Role=ROLE, Code={"ImageUri": self.new_image()}, **settings
        )
        self.fn.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig=WAIT)
        return name

    def updated(self, name: str) -> str:
        """Gives the function another image and waits: the image's URI."""
        uri = self.new_image()
        self.fn.update_function_code(FunctionName=name, ImageUri=uri)
        self.settle(name)
        return uri

    def settle(self, name: str) -> None:
        self.fn.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig=WAIT)

    def published(self, name: str) -> str:
        """Publishes and waits: the version's number."""
        version = self.fn.publish_version(FunctionName=name)["Version"]
        self.fn.get_waiter("published_version_active").wait(
            FunctionName=name, Qualifier=version, WaiterConfig=WAIT
        )
        return version

    def expect_invocations(self, answers: list) -> None:
        """Told beforehand what invocations answer, where functions don't really run."""

    def environment(self) -> dict:
        """For the aws command."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return kept | {
            "PATH": f"{PROGRAMS}{os.pathsep}{os.environ.get('PATH', '')}",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_PAGER": "",
            "AWS_MAX_ATTEMPTS": "1",
        }

    def aws(self, *arguments: str) -> subprocess.CompletedProcess:
        """Runs the aws command to its end."""
        command = [str(PROGRAMS / "aws"), "--endpoint-url", self.endpoint, "--output", "json", *arguments]
        return subprocess.run(command, env=self.environment(), capture_output=True, text=True, timeout=120, check=False)


class Host(Place):
    """The local host: functions really run."""

    def __init__(self, endpoint: str, scratch: pathlib.Path, layout: images.Layout):
        super().__init__("host", endpoint, scratch)
        self._layout = layout

    def new_image(self) -> str:
        return "123456789012.dkr.ecr.us-east-1.amazonaws.com/worker@" + self._layout.add_function()


class Moto(Place):
    """moto: a registry that only knows digests, functions that answer what they were told to."""

    def __init__(self, endpoint: str, scratch: pathlib.Path):
        super().__init__("moto", endpoint, scratch)
        self._post("/moto-api/config", {"lambda": {"use_docker": False}})
        self._ecr = boto3.client("ecr", **self.settings)
        self._ecr.create_repository(repositoryName="worker")
        role = boto3.client("iam", **self.settings)
        role.create_role(RoleName="worker", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}))

    def _post(self, path: str, body: dict) -> None:
        request = urllib.request.Request(self.endpoint + path, data=json.dumps(body).encode(), method="POST")
        urllib.request.urlopen(request, timeout=10).read()

    def new_image(self) -> str:
        number = next(self._numbers)
        manifest, digest = images.bare_manifest(number)
        self._ecr.put_image(
            repositoryName="worker", imageManifest=manifest, imageTag=f"v{number}", imageDigest=digest
        )
        return f"123456789012.dkr.ecr.us-east-1.amazonaws.com/worker@{digest}"

    def expect_invocations(self, answers: list) -> None:
        self._post(
            "/moto-api/static/lambda-simple/response",
            {"results": [json.dumps(answer) for answer in answers], "region": REGION},
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _started(command: list, port: int, log: pathlib.Path, environment: dict) -> subprocess.Popen:
    """Starts a server and waits until it takes connections."""
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ | environment)
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return server
        except OSError:
            time.sleep(0.05)
    server.kill()
    server.wait()
    pytest.fail(f"{pathlib.Path(command[0]).name} did not start; it wrote:\n{log.read_text(errors='replace')}")


def _stopped(server: subprocess.Popen) -> None:
    server.terminate()
    try:
        server.wait(timeout=10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


@pytest.fixture(scope="session")
def moto(tmp_path_factory):
    scratch = tmp_path_factory.mktemp("moto")
    port = _free_port()
    command = [str(PROGRAMS / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    server = _started(command, port, scratch / "log", {"MOTO_LAMBDA_STUB_ECR": "false"})
    yield Moto(f"http://127.0.0.1:{port}", scratch)
    _stopped(server)


@pytest.fixture(scope="session")
def host(tmp_path_factory):
    scratch = tmp_path_factory.mktemp("host")
    layout = images.Layout(scratch / "layout", BUILT / "tiers-test-function")
    port = _free_port()
    command = [str(BUILT / "examples" / "host"), "--dir", str(scratch / "state"), "--layout", str(scratch / "layout"),
               "--port", str(port), "--account", "123456789012", "--settle-ms", str(SETTLE_MS)]
    server = _started(command, port, scratch / "log", {})
    yield Host(f"http://127.0.0.1:{port}", scratch, layout)
    _stopped(server)


@pytest.fixture(scope="session", params=["moto", "host"])
def place(request):
    return request.getfixturevalue(request.param)
