"""Requests that nothing in a run can meet stop it; what only the defaults ask for is left out."""

from pathlib import Path

import numpy as np
import pytest

from tutti.core.registry import ConfigError
from tutti.workflow import config

ROOT = Path(__file__).resolve().parents[2]
FILES = [ROOT / name for name in config.FILES]
CURVE = "forcefields: {runs: [{dataset: ethanol, models: [schnet_demo], sizes: [5, 10]}], %s}"
WHOLE = "forcefields: {runs: [{dataset: %s, models: [%s]}], %s}"
PROPERTY = "forcefields: {runs: [{dataset: ethanol, models: [schnet_demo], targets: [homo]}], %s}"
NOTHING = "generation: {models: [], datasets: []}\nforcefields: {runs: []}\n"
EXTERNAL = "models: {theirs: {kind: external, path: theirs.xyz}}\ngeneration: {models: [theirs]}\n"


@pytest.fixture
def problem(tmp_path, monkeypatch):
    """Function that gives the message for a study's text, checked in its own folder; empty: it passes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "theirs.xyz").write_text("1\n\nH 0 0 0\n")
    mine = tmp_path / "mine.yaml"

    def message(text, modules=False):
        mine.write_text(text)
        files = [*FILES, mine]
        try:
            config.check(config.load(files), files, ROOT / config.SCHEMAS, modules=modules)
        except ConfigError as error:
            return str(error).replace(str(mine), "mine.yaml").replace(f"{ROOT}/", "")
        return ""

    return message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            NOTHING + "evaluation: {tables: [validity]}",
            "evaluation.tables: 'validity' needs generation.models",
        ),
        (EXTERNAL + "evaluation: {tables: [completion]}", "evaluation.tables: 'completion' needs a model"),
        (EXTERNAL + "evaluation: {tables: [throughput]}", "evaluation.tables: 'throughput' needs a model"),
        (
            "generation: {models: [edm_demo]}\nevaluation: {tables: [validity, completion]}",
            "evaluation.tables: 'completion' needs a model of generation.models that can go on",
        ),
        ("generation: {datasets: []}", "generation.datasets: models need a dataset"),
        (
            EXTERNAL.replace("]}", "], snapshots: [0.5]}"),
            "generation.snapshots: snapshots need a model of kind",
        ),
        (
            "evaluation: {tables: [strain]}\nbonds: {assigners: [lookup]}",
            "evaluation.tables: 'strain' needs the assigner 'xyz2mol' in bonds.assigners",
        ),
        (CURVE % "tables: [errors]", "forcefields.tables: 'errors' needs a run in forcefields.runs without"),
        (
            CURVE % "tables: [inference_time]",
            "forcefields.tables: 'inference_time' needs a run without 'sizes'",
        ),
        (CURVE % "figures: [filters]", "forcefields.figures: figures of models need a run"),
        (CURVE % "dynamics: {ethanol: {picoseconds: 2}}", "forcefields.dynamics.ethanol: no run"),
        (
            WHOLE % ("ethanol", "schnet_demo", "tables: [learning_curve]"),
            "forcefields.tables: 'learning_curve' needs a run in forcefields.runs with 'sizes'",
        ),
        (
            WHOLE % ("ethanol", "schnet_demo", "tables: [water]"),
            "forcefields.tables: 'water' needs a run without 'sizes' of a model of the energy whose config",
        ),
        (
            WHOLE % ("water16", "schnet_water_demo", "tables: [dynamics]"),
            "forcefields.tables: 'dynamics' needs a run without 'sizes' of a model of the energy on a",
        ),
        (
            WHOLE % ("ethanol", "schnet_demo", "dynamics: {c20: {temperature: 300}}"),
            "forcefields.dynamics.c20: no run without 'sizes' has a model of the energy on this dataset",
        ),
        (PROPERTY % "tables: [inference_time]", "forcefields.tables: 'inference_time' needs"),
        (PROPERTY % "tables: [water]", "forcefields.tables: 'water' needs"),
        (
            "models: {theirs: {kind: external, path: no.xyz}}\ngeneration: {models: [theirs]}",
            "models.theirs.path: no such file or folder: no.xyz",
        ),
        (
            "datasets: {mine: {kind: file, path: no.xyz, split: {train: 1, valid: 0, test: rest}}}\n"
            "generation: {datasets: [mine]}",
            "datasets.mine.path: no such file or folder: no.xyz",
        ),
        (
            WHOLE % ("li4p2o7", "nequip", "tables: [errors]"),
            "datasets.li4p2o7.melt: no such file or folder: li4p2o7_melt.xyz",
        ),
        (
            "datasets: {mine: {kind: file, path: no.xyz, split: {train: 1, valid: 0, test: 0}}}\n"
            "models: {painn_demo: {pretrained: {dataset: mine, model: schnet_demo}}}",
            "datasets.mine.path: no such file or folder: no.xyz",
        ),
    ],
)
def test_impossible_requests_are_refused_with_key_and_reason(problem, text, line):
    found = problem(text)
    assert found.split(": ", 1)[1].startswith(line)
    assert len(found.splitlines()) == 1


@pytest.mark.parametrize(
    "text",
    [
        NOTHING,
        EXTERNAL,
        "generation: {models: [edm_demo]}",
        CURVE % "tables: [learning_curve]",
        "datasets: {mine: {kind: file, path: no.xyz, split: {train: 1, valid: 0, test: 0}}}",
        "models: {theirs: {kind: external, path: no.xyz}}",
        "generation: {models: []}\ndatasets: {qm9_demo: {split: {test: 0}}}",
        "evaluation: {tables: [validity], checks: {strain: {molecules: 5}}}",
    ],
)
def test_defaults_and_unused_entries_are_no_requests(problem, text):
    assert problem(text) == ""


def test_a_request_of_the_command_line_is_the_users():
    merged = config.load(FILES, {"forcefields": {"tables": ["learning_curve"]}})
    with pytest.raises(
        ConfigError, match=r"^command line \(--config\): forcefields\.tables: 'learning_curve'"
    ):
        config.check(merged, FILES, ROOT / config.SCHEMAS, modules=False)


def test_an_empty_test_split_is_refused_where_something_is_made_of_it(problem):
    found = problem("datasets: {qm9_demo: {split: {test: 0}}}")
    assert (
        "datasets.qm9_demo.split.test: the test split is empty, but evaluation asks for completion, " in found
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "datasets: {ethanol: {split: {train: 1990}}}",
            "datasets.ethanol.split: the split (train 1990, valid 50, test 500) needs 2540 structures; "
            "the dataset has 2000",
        ),
        (
            "forcefields: {runs: [{dataset: ethanol, models: [schnet_demo], sizes: [400, 501]}],"
            " tables: [learning_curve]}",
            "forcefields.runs[0].sizes: 501 structures to train on, but the training split of ethanol",
        ),
        (
            "forcefields: {runs: [{dataset: rmd17_ethanol, models: [schnet_demo], sizes: [951]}],"
            " tables: [learning_curve]}",
            "forcefields.runs[0].sizes: 951 structures to train on, but the training split of rmd17",
        ),
        (
            WHOLE % ("ethanol", "schnet_demo, nequip_demo", "figures: [chemical_potential]"),
            "forcefields.figures: 'chemical_potential' of nequip_demo: the atoms of 'nequip' hear the probe",
        ),
        (
            WHOLE % ("water16", "schnet_demo", "figures: [filters, chemical_potential]"),
            "forcefields.figures: 'chemical_potential' is drawn around molecules, but water16 is periodic",
        ),
        (
            "datasets: {ethanol: {split: {valid: 0}}}",
            "datasets.ethanol.split.valid: the validation split is empty, but models that are trained here",
        ),
        (
            "datasets: {ethanol: {split: {train: 1950, test: rest}}}",
            "datasets.ethanol.split.test: the test split is empty, but of it are made the simulations of f",
        ),
        (
            PROPERTY % "tables: [errors], figures: [chemical_potential]",
            "forcefields.figures: 'chemical_potential' of schnet_demo@homo: the model was trained on 'homo'",
        ),
    ],
)
def test_what_only_the_modules_tell_is_refused_too(problem, text, line):
    assert problem(text, modules=True).split(": ", 1)[1].startswith(line)


def test_a_users_file_is_counted(problem, tmp_path):
    np.savez(tmp_path / "mine.npz", R=np.zeros((7, 1, 3)), z=[1], E=np.zeros(7), F=np.zeros((7, 1, 3)))
    study = (
        "datasets: {mine: {kind: file, path: mine.npz, split: {train: %d, valid: 1, test: rest}}}\n"
        "generation: {datasets: [mine]}"
    )
    assert problem(study % 5, modules=True) == ""
    empty = problem(study % 6, modules=True)
    assert "datasets.mine.split.test: the test split is empty, but of it are made completion, " in empty
    assert "datasets.mine.split: " in problem(study % 7, modules=True)


def test_files_by_the_part_that_each_holds_are_counted(problem, tmp_path):
    for name, count in (("a", 7), ("b", 3)):
        (tmp_path / f"{name}.xyz").write_text(count * "2\nenergy=-1\nH 0 0 0\nH 0 0 0.74\n")
    study = (
        "datasets: {mine: {kind: file, path: {train: a.xyz, %s: b.xyz}, split: %s}}\n"
        "generation: {datasets: [], models: []}\nforcefields: {tables: [errors], dynamics: {}, "
        "runs: [{dataset: mine, models: [painn_tiny]}]}"
    )

    def found(part, split):
        return problem(study % (part, split), modules=True)

    assert found("test", "{train: rest, valid: 2, test: rest, column: split}") == ""
    assert found("valid", "{train: rest, valid: rest, test: rest, column: split}") == ""
    assert "datasets.mine.split.column: path names a file for each part: write column: split" in found(
        "test", "{train: 0.8, valid: 0.1, test: rest}"
    )
    assert "datasets.mine.split: the split (train 6, valid 2) needs 8 structures; the dataset has 7" in found(
        "test", "{train: 6, valid: 2, test: rest, column: split}"
    )
    assert "datasets.mine.split.valid: the validation split is empty" in found(
        "test", "{train: rest, valid: 0.1, test: rest, column: split}"
    )
    (tmp_path / "b.xyz").unlink()
    assert "datasets.mine.path.test: no such file or folder: b.xyz" in found(
        "test", "{train: 1, valid: 1, test: 0}"
    )


def test_snapshots_of_one_step_are_refused(problem):
    study = "generation: {models: [edm_demo], snapshots: [0.25, 0.3]}\n"
    study += "models: {edm_demo: {training: {steps: %d, warmup_steps: 0}}}"
    line = "generation.snapshots: of the 4 steps of 'edm_demo' two of these shares are the same step"
    assert problem(study % 4, modules=True) == f"mine.yaml: {line}"
    assert problem(study % 10, modules=True) == ""


def test_figures_that_models_have_pass(problem):
    models = "schnet_demo, painn_demo"
    figures = "figures: [embedding, filters, filter_cuts, chemical_potential]"
    assert problem(WHOLE % ("ethanol", models, figures), modules=True) == ""
    assert problem(WHOLE % ("ethanol", "nequip_demo", "figures: [embedding, filters]"), modules=True) == ""
