"""Data out of range: networks expect numbers of magnitude 1, and images that fill [-1, 1]."""

from __future__ import annotations

from gan_core.doctor.case import EVERY, Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.rule import Rule, register

LARGEST, OFFSET = 10.0, 10.0  # standard deviation and mean of points
FAINT = 0.05  # standard deviation of images, which lie in [-1, 1]


def check(case: Case) -> Finding | None:
    scale, offset = case.latest("data/scale"), case.latest("data/offset")
    if scale is None or offset is None:
        return None
    too_far = case.subject.task == "points" and (scale > LARGEST or abs(offset) > OFFSET)
    if not too_far and scale >= FAINT:
        return None
    return Finding(
        "data_range", "bad",
        "The data are out of range: mean {offset:.3g}, standard deviation {scale:.3g}.",
        "Weights are initialised for numbers of about 1. Images without contrast and points far from the origin give "
        "gradients that are far too small or too large.",
        "Scale the data: points to a standard deviation of 1 around 0, images to the full range from black to white.",
        values={"offset": offset, "scale": scale},
        evidence=("data/scale", "data/offset"),
    )  # fmt: skip


register(
    Rule(
        name="data_range",
        title="Data out of range",
        measures="mean and standard deviation of the data as the networks see them",
        threshold=f"points: a standard deviation above {LARGEST:g}, a mean beyond {OFFSET:g}; both: below {FAINT:g}",
        source="soumith/ganhacks, 1",
        check=check,
        level="bad",
        remedies=(),
        judges=EVERY,
    )
)
