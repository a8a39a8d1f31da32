"""What is planned for the force fields of a study."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
STUDIES = sorted((ROOT / "config/studies").glob("*.yaml"))
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


def jobs(tree, study):
    """Training sets and models of the trainings that a study plans."""
    result = tree.snakemake("--dry-run", "--configfile", study)
    assert result.returncode == 0, result.stdout
    outputs = [line for line in result.stdout.splitlines() if "output:" in line and "weights.saf" in line]
    return {tuple(line.split("/train/")[1].split("/")[:2]) for line in outputs}


def test_sizes_targets_and_weights_to_start_from_are_trainings_of_their_own(tree):
    (tree.root / "frames.extxyz").write_text("1\n\nH 0 0 0\n")
    (tree.root / "mine.yaml").write_text(MINE)
    assert jobs(tree, "mine.yaml") == {
        ("mine", "painn_demo"),
        ("mine@2", "painn_demo"),
        ("mine@3", "painn_demo"),
        ("mine@2", "fine_tuned"),
        ("mine@3", "fine_tuned"),
        ("ethanol", "painn_demo"),  # what fine_tuned starts from
        ("mine", "schnet_demo@homo"),
        ("mine", "schnet_demo@mu"),
    }
    plan = tree.plan("--configfile", "mine.yaml")
    assert plan["errors"] == 7 and plan["predict"] == 7 and "sample" not in plan


@pytest.mark.long
@pytest.mark.parametrize("study", STUDIES, ids=lambda path: path.stem)
def test_every_study_can_be_planned(tree, study):
    name = f"config/studies/{study.name}"
    wanted = yaml.safe_load(study.read_text())["forcefields"]["runs"]
    least = sum(len(run.get("sizes", [0])) * len(run["models"]) for run in wanted)
    assert len(jobs(tree, name)) >= least
