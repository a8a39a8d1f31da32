"""Long simulations in parts on disk: what a killed one has done is not done again."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from tutti.dynamics.trajectory import Trajectory
from tutti.progress import Progress

PART_SECONDS = 30.0  # of computation, after which what there is goes to disk


class ExplosionError(Exception):
    """A simulation that cannot go on; the message says why."""

    def __init__(self, reason: str, step: int) -> None:
        super().__init__(reason)
        self.step = step


def run(
    first: Trajectory,
    advance: Callable[[Trajectory], Trajectory],
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
        advance: the next frame from the last one; raises `ExplosionError`.
        n_frames: wanted beyond the first.
        folder: of the parts.
        key: all that the frames depend on, as JSON types.
        what: shown with the progress.

    Returns:
        The whole trajectory.
    """
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    parts = list(_finished(Path(folder) / digest, first))
    done = sum(map(len, parts)) - 1
    progress = Progress(what, n_frames, done=done)
    while done < n_frames and not parts[-1].failure:
        frames = list(_part(parts[-1][-1:], advance, n_frames - done, progress))
        parts.append(Trajectory.concatenate(frames))
        parts[-1].save(Path(folder) / digest / f"{done + 1:09}.npz")
        done += len(parts[-1])
    progress.close()
    return Trajectory.concatenate(parts)


def _finished(folder: Path, first: Trajectory) -> Iterator[Trajectory]:
    """The first frame, and the parts on disk that follow it without a gap."""
    yield first
    done = 0
    with suppress(FileNotFoundError, ValueError):  # not there, or damaged: a full disk, say
        while True:
            part = Trajectory.load(folder / f"{done + 1:09}.npz")
            yield part
            if not len(part):
                return
            done += len(part)


def _part(
    last: Trajectory, advance: Callable[[Trajectory], Trajectory], most: int, progress: Progress
) -> Iterator[Trajectory]:
    """Up to `most` frames after `last`; the last one says it when the simulation failed after it."""
    started = time.monotonic()
    for _ in range(most):
        try:
            last = advance(last)
        except ExplosionError as error:
            yield replace(last[:0], failure=str(error), failure_time=error.step * last.time_step)
            return
        yield last
        progress.update()
        if time.monotonic() - started > PART_SECONDS:
            return
