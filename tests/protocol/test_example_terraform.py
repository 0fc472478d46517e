"""The worked example's terraform/, as far as Terraform itself can say something about it without a provider from its registry."""

import os
import pathlib
import shutil
import subprocess

import boto3
import pytest

from conftest import ROOT

EXAMPLE = ROOT / "examples" / "dr-daily-report" / "terraform"
ENVIRONMENTS = ("dev", "staging", "prod")
BUCKET = "dr-daily-report-terraform-state"
LOCKS = "dr-daily-report-terraform-locks"
REGION = "ap-southeast-1"
NO_CHANGES = 0
# What the root's values are held to: all of it that names no type of a provider.
PROVIDERLESS = ("variables.tf", "locals.tf")


@pytest.fixture(scope="module")
def terraform():
    """The program; a machine without it is told what was not tested, and is no CI."""
    found = shutil.which("terraform")
    if found is None:
        missing = "no terraform on PATH; not tested: the example's terraform/ by Terraform itself"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


def run(terraform, folder: pathlib.Path, *arguments: str, data: pathlib.Path, endpoint: str = ""):
    """Runs it to its end, with its data directory outside of the folder."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment = kept | {
        "CHECKPOINT_DISABLE": "1",
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "TF_DATA_DIR": str(data),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    command = [terraform, arguments[0], "-no-color", *arguments[1:]]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)


def succeeded(ended: subprocess.CompletedProcess) -> str:
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_all_files_are_as_terraform_formats_them(terraform, tmp_path):
    ended = run(terraform, EXAMPLE, "fmt", "-check", "-recursive", data=tmp_path)
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stdout + ended.stderr


def test_the_builtin_variant_is_applied_in_each_environment_and_touches_no_other(terraform, moto, tmp_path):
    settings = moto.settings | {"region_name": REGION}
    s3, locks = boto3.client("s3", **settings), boto3.client("dynamodb", **settings)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    locks.create_table(
        TableName=LOCKS, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}])
    folder = tmp_path / "builtin"
    shutil.copytree(EXAMPLE / "builtin", folder)
    states = {}
    for environment in ENVIRONMENTS:
        values, plan = f"-var-file=envs/{environment}/terraform.tfvars", tmp_path / f"{environment}.plan"

        def terraforms(*arguments):
            return run(terraform, folder, *arguments, data=tmp_path / f"data-{environment}", endpoint=moto.endpoint)

        succeeded(terraforms("init", f"-backend-config=envs/{environment}/backend.hcl"))
        succeeded(terraforms("validate"))
        succeeded(terraforms("plan", values, f"-out={plan}"))
        applied = succeeded(terraforms("apply", str(plan)))
        assert f"dr-daily-report-telegram-api-{environment}" in applied
        assert terraforms("plan", values, "-detailed-exitcode").returncode == NO_CHANGES
        listed = s3.list_objects_v2(Bucket=BUCKET)["Contents"]
        found = {it["Key"]: s3.get_object(Bucket=BUCKET, Key=it["Key"])["Body"].read() for it in listed}
        assert found.keys() - states.keys() == {f"builtin/{environment}/terraform.tfstate"}
        assert all(found[key] == state for key, state in states.items())
        states = found


def plan_of_the_values(terraform, tmp_path, environment, *more):
    """Plans the root's variables and locals alone: their types, their validations, the names and tags made from them."""
    for name in PROVIDERLESS:
        shutil.copy(EXAMPLE / name, tmp_path)
    shown = "{ name = local.name, tags = local.tags, image = local.first_image, ledger = local.ledger }"
    (tmp_path / "shown.tf").write_text(f'output "shown" {{\n  value = {shown}\n}}\n')
    succeeded(run(terraform, tmp_path, "init", data=tmp_path / "data"))
    values = EXAMPLE / "envs" / environment / "terraform.tfvars"
    return run(terraform, tmp_path, "plan", f"-var-file={values}", *more, data=tmp_path / "data")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_values_of_each_environment_are_accepted(terraform, tmp_path, environment):
    shown = succeeded(plan_of_the_values(terraform, tmp_path, environment))
    assert f'"dr-daily-report-report-worker-{environment}"' in shown
    for tag in ("Project", "Environment", "ManagedBy", "App", "Component", "Owner", "CostCenter"):
        assert f"+ {tag} " in shown, shown


@pytest.mark.parametrize("wrong", [
    "environment=production", "lambda_memory_size=64", "lambda_timeout=901", "log_retention_days=8", "api_burst_limit=1",
    'table_billing={mode="PROVISIONED"}', "database_capacity={min=4,max=2}", "lambda_reserved_concurrency=1",
])
def test_a_value_that_the_services_would_refuse_is_refused_by_the_plan(terraform, tmp_path, wrong):
    ended = plan_of_the_values(terraform, tmp_path, "prod", f"-var={wrong}")
    assert ended.returncode == 1 and "Invalid value for variable" in ended.stderr, ended.stdout + ended.stderr
