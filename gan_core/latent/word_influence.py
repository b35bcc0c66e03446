"""Where each word of a sentence acts on the picture, for models conditioned on words.

    maps_i(j) = mean over channels |G(z, s)_j - G(z, s without word i)_j|                       (occlusion, 1311.2901)

A word is left out by removing its token: the others keep their places, and the latents stay the same. This works for
every model conditioned on words. A model with attention also provides the words that each place of its second stage
attends to (`gans/stackgan.py`, 1711.10485).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gan_core.errors import BadValue
from gan_core.gans.clip import END
from gan_core.models.sampler import Sampler


@dataclass(frozen=True, eq=False)
class Influence:
    """The influence of n words on a picture (C, H, W) in [-1, 1]: `left_out` (n, H, W), mean changes of the channels,
    in [0, 1]; `attended` (n, h, w), attention of each place to the words, or None for models without such attention.
    """

    picture: Tensor
    left_out: Tensor
    attended: Tensor | None


@torch.no_grad()
def influence(sampler: Sampler, latents: Tensor, tokens: Tensor, psi: float | None = None) -> Influence:
    """Where each word of a sentence (T,) acts in the picture of latents (latent_size,); `psi` as in `Sampler.draw`.

    Raises BadValue for a model that isn't conditioned on words, and for a sentence without words.
    """
    if "words" not in sampler.recipe.capabilities:
        raise BadValue("{recipe} doesn't draw from words.", recipe=sampler.recipe.title)
    places = (tokens != END).nonzero()[:, 0]
    if not len(places):
        raise BadValue("Write a sentence, such as 'a woman with red hair and glasses'.")
    rows = tokens.repeat(1 + len(places), 1)  # (1 + n, T)
    rows[torch.arange(len(places)) + 1, places] = END
    pictures = sampler.draw(latents.expand(len(rows), -1), rows, psi)
    changes = (pictures[1:] - pictures[:1]).abs().mean(1) / 2  # (n, C, H, W) -> (n, H, W)
    attended = sampler.word_maps(latents[None], tokens[None], psi)
    return Influence(pictures[0], changes, None if attended is None else attended[0, places])
