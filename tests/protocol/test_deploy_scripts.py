"""Deploy scripts as teams write them, unchanged but for the endpoint and the names: one release through three environments."""

import subprocess
import sys

import pytest

from conftest import ROOT

SCRIPTS = ROOT / "tests" / "protocol" / "scripts"


def environments(place) -> None:
    """Functions worker-dev, worker-staging and worker-prod with version 1 behind `live`, made anew."""
    uri = place.new_image()
    for environment in ("dev", "staging", "prod"):
        name = f"worker-{environment}"
        if any(it["FunctionName"] == name for it in place.fn.list_functions()["Functions"]):
            place.fn.delete_function(FunctionName=name)
        place.fn.create_function(
            FunctionName=name, PackageType="Image", Role="arn:aws:iam::123456789012:role/worker", Code={"ImageUri": uri})
        place.fn.get_waiter("function_active_v2").wait(FunctionName=name)
        version = place.published(name)
        place.fn.create_alias(FunctionName=name, Name="live", FunctionVersion=version)


@pytest.mark.parametrize("script", ["promote.py", "promote.sh"])
def test_a_release_goes_through_three_environments(place, script):
    environments(place)
    uri = place.new_image()
    place.expect_invocations([{"smoke": True}] * 3)
    interpreter = [sys.executable] if script.endswith(".py") else ["bash"]
    command = [*interpreter, str(SCRIPTS / script), place.endpoint, uri]
    ended = subprocess.run(command, env=place.environment(), capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "dev: 1 -> 2\nstaging: 1 -> 2\nprod: 1 -> 2\n"
    for environment in ("dev", "staging", "prod"):
        found = place.fn.get_function(FunctionName=f"worker-{environment}", Qualifier="live")["Configuration"]
        assert uri.endswith(found["CodeSha256"])
