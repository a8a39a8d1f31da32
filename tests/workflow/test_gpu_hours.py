"""Estimates of GPU-hours."""

import re

from tutti.workflow.plan.gpu_hours import ROUNDS, gpu_hours
from tutti.workflow.plan.layout import Layout
from tutti.workflow.plan.samples import SamplePlan

GENERATOR = {"kind": "generator", "sampling": {"batch_size": 10}}
CONFIG = {
    "seeds": [0, 1, 2],
    "generation": {"datasets": ["d"], "models": ["fast", "slow", "whole"], "samples": 10_000, "sweeps": {}},
    "evaluation": {
        "tables": ["validity", "completion", "throughput"],
        "controls": [],
        "completion": {"molecules": 500},
        "throughput": {"batch_sizes": [1, 10, 100]},
    },
    "models": {
        "fast": {"module": "gschnet", "training": {"steps": 7}, "resources": {}, **GENERATOR},
        "slow": {
            "module": "symphony",
            "training": {"steps": 72_000},
            "resources": {"gpu_seconds": {"step": 0.1, "molecule": 0.72}},
            **GENERATOR,
        },
        "whole": {
            "module": "edm",
            "training": {"steps": 1},
            "resources": {"gpu_seconds": {"step": 36, "molecule": 0.36}},
            **GENERATOR,
        },
    },
}


def plan(*models):
    config = {**CONFIG, "generation": {**CONFIG["generation"], "models": list(models)}}
    return SamplePlan(config, Layout("r"))


def test_hours_are_steps_and_molecules_times_their_seconds():
    text = gpu_hours(plan("fast", "slow", "whole"))
    rows = {tuple(row[:2]): row[2:] for row in re.findall(r"^(\w+) +(\w+) +(\d+) +(\S+) +(\S+)$", text, re.M)}
    timed = (ROUNDS + 1) * 111 * 0.36 / 3600
    assert rows == {
        ("train", "slow"): ("3", "2", "6"),
        ("train", "whole"): ("3", "0.01", "0.03"),
        ("sample", "slow"): ("3", "2", "6"),
        ("sample", "whole"): ("3", "1", "3"),
        ("complete", "slow"): ("3", "0.2", "0.6"),  # EDM cannot complete
        ("speed", "slow"): ("3", f"{2 * timed:.3g}", f"{6 * timed:.3g}"),
        ("speed", "whole"): ("3", f"{timed:.3g}", f"{3 * timed:.3g}"),
    }
    assert float(text.split()[-1]) == float(f"{15.63 + 9 * timed:.3g}")


def test_without_estimates_nothing_is_said():
    assert gpu_hours(plan("fast")) == ""
