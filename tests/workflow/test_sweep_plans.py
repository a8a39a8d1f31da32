"""What is planned for sweeps."""

SWEEP = """
run: swept
generation:
  models: []
  sweeps:
    heat:
      model: symphony_demo
      axes: {T: {sampling.position_temperature: [0.5, 1.0]}}
    degrees:
      model: symphony_demo
      axes: {lmax: {config.position.lmax: [1, 2]}, T: {sampling.position_temperature: [0.5, 1.0, 2.0]}}
bonds: {assigners: [xyz2mol]}
evaluation: {tables: [validity], controls: []}
forcefields: {runs: []}
"""


def test_members_share_the_trainings_that_they_can(tree):
    (tree.root / "swept.yaml").write_text(SWEEP)
    plan = tree.plan("--configfile", "swept.yaml")
    assert plan["train"] == 3 and plan["sample"] == 8 and plan["sweep_figure"] == 2
    assert plan["training_figure"] == 2  # symphony_demo's, and one of both degrees
    assert "pictures" not in plan


def test_a_mistake_in_a_sweep_is_named(tree):
    (tree.root / "wrong.yaml").write_text(SWEEP.replace("position_temperature", "position_temprature"))
    result = tree.snakemake("--dry-run", "--configfile", "wrong.yaml")
    assert result.returncode == 1
    assert "did you mean 'position_temperature'?" in result.stdout and "wrong.yaml" in result.stdout
