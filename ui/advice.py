"""In words: what one should see now."""

from __future__ import annotations

from gan_core.runs.store import Run
from ui.i18n import N_, _

STAGES = (  # thousands of images up to which a stage lasts, and what one sees
    (0.0, N_("Nothing has been learnt yet: the samples are noise from random weights.")),
    (5.0, N_("Noise gives way to blobs: the generator first learns brightness and where things are.")),
    (50.0, N_("Rough shapes. Look whether the places of the grid differ: alike samples mean collapse.")),
    (400.0, N_("Shapes become things. Compare with the real images: strokes, edges, colours, variety.")),
    (float("inf"), N_("Fine work: changes become small. Train on while variety and sharpness still grow.")),
)


def advice(run: Run, look_for: str) -> list[str]:
    """What to look for; `look_for` is the preset's sentence, or ""."""
    thousands = run.images_seen / 1000
    stage = next(text for limit, text in STAGES if thousands <= limit)
    return [text for text in (_(look_for), _(stage)) if text]
