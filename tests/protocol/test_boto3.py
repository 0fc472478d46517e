"""boto3 against the local host, as it is used against AWS."""

import base64
import json
import time

import boto3
import pytest
from botocore.exceptions import ClientError

from conftest import ROLE, WAIT


def refused(call, **arguments) -> tuple[int, str, str]:
    """Status, code and message of a call that must be refused."""
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    answer = raised.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


def test_a_function_is_made_waited_for_and_read_back(place):
    uri = place.new_image()
    name = place.fresh()
    made = place.fn.create_function(
        FunctionName=name, PackageType="Image", Role=ROLE, Code={"ImageUri": uri}, MemorySize=512, Timeout=120,
        Environment={"Variables": {"STAGE": "dev"}}, Description="a worker", Tags={"App": "worker"},
    )
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    place.fn.get_waiter("function_active_v2").wait(FunctionName=name)
    found = place.fn.get_function(FunctionName=name)
    configuration = found["Configuration"]
    assert configuration["State"] == "Active"
    assert configuration["Version"] == "$LATEST"
    assert configuration["FunctionArn"].endswith(f":123456789012:function:{name}")
    assert (configuration["MemorySize"], configuration["Timeout"]) == (512, 120)
    assert configuration["Environment"] == {"Variables": {"STAGE": "dev"}}
    assert configuration["Description"] == "a worker"
    assert uri.endswith(configuration["CodeSha256"])
    assert found["Code"]["ImageUri"] == uri
    assert found["Tags"] == {"App": "worker"}


def test_the_resolved_image_is_told_by_digest(host):
    name = host.function()
    code = host.fn.get_function(FunctionName=name)["Code"]
    assert code["RepositoryType"] == "ECR"
    assert code["ResolvedImageUri"] == code["ImageUri"]


def test_an_update_is_waited_for_with_both_generations_of_waiters(place):
    name = place.function()
    uri = place.updated(name)
    place.fn.get_waiter("function_updated").wait(FunctionName=name, WaiterConfig=WAIT)
    place.fn.get_waiter("function_exists").wait(FunctionName=name)
    configuration = place.fn.get_function_configuration(FunctionName=name)
    assert configuration["LastUpdateStatus"] == "Successful"
    assert uri.endswith(configuration["CodeSha256"])


def test_an_update_is_in_progress_before_it_is_successful(host):
    name = host.function()
    answer = host.fn.update_function_code(FunctionName=name, ImageUri=host.new_image())
    assert answer["LastUpdateStatus"] == "InProgress"
    for call, arguments in (
        (host.fn.update_function_configuration, {"MemorySize": 256}),
        (host.fn.update_function_code, {"ImageUri": host.new_image()}),
        (host.fn.publish_version, {}),
    ):
        status, code, message = refused(call, FunctionName=name, **arguments)
        assert (status, code) == (409, "ResourceConflictException"), call
        assert "An update is in progress for resource" in message
    host.settle(name)
    host.fn.update_function_configuration(FunctionName=name, MemorySize=256)
    host.settle(name)
    assert host.fn.get_function_configuration(FunctionName=name)["MemorySize"] == 256


def test_a_new_function_is_pending_before_it_is_active(host):
    name = host.fresh()
    made = host.fn.create_function(
        FunctionName=name, PackageType="Image", Role=ROLE, Code={"ImageUri": host.new_image()}
    )
    assert made["State"] == "Pending"
    started = time.monotonic()
    host.fn.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig=WAIT)
    assert time.monotonic() - started < 20


def test_invocations_answer_with_payload_and_version(place):
    name = place.function()
    version = place.published(name)
    place.fn.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    place.expect_invocations([{"smoke": True}] * 3)
    for qualifier in ("$LATEST", version, "live"):
        answer = place.fn.invoke(FunctionName=name, Qualifier=qualifier, Payload=b'{"smoke":true}')
        assert answer["StatusCode"] == 200
        assert "FunctionError" not in answer
        assert json.loads(answer["Payload"].read())


def test_an_invocation_tells_which_version_ran_and_what_it_logged(host):
    name = host.function()
    version = host.published(name)
    host.fn.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    for qualifier, executed in (("$LATEST", "$LATEST"), (version, version), ("live", version)):
        answer = host.fn.invoke(FunctionName=name, Qualifier=qualifier, Payload=b"{}", LogType="Tail")
        assert answer["ExecutedVersion"] == executed
        log = base64.b64decode(answer["LogResult"]).decode()
        assert f"Version: {executed}" in log and "REPORT RequestId:" in log


def test_a_function_that_fails_says_so_in_the_answer(host):
    name = host.function()
    answer = host.fn.invoke(FunctionName=name, Payload=b'{"do":"fail"}')
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert json.loads(answer["Payload"].read())["errorType"] == "App.Failed"
    answer = host.fn.invoke(FunctionName=name, Payload=b'{"do":"exit/3"}')
    assert answer["FunctionError"] == "Unhandled"


def test_a_version_is_published_once_however_often_it_is_asked_for(host):
    name = host.function()
    first = host.fn.publish_version(FunctionName=name, Description="one")
    again = host.fn.publish_version(FunctionName=name, Description="two")
    assert (again["Version"], again["Description"]) == (first["Version"], "one")
    host.updated(name)
    assert host.published(name) == str(int(first["Version"]) + 1)


def test_versions_keep_their_code_and_are_listed_over_pages(place):
    name = place.function()
    codes = {place.published(name): place.fn.get_function_configuration(FunctionName=name)["CodeSha256"]}
    for _ in range(3):
        uri = place.updated(name)
        codes[place.published(name)] = uri.rsplit(":", 1)[1]
    pages = list(place.fn.get_paginator("list_versions_by_function").paginate(
        FunctionName=name, PaginationConfig={"PageSize": 2}))
    if place.kind == "host":
        # moto knows no pages of versions.
        assert [len(page["Versions"]) for page in pages] == [2, 2, 1]
    listed = [version for page in pages for version in page["Versions"]]
    assert [version["Version"] for version in listed] == ["$LATEST", *codes]
    assert {version["Version"]: version["CodeSha256"] for version in listed[1:]} == codes


def test_an_alias_takes_weights_and_loses_them(place):
    name = place.function()
    old = place.published(name)
    place.updated(name)
    new = place.published(name)
    place.fn.create_alias(FunctionName=name, Name="live", FunctionVersion=old, Description="the door")
    canary = {"AdditionalVersionWeights": {new: 0.1}}
    place.fn.update_alias(FunctionName=name, Name="live", FunctionVersion=old, RoutingConfig=canary)
    assert place.fn.get_alias(FunctionName=name, Name="live")["RoutingConfig"] == canary
    place.fn.update_alias(
        FunctionName=name, Name="live", FunctionVersion=new, RoutingConfig={"AdditionalVersionWeights": {}})
    alias = place.fn.get_alias(FunctionName=name, Name="live")
    assert alias["FunctionVersion"] == new
    assert not alias.get("RoutingConfig", {}).get("AdditionalVersionWeights")
    assert alias["Description"] == "the door"
    assert [found["Name"] for found in place.fn.list_aliases(FunctionName=name)["Aliases"]] == ["live"]
    place.fn.delete_alias(FunctionName=name, Name="live")
    assert refused(place.fn.get_alias, FunctionName=name, Name="live")[0] == 404


def test_an_alias_never_weighs_latest_nor_two_others(host):
    name = host.function()
    version = host.published(name)
    host.fn.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    for weights in ({"$LATEST": 0.5}, {version: 1.5}, {"98": 0.1, "99": 0.1}):
        status, _, _ = refused(host.fn.update_alias, FunctionName=name, Name="live",
                               RoutingConfig={"AdditionalVersionWeights": weights})
        assert status in (400, 404), weights
    assert not host.fn.get_alias(FunctionName=name, Name="live").get("RoutingConfig")


def test_a_stale_revision_changes_nothing(host):
    name = host.function()
    stale = host.fn.get_function_configuration(FunctionName=name)["RevisionId"]
    uri = host.updated(name)
    version = host.published(name)
    alias = host.fn.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    host.fn.update_alias(FunctionName=name, Name="live", Description="moved on", RevisionId=alias["RevisionId"])
    for call, arguments in (
        (host.fn.update_function_code, {"ImageUri": host.new_image(), "RevisionId": stale}),
        (host.fn.update_function_configuration, {"MemorySize": 256, "RevisionId": stale}),
        (host.fn.publish_version, {"RevisionId": stale}),
        (host.fn.update_alias, {"Name": "live", "Description": "late", "RevisionId": alias["RevisionId"]}),
    ):
        status, code, _ = refused(call, FunctionName=name, **arguments)
        assert (status, code) == (412, "PreconditionFailedException"), call
    assert refused(host.fn.publish_version, FunctionName=name, CodeSha256="0" * 64)[0] in (400, 412)
    configuration = host.fn.get_function_configuration(FunctionName=name)
    assert uri.endswith(configuration["CodeSha256"]) and configuration["MemorySize"] != 256
    assert host.fn.get_alias(FunctionName=name, Name="live")["Description"] == "moved on"


def test_every_write_moves_the_revision(host):
    name = host.function()
    seen = [host.fn.get_function_configuration(FunctionName=name)["RevisionId"]]
    for write in (
        lambda: host.updated(name),
        lambda: (host.fn.update_function_configuration(FunctionName=name, Timeout=9), host.settle(name)),
        lambda: host.published(name),
    ):
        write()
        seen.append(host.fn.get_function_configuration(FunctionName=name)["RevisionId"])
    assert len(set(seen)) == len(seen)


def test_what_does_not_exist_is_not_found_by_its_own_exception(place):
    with pytest.raises(place.fn.exceptions.ResourceNotFoundException) as raised:
        place.fn.get_function(FunctionName="nothing")
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_tags_are_added_listed_and_removed(place):
    name = place.function(Tags={"App": "worker"})
    arn = place.fn.get_function_configuration(FunctionName=name)["FunctionArn"]
    place.fn.tag_resource(Resource=arn, Tags={"Owner": "team a", "Environment": "dev"})
    assert place.fn.list_tags(Resource=arn)["Tags"] == {"App": "worker", "Owner": "team a", "Environment": "dev"}
    place.fn.untag_resource(Resource=arn, TagKeys=["App", "Owner"])
    assert place.fn.get_function(FunctionName=name)["Tags"] == {"Environment": "dev"}


def test_concurrency_is_reserved_told_and_released(place):
    name = place.function()
    place.fn.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=5)
    assert place.fn.get_function_concurrency(FunctionName=name)["ReservedConcurrentExecutions"] == 5
    assert place.fn.get_function(FunctionName=name)["Concurrency"] == {"ReservedConcurrentExecutions": 5}
    place.fn.delete_function_concurrency(FunctionName=name)
    assert "ReservedConcurrentExecutions" not in place.fn.get_function_concurrency(FunctionName=name)


def test_a_function_without_concurrency_is_throttled(host):
    name = host.function()
    host.fn.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    status, code, _ = refused(host.fn.invoke, FunctionName=name, Payload=b"{}")
    assert (status, code) == (429, "TooManyRequestsException")


def test_deleting_a_version_spares_the_function_and_deleting_the_function_spares_nothing(place):
    name = place.function()
    first = place.published(name)
    place.updated(name)
    second = place.published(name)
    place.fn.delete_function(FunctionName=name, Qualifier=first)
    numbers = [it["Version"] for it in place.fn.list_versions_by_function(FunctionName=name)["Versions"]]
    assert numbers == ["$LATEST", second]
    place.fn.delete_function(FunctionName=name)
    assert refused(place.fn.get_function, FunctionName=name)[0] == 404


def test_a_version_behind_an_alias_is_not_deleted(host):
    name = host.function()
    version = host.published(name)
    host.fn.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    status, code, _ = refused(host.fn.delete_function, FunctionName=name, Qualifier=version)
    assert (status, code) == (409, "ResourceConflictException")


def test_an_image_that_does_not_exist_is_refused(place):
    name = place.function()
    before = place.fn.get_function_configuration(FunctionName=name)["CodeSha256"]
    uri = "123456789012.dkr.ecr.us-east-1.amazonaws.com/worker@sha256:" + "0" * 64
    assert refused(place.fn.update_function_code, FunctionName=name, ImageUri=uri)[0] in (400, 404)
    place.settle(name)
    assert place.fn.get_function_configuration(FunctionName=name)["CodeSha256"] == before


def test_sts_tells_who_calls(place):
    caller = boto3.client("sts", **place.settings).get_caller_identity()
    assert caller["Account"] == "123456789012"
    assert caller["Arn"].startswith("arn:aws:")


def test_each_account_and_region_is_a_world_of_its_own(host):
    name = host.function()
    elsewhere = dict(host.settings, aws_access_key_id="AKIALOCAL755283537543", region_name="ap-southeast-1")
    assert boto3.client("sts", **elsewhere).get_caller_identity()["Account"] == "755283537543"
    assert refused(boto3.client("lambda", **elsewhere).get_function, FunctionName=name)[0] == 404
