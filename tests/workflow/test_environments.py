"""requirements.lock, pyproject.toml and the conda environments say the same."""

import importlib.metadata
import re
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))
PIN = re.compile(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+")
GPU_LIBRARIES = ("nvidia-", "cuda-", "triton")  # torch's own exact requirements, in its builds for GPUs
JOB_EXTRAS = ["openbabel", "xtb"]  # what jobs need; the others serve the workflow and development


def pins(lines):
    """{canonical name: version} of lines `name==version`; anything else is an error."""
    wrong = [line for line in lines if not PIN.fullmatch(line)]
    assert not wrong, f"not an exact pin: {wrong}"
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


def lock():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return pins([line for line in lines if line and not line.startswith("#")])


def closure(name, extras):
    """Canonical names of everything that an installed distribution needs, with these extras, here."""
    needed, waiting = set(), [(name, tuple(extras))]
    while waiting:
        parent, chosen = waiting.pop()
        for text in importlib.metadata.requires(parent) or []:
            requirement = Requirement(text)
            wanted = any(
                requirement.marker is None or requirement.marker.evaluate({"extra": extra})
                for extra in ("", *chosen)
            )
            key = (canonicalize_name(requirement.name), tuple(sorted(requirement.extras)))
            if wanted and key not in needed:
                needed.add(key)
                waiting.append(key)
    return {each for each, _ in needed if each != "tutti" and not each.startswith(GPU_LIBRARIES)}


def conda_pins(path):
    dependencies = yaml.safe_load(path.read_text())["dependencies"]
    return pins(next(entry["pip"] for entry in dependencies if isinstance(entry, dict)))


def test_the_lock_holds_everything_the_package_and_its_extras_need():
    extras = importlib.metadata.metadata("tutti").get_all("Provides-Extra")
    assert closure("tutti", extras) - lock().keys() == set()
    assert "setuptools" in lock()


def test_the_lock_has_versions_that_the_package_allows():
    versions = lock()
    for text in importlib.metadata.requires("tutti"):
        requirement = Requirement(text)
        if requirement.name == "tutti":  # the extra `all` is of the others
            continue
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), text


def test_the_lock_names_no_index():
    assert not re.search(r"://|@|--|\+", re.sub(r"(?m)^#.*$", "", (ROOT / "requirements.lock").read_text()))


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.name)
def test_conda_environments_have_the_pins_of_the_lock_for_all_that_jobs_need(path):
    environment, versions = conda_pins(path), lock()
    assert environment == {name: versions[name] for name in closure("tutti", JOB_EXTRAS) | {"setuptools"}}
    assert path.with_suffix(".post-deploy.sh").is_file()


def test_there_is_an_environment():
    assert ENVIRONMENTS
