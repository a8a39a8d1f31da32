"""The wheel alone, in an environment of its own that has no extras, no checkout and no network."""

import importlib.metadata
import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import ase.io
import pytest
from ase.build import molecule

from tutti import io
from tutti.core import tidy
from tutti.core.structures import Structures
from tutti.data.shipped import EMBEDDED
from tutti.evaluation.folder import RECORD
from tutti.io import extxyz
from tutti.models import shipped

ROOT = Path(__file__).resolve().parents[1]
ABSENT = ("tutti", "__editable__", "openbabel", "tblite")
"""Beginnings of the names of what the new environment does not get of this one's packages."""

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """An environment with the wheel, of a clean copy of the sources, and links to all hard dependencies."""
    folder = tmp_path_factory.mktemp("installed")
    names = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True)
    for name in names.splitlines():
        if name.startswith("src/") or "/" not in name:
            (folder / "sources" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "sources" / name).write_bytes((ROOT / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    options = ["--no-deps", "--no-build-isolation", "--quiet"]
    subprocess.check_call([*pip, "wheel", *options, "--wheel-dir", folder, folder / "sources"], env=clean())
    subprocess.check_call([sys.executable, "-m", "venv", "--without-pip", folder / "venv"])
    (target,) = (folder / "venv/lib").glob("python*/site-packages")
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not path.name.startswith(ABSENT):
            (target / path.name).symlink_to(path)
    (wheel,) = folder.glob("*.whl")
    python = folder / "venv/bin/python"
    subprocess.check_call([*pip, "--python", python, "install", *options, "--no-index", wheel], env=clean())
    return folder / "venv/bin"


def clean():
    """The surroundings of a command that has nothing to do with this checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TUTTI"))}
    return kept | {"OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    known = Structures.load(EMBEDDED / "qm9_6.npz")[range(400, 420)]
    extxyz.write(folder / "samples.xyz", Structures(known.n_atoms, known.numbers, known.positions))
    return folder


def run(environment, folder, *command):
    return subprocess.run(
        [environment / command[0], *command[1:]], cwd=folder, env=clean(), capture_output=True, text=True
    )


def test_it_judges_with_what_there_is_and_says_what_it_left_out(environment, samples):
    done = run(environment, samples, "tutti", "evaluate", "samples.xyz", "--out", "judged")
    assert done.returncode == 0, done.stderr
    left_out = [
        "no bonds by openbabel: Open Babel is not installed: pip install 'tutti[openbabel]'",
        "no strain: tblite is not installed: pip install 'tutti[xtb]'",
    ]
    assert [line for line in done.stderr.splitlines() if "warning" in line] == [
        f"warning: {line}" for line in left_out
    ]
    assert "Traceback" not in done.stderr and "Error" not in done.stderr
    validity = tidy.read(samples / "judged/tables/validity.csv")
    assert set(validity["subset"]) == {"xyz2mol", "lookup"}
    assert validity.loc[validity["metric"] == "validity", "value"].tolist() == [1.0, 1.0]
    made = {path.stem for path in (samples / "judged/tables").iterdir()}
    assert {"posebusters", "assigner_agreement", "geometry_with_hydrogens"} <= made and "strain" not in made
    assert json.loads((samples / "judged" / RECORD).read_text())["left out"] == left_out
    page = (samples / "judged/report/index.html").read_text(encoding="utf-8")
    assert "no strain: tblite is not installed" in page
    assert "no bonds by openbabel: Open Babel is not installed" in page and "data:image/svg+xml" in page
    assert importlib.metadata.version("posebusters") in page


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--assigners", "openbabel"), "--assigners: 'openbabel': Open Babel is not installed"),
        (("--only", "strain"), "--only: 'strain': tblite is not installed: pip install 'tutti[xtb]'"),
    ],
)
def test_what_is_named_and_missing_is_an_error_before_the_first_molecule(
    environment, samples, option, message
):
    done = run(environment, samples, "tutti", "evaluate", "samples.xyz", "--out", "none", *option)
    assert done.returncode == 1 and done.stderr.startswith(f"error: {message}")
    assert len(done.stderr.splitlines()) == 1 and not (samples / "none").exists()


def test_the_reference_that_ships_is_found(environment, samples):
    options = ("--only", "validity", "--assigners", "lookup", "--reference", "qm9_demo")
    done = run(environment, samples, "tutti", "evaluate", "samples.xyz", "--out", "compared", *options)
    assert done.returncode == 0, done.stderr
    validity = tidy.read(samples / "compared/tables/validity.csv").set_index(["model", "metric"])
    assert validity.loc[("samples", "novelty"), "value"] == 0
    assert set(validity["dataset"]) == {"qm9_demo"}


def test_models_that_ship_work_without_training(environment, samples):
    """In a minute after the installation: molecules, a relaxation, energies."""
    done = run(environment, samples, "tutti", "sample", "symphony", "-n", "5", "--out", "five.xyz")
    assert done.returncode == 0, done.stderr
    assert "it is not the published symphony" in done.stderr
    made = io.read(samples / "five.xyz")
    assert len(made) == 5 and made.finite.all()
    ase.io.write(samples / "ethanol.xyz", molecule("CH3CH2OH"))
    model = ("--model", "painn_ethanol", "--out", "relaxed.xyz")
    done = run(environment, samples, "tutti", "relax", "ethanol.xyz", *model)
    assert done.returncode == 0, done.stderr
    assert ase.io.read(samples / "relaxed.xyz").info["converged"]
    listed = run(environment, samples, "tutti", "models")
    assert [line.split()[0] for line in listed.stdout.splitlines()[2:]] == shipped.names()
    code = "import tutti; print(tutti.Calculator('schnet_ethanol').name, len(tutti.sample('edm', 2)))"
    assert run(environment, samples, "python", "-c", code).stdout.split() == ["tutti-schnet", "2"]


def test_types_and_version_are_there(environment, samples):
    code = (
        "import tutti, pathlib; here = pathlib.Path(tutti.__file__).parent;"
        "print(tutti.__version__, (here / 'py.typed').exists(), (here / '__init__.pyi').exists())"
    )
    done = run(environment, samples, "python", "-c", code)
    assert done.stdout.split() == [importlib.metadata.version("tutti"), "True", "True"]
    assert run(environment, samples, "tutti", "--version").stdout.split()[0] == "tutti"


def test_a_study_needs_the_checkout_and_says_so(environment, samples):
    done = run(environment, samples, "tutti", "check")
    assert done.returncode == 1
    assert done.stderr == "error: config/datasets.yaml: not found; run it in a checkout of Tutti\n"
