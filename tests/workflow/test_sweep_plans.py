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


def test_members_share_the_trainings_that_they_can(plan_of):
    plan = plan_of(SWEEP)
    assert [each.model for each in plan.samples.trainings] == ["symphony_demo", "degrees_1", "degrees_2"]
    assert len(plan.samples.sampled) == 8
    names = [drawing.name for drawing in plan.figures.all]
    assert [name for name in names if name.startswith("sweep")] == [
        "sweep-heat-qm9_demo",
        "sweep-degrees-qm9_demo",
    ]
    captions = [drawing.caption for drawing in plan.figures.all if drawing.figure == "sweep"]
    assert captions[1] == "Validity (xyz2mol) and uniqueness over lmax and T (degrees, qm9_demo)."
    curves = [drawing for drawing in plan.figures.all if drawing.figure == "training"]
    assert {drawing.what[1]: list(drawing.arguments["logs"]) for drawing in curves} == {
        "degrees": ["1", "2"],
        "symphony_demo": ["seed 0"],
    }
    assert not any(name.startswith("molecules") for name in names)


def test_members_are_sampled_with_the_weights_they_share(plan_of):
    plan = plan_of(SWEEP)
    assert plan.samples.trained_as("heat_0.5") == "symphony_demo"
    assert plan.samples.trained_as("degrees_2_1.0") == "degrees_2"


def test_a_mistake_in_a_sweep_is_named(tree):
    (tree.root / "wrong.yaml").write_text(SWEEP.replace("position_temperature", "position_temprature"))
    result = tree.snakemake("--dry-run", "--configfile", "wrong.yaml")
    assert result.returncode == 1
    assert "did you mean 'position_temperature'?" in result.stdout and "wrong.yaml" in result.stdout
