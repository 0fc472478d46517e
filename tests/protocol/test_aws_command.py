"""The aws command against the local host. Each call starts a Python of its own, so this asks only for what boto3 does not show:
arguments, exit codes and texts of the command."""

import json

from conftest import ROLE


def done(ended) -> dict:
    """The answer of a command that must succeed."""
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout) if ended.stdout.strip() else {}


def test_a_release_by_hand_with_the_aws_command(place):
    name = place.fresh()
    first, second = place.new_image(), place.new_image()
    on = ("--function-name", name)
    done(place.aws("lambda", "create-function", *on, "--package-type", "Image", "--role", ROLE,
                   "--code", f"ImageUri={first}", "--memory-size", "256"))
    done(place.aws("lambda", "wait", "function-active-v2", *on))
    assert done(place.aws("lambda", "publish-version", *on))["Version"] == "1"
    done(place.aws("lambda", "create-alias", *on, "--name", "live", "--function-version", "1"))
    done(place.aws("lambda", "update-function-code", *on, "--image-uri", second))
    done(place.aws("lambda", "wait", "function-updated-v2", *on))
    assert done(place.aws("lambda", "publish-version", *on))["Version"] == "2"
    done(place.aws("lambda", "wait", "published-version-active", *on, "--qualifier", "2"))
    place.expect_invocations([{"smoke": True}])
    out = place.scratch / "answer"
    answer = done(place.aws("lambda", "invoke", *on, "--qualifier", "2", "--payload", '{"smoke":true}', str(out)))
    assert answer["StatusCode"] == 200 and "FunctionError" not in answer
    assert json.loads(out.read_text())
    done(place.aws("lambda", "update-alias", *on, "--name", "live", "--function-version", "1",
                   "--routing-config", "AdditionalVersionWeights={2=0.1}"))
    assert done(place.aws("lambda", "get-alias", *on, "--name", "live"))["RoutingConfig"] == {
        "AdditionalVersionWeights": {"2": 0.1}}
    done(place.aws("lambda", "update-alias", *on, "--name", "live", "--function-version", "2",
                   "--routing-config", '{"AdditionalVersionWeights":{}}'))
    found = done(place.aws("lambda", "get-function", *on, "--qualifier", "live"))["Configuration"]
    assert second.endswith(found["CodeSha256"]) and found["Version"] == "2"


def test_a_stale_revision_is_told_by_the_aws_command(host):
    name = host.function()
    version = host.published(name)
    host.fn.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    ended = host.aws("lambda", "update-alias", "--function-name", name, "--name", "live",
                     "--description", "late", "--revision-id", "00000000-0000-0000-0000-000000000000")
    assert ended.returncode != 0
    assert "PreconditionFailedException" in ended.stderr and "UpdateAlias" in ended.stderr


def test_the_aws_command_learns_from_sts_who_it_is(place):
    assert done(place.aws("sts", "get-caller-identity"))["Account"] == "123456789012"
