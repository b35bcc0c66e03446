"""Vendi score: the effective number of different images among samples (2210.02410, equation 2).

    VS = exp(-sum l log l),   l the eigenvalues of K / n, K the cosine similarities of the samples' features

1 if all are the same, n if all are orthogonal. It needs no real images; their score is its floor. K and F'F, the (d, d)
products of the normalised features, have the same nonzero eigenvalues, so the cost of the eigenvalues doesn't depend on
n.
"""

from __future__ import annotations

import numpy as np

from gan_core.metrics.bootstrap import grouped, weights

REPLICATES = 50


def vendi(features: np.ndarray) -> float:
    """The score of features (N, d), between 1 and N."""
    return _score(_normalised(features), len(features))


def replicates(features: np.ndarray, random: np.random.Generator, most: int = REPLICATES) -> np.ndarray:
    """The score of resampled features, (B,)."""
    rows = _normalised(features)
    count, size = rows.shape
    if count <= size:
        products = rows @ rows.T
        chosen = random.integers(count, size=(most, count))
        return np.array([_of_matrix(products[np.ix_(one, one)] / count) for one in chosen])
    parts = grouped(count, 20)
    products = np.stack([rows[part].T @ rows[part] for part in parts])  # (G, d, d)
    sizes = np.array([part.stop - part.start for part in parts])
    times = weights(random, len(parts), most if size <= 128 else 10)
    return np.array([_of_matrix(np.tensordot(row, products, 1) / (row @ sizes)) for row in times])


def _normalised(features: np.ndarray) -> np.ndarray:
    rows = np.asarray(features, np.float64)
    found: np.ndarray = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return found


def _score(rows: np.ndarray, count: int) -> float:
    return _of_matrix((rows @ rows.T if count <= rows.shape[1] else rows.T @ rows) / count)


def _of_matrix(products: np.ndarray) -> float:
    values = np.linalg.eigvalsh(products)
    values = values[values > 1e-12]
    return float(np.exp(-(values * np.log(values)).sum()))
