"""Principal components of a force field's embedding of the elements."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tutti.core import elements
from tutti.models.forcefields.base import ForceField

NOBLE = np.array([0, 2, 10, 18, 36, 54, 86, 118])
"""Atomic numbers that end the periods, and 0 before the first."""


@dataclass(frozen=True)
class PrincipalComponents:
    """Of S elements; K = S − 1 components, or fewer when the embedding is narrower.

    Attributes:
        numbers: [S] atomic numbers.
        coordinates: [S, K], components in falling order; the entry of the largest size in each is positive.
        explained: [K] share of the variance that lies along each component; sums to 1, or all 0
            when all vectors are equal.
    """

    numbers: np.ndarray
    coordinates: np.ndarray
    explained: np.ndarray

    def frame(self) -> pd.DataFrame:
        """A row per element: element, number, period, group, pc1 ... pcK."""
        components = {f"pc{k}": column for k, column in enumerate(self.coordinates.T, start=1)}
        period, group = place(self.numbers)
        symbols = [elements.symbol(int(z)) for z in self.numbers]
        return pd.DataFrame(
            {"element": symbols, "number": self.numbers, "period": period, "group": group, **components}
        )


def principal_components(model: ForceField) -> PrincipalComponents:
    """Principal components of the vectors that stand for the elements (as of Schütt et al. 2018).

    Elements that did not occur in training are left out: their vectors are still the random initial ones.
    S elements lie in S − 1 dimensions, so that two components of three elements show them all, whatever was
    learnt; more elements are needed to find an order among them.

    Raises:
        ValueError: when the model has no embedding of the elements.
    """
    embedding = getattr(getattr(model, "network", None), "embedding", None)
    if embedding is None:
        raise ValueError(f"'{model.module}' has no embedding of the elements to show")
    seen = model.seen.cpu().numpy()
    vectors = embedding.weight.detach().cpu().double().numpy()[seen]
    numbers = np.array([elements.number(symbol) for symbol in model.config.elements])[seen]
    left, singular, _ = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    # Centred vectors have one dimension less.
    coordinates = (left * singular)[:, : len(numbers) - 1]
    largest = np.abs(coordinates).argmax(axis=0)
    coordinates = coordinates * np.sign(coordinates[largest, np.arange(coordinates.shape[1])])
    variance = singular[: coordinates.shape[1]] ** 2
    total = variance.sum()
    explained = variance / total if total > 0 else np.zeros_like(variance)
    return PrincipalComponents(numbers, coordinates, explained)


def place(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(periods, groups) of elements in the periodic table with Lu and Lr in group 3; the f block has group 0.

    Args:
        numbers: [S] atomic numbers, 1 to 118.
    """
    numbers = np.asarray(numbers)
    period = np.searchsorted(NOBLE, numbers)
    since, until = numbers - NOBLE[period - 1], NOBLE[period] - numbers
    group = np.where((since <= 2) & (until > 0), since, 18 - until)
    return period, np.where(group < 3, np.where(since <= 2, group, 0), group)
