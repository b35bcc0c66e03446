"""Whether an image is in a model's domain, checked before inverting it.

Pictures are compared as small ones of 8 x 8 pixels. The distance of a picture to the nearest of many samples is given
as a multiple of the median for the model's own samples: about 1 for pictures that it could have generated. A feature
net is unsuitable: it was trained only on the model's data, and its features of photos lie among theirs.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gan_core.latent.explorer import Explorer
from gan_core.latent.inversion import CANDIDATES, small

# for both generators of drawn faces, 98 % of unseen ones are nearer; 95 % of emoji and 99 % of photos are farther
FAR = 2.2
OWN = 128  # samples for the usual distance


class Familiarity:
    """A model's domain, represented by its samples."""

    def __init__(self, explorer: Explorer) -> None:
        self._known = small(explorer.draw(explorer.sample(CANDIDATES, seed=0)))
        own = small(explorer.draw(explorer.sample(OWN, seed=1)))
        self._usual = float(self._nearest(own).median())

    def distance(self, picture: Tensor) -> float:
        """The distance of a picture (1, C, H, W) in [-1, 1], as a multiple of the usual distance."""
        return float(self._nearest(small(picture.cpu()))) / self._usual

    def far(self, distance: float) -> bool:
        """Whether a picture at this distance is outside the domain."""
        return distance > FAR

    def _nearest(self, pictures: Tensor) -> Tensor:
        return torch.cdist(pictures, self._known).min(1).values
