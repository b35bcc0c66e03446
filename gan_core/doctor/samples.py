"""Judges whether the samples of a run are good or poor from their metrics; used by several rules."""

from __future__ import annotations

from gan_core.doctor.case import Case

LOOKS = 5  # examinations that are combined, so that one outlier has no effect
FAR = 0.06  # images: energy distance to real ones as a share of their spread
CLOSE = 0.5  # points with known modes: share close to a mode, above which they form clusters and not a cloud
NEAR = 0.25  # share close to a mode, below which samples form no clusters at all
BEYOND = 6.0  # points: sliced distance, in multiples of the score of real points


def poor(case: Case) -> bool | None:
    """Whether the last examinations found poor samples; None after too few examinations, and early in a run."""
    if not case.is_settled:
        return None
    far = case.lately("samples/distance", LOOKS)
    if far is not None:
        return far > FAR
    sliced, floor = case.lately("distance/sliced", LOOKS), case.latest("distance/sliced_floor")
    if sliced is not None and floor:
        return sliced > BEYOND * floor
    reached = case.lately("data_reached", LOOKS)
    return None if reached is None else reached < CLOSE
