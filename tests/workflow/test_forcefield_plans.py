"""What is planned for the force fields of a study."""

import pytest

from tutti.workflow.plan.samples import Set

MINE = """
run: mine
generation: {datasets: [], models: []}
forcefields:
  runs:
    - {dataset: mine, models: [painn_demo]}
    - {dataset: mine, models: [painn_demo, fine_tuned], sizes: [2, 3]}
    - {dataset: mine, models: [schnet_demo], targets: [homo, mu]}
  tables: [errors, learning_curve]
datasets:
  mine: {kind: file, path: frames.extxyz, split: {train: 4, valid: 1, test: rest}}
models:
  fine_tuned:
    kind: forcefield
    module: painn
    config: {}
    training: {steps: 5}
    pretrained: {dataset: ethanol, model: painn_demo}
    resources: {threads: 1, gpu: 0, mem_mb: 100, runtime: 10}
"""


def test_sizes_targets_and_weights_to_start_from_are_trainings_of_their_own(tree):
    (tree.root / "frames.extxyz").write_text("1\n\nH 0 0 0\n" * 9)
    (tree.root / "mine.yaml").write_text(MINE)
    plan = tree.plan("--configfile", "mine.yaml")
    assert plan["train"] == 8  # those of the runs, and ethanol's that fine_tuned starts from
    assert plan["predict"] == 7 and plan["measure_forcefield"] == 7 and "sample" not in plan


@pytest.fixture
def mine(plan_of, tmp_path):
    path = tmp_path / "frames.extxyz"
    path.write_text("1\n\nH 0 0 0\n" * 9)
    return plan_of(MINE.replace("frames.extxyz", str(path)))


def test_trainings(mine):
    assert {pair for pair in mine.forcefields.trained} == {
        ("mine", "painn_demo"),
        ("mine@2", "painn_demo"),
        ("mine@3", "painn_demo"),
        ("mine@2", "fine_tuned"),
        ("mine@3", "fine_tuned"),
        ("mine", "schnet_demo@homo"),
        ("mine", "schnet_demo@mu"),
    }
    assert mine.initial_weights("fine_tuned", "0") == [
        "results/mine/train/ethanol/painn_demo/seed0/weights.safetensors"
    ]
    assert mine.network("schnet_demo@homo")["target"] == "homo"


def test_each_training_has_rows_in_the_tables_it_belongs_to(mine):
    measures = mine.forcefields.measures
    assert set(measures("mine", "painn_demo")) == {"errors"}
    assert set(measures("mine@2", "fine_tuned")) == {"learning_curve"}
    assert measures("mine", "schnet_demo@mu")["errors"]["arguments"] == {"target": "mu"}
    assert mine.tables == ["errors", "learning_curve", "paper_versus_here"]


MOVING = """
run: moving
generation: {datasets: [], models: []}
forcefields:
  runs: [{dataset: water16, models: [schnet_water_demo]}, {dataset: ethanol, models: [painn_demo]}]
  tables: [dynamics, inference_time]
  dynamics:
    water16: {temperature: 300, liquid: true}
    ethanol: {temperature: 500, reference: GFN2-xTB, beads: 4}
"""


def test_simulations_and_their_figures_are_those_that_make_sense(plan_of):
    plan = plan_of(MOVING)
    ours = plan.forcefields.to_measure("ethanol", "painn_demo", "0")
    assert set(ours) == {"weights", "NVE", "NVT", "rings", "reference_NVE", "reference_NVT"}
    assert ours["reference_NVT"] == "results/moving/dynamics/ethanol/reference/seed0/NVT.npz"
    assert set(plan.forcefields.to_measure("water16", "schnet_water_demo", "0")) == {"weights", "NVE", "NVT"}
    names = {drawing.name for drawing in plan.figures.all}
    assert {"vibrations-ethanol", "sizes-ethanol", "diffusion-water16", "drift-water16"} <= names
    assert not {"vibrations-water16", "sizes-water16", "diffusion-ethanol"} & names
    assert plan.forcefields.timed[-2:] == [Set("water16", "reference", 0), Set("ethanol", "reference", 0)]


def test_what_a_speed_is_measured_of(plan_of):
    plan = plan_of(MOVING)
    ours = plan.speed.of("ethanol", "painn_demo", "0")
    assert ours["arguments"]["model"] == "painn_demo" and "batch_sizes" in ours["arguments"]
    theirs = plan.speed.of("ethanol", "reference", "0")
    assert "model" not in theirs["arguments"] and theirs["threads"] == ours["threads"]
    assert plan.speed.files("ethanol", "reference", "0")["weights"] == []


def test_a_model_has_one_place_among_its_kind_in_all_figures(mine):
    places = {"painn_demo": 0, "fine_tuned": 1, "schnet_demo@homo": 2, "schnet_demo@mu": 3}
    assert mine.figures.places == places
    jobs = ("tables", "samples", "models")
    assert all(request["places"] == places for job in jobs for request in mine.figures.requests(job))
