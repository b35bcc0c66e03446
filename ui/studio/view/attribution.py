"""What a model's discriminator looks at, as text and pictures for the tab Inside."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from PIL import Image

from gan_core.errors import BadCheckpoint
from ui.languages import _
from ui.studio.models import runs
from ui.studio.models.opened import Opened
from ui.studio.view.pictures import SHOWN, SMALL, display_url, drawn
from ui.studio.view.view import View, points_of
from ui.texts import error_sentence, percent

if TYPE_CHECKING:
    from torch import nn


def attribution_page(model: Opened, view: View) -> str:
    """Returns a picture next to its attribution map, with the logit and the completeness error.

    Returns a sentence if the model's file has no discriminator.
    """
    from gan_core.latent.attribution import STEPS, attribution, heat

    try:
        discriminator = _discriminator(model)
    except BadCheckpoint as error:
        return f'<p class="quiet">{escape(error_sentence(error))}</p>'
    points = points_of(view)
    images = model.explorer.draw(points)
    labels = None if points.classes is None else points.classes.argmax(1)
    found = attribution(discriminator, images, labels)
    picture, where = drawn(model.explorer, points, SHOWN)[0], Image.fromarray(heat(found.maps)[0])
    verdict = _(
        "Green areas push the discriminator towards “real”, pink areas towards “generated”. Its output (logit) is "
        "{logit:.2f}."
    )
    off = _(
        "Completeness error with {steps} steps: {error}. The map should add up to the difference between the "
        "logits of this picture and of a grey one; the error says by how much it does not."
    )
    words = [
        verdict.format(logit=float(found.logits[0])),
        off.format(steps=STEPS, error=percent(float(found.error[0]), 1)),
    ]
    sharp = ' style="image-rendering: pixelated"' if images.shape[-1] <= SMALL else ""
    parts = [f"<p>{escape(line)}</p>" for line in words]
    pair = ((picture, _("Original picture")), (where, _("What the discriminator looks at")))
    faces = [f'<img src="{display_url(image)}" alt="{escape(alt)}"{sharp}>' for image, alt in pair]
    return f'<div class="leakage">{"".join(parts)}<div class="looked">{"".join(faces)}</div></div>'


def _discriminator(model: Opened) -> nn.Module:
    from gan_core.models.discriminators import discriminator_from, discriminator_of

    if runs.is_run(model.name):
        return discriminator_from(model.card.recipe, runs.state(model.name))
    return discriminator_of(str(model.folder))
