"""What is planned for the force fields of a study."""

import pytest

from tutti.core.registry import ConfigError
from tutti.workflow import catalogue
from tutti.workflow.plan.kept import kept
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
    assert mine.forcefields.network("schnet_demo@homo")["target"] == "homo"


def test_each_training_has_rows_in_the_tables_it_belongs_to(mine):
    measures = mine.forcefields.measures
    assert set(measures("mine", "painn_demo")) == {"errors"}
    assert set(measures("mine@2", "fine_tuned")) == {"learning_curve"}
    assert measures("mine", "schnet_demo@mu")["errors"]["arguments"] == {"target": "mu"}
    assert mine.tables == ["errors", "learning_curve", "paper_versus_here"]


def test_data_of_learning_curves_are_kept_and_told_of(plan_of, tmp_path):
    path = tmp_path / "frames.extxyz"
    path.write_text("1\n\nH 0 0 0\n" * 9)
    whole = (
        "    - {dataset: mine, models: [painn_demo]}\n",
        "    - {dataset: mine, models: [schnet_demo], targets: [homo, mu]}\n",
    )
    text = MINE.replace("frames.extxyz", str(path)).replace("[errors, learning_curve]", "[learning_curve]")
    for run in whole:
        text = text.replace(run, "")
    plan = plan_of(text)
    assert {f"results/mine/data/{name}.splits.json" for name in ("mine", "ethanol")} <= set(plan.sidecars)
    assert {"results/mine/data/mine.splits.json", "results/mine/data/mine.npz"} <= set(kept(plan))
    assert list(plan.used_config()["datasets"]) == ["mine", "ethanol"]


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


PHYSICS = """
run: asked
seeds: [4, 7]
generation: {{datasets: [], models: []}}
forcefields:
  runs:
    - {{dataset: water16, models: [schnet_water_demo]}}
    - {{dataset: ethanol, models: [painn_demo, schnet_demo], sizes: [9]}}
    - {{dataset: ethanol, models: [painn_demo, schnet_demo]}}
    - {{dataset: qm9_demo, models: [schnet_demo], targets: [gap]}}
  tables: [errors, physics, committee]
  dynamics:
    ethanol: {{temperature: 500, reference: GFN2-xTB}}
  physics:
    ethanol: {{frames: 2, scans: {{oh: {{path: {scan}, column: OH_dist}}}}}}
"""


@pytest.fixture
def asked(plan_of, tmp_path):
    (tmp_path / "oh.xyz").write_text("1\n\nH 0 0 0\n")
    return plan_of(PHYSICS.format(scan=tmp_path / "oh.xyz"))


def test_physics_is_of_models_of_the_energy_with_their_simulations_where_there_are_some(asked):
    plan = asked.forcefields
    assert "physics" in asked.tables
    assert "physics" in plan.measures("ethanol", "painn_demo") and "physics" not in plan.measures(
        "ethanol@9", "painn_demo"
    )
    assert "physics" not in plan.measures("qm9_demo", "schnet_demo@gap")
    moving = plan.measures("ethanol", "painn_demo")["physics"]["arguments"]["dynamics"]
    assert moving == plan.settings["dynamics"]["ethanol"] and moving["temperature"] == 500
    assert plan.measures("water16", "schnet_water_demo")["physics"]["arguments"] == {"dynamics": None}
    ours = plan.to_measure("ethanol", "painn_demo", "7")
    assert ours["probes"] == "results/asked/physics/ethanol/painn_demo/seed7.parquet"
    assert {"NVE", "NVT", "reference_NVE", "reference_NVT"} < set(ours)
    assert set(plan.to_measure("water16", "schnet_water_demo", "7")) == {"train", "test", "probes"}


def test_figures_of_physics_have_the_reference_and_scans_where_there_are_some(asked, tmp_path):
    drawings = {drawing.name: drawing for drawing in asked.figures.all}
    probes = drawings["diatomics-ethanol"].arguments["probes"]
    assert list(probes) == ["reference", "painn_demo", "schnet_demo"]
    assert probes["reference"] == "results/asked/physics/ethanol/reference/seed0.parquet"
    assert list(drawings["diatomics-water16"].arguments["probes"]) == ["schnet_water_demo"]
    assert "scans-ethanol" in drawings and "scans-water16" not in drawings
    assert "angles-ethanol" in drawings and "angles-water16" not in drawings
    assert asked.forcefields.scans("ethanol") == [str(tmp_path / "oh.xyz")]
    assert {"io.extxyz", "models.forcefields.painn"} < set(asked.probe_modules("ethanol", "painn_demo"))
    assert asked.probe_modules("ethanol", "reference") == asked.readers
    assert asked.probe_modules("water16", "reference") == []


def test_committees_are_of_all_seeds(asked):
    assert "committee" in asked.tables
    plan = asked.forcefields
    assert plan.measures("ethanol", "painn_demo", "4")["committee"]["arguments"] == {"seeds": [4, 7]}
    assert "committee" not in plan.measures("ethanol", "painn_demo", "7")
    assert "committee" not in plan.measures("qm9_demo", "schnet_demo@gap", "4")
    assert len(plan.to_measure("ethanol", "painn_demo", "4")["members"]) == 2
    assert "members" not in plan.to_measure("ethanol", "painn_demo", "7")
    drawing = next(each for each in asked.figures.all if each.name == "committee-ethanol")
    assert drawing.arguments["committees"]["painn_demo"] == [
        f"results/asked/predictions/ethanol/painn_demo/seed{seed}/test.npz" for seed in (4, 7)
    ]


def test_a_committee_needs_seeds_and_physics_energies(plan_of, tmp_path):
    single = PHYSICS.replace("seeds: [4, 7]", "seeds: [4]").replace("scans:", "# scans:")
    single = single.replace("# scans: {{oh: {{path: {scan}, column: OH_dist}}}}}}", "points: 3}}")
    with pytest.raises(ConfigError, match="'committee' needs two 'seeds' or more"):
        plan_of(single.format())
    other = single.replace("tables: [errors, physics, committee]", "tables: [physics]").replace(
        "    ethanol: {{frames", "    c20: {{frames"
    )
    with pytest.raises(ConfigError, match=r"forcefields\.physics\.c20: no run without 'sizes'"):
        plan_of(other.format())


def test_a_scan_of_a_file_that_is_not_there_is_named(plan_of):
    with pytest.raises(
        ConfigError, match=r"physics\.ethanol\.scans\.oh\.path: no such file or folder: no\.xyz"
    ):
        plan_of(PHYSICS.format(scan="no.xyz"))


def test_asking_is_a_job_of_each_calculator(tree):
    (tree.root / "oh.xyz").write_text("1\n\nH 0 0 0\n")
    (tree.root / "asked.yaml").write_text(PHYSICS.format(scan="oh.xyz"))
    jobs = tree.plan("--configfile", "asked.yaml")
    assert jobs["probe"] == 2 * 3 + 1  # of both seeds, and the reference


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


OTHERS = """
run: others
seeds: [3, 4]
generation: {datasets: [], models: []}
forcefields:
  runs:
    - {dataset: ethanol, models: [painn_demo, pair, given]}
  tables: [errors, dynamics, inference_time]
  figures: [embedding]
  dynamics: {ethanol: {temperature: 500, picoseconds: 1}}
models:
  pair: {kind: calculator, factory: "ase.calculators.lj:LennardJones", arguments: {sigma: 1.2}}
  given: {kind: predictions, path: given.extxyz}
"""


@pytest.fixture
def others(plan_of, tmp_path):
    (tmp_path / "given.extxyz").write_text("1\n\nH 0 0 0\n")
    return plan_of(OTHERS.replace("given.extxyz", str(tmp_path / "given.extxyz")))


def test_other_codes_stand_beside_what_is_trained(others):
    plan = others.forcefields
    measured = {(each.model, each.seed): set(plan.measures(*each[:2])) for each in plan.measured}
    assert measured == {
        ("painn_demo", 3): {"errors", "dynamics"},
        ("painn_demo", 4): {"errors", "dynamics"},
        ("pair", 0): {"errors", "dynamics"},
        ("given", 0): {"errors"},
    }
    assert [each.model for each in plan.trainings] == ["painn_demo", "painn_demo"]
    assert Set("ethanol", "pair", 0) in plan.timed
    assert not any(each.model == "given" for each in plan.timed)
    assert plan.measures("ethanol", "pair")["errors"]["arguments"]["remark"].startswith("energies aligned")
    assert plan.weights("ethanol", "pair", 0) == ["results/others/calculators/ethanol/pair/seed0/config.json"]
    assert others.figures.places == {"painn_demo": 0, "pair": 1, "given": 2}


def test_figures_show_other_codes_where_they_have_what_is_drawn(others):
    drawn = {each.name: each.files for each in others.figures.all}
    of = {name: [file.split("/")[4] for file in files if "/seed" in file] for name, files in drawn.items()}
    assert of["parity-ethanol"] == ["painn_demo", "pair", "given"]
    assert set(of["drift-ethanol"]) == {"painn_demo", "pair", "reference"}
    assert "embedding-ethanol-painn_demo" in drawn and "embedding-ethanol-pair" not in drawn
    assert not any(name.startswith("training") and "pair" in name for name in drawn)


def test_jobs_of_other_codes_are_planned_once_each(tree):
    (tree.root / "given.extxyz").write_text("1\n\nH 0 0 0\n")
    (tree.root / "others.yaml").write_text(OTHERS)
    plan = tree.plan("--configfile", "others.yaml")
    jobs = {"train": 2, "calculator": 1, "predict": 4, "simulate": 4, "measure_forcefield": 4}
    assert {rule: plan[rule] for rule in jobs} == jobs and plan["speed"] == 4


@pytest.mark.parametrize(
    ("run", "problem"),
    [
        ("models: [pair], sizes: [5]", r"runs\[0\]\.sizes: 'pair' is of kind calculator: it is not trained"),
        ("models: [given], targets: [homo]", r"targets: 'given' is of kind predictions: it is not trained"),
    ],
)
def test_what_only_a_training_has_is_refused(plan_of, run, problem, tmp_path):
    (tmp_path / "given.extxyz").write_text("1\n\nH 0 0 0\n")
    study = OTHERS.replace("models: [painn_demo, pair, given]", run).replace(
        " given.e", f" {tmp_path}/given.e"
    )
    with pytest.raises(ConfigError, match=problem):
        plan_of(study)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("{kind: calculator, factory: tblite.ase}", "does not match"),
        ("{kind: calculator, arguments: {}}", "'factory' is a required property"),
        ("{kind: calculator, factory: 'a:b', training: {}}", "unknown value 'training'"),
        ("{kind: calculator, factory: 'a:b', environment: nowhere.yaml}", "no such file or folder: nowhere"),
        ("{kind: predictions, path: nowhere.extxyz}", "no such file or folder: nowhere.extxyz"),
    ],
)
def test_mistakes_in_entries_of_other_codes_are_refused(plan_of, entry, problem):
    study = OTHERS.replace(", pair, given", ", pair").split("  pair:")[0]
    with pytest.raises(ConfigError, match=problem):
        plan_of(f"{study}  pair: {entry}\n")


def test_a_code_that_is_not_installed_is_refused_unless_it_has_an_environment(plan_of, tmp_path):
    study = OTHERS.replace(", given", "").replace("ase.calculators.lj:", "missing_code.ase:")
    errors = list(catalogue.mistakes(plan_of(study).config))
    assert [str(each) for each in errors] == [
        "models.pair.factory: there is no module 'missing_code'; install the package that has it: "
        "pip install missing_code"
    ]
    (tmp_path / "own.yaml").write_text("dependencies: []")
    own = study.replace("arguments:", f"environment: {tmp_path}/own.yaml, arguments:")
    plan = plan_of(own)
    assert not list(catalogue.mistakes(plan.config))
    assert (
        plan.forcefields.environment("pair") == f"{tmp_path}/own.yaml"
        and plan.forcefields.environment("painn_demo") is None
    )


def test_a_training_starts_from_a_folder_of_weights(plan_of, tmp_path):
    folder = tmp_path / "theirs"
    study = MINE.replace("{dataset: ethanol, model: painn_demo}", str(folder))
    (tmp_path / "frames.extxyz").write_text("1\n\nH 0 0 0\n")
    study = study.replace("path: frames.extxyz", f"path: {tmp_path}/frames.extxyz")
    with pytest.raises(ConfigError, match=r"fine_tuned\.pretrained: no such file or folder"):
        plan_of(study)
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"no folder of weights, it has no weights\.safetensors"):
        plan_of(study)
    (folder / "weights.safetensors").write_bytes(b"")
    assert plan_of(study).initial_weights("fine_tuned", "0") == [
        f"{folder}/weights.safetensors",
        f"{folder}/config.json",
    ]


def test_committees_are_of_trainings_alone(plan_of, tmp_path):
    study = OTHERS.replace("[errors, dynamics", "[errors, committee, physics, dynamics")
    (tmp_path / "given.extxyz").write_text("1\n\nH 0 0 0\n")
    plan = plan_of(study.replace("given.extxyz", str(tmp_path / "given.extxyz"))).forcefields
    assert "committee" in plan.measures("ethanol", "painn_demo", 3)
    assert "committee" not in plan.measures("ethanol", "pair", 0)
    assert {"errors", "physics", "dynamics"} <= set(plan.measures("ethanol", "pair", 0))
    assert plan.probes("ethanol")["pair"].endswith("/pair/seed0.parquet")
    assert plan.probes("ethanol")["painn_demo"].endswith("/painn_demo/seed3.parquet")


def test_learning_curves_alone_have_the_papers_names_of_their_molecules(plan_of):
    run = "{dataset: rmd17_ethanol, models: [painn_demo], sizes: [5, 10]}"
    published = plan_of(f"run: curves\nforcefields: {{runs: [{run}], tables: [learning_curve]}}").published
    assert published["subsets"] == {"rmd17_ethanol": {"test": "ethanol"}}
    assert published["datasets"]["rmd17_ethanol"] == "rmd17"
