"""Directions without labels, against scikit-learn and numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from gan_core.errors import BadValue, UnknownName
from gan_core.latent.directions import SAMPLES, gaussian
from gan_core.latent.ganspace import pca
from gan_core.latent.inside import layer_names, maps
from gan_core.latent.sefa import sefa, style_weights
from gan_core.layers.style_generator import StyleGenerator
from tests.latent.models import explorer

if TYPE_CHECKING:
    from sklearn.decomposition import PCA

STYLED = ["stylegan", "stylegan2"]


def fitted(rows: np.ndarray, count: int) -> PCA:
    from sklearn.decomposition import PCA  # takes most of a second, in every process that collects tests

    return PCA(count, svd_solver="full").fit(rows)


@pytest.mark.parametrize("name", STYLED)
def test_components_of_w_are_those_of_scikit_learn(name: str) -> None:
    model = explorer(name, w_size=6)
    w = model.read(model.sample(SAMPLES, 0), "w").double().numpy()
    theirs = fitted(w, 4)
    for place, ours in enumerate(pca(model, 4)):
        expected = theirs.components_[place] * np.sqrt(theirs.explained_variance_[place])
        expected *= np.sign(expected[np.abs(expected).argmax()])
        assert_close(ours.vector.double().numpy(), expected, atol=1e-5, rtol=1e-3)
        assert ours.facts["share"] == pytest.approx(theirs.explained_variance_ratio_[place], rel=1e-4)
        assert (ours.space, ours.name) == ("w", f"PCA {place + 1}")
    with pytest.raises(BadValue, match="between 1 and 6, got 7"):
        pca(model, 7)
    with pytest.raises(BadValue, match="no layer can be chosen"):
        pca(model, 2, layer="levels.0")


@pytest.mark.parametrize("name", ["dcgan", "mlp_gan", "biggan", "progan"])
def test_components_of_activations_are_those_of_scikit_learn_carried_back_by_regression(name: str) -> None:
    model = explorer(name)
    layer = list(layer_names(model))[1]
    found = pca(model, 2, layer=layer)
    assert [one.space for one in found] == ["z", "z"]
    points = model.sample(1_000, 0)
    activations = maps(model, points, layer).flatten(1).double().numpy()
    theirs = fitted(activations, 2)
    coordinates = theirs.transform(activations) / np.sqrt(theirs.explained_variance_)
    back, *_ = np.linalg.lstsq(coordinates, model.read(points, "z").double().numpy(), rcond=None)
    for ours, expected, share in zip(found, back, theirs.explained_variance_ratio_, strict=True):
        expected = expected * np.sign(expected[np.abs(expected).argmax()])
        assert_close(ours.vector.double().numpy(), expected, atol=2e-3, rtol=1e-2)
        assert ours.facts["share"] == pytest.approx(share, rel=1e-3)
    assert pca(model, 2)[0].vector.equal(found[0].vector)
    with pytest.raises(UnknownName, match="no layer named 'nowhere'"):
        pca(model, 2, layer="nowhere")


@pytest.mark.parametrize("name", STYLED)
def test_closed_form_is_numpys_singular_vectors_of_all_style_weights(name: str) -> None:
    model = explorer(name, w_size=6)
    assert isinstance(model.generator, StyleGenerator)
    weights = list(style_weights(model.generator))
    assert sorted({place for place, _ in weights}) == list(range(model.layers))
    for layers in (None, (1, 3)):
        first, stop = layers or (0, model.layers)
        stacked = torch.cat([w for place, w in weights if first <= place < stop]).double().numpy()
        _, sizes, axes = np.linalg.svd(stacked)
        covariance = gaussian(model).covariance.numpy()
        for place, ours in enumerate(sefa(model, 5, layers)):
            axis = axes[place] * np.sign(axes[place][np.abs(axes[place]).argmax()])
            expected = axis * np.sqrt(axis @ covariance @ axis)  # one deviation of w
            assert_close(ours.vector.double().numpy(), expected, atol=1e-4, rtol=1e-3)
            assert ours.facts["eigenvalue"] == pytest.approx((sizes[place] / sizes[0]) ** 2, rel=1e-4)
            assert ours.layers == layers
    with pytest.raises(BadValue, match="directions must be between 1 and 6"):
        sefa(model, 0)
    with pytest.raises(BadValue, match="range within"):
        sefa(model, 2, (5, 3))


def test_the_strongest_closed_form_direction_moves_styles_most() -> None:
    model = explorer("stylegan2", w_size=6)
    assert isinstance(model.generator, StyleGenerator)
    weights = torch.cat([w for _, w in style_weights(model.generator)])
    strength = [float((weights @ (one.vector / one.vector.norm())).norm()) for one in sefa(model, 6)]
    assert strength == sorted(strength, reverse=True)


@pytest.mark.parametrize(("name", "rows"), [("dcgan", None), ("cgan", 8), ("progan", None), ("sagan", None)])
def test_closed_form_of_the_first_layer(name: str, rows: int | None) -> None:
    model = explorer(name)
    found = sefa(model, 4)
    stacked = torch.stack([one.vector for one in found]).double()
    assert_close(stacked @ stacked.T, torch.eye(4, dtype=torch.float64), atol=1e-5, rtol=0)  # z has unit deviations
    assert found[0].space == "z"


def test_closed_form_of_the_first_layer_by_its_effect() -> None:
    model = explorer("cgan")
    first = model.generator.body.layers[0]  # type: ignore[union-attr]
    weight = first.weight[:, :4].double().numpy()
    _, sizes, axes = np.linalg.svd(weight)
    for ours, axis in zip(sefa(model, 4), axes, strict=True):
        assert abs(float(ours.vector.double().numpy() @ axis)) == pytest.approx(1, abs=1e-5)
    assert sefa(model, 2)[1].facts["eigenvalue"] == pytest.approx((sizes[1] / sizes[0]) ** 2, rel=1e-4)


def test_biggan_is_read_chunk_by_chunk() -> None:
    model = explorer("biggan", latent_size=6)
    found = sefa(model, 6)
    chunks = model.generator.chunks  # type: ignore[union-attr]
    for one in found:
        support = {place for place in range(6) if abs(float(one.vector[place])) > 1e-4}
        starts = np.cumsum([0, *chunks])
        homes = [i for i in range(len(chunks)) if support & set(range(starts[i], starts[i + 1]))]
        assert len(homes) == 1  # chunks don't share rows, so each direction is within one


def test_codes_are_directions_already() -> None:
    with pytest.raises(BadValue, match="directions themselves"):
        sefa(explorer("infogan"), 2)


def test_the_gaussian_of_w_is_that_of_its_samples() -> None:
    model = explorer("stylegan2")
    w = model.read(model.sample(64, 3), "w").double()
    found = gaussian(model, 64, 3)
    assert_close(found.mean, w.mean(0), atol=1e-6, rtol=0)
    assert_close(found.covariance, w.T.cov(), atol=1e-6, rtol=0)
