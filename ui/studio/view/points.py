"""Latent points as text in a link: mixed, found or dragged points can't be reproduced from a seed.

Stored in half precision, which doesn't affect pictures visibly; equal layers of w, as in mixtures, are stored once.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

import numpy as np

from gan_core.errors import BadValue

if TYPE_CHECKING:
    from torch import Tensor

    from gan_core.latent.explorer import Explorer
    from gan_core.latent.points import Points

KIND = np.dtype("<f2")
LARGEST = 1_000.0  # range of a point's values


def written(explorer: Explorer, points: Points) -> str:
    """Encodes one point of the edit space: the number of distinct layers, an index per layer, and their values."""
    values = explorer.read(points, explorer.home)[0].detach().cpu().numpy()
    rows = values.reshape(-1, values.shape[-1]).astype(KIND)  # (layers, w_size) or (1, latent_size)
    different, which = np.unique(rows, axis=0, return_inverse=True)
    content = bytes([len(different), *which.ravel().tolist()]) + np.ascontiguousarray(different).tobytes()
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def read(explorer: Explorer, text: str) -> Tensor:
    """Returns the values of the point (1, *shape); raises BadValue if they don't belong to this model."""
    import torch

    shape = explorer.space(explorer.home).shape
    layers, size = int(np.prod(shape[:-1])), shape[-1]
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        content = b""
    which, rows = np.frombuffer(content[1 : 1 + layers], np.uint8), content[1 + layers :]
    if len(which) != layers or len(rows) != content[0] * size * KIND.itemsize or which.max() >= content[0]:
        raise BadValue("The latent point in this link doesn't belong to the model.")
    values = np.frombuffer(rows, KIND).reshape(-1, size)[which].astype(np.float32)
    if not (np.abs(values) <= LARGEST).all():  # also false for NaN
        raise BadValue("The latent point in this link doesn't belong to the model.")
    return torch.from_numpy(values.reshape(1, *shape)).to(explorer.device)
