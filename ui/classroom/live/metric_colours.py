"""Colours of the metrics of a run: those of its networks and of what is compared."""

from __future__ import annotations

from ui.classroom.live.curves import COLOURS, Colour

TINTS = {
    "score/real": "real",
    "score/fake_before": "fake",
    "score/fake_after": "fake_after",
    "accuracy": "real",
    "class_accuracy": "real",
    "modes/covered": "generator",
    "modes/near": "generator",
    "data_reached": "generator",
    "variety": "generator",
    "judged/formed": "discriminator",
    "judged/right": "generator",
    "judged/nll_oracle": "generator",
    "judged/in_key": "generator",
    "judged/crossings": "fake",
    "judged/parallel_fifths": "discriminator",
    "molecules/valid": "generator",
    "molecules/unique": "real",
    "molecules/novel": "discriminator",
    "separated": "real",
    "samples/distance": "generator",
    "samples/precision": "discriminator",
    "samples/coverage": "generator",
    "samples/novelty": "generator",
    "samples/twins": "fake",
    "classes/missing": "generator",
    "labels/obeyed": "generator",
    "labels/obeyed_real": "quiet",
    "cue": "discriminator",
    "luminance_kept": "generator",
    "distance/kl": "generator",
    "distance/js": "discriminator",
    "distance/sliced": "generator",
    "distance/kl_floor": "quiet",
    "distance/js_floor": "quiet",
    "distance/sliced_floor": "quiet",
    "psnr": "generator",
    "ssim": "generator",
    "held_out_l1": "generator",
    "pool_oldest": "quiet",
    "psnr_bicubic": "quiet",
    "ssim_bicubic": "quiet",
}


def colour_of(name: str) -> Colour:
    """Returns the fixed colours of generator and discriminator."""
    part = name.rpartition("/")[2] if name.startswith(("gradient_norm/", "rate/")) else name.partition("/")[0]
    return COLOURS.get(TINTS.get(name, part), COLOURS["other"])
