"""A cheap cue: trivial statistics separate real from generated images, and the discriminator uses it.

A leak of preprocessing (other borders, levels, contrast, compression) lets the discriminator win without using the
content of images (pose-with-style#23). A line through eight statistics of an image is tried; see training/signs.py.
Such a line also separates the images of many healthy generators, whose discriminators make little use of it. So the
rule also requires that the discriminator is nearly certain although the samples are close to real images otherwise.
"""

from __future__ import annotations

from gan_core.doctor import samples
from gan_core.doctor.case import CLASSIC, Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.rule import Rule, register
from gan_core.doctor.rules.memorisation import COPIED
from gan_core.errors import percent

SEPARABLE = 0.9  # area under the ROC curve
SURE = 0.92  # share of pairs that the discriminator ranks correctly
LOOKS = 5


def check(case: Case) -> Finding | None:
    area, share = case.lately("cue", LOOKS), case.mean("separated")
    if area is None or not case.is_settled or area < SEPARABLE or share is None or share < SURE:
        return None
    # poor samples or memorised images are more likely reasons for certainty
    if samples.poor(case) or (case.lately("samples/novelty", LOOKS) or 1.0) < COPIED:
        return None
    return Finding(
        "cheap_cue", "watch",
        "A cheap cue: border, brightness, contrast or levels alone separate real from generated images (AUC "
        "{area:.2f}).",
        "Real images carry traces of their preparation that the generator cannot make, and the discriminator wins by "
        "them instead of looking at content.",
        "Prepare the images so that no such trace is left: the same resizing and file format, no borders, all levels.",
        values={"area": area},
        remedies=("weak_noise", "r1"),
        evidence=("cue",), limit=SEPARABLE,
    )  # fmt: skip


register(
    Rule(
        name="cheap_cue",
        title="Cheap cue",
        measures="how well a line through eight trivial statistics separates real from generated images",
        threshold=f"an AUC of {SEPARABLE:g} in {LOOKS} looks, {percent(SURE)} of pairs in the right order, and good "
        "samples",
        source="own; pose-with-style#23",
        check=check,
        level="watch",
        remedies=("weak_noise", "r1"),
        judges=CLASSIC,
    )
)
