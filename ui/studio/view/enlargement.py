"""Words and pictures of the tab "Super-resolution": notes on a picture, and the visible part of a result."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from PIL import Image

from gan_core.pictures.damage import Damage
from gan_core.pictures.depth import eight_bits, used
from gan_core.pictures.invention import changed, invention_map
from gan_core.pictures.photos import limit_words, megapixels
from ui.languages import _
from ui.studio.models import enlargers
from ui.studio.view.pictures import data_url
from ui.texts import paragraph

SHOWN = 1280, 960  # maximum pixels of the result on screen; the centre of a larger one


def middle(array: np.ndarray, most: int) -> np.ndarray:
    """Returns the centre of a picture (H, W, C) with at most this many pixels and the same proportions."""
    height, width = array.shape[:2]
    share = min(1.0, math.sqrt(most / (height * width)))
    high, wide = max(1, int(height * share)), max(1, int(width * share))
    top, left = (height - high) // 2, (width - wide) // 2
    return np.ascontiguousarray(array[top : top + high, left : left + wide])


def too_many(array: np.ndarray, scale: int, by_two: bool) -> str:
    """Returns the options for a picture that is too large for the selected scale."""
    high, wide = middle(array[:, :, :1], enlargers.most(scale)).shape[:2]
    facts = {
        "pixels": megapixels(array.shape[0] * array.shape[1]), "most": limit_words(enlargers.most(scale)),
        "scale": scale, "width": wide, "height": high,
    }  # fmt: skip
    if by_two:
        return _("This picture has {pixels} megapixels, and up to {most} can be enlarged {scale} times. Enlarge it "
                 "2 times, or use its centre of {width} x {height} pixels.").format(**facts)  # fmt: skip
    return _("This picture has {pixels} megapixels, and up to {most} can be enlarged {scale} times. Use its centre "
             "of {width} x {height} pixels.").format(**facts)  # fmt: skip


def damage_notes(damage: Damage, strength: float) -> list[str]:
    """Describes the damage of a picture and the recommended strength."""
    from gan_core.models.enlarging import harmed

    blocks, noise = harmed(damage)
    words = []
    if blocks and damage.quality:
        words.append(
            _("**JPEG at quality {quality}** has left block artefacts in this picture.").format(quality=damage.quality)
        )
    elif blocks:
        words.append(_("**JPEG** has left block artefacts in this picture."))
    elif damage.quality and strength < 1:
        words.append(_("This picture was saved as JPEG at quality {quality}.").format(quality=damage.quality))
    if noise:
        words.append(_("**Noise**: about {levels:.0f} of 255 levels.").format(levels=damage.noise))
    if not strength:
        words.append(_("The model would treat this as detail, so the strength is 0, which is bicubic enlargement."))
    elif strength < 1:
        words.append(_("The model treats this as detail, so the strength is {strength:g}.").format(strength=strength))
    return words


def visible(array: np.ndarray, scale: int) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """Returns the visible centre of a result (H, W, C) and its box: left, top, right, bottom."""
    height, width = array.shape[:2]
    # the corners lie on pixel borders of the original picture
    wide, high = (min(length, most // scale * scale) for length, most in zip((width, height), SHOWN, strict=True))
    left, top = ((length - shown) // 2 // scale * scale for length, shown in ((width, wide), (height, high)))
    return array[top : top + high, left : left + wide], (left, top, left + wide, top + high)


def plain(array: np.ndarray, depth: int) -> Image.Image:
    """Converts to 8 bits on white for display. `depth` is the number of bits that the whole picture uses."""
    from gan_core.pictures.decoding import plain
    from gan_core.pictures.photos import image_of

    return plain(image_of(eight_bits(array, depth))).convert("RGB")


def compared(array: np.ndarray, result: np.ndarray, scale: int, strength: float = 1.0) -> tuple[dict[str, Any], str]:
    """Returns the visible part of the result, of bicubic enlargement and of the map of what was added; and words on the
    sizes and on whether the result agrees with the picture (H, W, C). At strength 0 the result is bicubic enlargement.
    """
    window, (left, top, right, bottom) = visible(result, scale)
    source, depth = array[top // scale : bottom // scale, left // scale : right // scale], used(array)
    now, part = plain(window, depth), plain(source, depth)
    sizes, shown = _size_words(array, result), data_url(now)
    if not strength:
        no_model = _("The strength is 0, so this is bicubic enlargement, without the model.")
        return {"now": shown, "before": shown}, paragraph(sizes, no_model)
    before = part.resize(now.size, Image.Resampling.BICUBIC)
    agrees = _("Scaled down again, what is shown differs from the original by {levels:.1f} of 255 levels on average.")
    pictures = {"now": shown, "before": data_url(before), "added": data_url(invention_map(now, part))}
    if strength < 1:
        pictures["after"] = _("Model at strength {strength:g}").format(strength=strength)
    return pictures, paragraph(sizes, agrees.format(levels=changed(now, part)))


def _size_words(array: np.ndarray, result: np.ndarray) -> str:
    """Describes the sizes of a picture and of its result (H, W, C)."""
    (high, wide), (height, width) = array.shape[:2], result.shape[:2]
    words = _("Enlarged from {wide} x {high} to {width} x {height} pixels.").format(
        wide=wide, high=high, width=width, height=height
    )
    if width > SHOWN[0] or height > SHOWN[1]:
        return paragraph(words, _("Only the centre is shown here; the file contains the whole picture."))
    return words
