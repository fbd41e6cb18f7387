"""How sure a measured number is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_Z = 1.96
"""A normal distribution's 95 %."""


@dataclass(frozen=True)
class Estimate:
    """A number and its 95 % confidence interval."""

    value: float
    low: float
    high: float

    def around(self, scale: float = 1.0, digits: int = 1) -> str:
        """"77.0 (72.1 to 81.0)", scaled."""
        value, low, high = (f"{scale * each:.{digits}f}" for each in (self.value, self.low, self.high))
        return f"{value} ({low} to {high})"


def share(right: NDArray[np.bool_]) -> Estimate:
    """The share of true ones, with Wilson's interval (1927), which stays within 0 and 1."""
    count, value = len(right), float(right.mean())
    middle = (value + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    half = _Z / (1 + _Z**2 / count) * (value * (1 - value) / count + _Z**2 / (4 * count**2)) ** 0.5
    return Estimate(value, max(0.0, middle - half), min(1.0, middle + half))


def mean(values: Floats) -> Estimate:
    """The mean of independent values."""
    half = _Z * float(values.std(ddof=1)) / len(values) ** 0.5
    return Estimate(float(values.mean()), float(values.mean()) - half, float(values.mean()) + half)


def z_of_difference(first: Floats, second: Floats) -> float:
    """How many standard errors the mean of `first - second` is from 0, pair by pair; 0 where no pair differs."""
    difference = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    error = float(difference.std(ddof=1)) / len(difference) ** 0.5
    return float(difference.mean()) / error if error > 0 else 0.0


def z_of_shares(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """By how many standard errors of their difference two shares of true ones differ that were counted apart (pooled variance)."""
    pooled = float(np.concatenate([first, second]).mean())
    error = (pooled * (1 - pooled) * (1 / len(first) + 1 / len(second))) ** 0.5
    return float(first.mean() - second.mean()) / error if error > 0 else 0.0


def kernel_distance(features: Floats, reference: Floats) -> Estimate:
    """The unbiased squared maximum mean discrepancy with the kernel (x.y / d + 1)^3 (Binkowski et al., 1801.01401).

    `features` [n, d], `reference` [m, d]. The interval is the jackknife's over the n; that of the reference is left out, because it
    is the same for every setting. Values below 0 can happen: the true distance is then about 0.
    """
    count, others = len(features), len(reference)
    within, across = _kernel(features, features), _kernel(features, reference)
    np.fill_diagonal(within, 0)
    beyond = _kernel(reference, reference)
    constant = (beyond.sum() - np.trace(beyond)) / (others * (others - 1))
    rows, means = within.sum(1), across.mean(1)
    total = within.sum()
    value = total / (count * (count - 1)) + constant - 2 * means.mean()
    without = (total - 2 * rows) / ((count - 1) * (count - 2)) + constant - 2 * (means.sum() - means) / (count - 1)
    half = _Z * float(((count - 1) / count * ((without - without.mean()) ** 2).sum()) ** 0.5)
    return Estimate(float(value), float(value) - half, float(value) + half)


def _kernel(first: Floats, second: Floats) -> Floats:
    return (first @ second.T / first.shape[1] + 1) ** 3
