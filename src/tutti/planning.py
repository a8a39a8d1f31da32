"""GPU-hours that a study will take, by the catalogue's estimates: what a dry run shows."""

from collections.abc import Iterable, Mapping
from typing import Any

HOUR = 3600.0

ROUNDS = 5
"""Timed batches of each size when the speed is measured; one more, not timed, comes first."""


def gpu_hours(config: Mapping[str, Any], trainings: Iterable[str], sampled: Iterable[str], times: int) -> str:
    """A table of rules, models, jobs and hours as text; empty where no model's entry has an estimate.

    The jobs are all those of a study from nothing, also those that are done already.

    Args:
        config: of the study.
        trainings: models that are trained.
        sampled: models that are sampled.
        times: datasets times seeds, for each of which a model is trained and sampled.
    """
    rows = []
    for name in trainings:
        estimate = config["models"][name]["resources"].get("gpu_seconds")
        if estimate:
            seconds = estimate["step"] * config["models"][name]["training"]["steps"]
            rows.append(("train", name, times, seconds / HOUR))
    for name in sampled:
        estimate = config["models"][name]["resources"].get("gpu_seconds")
        for rule, jobs, molecules in _samplings(config) if estimate else ():
            rows.append((rule, name, times * jobs, estimate["molecule"] * molecules / HOUR))
    return _text(rows) if rows else ""


def _samplings(config: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    """(rule, jobs, molecules in each) of all that samples a trained model."""
    evaluation = config["evaluation"]
    found = [("sample", 1, config["generation"]["samples"])]
    if "completion" in evaluation["tables"]:
        found.append(("complete", 2, evaluation["completion"]["molecules"]))
    if "throughput" in evaluation["tables"]:
        found.append(("throughput", 1, (ROUNDS + 1) * sum(evaluation["throughput"]["batch_sizes"])))
    return found


def _text(rows: list[tuple[str, str, int, float]]) -> str:
    width = max(len(name) for _, name, _, _ in rows)
    lines = ["Estimated GPU-hours of the whole study:"]
    lines.append(f"{'rule':<12}{'model':<{width}}{'jobs':>6}{'hours each':>12}{'hours':>10}")
    lines += [
        f"{rule:<12}{name:<{width}}{jobs:>6}{hours:>12.3g}{jobs * hours:>10.3g}"
        for rule, name, jobs, hours in rows
    ]
    total = sum(jobs * hours for _, _, jobs, hours in rows)
    lines.append(f"{'total':<12}{'':<{width}}{'':>6}{'':>12}{total:>10.3g}")
    return "\n".join(lines) + "\n"
