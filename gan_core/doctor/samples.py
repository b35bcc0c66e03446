"""Whether the samples of a run are good or poor, by what was measured of them; several rules ask."""

from __future__ import annotations

from gan_core.doctor.case import Case

LOOKS = 5  # that are asked together, so that one odd look says nothing
FAR = 0.06  # images: energy distance to real ones as a share of their spread
CLOSE = 0.5  # points with known modes: share close to a mode from which they are drops, and no cloud
NEAR = 0.25  # share close to a mode below which samples are no drops at all
BEYOND = 6.0  # points: sliced distance, in multiples of what real points score


def poor(case: Case) -> bool | None:
    """Whether the last looks found poor samples; None where nobody looked often enough, and early in a run."""
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
