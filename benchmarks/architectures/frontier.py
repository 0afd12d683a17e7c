"""Which networks nothing beats: no other is as fast and as good, and better in one of the two."""

from __future__ import annotations

from collections.abc import Mapping


def pareto(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """The names on the frontier, the fastest first.

    Args:
        points: For each name a cost and an error; of both less is better. Of two equal points both stay.

    Returns:
        The names whose point no other dominates.
    """

    def beaten(cost: float, error: float) -> bool:
        return any(
            other[0] <= cost and other[1] <= error and (other[0] < cost or other[1] < error)
            for other in points.values()
        )

    kept = [name for name, point in points.items() if not beaten(*point)]
    return sorted(kept, key=lambda name: points[name])
