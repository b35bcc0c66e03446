"""In words: what one should see now."""

from __future__ import annotations

from gan_core.runs.store import Run
from ui.classroom.shell.i18n import N_, _
from ui.texts import is_points

STAGES = (  # thousands of images up to which a stage lasts, and what one sees
    (0.0, N_("Nothing has been learnt yet: the samples are noise from random weights.")),
    (5.0, N_("Noise gives way to blobs: the generator first learns brightness and where things are.")),
    (50.0, N_("Rough shapes. Look whether the places of the grid differ: alike samples mean collapse.")),
    (400.0, N_("Shapes become things. Compare with the real images: strokes, edges, colours, variety.")),
    (float("inf"), N_("Fine work: changes become small. Train on while variety and sharpness still grow.")),
)
POINT_STAGES = (  # the same for points, which learn in far fewer
    (0.0, N_("Nothing has been learnt yet: the samples lie where random weights put them.")),
    (200.0, N_("The samples spread and look for the data. Do they reach every cluster, or only some?")),
    (
        1000.0,
        N_("Watch the clusters: samples that jump from one to the next, all together, are mode collapse at work."),
    ),
    (float("inf"), N_("Fine work: clusters grow narrow, and few samples are left on the way between them.")),
)
TRANSLATED = (  # the same for images made of images
    (0.0, N_("Nothing has been learnt yet: what is made of the images is what random weights make of them.")),
    (5.0, N_("Brightness and large shapes come first; colours are a mean of all that was seen.")),
    (50.0, N_("Colours part, edges get sharp. Compare each picture with the one that was given beside it.")),
    (float("inf"), N_("Fine work: texture and small parts. What can't be known from the given picture stays a guess.")),
)
ENLARGED = N_(
    "Edges get sharp first. Above bicubic's curve the network knows more than the given pixels tell; texture that "
    "looks real may cost PSNR."
)
JUDGED = N_("Images that the network takes for one class stand one below the other: mixed at first, then sorted.")


def translates(run: Run) -> bool:
    """Whether a run's generator makes images of images, not of latents. Needs no torch."""
    return "generator_rate" in run.spec.hparams and "latent_size" not in run.spec.hparams


def advice(run: Run, look_for: str) -> list[str]:
    """What to look for; `look_for` is the preset's sentence, or ""."""
    if "generator_rate" not in run.spec.hparams:  # a network that judges images, and makes none
        return [_(look_for or JUDGED)]
    if "scale" in run.spec.hparams:  # images are made larger
        return [text for text in (_(look_for), _(ENLARGED)) if text]
    thousands = run.images_seen / 1000
    of_images = TRANSLATED if translates(run) else STAGES
    stages = POINT_STAGES if is_points(run.spec.data) else of_images
    stage = next(text for limit, text in stages if thousands <= limit)
    return [text for text in (_(look_for), _(stage)) if text]
