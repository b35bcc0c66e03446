"""Truncation: trades variety for image quality.

    w' = c + psi (w - c)                                                             (1812.04948, appendix B)

c is the mean of w, or the nearest of several cluster centres (multi-modal truncation, 2202.12211, section 3.2), so that
at psi = 0 there are several typical pictures instead of one. Layers from `cutoff` on are not changed: truncating only
the coarse layers keeps colours. A model without w, if it supports truncation, draws latents beyond a threshold again
(BigGAN, 1809.11096).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gan_core.errors import BadValue
from gan_core.gans.biggan import truncated as redrawn
from gan_core.latent.explorer import Explorer
from gan_core.latent.points import Points
from gan_core.models.sampler import MOST_TRUNCATION

MOST_CENTRES = 64
SAMPLES = 4_000  # of w, for finding centres


@dataclass(frozen=True)
class Truncation:
    """Truncation settings; `psi` 0 gives the average picture, 1 changes nothing, up to 1.5 exaggerates."""

    psi: float = 1.0
    cutoff: int | None = None  # the first layer that isn't changed; None: all are changed
    centres: Tensor | None = None  # (K, w_size); None: the mean of w


def truncated(explorer: Explorer, points: Points, truncation: Truncation) -> Points:
    """Points pulled towards their centre; raises BadValue for an invalid psi or cutoff, or an unsuitable model."""
    if not 0 <= truncation.psi <= MOST_TRUNCATION:
        raise BadValue(
            "The truncation must be between 0 and {most}, got {psi}.", most=MOST_TRUNCATION, psi=truncation.psi
        )
    if explorer.styled is None:
        return _by_redrawing(explorer, points, truncation)
    layers = explorer.layers
    cutoff = layers if truncation.cutoff is None else truncation.cutoff
    if not 0 <= cutoff <= layers:
        raise BadValue("The cutoff must be between 0 and {layers}, got {cutoff}.", layers=layers, cutoff=cutoff)
    ws = explorer.read(points, "w+")
    centre = explorer.styled.w_mean[None]
    if truncation.centres is not None:
        centre = nearest(ws.mean(1), truncation.centres.to(ws))
    pulled = centre[:, None].lerp(ws, truncation.psi)  # (B or 1, 1, w_size) and (B, layers, w_size)
    coarse = torch.arange(layers, device=ws.device)[:, None] < cutoff  # (layers, 1)
    return replace(points, ws=torch.where(coarse, pulled, ws))


def _by_redrawing(explorer: Explorer, points: Points, truncation: Truncation) -> Points:
    recipe = explorer.sampler.recipe
    if recipe.truncate is None and truncation.psi != 1:
        raise BadValue("{recipe} doesn't support truncation.", recipe=recipe.title)
    if truncation.cutoff is not None or truncation.centres is not None:
        raise BadValue("{recipe} is not style-based, so truncation has no cutoff and no centres.", recipe=recipe.title)
    if recipe.truncate is None:
        return points
    return replace(points, latents=redrawn(explorer.read(points, "z"), truncation.psi))


def nearest(w: Tensor, centres: Tensor) -> Tensor:
    """The nearest of the centres (K, w_size) for each w (B, w_size)."""
    return centres[torch.cdist(w, centres).argmin(1)]


def cluster_centres(explorer: Explorer, count: int, seed: int = 0, samples: int = SAMPLES) -> Tensor:
    """(count, w_size): k-means of random w; raises BadValue for a model without w or an invalid count."""
    from sklearn.cluster import KMeans

    if explorer.styled is None:
        raise BadValue("{recipe} has no w.", recipe=explorer.sampler.recipe.title)
    if not 2 <= count <= MOST_CENTRES:
        raise BadValue(
            "The number of centres must be between 2 and {most}, got {count}.", most=MOST_CENTRES, count=count
        )
    w = explorer.read(explorer.sample(samples, seed), "w").cpu().numpy()
    found = KMeans(count, n_init=4, random_state=seed).fit(w)
    return torch.from_numpy(found.cluster_centers_).to(explorer.device, torch.float32)
