"""Advice: what to look for at the current stage of training."""

from __future__ import annotations

from gan_core.runs.store import Run
from ui.classroom.shell.i18n import N_, _
from ui.texts import is_points

STAGES = (  # (upper limit in thousands of images, what to look for)
    (0.0, N_("Nothing has been learned yet: the samples are noise from random weights.")),
    (5.0, N_("Noise turns into blobs: the generator first learns brightness and position.")),
    (50.0, N_("Rough shapes appear. If all samples in the grid look alike, the generator has collapsed.")),
    (400.0, N_("Shapes become recognisable. Compare strokes, edges, colours and variety with the real images.")),
    (float("inf"), N_("Changes are getting small. Keep training while sharpness and variety still improve.")),
)
POINT_STAGES = (  # the same for points, which need far fewer
    (0.0, N_("Nothing has been learned yet: random weights decide where the samples lie.")),
    (200.0, N_("The samples spread out towards the data. Do they reach every cluster, or only some?")),
    (
        1000.0,
        N_("Watch the clusters: samples that all jump from one cluster to the next are a sign of mode collapse."),
    ),
    (float("inf"), N_("Changes are getting small: clusters become narrow, and few samples are left between them.")),
)
TRANSLATED = (  # the same for image-to-image runs
    (0.0, N_("Nothing has been learned yet: the outputs come from random weights.")),
    (5.0, N_("Brightness and large shapes come first; colours are still an average of the training images.")),
    (50.0, N_("Colours separate and edges get sharper. Compare each output with the input next to it.")),
    (
        float("inf"),
        N_("Changes are getting small: texture and fine detail. What the input doesn't show remains a guess."),
    ),
)
ENLARGED = N_(
    "Edges get sharp first. A PSNR above the bicubic curve means that the network adds correct detail; realistic "
    "texture can lower the PSNR."
)
JUDGED = N_("Each column holds the images that the network assigns to one class: mixed at first, then sorted.")


def translates(run: Run) -> bool:
    """Whether a run's generator takes images rather than latents as input. Needs no torch."""
    return "generator_rate" in run.spec.hparams and "latent_size" not in run.spec.hparams


def advice(run: Run, look_for: str) -> list[str]:
    """Returns what to look for; `look_for` is the preset's sentence, or ""."""
    if "generator_rate" not in run.spec.hparams:  # a classifier, which generates no images
        return [_(look_for or JUDGED)]
    if "scale" in run.spec.hparams:  # super-resolution
        return [text for text in (_(look_for), _(ENLARGED)) if text]
    thousands = run.images_seen / 1000
    of_images = TRANSLATED if translates(run) else STAGES
    stages = POINT_STAGES if is_points(run.spec.data) else of_images
    stage = next(text for limit, text in stages if thousands <= limit)
    return [text for text in (_(look_for), _(stage)) if text]
