"""Heat maps over pictures: where a word acts."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ui.languages import _
from ui.studio.view.pictures import display_url, image_of
from ui.texts import percent

if TYPE_CHECKING:
    from torch import Tensor

    from gan_core.latent.word_influence import Influence

WARM = (226, 40, 86)  # where a word acts most
FADED = 0.55  # how much of the grey picture is white
ROUND = 0.7  # exponent: small values can still be seen


def heat(picture: Tensor, values: Tensor, most: float) -> Image.Image:
    """Returns a picture (C, H, W) in [-1, 1] in grey, with values (h, w) in [0, most] over it in red."""
    grey = np.asarray(image_of(picture[None]).convert("L"), np.float32)
    shares = np.clip(values.numpy() / max(most, 1e-6), 0, 1).astype(np.float32) ** ROUND
    sized = Image.fromarray(shares).resize(grey.shape[::-1], Image.Resampling.BILINEAR)
    over = np.asarray(sized)[:, :, None]
    faded = ((1 - FADED) * grey + FADED * 255)[:, :, None]
    return Image.fromarray(np.rint((1 - over) * faded + over * np.array(WARM, np.float32)).astype(np.uint8))


def acting(found: Influence, words: Sequence[str]) -> str:
    """Returns what each word does to a picture as HTML."""
    parts = [
        _row(
            found.picture, found.left_out, words, [float(one.mean()) for one in found.left_out],
            _("Each word left out"),
            _("Red: how much the picture changes when this word is left out, with the same random numbers. The "
              "number is the mean change of all pixels, of the full range from black to white."),
        )
    ]  # fmt: skip
    if found.attended is not None:
        parts.append(
            _row(
                found.picture, found.attended, words, [float(one.mean()) for one in found.attended],
                _("Attention"),
                _("Red: how much of what stage II reads at a place is this word. The number is its mean share; the "
                  "shares of all words add up to 100 %."),
            )
        )  # fmt: skip
    return "".join(parts)


def _row(picture: Tensor, maps: Tensor, words: Sequence[str], numbers: Sequence[float], title: str, about: str) -> str:
    most = float(maps.max()) if len(maps) else 1.0
    shown = []
    for word, values, number in zip(words, maps, numbers, strict=False):
        alt = _("Where “{word}” acts").format(word=word)
        address = display_url(heat(picture, values, most))
        share = percent(number, 1)
        shown.append(
            f'<figure><img src="{address}" alt="{escape(alt)}"><figcaption><b>{escape(word)}</b> <span>{share}</span>'
            "</figcaption></figure>"
        )
    return (
        f'<section class="word-maps"><h3>{escape(title)}</h3><p class="quiet">{escape(about)}</p>'
        f"<div>{''.join(shown)}</div></section>"
    )
