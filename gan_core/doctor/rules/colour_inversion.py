"""An unpaired translation that inverts brightness: bright becomes dark, and back again (junyanz/pytorch-CycleGAN#1301).

Cycle consistency doesn't forbid it, since two inversions cancel; an identity loss does.
"""

from __future__ import annotations

from gan_core.doctor.case import CLASSIC, Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.rule import Rule, register

INVERTED = -0.2  # correlation of the brightness of inputs and outputs
LOOKS = 5


def check(case: Case) -> Finding | None:
    kept = case.lately("luminance_kept", LOOKS)
    if kept is None or kept > INVERTED:
        return None
    return Finding(
        "colour_inversion", "bad",
        "The translation inverts brightness: inputs and outputs have a correlation of {kept:.2f}.",
        "Two inversions cancel, so the cycle loss does not object. Runs that start this way stay this way.",
        values={"kept": kept},
        remedies=("identity_loss",),
        evidence=("luminance_kept",), limit=INVERTED,
    )  # fmt: skip


register(
    Rule(
        name="colour_inversion",
        title="Colour inversion",
        measures="the correlation of the brightness of inputs and outputs on held-out images",
        threshold=f"below {INVERTED:g} in the median of {LOOKS} looks",
        source="junyanz/pytorch-CycleGAN-and-pix2pix#1301",
        check=check,
        level="bad",
        remedies=("identity_loss",),
        judges=CLASSIC,
    )
)
