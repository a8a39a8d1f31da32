"""What a finished run has besides tables, figures and its page."""

from collections.abc import Iterator

from tutti.workflow.plan.layout import WEIGHTS
from tutti.workflow.plan.plan import Plan


def kept(plan: Plan) -> list[str]:
    """Files that jobs hand on to others.

    They are targets of a run, too: a damaged one stops the job that reads it, and once it is deleted the same
    command makes it again, also where all that was made of it before is there.
    """
    return list(dict.fromkeys([*_of_data(plan), *_of_trainings(plan), *_of_samples(plan), *_measured(plan)]))


def _of_data(plan: Plan) -> Iterator[str]:
    yield from map(plan.layout.dataset, plan.datasets)
    yield from plan.sidecars


def _of_trainings(plan: Plan) -> Iterator[str]:
    for dataset, model, seed in plan.trainings:
        for file in (WEIGHTS, "config.json", "log.csv"):
            yield plan.layout.training(dataset, model, str(seed), file)
    for dataset, model, seed in plan.adopted:
        for file in (WEIGHTS, "config.json"):
            yield plan.layout.training(dataset, model, str(seed), file)
    for dataset, model, seed in plan.samples.sampled:
        yield from (
            plan.samples.weights(dataset, model, str(seed), file) for file in (WEIGHTS, "config.json")
        )


def _of_samples(plan: Plan) -> Iterator[str]:
    for dataset, model, seed in plan.samples.sampled:
        yield plan.layout.samples(dataset, model, str(seed))
    for dataset, model, seed in plan.samples.completing:
        for part in ("train", "test"):
            yield plan.layout.completions(dataset, model, str(seed), f"{part}.npz")
    for each in plan.samples.judged:
        yield from plan.samples.judged_files(*each)
        yield from plan.samples.reference_files(each.dataset)


def _measured(plan: Plan) -> Iterator[str]:
    yield from plan.rows
    yield from plan.signals.fits
    for dataset, model, seed in plan.forcefields.measured:
        for files in plan.forcefields.to_measure(dataset, model, seed).values():
            yield from [files] if isinstance(files, str) else files
