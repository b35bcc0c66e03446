"""GANSpace: principal directions of variation, found without labels (2004.02546).

Style-based models: the principal components of w (section 3.1). Others: the components of a layer's activations y,
carried back to z by the regression (section 3.2)

    u_k = argmin sum_j |u_k x_j - z_j|^2,      x_j = V^T (y_j - mean)

One unit is one standard deviation of w, or of the component's coordinate x.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gan_core.errors import BadValue
from gan_core.latent.directions import Direction, gaussian, signed
from gan_core.latent.explorer import Explorer
from gan_core.latent.inside import layer_names, maps

ACTIVATIONS = 1_000  # samples of activations


def pca(explorer: Explorer, count: int = 20, seed: int = 0, layer: str | None = None) -> list[Direction]:
    """The first `count` components, the strongest first; `share` is their share of the variance.

    `layer` chooses the activations, for models without w; default: the second layer with maps.
    Raises BadValue for an invalid count or layer.
    """
    if explorer.styled is not None:
        if layer is not None:
            raise BadValue("Style-based models take the principal components of w, so no layer can be chosen.")
        return _of_w(explorer, count, seed)
    names = list(layer_names(explorer))
    return _of_activations(explorer, count, seed, layer or names[min(1, len(names) - 1)])


def _of_w(explorer: Explorer, count: int, seed: int) -> list[Direction]:
    covariance = gaussian(explorer, seed=seed).covariance
    _check(count, len(covariance))
    values, axes = torch.linalg.eigh(covariance)  # ascending; axes (d, d) in columns
    values = values.clamp(min=0)
    return [
        Direction(
            f"PCA {place + 1}", "w", (signed(axes[:, -1 - place]) * values[-1 - place].sqrt()).float(), "pca",
            facts={"share": float(values[-1 - place] / values.sum())},
        )
        for place in range(count)
    ]  # fmt: skip


def _of_activations(explorer: Explorer, count: int, seed: int, layer: str) -> list[Direction]:
    points = explorer.sample(ACTIVATIONS, seed)
    z = explorer.read(points, "z").double().cpu()
    _check(count, z.shape[1])
    activations = maps(explorer, points, layer).flatten(1).double()  # (N, C, h, w) -> (N, C * h * w)
    coordinates, shares = _coordinates(activations, count)
    back = torch.linalg.lstsq(coordinates, z).solution  # (N, k) @ (k, latent_size) = (N, latent_size)
    return [
        Direction(f"PCA {place + 1}", "z", signed(back[place]).float(), "pca", facts={"share": float(shares[place])})
        for place in range(count)
    ]


def _coordinates(activations: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The coordinates (N, count) of samples (N, features), with unit variance, and each one's share of the variance.

    The matrix of the samples' products has the same spectrum as the covariance, and is smaller.
    """
    centred = activations - activations.mean(0)
    values, axes = torch.linalg.eigh(centred @ centred.T)  # (N, N)
    chosen = axes.flip(1)[:, :count]
    return chosen * (len(activations) - 1) ** 0.5, values.flip(0)[:count].clamp(min=0) / values.clamp(min=0).sum()


def _check(count: int, most: int) -> None:
    if not 1 <= count <= most:
        raise BadValue("The number of directions must be between 1 and {most}, got {count}.", most=most, count=count)
