"""Estimates of GPU-hours."""

import re

from tutti.planning import ROUNDS, gpu_hours

CONFIG = {
    "generation": {"samples": 10_000},
    "evaluation": {
        "tables": ["validity", "completion", "throughput"],
        "completion": {"molecules": 1_000},
        "throughput": {"batch_sizes": [1, 10, 100]},
    },
    "models": {
        "fast": {"training": {"steps": 7}, "resources": {}},
        "slow": {
            "training": {"steps": 72_000},
            "resources": {"gpu_seconds": {"step": 0.1, "molecule": 0.72}},
        },
    },
}


def test_hours_are_steps_and_molecules_times_their_seconds():
    text = gpu_hours(CONFIG, ["fast", "slow"], ["fast", "slow"], times=3)
    rows = {row[0]: row[1:] for row in re.findall(r"^(\w+) +(\w+) +(\d+) +(\S+) +(\S+)$", text, re.M)}
    timed = (ROUNDS + 1) * 111 * 0.72 / 3600
    assert rows == {
        "train": ("slow", "3", "2", "6"),
        "sample": ("slow", "3", "2", "6"),
        "complete": ("slow", "6", "0.2", "1.2"),
        "throughput": ("slow", "3", f"{timed:.3g}", f"{3 * timed:.3g}"),
    }
    assert float(text.split()[-1]) == float(f"{13.2 + 3 * timed:.3g}")


def test_without_estimates_nothing_is_said():
    assert gpu_hours(CONFIG, ["fast"], ["fast"], times=3) == ""
