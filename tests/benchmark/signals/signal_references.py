"""Signals on the sphere computed in other ways: SciPy's harmonics on another grid."""

import numpy as np
from scipy.special import logsumexp, sph_harm_y


def real_harmonics(lmax, directions):
    """[G, (lmax + 1)²], from complex ones; e3nn's polar axis is y, and z is where azimuths start."""
    x, y, z = directions.T
    polar, azimuth = np.arccos(np.clip(y, -1, 1)), np.arctan2(x, z)
    columns = []
    for l in range(lmax + 1):
        for m in range(-l, l + 1):
            value = (-1) ** m * sph_harm_y(l, abs(m), polar, azimuth)
            columns.append(np.sqrt(2) * (value.imag if m < 0 else value.real) if m else value.real)
    return np.stack(columns, axis=-1)


def fine_grid(polar=150):
    """(directions [G, 3], weights [G]): finer than the package's grids, with poles elsewhere."""
    nodes, weights = np.polynomial.legendre.leggauss(polar)
    angles = np.arange(2 * polar) * np.pi / polar
    cosines, angles = (each.ravel() for each in np.meshgrid(nodes, angles, indexing="ij"))
    sines = np.sqrt(1 - cosines**2)
    directions = np.stack([sines * np.cos(angles), sines * np.sin(angles), cosines], axis=-1)
    return directions, np.repeat(weights * np.pi / polar, 2 * polar)


def normalised(values, weights):
    """Densities [..., G] from logarithms up to a constant."""
    return np.exp(values - logsumexp(values, b=weights, axis=-1, keepdims=True))


def target_density(points, sharpness, directions, weights, lmax=5):
    """[G] for the peaks [P, 3]."""
    basis = real_harmonics(lmax, directions)
    peaks = [sharpness * basis @ real_harmonics(lmax, point[None])[0] for point in points]
    return np.mean([normalised(peak, weights) for peak in peaks], axis=0)


def density(family, beta, coefficients, directions, weights):
    """[G] from the formulas, channel by channel: coefficients [channels, parts, (lmax + 1)²]."""
    basis = real_harmonics(round(coefficients.shape[-1] ** 0.5) - 1, directions)
    exponents = []
    for channel in coefficients:
        if family == "symphony":
            exponents.append(basis @ channel[0])
        else:
            complex_coefficients = channel[0] + 1j * channel[1]
            k = np.sum(np.abs(complex_coefficients) ** 2) if family == "simm" else 1.0
            exponents.append(-beta * np.abs(basis @ complex_coefficients) ** 2 / k)
    return normalised(logsumexp(exponents, axis=0), weights)
