"""Does it move as its reference: distances, angles and vibrations, each as one number between 0 and 1.

The number is ∫|f - f_ref| / ∫(f + f_ref) of the means over the trajectories: of densities such as h(r) half
of the error of Fu et al. (TMLR 2023, arXiv:2210.07237), the share that does not lie under the reference's.
Pairs or triplets of elements are put one after another, and count alike.
"""

from collections.abc import Callable, Mapping

import numpy as np

from tutti.benchmark.forcefields.dynamics import BINS, OXYGEN
from tutti.benchmark.forcefields.simulations import warm
from tutti.core.randomness import numpy_generator
from tutti.simulation.analysis import angles, radial_distribution, spectrum, stability
from tutti.simulation.analysis.drift import ended
from tutti.simulation.analysis.radial_distribution import block_means, floor_scale
from tutti.simulation.trajectory import Trajectory
from tutti.statistics import blocks
from tutti.statistics.estimate import Estimate, Row, row

METRIC = "distribution_error"
Densities = Mapping[str, np.ndarray]
"""Curves [F, X] of each frame, by what they are of."""


def rows(
    nve: Trajectory,
    nvt: Trajectory,
    frames: Trajectory,
    reference_nve: Trajectory | None,
    resolution: float,
    liquid: bool,
    seed: int,
) -> list[Row]:
    """`distribution_error` of distances, angles and vibrations, and the floor that chance alone gives.

    Arguments as of `tutti.benchmark.forcefields.dynamics.table`; without a reference at constant energy the
    vibrations are undefined.
    """
    moving = warm(nvt)
    grid = radial_distribution.common_grid({"reference": frames}, "reference", BINS)
    kind = of_angles(frames, liquid)
    found = {
        "distances": [radial_distribution.distributions(each, grid) for each in (moving, frames)],
        "angles": [kind(each) for each in (moving, frames)],
    }
    made = []
    for subset, (ours, theirs) in found.items():
        curves = [
            np.concatenate([side[name] for name in theirs], axis=1) if theirs else None
            for side in (ours, theirs)
        ]
        if curves[0] is None:
            made.append(
                row(METRIC, subset, Estimate(np.nan), 0, "1", undefined="no bonds that share an atom")
            )
            continue
        remark = f"mean over {', '.join(theirs)}" if len(theirs) > 1 else ""
        counts = [len(side) for side in curves]
        made += _rows(subset, *(block_means(side) for side in curves), counts, seed, remark, ended(nvt))
    return [*made, *_vibrations(nve, reference_nve, resolution, seed)]


def of_angles(reference: Trajectory, liquid: bool) -> Callable[[Trajectory], Densities]:
    """What gives the densities of angles: between neighbouring oxygens, or of the reference's bonds."""
    if liquid:
        oxygens = np.flatnonzero(reference.numbers == OXYGEN)
        return lambda trajectory: angles.neighbour_angles(trajectory, oxygens)
    triplets = angles.triplets_of_bonds(stability.bonds(reference.atoms(0)))
    return lambda trajectory: angles.bond_angles(trajectory, triplets)


def _vibrations(nve: Trajectory, reference: Trajectory | None, resolution: float, seed: int) -> list[Row]:
    if reference is None or len(nve) < 2:
        why = "the reference is not simulated" if reference is None else ended(nve)
        return [row(METRIC, "vibrations", Estimate(np.nan), 0, "1", undefined=why)]
    spectra = [spectrum.spectra(each, resolution)[1] for each in (nve, reference)]
    return _rows("vibrations", *spectra, [len(each) for each in spectra], seed, ended(nve))


def _rows(
    subset: str, ours: np.ndarray, theirs: np.ndarray, counts: list[int], seed: int, *remarks: str
) -> list[Row]:
    """Error and floor of block curves [B, X] and [C, X], made of so many frames or segments."""
    generator = numpy_generator(seed, f"distribution of {subset}")
    error = blocks.overlap_error(ours, theirs, generator)
    halves = blocks.overlap_error(theirs[::2], theirs[1::2], generator).value
    floor = Estimate(min(floor_scale(*counts) * halves, 1.0))
    why = "too short a simulation"
    return [
        row(METRIC, subset, error, counts[0], "1", *remarks, undefined=why),
        row(f"{METRIC}_floor", subset, floor, counts[1], "1", undefined=why),
    ]
