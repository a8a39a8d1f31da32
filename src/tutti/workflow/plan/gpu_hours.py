"""GPU-hours that a study will take, by the catalogue's estimates: what a dry run shows."""

from collections import Counter
from collections.abc import Iterable, Iterator

from tutti.benchmark.tables import ROUNDS
from tutti.workflow.plan.samples import SamplePlan, Set

HOUR = 3600.0


def gpu_hours(plan: SamplePlan) -> str:
    """A table of rules, models, jobs and hours as text; empty where no model's entry has an estimate.

    The jobs are all those of a study from nothing, also those that are done already.
    """
    rows = [
        (rule, model, jobs, seconds / HOUR)
        for rule, sets, kind, amount in _work(plan)
        for model, jobs, seconds in _seconds(plan, sets, kind, amount)
    ]
    return _text(rows) if rows else ""


def _work(plan: SamplePlan) -> Iterator[tuple[str, Iterable[Set], str, int | None]]:
    """(rule, its jobs, what is estimated, how many of it in each job; None: the training's steps)."""
    evaluation = plan.config["evaluation"]
    yield "train", plan.trainings, "step", None
    yield "sample", plan.sampled, "molecule", plan.config["generation"]["samples"]
    yield "complete", plan.completing, "molecule", 2 * evaluation["completion"]["molecules"]
    timed = (ROUNDS + 1) * sum(evaluation["throughput"]["batch_sizes"])
    yield "speed", plan.timed, "molecule", timed


def _seconds(
    plan: SamplePlan, sets: Iterable[Set], kind: str, amount: int | None
) -> Iterator[tuple[str, int, float]]:
    """(model, jobs, seconds in each) of the models that have an estimate."""
    for model, jobs in Counter(each.model for each in sets).items():
        entry = plan.config["models"][model]
        estimate = entry["resources"].get("gpu_seconds")
        if estimate:
            yield model, jobs, estimate[kind] * (entry["training"]["steps"] if amount is None else amount)


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
