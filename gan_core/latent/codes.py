"""InfoGAN's codes as a space: categories as whole numbers, then values in [-1, 1] (1606.03657).

u = Phi(z):  category = floor(K u),  value = 2 u - 1                             (objectives/information.py)
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gan_core.errors import BadValue
from gan_core.objectives.information import codes_of

EDGE = 1e-4  # distance from 0 and 1, where the normal's quantiles are infinite


def read_codes(latents: Tensor, hparams: Any) -> Tensor:
    """Latents (B, latent_size) -> (B, categorical_codes + continuous_codes)."""
    codes = codes_of(latents, hparams)
    return torch.cat([codes.categories.to(latents.dtype), codes.values], 1)


def write_codes(latents: Tensor, hparams: Any, values: Tensor) -> Tensor:
    """Latents with these codes and unchanged noise; raises BadValue for a code out of range."""
    first = hparams.categorical_codes
    categories, continuous = values[:, :first], values[:, first:]
    if bool(((categories < 0) | (categories >= hparams.categories) | (categories != categories.floor())).any()):
        raise BadValue("Categories must be integers between 0 and {last}.", last=hparams.categories - 1)
    if bool((continuous.abs() > 1).any()):
        raise BadValue("Continuous codes must be between -1 and 1.")
    uniform = torch.cat([(categories + 0.5) / hparams.categories, (continuous + 1) / 2], 1)
    quantiles = torch.special.ndtri(uniform.double().clamp(EDGE, 1 - EDGE)).to(latents.dtype)
    return torch.cat([quantiles, latents[:, values.shape[1] :]], 1)
