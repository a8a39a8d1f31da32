"""Long simulations in parts on disk: what a killed one has done is not done again."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tutti.core.cache import Parts, npz
from tutti.core.progress import Progress
from tutti.simulation.guard import ExplosionError
from tutti.simulation.trajectory import Trajectory

PART_SECONDS = 30.0  # of computation, after which what there is goes to disk


def run(
    first: Trajectory,
    follow: Callable[[Trajectory], Iterator[Trajectory]],
    n_frames: int,
    folder: Path,
    key: Any,
    what: str,
) -> Trajectory:
    """`n_frames` further frames after the first, or as many as there are before an explosion.

    Every frame is made from the one before as it is on disk, so that a simulation in several runs is the same
    as one in a single run, as far as its forces depend on nothing but the positions.

    Args:
        first: one frame, or none beyond it when it has a failure.
        follow: the frames after a given one, one by one; raises `ExplosionError` where there is no next.
        n_frames: wanted beyond the first.
        folder: of the parts.
        key: all that the frames depend on, as JSON types.
        what: shown with the progress.

    Returns:
        The whole trajectory.
    """
    store, parts, done = Parts(folder, npz(Trajectory)), [first], 0
    progress = Progress(what, n_frames)
    while done < n_frames and not parts[-1].failure:
        compute = partial(_part, parts[-1][-1:], follow, n_frames - done, progress)
        parts.append(store.get([key, done], compute))
        done += len(parts[-1])
        if found := done - progress.done:
            progress.update(found)
    progress.close()
    return Trajectory.concatenate(parts)


def _part(
    last: Trajectory, follow: Callable[[Trajectory], Iterator[Trajectory]], most: int, progress: Progress
) -> Trajectory:
    """Up to `most` frames after `last`; the last one says it when the simulation failed after it."""
    frames, started = [last[:0]], time.monotonic()
    try:
        for frame in follow(last):
            frames.append(frame)
            progress.update()
            if len(frames) > most or time.monotonic() - started > PART_SECONDS:
                break
    except ExplosionError as error:
        frames.append(replace(last[:0], failure=str(error), failure_time=error.step * last.time_step))
    return Trajectory.concatenate(frames)
