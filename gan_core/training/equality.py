"""Lists where several ranks, or accumulated parts of a batch, differ from one process with the whole batch.

Every recipe that isn't listed here gives the same gradients to 1e-5, as `tests/training/test_ranks.py` checks for the
whole registry. docs/distributed.md shows these tables.
"""

from __future__ import annotations

from collections.abc import Mapping

RANKS: Mapping[str, str] = {  # recipe, or recipe with a setting -> the reason
    "lightweight_gan with virtual batch normalisation": "The noise of the reference batch is drawn with that of the "
    "batch, so each rank draws other noise than one process.",
}

_STATISTICS = "Batch normalisation has the statistics of a part"
_MINIBATCH = "Minibatch statistics compare the samples of a part"
_POWER = "Spectral normalisation's power iteration runs once for each part"
_W_MEAN = "The running mean of w, which truncation uses, moves once for each part"

PARTS: Mapping[str, str] = {  # what differs if a batch is accumulated from parts
    "batch normalisation": f"{_STATISTICS}, as in all frameworks.",
    "minibatch layers": f"{_MINIBATCH}.",
    "spectral normalisation": f"{_POWER}, so the estimate of the norm is a little ahead.",
    "style-based generators": f"{_W_MEAN}.",
    "relativistic average, feature matching, top-k, DRAGAN": "Means, best samples and deviations are those of a part.",
    "replay pools": "Only the last part's images enter the pool.",
    "path length regularisation": "The running mean length is updated from the last part.",
    "random holes with inpainting": "The error is divided by the area of a part's holes.",
    "contrastive inpainting": "Codes are compared with those of the same part.",
}
