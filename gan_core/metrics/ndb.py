"""NDB: the share of bins in which samples are more or less frequent than real images (1805.12462, section 3).

Real images are clustered into K bins by k-means; each sample is assigned to its nearest bin. A bin differs if its
shares p of real images and q of samples differ by the two-proportion z-test at 5 %:

    z = (p - q) / sqrt(r (1 - r) (1 / n + 1 / m)),   r = (n p + m q) / (n + m),   |z| > 1.96

About 5 % of the bins differ by chance: the floor. Missing modes are bins with fewer samples. JS is the Jensen-Shannon
divergence of the two histograms in bits, in [0, 1]. Differs from the paper: bins in a net's features, not in pixels; at
least 20 images per bin, at most 100 bins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gan_core.metrics.bootstrap import REPLICATES
from gan_core.metrics.clusters import assigned, centres_of
from gan_core.metrics.density import js
from gan_core.metrics.trust import BIN

MOST = 100  # bins
Z = 1.959964  # of a two-sided test at 5 %


@dataclass(frozen=True)
class Bins:
    """NDB / K in [0, 1], JS in bits, their replicates (B,), and the counts of each side by bin, (K,)."""

    ndb: float
    js: float
    ndb_replicates: np.ndarray
    js_replicates: np.ndarray
    real: np.ndarray
    made: np.ndarray


class Binning:
    """Bins fitted to real features (N, d); the same for samples and for the floor."""

    def __init__(self, real: np.ndarray, seed: int = 0) -> None:
        self.count = max(2, min(MOST, len(real) // BIN))
        self._centres = centres_of(real, self.count, seed)

    def counts(self, features: np.ndarray) -> np.ndarray:
        """The number of rows (N, d) in each bin, (K,)."""
        return np.bincount(assigned(features, self._centres), minlength=self.count)


def differing(real: np.ndarray, made: np.ndarray) -> np.ndarray:
    """Which bins differ, for counts (..., K) each."""
    n, m = real.sum(-1, keepdims=True), made.sum(-1, keepdims=True)
    p, q, r = real / n, made / m, (real + made) / (n + m)
    error = np.sqrt(r * (1 - r) * (1 / n + 1 / m))
    found: np.ndarray = np.abs(p - q) > Z * np.maximum(error, 1e-12)
    return found


def compared(real: np.ndarray, made: np.ndarray, random: np.random.Generator) -> Bins:
    """Compares counts (K,) of each side. Replicates resample the samples' counts."""
    drawn = random.multinomial(made.sum(), made / made.sum(), size=REPLICATES)  # (B, K)
    shares = real / real.sum()
    return Bins(
        float(differing(real, made).mean()),
        js(shares, made / made.sum()),
        differing(np.broadcast_to(real, drawn.shape), drawn).mean(1),
        np.array([js(shares, row / row.sum()) for row in drawn]),
        real,
        made,
    )
