"""benchmarks/gpu.py on the CPU, where no chemistry can be imported."""

import json
import os
import subprocess
import sys
from pathlib import Path

import gpu
import numpy as np
import pytest
import yaml
from device import report
from small_run import BLOCKED

from tutti.core import registry
from tutti.io import extxyz
from tutti.io.labels import Labels
from tutti.models import base

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("checks", "speed", "training")
GENERATORS, FORCE_FIELDS = registry.names("generators"), registry.names("forcefields")
# Enough on a machine with much else to do; what is done does not fill it.
MINUTES = 10


def read(folder):
    """The parts' files, which must be JSON as its standard has it."""

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return {name: json.loads((folder / f"{name}.json").read_text(), parse_constant=refuse) for name in PARTS}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((["edm"], ["schnet"]), id="two"),
        pytest.param((GENERATORS, FORCE_FIELDS), id="all", marks=pytest.mark.long),
    ],
)
def finished(request, tmp_path_factory):
    """(folder, generators, force fields) of a run of all parts at the smallest sizes, in its own process."""
    generators, force_fields = request.param
    folder = tmp_path_factory.mktemp("gpu")
    models = yaml.safe_load((ROOT / "config/models.yaml").read_text())["models"]
    for name in generators:
        models[f"{name}_tiny"]["training"]["steps"] = 4
        models[f"{name}_tiny"]["training"] |= {"warmup_steps": 0, "batch_size": 4}
        models[f"{name}_tiny"]["sampling"] |= {"batch_size": 8, "max_atoms": 9}
    (folder / "models.yaml").write_text(yaml.safe_dump({"models": models}))
    script = Path(__file__).with_name("small_run.py")
    options = ["--device", "cpu", "--minutes", str(MINUTES), "--size", "tiny", "--out", str(folder)]
    options += ["--models", *generators, *force_fields]
    command = [sys.executable, str(script), str(folder / "models.yaml"), *options]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")}
    subprocess.run(command, check=True, env=environment)
    return folder, generators, force_fields


def test_all_parts_are_done_without_chemistry(finished):
    folder, _, _ = finished
    for content in read(folder).values():
        assert content["results"]
        assert content["failed"] == {}
        assert content["skipped"] == content["pending"] == []
        assert content["minutes"] == MINUTES
    assert {"rdkit", "openbabel", "posebusters", "tblite", "vesin", "snakemake"} <= BLOCKED


def test_every_model_is_checked(finished):
    folder, generators, force_fields = finished
    results = read(folder)["checks"]["results"]
    tasks = {
        f"{name}: {task}" for name in generators + force_fields for task in ("float64", "float32", "resume")
    }
    assert results.keys() == tasks | {f"{name}: sampling" for name in generators}
    assert all(result["passed"] for result in results.values())
    for name in generators + force_fields:
        measured = {"loss", "gradient"} | ({"energy", "forces"} if name in force_fields else set())
        single = results[f"{name}: float32"]
        assert single["deviation"].keys() == single["tolerance"].keys() == measured
        # In float32 something must differ, or it was not computed in float32.
        assert 0.0 < single["deviation"]["gradient"] < 1e-3
        assert set(results[f"{name}: float64"]["deviation"].values()) == {0.0}
        assert results[f"{name}: resume"]["deviation"] == 0.0


def test_times_stand_beside_what_flops_and_bytes_need(finished):
    folder, generators, force_fields = finished
    results = read(folder)["speed"]["results"]
    rates = results.pop("rates")
    sizes = [f"{name}: sampling, batch {n}" for name in generators for n in (1, 3)]
    sizes += [f"{name}: force call, {n} atoms" for name in force_fields for n in (21, 60)]
    assert results.keys() == {*sizes, *(f"{name}: training step" for name in generators + force_fields)}
    for task, result in results.items():
        assert result["seconds"] > 0.0, task
        assert result["flops_seconds"] == result["flops"] / rates["flops"] > 0.0, task
        assert 0.0 < result["least_bytes"] < result["op_bytes"], task
        assert result["fraction"] > 0.0, task
        assert result.get("waits") is None, task  # a CPU has nothing to wait for


def test_weights_and_samples_of_the_trainings_can_be_read(finished):
    folder, generators, _ = finished
    results = read(folder)["training"]["results"]
    for name in generators:
        trained, samples = results[f"{name}: training"], results[f"{name}: samples"]
        assert trained["entry"] == f"{name}_tiny"
        assert trained["steps_done"] == trained["training"]["steps"] == 4
        assert trained["ended"] == "all steps done"
        assert samples["n"] == 12
        assert base.load(folder / name).module == name
        assert len(list(extxyz.frames(folder / name / "samples.extxyz", {}, Labels()))) == 12
        assert (folder / name / base.WEIGHTS).stat().st_size == trained["weights"]["bytes"] < 16e6


def test_report_fills_the_section_and_changes_nothing_else(finished, tmp_path):
    folder, generators, force_fields = finished
    page = tmp_path / "results.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    assert gpu.main(["--report", str(folder), "--page", str(page)]) == 0
    once = page.read_text()
    assert once.startswith(f"before\n{report.BEGIN}\n") and once.endswith(f"{report.END}\nafter\n")
    assert "old" not in once
    for name in generators + force_fields:
        assert f"| {name} |" in once
    assert "No time for" not in once and "not passed" not in once
    gpu.main(["--report", str(folder), "--page", str(page)])
    assert page.read_text() == once


def test_the_page_has_the_marks():
    text = report.PAGE.read_text()
    assert text.count(report.BEGIN) == text.count(report.END) == 1


def test_a_model_that_raises_is_recorded_and_the_others_go_on(tmp_path, monkeypatch):
    broken = registry.module("forcefields", "painn").MODEL

    def fail(*arguments):
        raise ArithmeticError("broken on purpose")

    monkeypatch.setattr(broken, "atomwise", fail)
    options = ["--device", "cpu", "--minutes", str(MINUTES), "--size", "tiny", "--out", str(tmp_path)]
    assert gpu.main([*options, "--models", "painn", "schnet", "--shares", "1", "0", "0"]) == 1
    content = json.loads((tmp_path / "checks.json").read_text())
    assert content["failed"].keys() == {f"painn: {task}" for task in ("float64", "float32", "resume")}
    assert all(
        text.startswith("ArithmeticError: broken on purpose (test_gpu.py:")
        for text in content["failed"].values()
    )
    assert content["results"].keys() == {f"schnet: {task}" for task in ("float64", "float32", "resume")}
    assert not (tmp_path / "speed.json").exists()
    page = tmp_path / "results.md"
    page.write_text(f"{report.BEGIN}\n{report.END}\n")
    report.fill(tmp_path, page)
    assert "Failed: painn: resume (checks): `ArithmeticError: broken on purpose" in page.read_text()


def test_a_deviation_beyond_its_limit_is_not_passed(tmp_path, monkeypatch):
    from device import checks

    limits = checks.TOLERANCES["float32"] | {"forces": 1e-12}
    monkeypatch.setitem(checks.TOLERANCES, "float32", limits)
    monkeypatch.setattr(checks, "OF_CPU", 0.5)
    options = ["--device", "cpu", "--minutes", str(MINUTES), "--size", "tiny", "--out", str(tmp_path)]
    assert gpu.main([*options, "--models", "schnet", "--shares", "1", "0", "0"]) == 1
    results = json.loads((tmp_path / "checks.json").read_text())["results"]
    assert {task: result["passed"] for task, result in results.items()} == {
        "schnet: float64": True,
        "schnet: float32": False,
        "schnet: resume": True,
    }


def test_what_there_is_no_time_for_is_listed(tmp_path):
    options = ["--device", "cpu", "--minutes", "1e-6", "--size", "tiny", "--out", str(tmp_path)]
    assert gpu.main(options) == 0
    parts = read(tmp_path)
    assert "edm: resume" in parts["checks"]["skipped"]
    assert "nequip: force call, 20000 atoms" in parts["speed"]["skipped"]
    assert parts["training"]["skipped"] == [f"{n}: {t}" for n in GENERATORS for t in ("training", "samples")]
    assert all(content["results"] == {} and content["pending"] == [] for content in parts.values())


def test_a_run_whose_device_broke_goes_on_in_a_new_process(tmp_path, monkeypatch):
    from device import record

    options = ["--device", "cpu", "--minutes", str(MINUTES), "--size", "tiny", "--out", str(tmp_path)]
    options += ["--models", "schnet", "--shares", "1", "0", "0"]
    started = []

    def begin(program, arguments):
        started.append(arguments)
        raise SystemExit

    network = registry.module("forcefields", "schnet").MODEL
    sound = network.atomwise
    monkeypatch.setattr(os, "execv", begin)
    monkeypatch.setattr(record, "_works", lambda device: False)
    monkeypatch.setattr(network, "atomwise", lambda *arguments: np.empty(0).item())
    with pytest.raises(SystemExit):
        gpu.main(options)
    assert started[0][-2] == "--since"
    left = json.loads((tmp_path / "checks.json").read_text())
    assert list(left["failed"]) == ["schnet: float64"]
    assert left["pending"] == ["schnet: float32", "schnet: resume"]

    monkeypatch.setattr(network, "atomwise", sound)
    assert gpu.main([*options, *started[0][-2:]]) == 1
    content = json.loads((tmp_path / "checks.json").read_text())
    assert list(content["failed"]) == ["schnet: float64"] and content["pending"] == []
    assert content["results"].keys() == {"schnet: float32", "schnet: resume"}


@pytest.mark.long
def test_one_minute_at_the_published_sizes(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        f"import sys\nsys.path.append({str(Path(__file__).parent)!r})\n"
        "from small_run import Missing\nsys.meta_path.insert(0, Missing())\n"
    )
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{tmp_path}"}
    command = [sys.executable, str(ROOT / "benchmarks/gpu.py"), "--device", "cpu", "--minutes", "1"]
    out = tmp_path / "out"
    subprocess.run([*command, "--out", str(out)], check=True, env=environment, timeout=180)
    for content in read(out).values():
        assert content["failed"] == {} and content["pending"] == []
        assert content["results"] or content["skipped"]
