"""What is planned of generators and their samples, and the plan as a whole."""

from pathlib import Path

import pytest

from tutti.workflow.plan.layout import Layout
from tutti.workflow.plan.names import base, local_files, one_of, size, target, variant
from tutti.workflow.plan.samples import Set

STUDY = """
run: study
seeds: [0, 1]
generation: {datasets: [qm9_demo, qm9_7], models: [symphony_demo, edm_demo, theirs], samples: 10}
bonds: {assigners: [xyz2mol, lookup], parts: 2}
evaluation:
  tables: [validity, strain, jsd, completion, throughput]
  controls: [test_split, jittered]
forcefields: {runs: []}
models:
  theirs: {kind: external, path: config/README.md}
"""


@pytest.fixture
def plan(plan_of):
    return plan_of(STUDY)


def test_names():
    assert (base("ethanol@100"), size("ethanol@100"), size("ethanol")) == ("ethanol", 100, None)
    assert (base("schnet@homo"), target("schnet@homo"), target("schnet")) == ("schnet", "homo", "")
    assert (variant("ethanol", 100), variant("ethanol", None)) == ("ethanol@100", "ethanol")
    assert one_of([]) == "(?!)" and one_of(["a.b", "c"]) == r"a\.b|c"


def test_local_files(tmp_path):
    for name in ("b.xyz", "a.xyz", ".hidden"):
        (tmp_path / name).write_text("")
    (tmp_path / "sub").mkdir()
    assert local_files(str(tmp_path)) == [str(tmp_path / "a.xyz"), str(tmp_path / "b.xyz")]
    assert local_files(str(tmp_path / "a.xyz")) == [str(tmp_path / "a.xyz")]
    assert local_files(None) == []


def test_only_what_is_trained_has_several_seeds(plan):
    sets = plan.samples.judged
    assert len(sets) == 2 * (2 + 2 + 1 + 2)  # datasets x (two models of two seeds, theirs, two controls)
    assert Set("qm9_7", "edm_demo", 1) in sets and Set("qm9_7", "jittered", 1) not in sets
    assert len(plan.samples.trainings) == len(plan.samples.sampled) == 2 * 2 * 2


def test_models_that_cannot_complete_are_not_planned_to(plan):
    assert {each.model for each in plan.samples.completing} == {"symphony_demo"}


def test_a_judged_set_is_a_folder_per_part_with_a_file_per_assigner_and_check(plan):
    found = plan.samples.judged_files("qm9_7", "edm_demo", "1")
    folder = "results/study/judged/qm9_7/edm_demo/seed1-part1of2"
    assert found[:4] == [
        f"{folder}/{name}" for name in ("samples.npz", "xyz2mol.parquet", "lookup.parquet", "strain.parquet")
    ]
    assert len(found) == 8
    reference = plan.samples.reference_files("qm9_7")
    assert len(reference) == 6 and not any("strain" in path for path in reference)


def test_what_a_set_is_read_from(plan):
    samples = plan.samples
    assert samples.to_judge("qm9_7", "theirs") == {"files": ["config/README.md"]}
    assert samples.to_judge("qm9_7", "jittered")["dataset"] == "results/study/data/qm9_7.npz"
    assert samples.to_judge("qm9_7", "edm_demo") == {
        "files": [
            samples.layout.samples("{dataset}", "{model}", "{seed}", end) for end in (".extxyz", ".json")
        ]
    }
    assert samples.source("jittered") == {"name": "jittered", "part": "test", "n": 10}
    assert samples.source("copied_training")["part"] == "train"


def test_limits_of_checks_are_declared_and_may_be_changed(plan_of):
    changed = plan_of(STUDY.replace("  controls", "  checks: {strain: {molecules: 3}}\n  controls"))
    assert changed.samples.checks["strain"] == {"molecules": 3, "time_limit": 60, "chunk": 40, "reference": 0}


def test_tables_stand_in_the_order_of_their_declaration_with_what_follows_from_them(plan):
    assert plan.tables == [
        *("validity", "validity_ranks", "strain", "jsd", "completion", "throughput"),
        *("paper_versus_here", "over_seeds"),
    ]


def test_a_table_that_needs_no_reference_judges_none(plan_of):
    plan = plan_of(STUDY.replace("[validity, strain, jsd, completion, throughput]", "[assigner_agreement]"))
    assert plan.samples.reference_files("qm9_7") == [] and plan.samples.completing == []


def test_the_sets_and_parts_run_side_by_side_before_threads_do(plan):
    sets = 14 + 2
    assert plan.samples.threads(2) == 1
    assert plan.samples.threads(4 * sets * 2) == 4


def test_data_are_judged_without_models_and_with_all_cores(plan_of):
    plan = plan_of((Path(__file__).parents[2] / "config/studies/qm9_data.yaml").read_text())
    assert plan.samples.judged == [("qm9", "whole_data", 0)]
    assert plan.samples.source("whole_data") == {"name": "whole_data", "part": "all", "n": 500}
    assert plan.samples.reference_files("qm9") == [] and plan.samples.trainings == []
    assert plan.samples.threads(2) == 2
    assert plan.published["models"] == {"whole_data": "qm9"}
    assert plan.published["here"] == {"whole_data": "all of qm9"}
    assert {drawing.figure for drawing in plan.figures.all} == {"validity", "validity_matrix"}


def test_figures_belong_to_their_tables(plan, plan_of):
    names = {drawing.figure for drawing in plan.figures.all}
    assert {"validity", "validity_matrix", "strain", "atom_types", "molecules", "training"} <= names
    assert not {"bond_lengths", "bispectra", "against_n"} & names
    strain = next(drawing for drawing in plan.figures.all if drawing.name == "strain-qm9_7")
    assert list(strain.arguments["folders"]) == ["test_split", "symphony_demo", "edm_demo", "theirs"]
    assert strain.caption.endswith("(qm9_7).")
    without = plan_of(STUDY.replace("xyz2mol, lookup", "lookup, openbabel").replace("strain, jsd, ", ""))
    assert {drawing.figure for drawing in without.figures.all if drawing.declared.of == "samples"} == set()


def test_every_figure_is_drawn_by_one_job(plan):
    names = [drawing.name for job in ("tables", "samples", "models") for drawing in plan.figures.job(job)]
    assert sorted(names) == sorted(drawing.name for drawing in plan.figures.all)
    assert len(set(names)) == len(names)


def test_code_is_what_a_script_imports_and_what_is_loaded_by_name(plan):
    found = plan.code("judge", "chemistry.bonds.lookup")
    assert found[0] == "scripts/judge.py"
    assert {"src/tutti/chemistry/bonds/lookup.py", "src/tutti/benchmark/samples/judge.py"} <= set(found)
    assert not any("models/" in path or "figures/" in path or "openbabel" in path for path in found)


def test_published_names(plan):
    assert plan.published["datasets"] == {}
    assert plan.published["here"]["theirs"] == "samples of README.md"
    assert plan.published["here"]["edm_demo"].startswith("qm9_demo and qm9_7, ")
    _, differs = plan.published["here"]["edm_demo"].split("; ")
    assert differs.startswith("not as published: ")


def test_the_configuration_on_the_page_has_only_what_is_used(plan):
    used = plan.used_config()
    assert set(used["models"]) == {"symphony_demo", "edm_demo", "theirs"}
    assert set(used["datasets"]) == {"qm9_demo", "qm9_7"}


def test_files_lie_below_the_run():
    layout = Layout("r")
    assert layout.training("{dataset}", "{model}", "{seed}") == (
        "results/r/train/{dataset}/{model}/seed{seed}/weights.safetensors"
    )
    assert Path(layout.log("judge", "d", "m")) == Path("logs/r/judge/d/m.log")


def test_the_reference_passes_the_checks_that_it_is_compared_by(plan_of):
    """Twice as many molecules as of a set of samples; as a control of its own all checks, too."""
    study = STUDY.replace("strain, jsd", "strain, energies, jsd")
    plan = plan_of(study.replace("  controls", "  checks: {energies: {molecules: 5}}\n  controls"))
    assert plan.samples.checks_of_reference["energies"]["molecules"] == 10
    assert plan.samples.checks_of_reference.keys() == {"energies"}
    files = {path.rpartition("/")[2] for path in plan.samples.reference_files("small")}
    assert files == {"samples.npz", "xyz2mol.parquet", "lookup.parquet", "energies.parquet"}
    assert "benchmark.metrics.energies" in plan.samples.modules_to_judge(checks=False)
    assert plan.samples.checks_of("training_split").keys() == {"strain", "energies"}
    assert plan.samples.checks_of("one")["energies"]["molecules"] == 5
