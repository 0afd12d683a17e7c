"""Confidence limits of a share of independent trials, after Clopper and Pearson (1934, Biometrika 26)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from edge_runtime.errors import UsageError

_TINY = 1e-300


def proportion_upper_bound(events: int, trials: int, confidence: float = 0.95) -> float:
    """One-sided upper bound of a proportion by Clopper and Pearson (1934, Biometrika 26), exact for independent trials.

    Raises:
        UsageError: The numbers make no sense.
    """
    if not 0 <= events <= trials or trials < 1 or not 0 < confidence < 1:
        raise UsageError(f"no bound for {events} of {trials} at confidence {confidence}.")
    if events == trials:
        return 1.0
    return _beta_quantile(confidence, events + 1, trials - events)


def proportion_interval(events: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Two-sided interval of a proportion by Clopper and Pearson, exact (never too narrow) for independent trials.

    Raises:
        UsageError: The numbers make no sense.
    """
    tail = (1 + confidence) / 2
    upper = proportion_upper_bound(events, trials, tail)
    return 1 - proportion_upper_bound(trials - events, trials, tail), upper


def predicted_share_below(values: Sequence[float], limit: float) -> float:
    """Share of further values below a limit, from a few that are taken as normally distributed.

    The predictive distribution is Student's: (limit - mean) / (s * sqrt(1 + 1/n)) has n - 1 degrees of freedom, so that
    few values promise little (Geisser 1993, Predictive Inference, section 2.2).

    Raises:
        UsageError: There are fewer than two values.
    """
    count = len(values)
    if count < 2:
        raise UsageError(f"nothing can be predicted from {count} values.")
    mean = math.fsum(values) / count
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1) * (1 + 1 / count))
    if spread < 1e-9:
        return 1.0 if mean < limit else 0.0
    t, freedom = (limit - mean) / spread, count - 1
    tail = _beta_cdf(freedom / (freedom + t * t), freedom / 2, 0.5) / 2
    return tail if t < 0 else 1 - tail


def _beta_quantile(share: float, a: float, b: float) -> float:
    """Where the distribution function of the beta distribution reaches a share, by bisection."""
    low, high = 0.0, 1.0
    # 200 halvings: a bound near zero keeps all its digits.
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if _beta_cdf(middle, a, b) < share else (low, middle)
    return high


def _beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (DLMF 8.17.22), modified Lentz's method."""
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta_cdf(1 - x, b, a)
    if x <= 0:
        return 0.0
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, 100_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _away(1 + term * d)
            c = _away(1 + term / c)
            fraction *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return math.exp(log_front) * fraction / a


def _away(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
