"""Latent spaces, truncation, edits and mixing, over the recipes that draw pictures."""

from __future__ import annotations

import io
import math
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import avg_pool2d, interpolate
from torch.testing import assert_close

from gan_core.errors import BadValue, UnknownName
from gan_core.gans import Recipe, recipes
from gan_core.latent.directions import Direction, class_direction
from gan_core.latent.edits import Edit, edited
from gan_core.latent.explorer import Explorer
from gan_core.latent.film import write_film
from gan_core.latent.mixing import band_changes, crossover, matrix, mixed
from gan_core.latent.points import Points, joined
from gan_core.latent.truncation import Truncation, cluster_centres, truncated
from gan_core.models.sampler import Sampler
from gan_core.pictures.grids import to_uint8
from tests.conftest import example
from tests.latent.models import colour_classifier, explorer

DRAWING = [recipe.name for recipe in recipes if recipe.draws and recipe.task == "images"]
STYLED = ["stylegan", "stylegan2"]


@pytest.fixture(scope="module", params=STYLED)
def styled(request: pytest.FixtureRequest) -> Explorer:
    return explorer(request.param)


@pytest.fixture(scope="module")
def styled2() -> Explorer:
    return explorer("stylegan2")


@pytest.mark.parametrize("recipe", [one for one in recipes if one.name not in DRAWING], ids=lambda one: one.name)
def test_what_makes_no_pictures_from_latents_alone_has_no_spaces(recipe: Recipe) -> None:
    sampler = Sampler(recipe, recipe.tiny, example(recipe).spec, {"generator": torch.nn.Identity()})
    if recipe.task == "views":  # the pose is given by chance
        Explorer(sampler)
        return
    with pytest.raises(BadValue, match="has no latent space of images"):
        Explorer(sampler)


@pytest.mark.parametrize("name", DRAWING)
def test_every_model_has_spaces_that_read_what_was_written(name: str) -> None:
    model = explorer(name)
    points = model.sample(3, seed=5)
    pictures = model.draw(points)
    assert pictures.shape == (3, *model.image_shape)
    assert pictures.abs().max() <= 1
    # the same pictures as the sampler's
    latents, labels = model.sampler.latents(3, 5)
    assert_close(pictures, model.sampler.draw(latents, labels), atol=1e-6, rtol=0)
    assert_close(model.draw(points), pictures, atol=0, rtol=0)
    for space in model.spaces.values():
        values = model.read(points, space.name)
        assert values.shape == (3, *space.shape)
        again = model.write(points, space.name, values)
        assert_close(model.read(again, space.name), values, atol=2e-5, rtol=0)
        moved = model.write(points, space.name, values.flip(0))
        assert_close(model.read(moved, space.name), values.flip(0), atol=2e-5, rtol=0)
    with pytest.raises(BadValue, match=r"shape \(3,"):
        model.write(points, "z", torch.zeros(3, 1))
    with pytest.raises(UnknownName, match="no latent space named 'v'"):
        model.read(points, "v")
    assert len(model.mean()) == 1
    assert model.draw(model.mean()).isfinite().all()


def test_gradients_reach_the_point() -> None:
    for name in ("stylegan2", "dcgan", "biggan"):
        model = explorer(name)
        points = model.sample(2)
        values = model.read(points, model.home).clone().requires_grad_()
        model.images(model.write(points, model.home, values)).square().mean().backward()
        assert values.grad is not None
        assert values.grad.abs().sum() > 0


def test_classes_blend() -> None:
    model = explorer("cgan")
    one, other = (model.sample(1, 3, label) for label in (0, 2))
    half = model.write(one, "class", torch.tensor([[0.5, 0.0, 0.5]]))
    assert not torch.equal(model.draw(half), model.draw(one))
    towards = Edit(class_direction(model, 0, 2, "to c"), 1.0)
    assert_close(model.draw(edited(model, one, [towards])), model.draw(other), atol=1e-6, rtol=0)
    with pytest.raises(BadValue, match="between 0 and 2, got 3"):
        class_direction(model, 0, 3, "x")


def test_codes_are_the_requested_ones() -> None:
    model = explorer("infogan", categories=5, latent_size=6)
    points = model.sample(4)
    codes = torch.tensor([[3, -0.5, 0.25]] * 4)
    asked = model.write(points, "codes", codes)
    assert_close(model.read(asked, "codes"), codes, atol=1e-6, rtol=0)
    assert_close(model.read(asked, "z")[:, 3:], model.read(points, "z")[:, 3:], atol=0, rtol=0)
    for wrong, said in (([5, 0, 0], "0 and 4"), ([0.5, 0, 0], "integers"), ([0, 1.5, 0], "-1 and 1")):
        with pytest.raises(BadValue, match=said):
            model.write(points, "codes", torch.tensor([wrong] * 4, dtype=torch.float32))


def test_models_without_latents_are_refused() -> None:
    recipe = recipes.get("feature_net")
    from gan_core.data.base import DataSpec
    from gan_core.models.sampler import Sampler

    spec = DataSpec({"real": (1, 8, 8), "label": ()}, 3)
    networks = recipe.build(recipe.tiny, spec)
    with pytest.raises(BadValue, match="no latent space"):
        Explorer(Sampler(recipe, recipe.tiny, spec, networks))
    with pytest.raises(BadValue, match="z, or a w"):
        Points()


# --- truncation ------------------------------------------------------------------------------------------------------


def test_truncation_pulls_towards_the_mean(styled: Explorer) -> None:
    points = styled.sample(3, 1)
    assert styled.styled is not None
    mean, w = styled.styled.w_mean, styled.read(points, "w")
    for psi in (0.0, 0.5, 1.0, 1.5):
        pulled = truncated(styled, points, Truncation(psi))
        assert_close(styled.read(pulled, "w"), mean + psi * (w - mean), atol=1e-5, rtol=1e-5)
        assert_close(styled.draw(pulled), styled.sampler.sample(3, 1, psi=psi), atol=1e-5, rtol=0)
    coarse = styled.read(truncated(styled, points, Truncation(0.0, cutoff=2)), "w+")
    assert_close(coarse[:, :2], mean.expand(3, 2, -1), atol=1e-6, rtol=0)
    assert_close(coarse[:, 2:], styled.read(points, "w+")[:, 2:], atol=0, rtol=0)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [(Truncation(-0.1), "0 and 1.5"), (Truncation(1.6), "0 and 1.5"), (Truncation(1, 99), "cutoff must be"),
     (Truncation(math.nan), "0 and 1.5"), (Truncation(1, -1), "cutoff must be")],
)  # fmt: skip
def test_truncation_out_of_range_is_refused(styled: Explorer, wrong: Truncation, said: str) -> None:
    with pytest.raises(BadValue, match=said):
        truncated(styled, styled.sample(1), wrong)


def test_truncation_of_models_without_w() -> None:
    plain, biggan = explorer("dcgan"), explorer("biggan")
    with pytest.raises(BadValue, match="doesn't support truncation"):
        truncated(plain, plain.sample(1), Truncation(0.5))
    points = plain.sample(1)
    assert truncated(plain, points, Truncation(1.0)) is points
    with pytest.raises(BadValue, match="no cutoff"):
        truncated(biggan, biggan.sample(1), Truncation(0.5, cutoff=1))
    pulled = truncated(biggan, biggan.sample(4, 2), Truncation(0.3))
    assert_close(biggan.draw(pulled), biggan.sampler.sample(4, 2, psi=0.3), atol=1e-6, rtol=0)


def test_cluster_centres_are_those_of_scikit_learn_and_psi_0_gives_them(styled2: Explorer) -> None:
    centres = cluster_centres(styled2, 3, seed=1, samples=300)
    w = styled2.read(styled2.sample(300, 1), "w")
    nearest = ((w[:, None] - centres) ** 2).sum(2).argmin(1)
    # each centre is the mean of the points nearest to it
    means = torch.stack([w[nearest == place].mean(0) for place in range(3)])
    assert_close(centres, means, atol=1e-3, rtol=1e-3)
    pulled = styled2.read(truncated(styled2, styled2.sample(300, 1), Truncation(0.0, centres=centres)), "w")
    assert_close(pulled, centres[nearest], atol=1e-5, rtol=0)
    with pytest.raises(BadValue, match="between 2 and 64"):
        cluster_centres(styled2, 1)


# --- edits -----------------------------------------------------------------------------------------------------------


def test_edits_add_up_in_any_order_and_stay_in_their_layers(styled: Explorer) -> None:
    points, size = styled.sample(2, 3), styled.space("w").shape[0]
    one = Edit(Direction("a", "w", torch.randn(size), "pca"), 1.5, (0, 2))
    other = Edit(Direction("b", "w+", torch.randn(styled.layers, size), "drag"), -0.5)
    both, reverse = (edited(styled, points, edits) for edits in ([one, other], [other, one]))
    moved = styled.read(both, "w+") - styled.read(points, "w+")
    expected = -0.5 * other.direction.vector.clone()
    expected[:2] += 1.5 * one.direction.vector
    assert_close(moved, expected.expand(2, -1, -1), atol=1e-5, rtol=0)
    assert_close(styled.read(reverse, "w+"), styled.read(both, "w+"), atol=1e-5, rtol=0)
    assert torch.equal(styled.read(edited(styled, points, []), "w+"), styled.read(points, "w+"))


def test_edits_in_z() -> None:
    model = explorer("dcgan")
    points, direction = model.sample(2), Direction("a", "z", torch.tensor([1.0, 0, 0, 2]), "pca")
    twice = edited(model, points, [Edit(direction, 1.0), Edit(direction, 2.0)])
    assert_close(model.read(twice, "z") - model.read(points, "z"), torch.tensor([[3.0, 0, 0, 6]] * 2))
    with pytest.raises(BadValue, match="which has no layers"):
        edited(model, points, [Edit(direction, 1.0, (0, 1))])


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (Edit(Direction("a", "w", torch.zeros(4), "pca"), 21.0), "strength must be"),
        (Edit(Direction("a", "w", torch.zeros(4), "pca"), math.nan), "strength must be"),
        (Edit(Direction("a", "w", torch.zeros(5), "pca"), 1.0), r"has shape \(5,\)"),
        (Edit(Direction("a", "w", torch.zeros(4), "pca"), 1.0, (0, 99)), "range within 0 to"),
        (Edit(Direction("a", "w", torch.zeros(4), "pca"), 1.0, (2, 2)), "range within 0 to"),
        (Edit(Direction("a", "w", torch.zeros(4), "pca", (0, 99)), 1.0), "range within 0 to"),
        (Edit(Direction("a", "class", torch.zeros(4), "class"), 1.0), "no latent space named 'class'"),
    ],
)
def test_edits_that_do_not_fit_are_refused(styled: Explorer, edit: Edit, said: str) -> None:
    with pytest.raises((BadValue, UnknownName), match=said):
        edited(styled, styled.sample(1), [edit])


# --- mixing ----------------------------------------------------------------------------------------------------------


def test_mixing_takes_layers_from_the_other(styled: Explorer) -> None:
    one, other = styled.sample(1, 1), styled.sample(1, 2)
    for first in (0, 2, styled.layers):
        crossed = styled.read(crossover(styled, one, other, first), "w+")
        assert torch.equal(crossed[:, :first], styled.read(one, "w+")[:, :first])
        assert torch.equal(crossed[:, first:], styled.read(other, "w+")[:, first:])
    chosen = styled.read(mixed(styled, one, other, {1, 3}), "w+")
    assert torch.equal(chosen[:, [1, 3]], styled.read(other, "w+")[:, [1, 3]])
    assert torch.equal(chosen[:, [0, 2]], styled.read(one, "w+")[:, [0, 2]])


def test_the_matrix_has_every_pair(styled: Explorer) -> None:
    rows, columns = styled.sample(2, 1), styled.sample(3, 2)
    table = matrix(styled, rows, columns, {0})
    assert len(table) == 6
    for row in range(2):
        for column in range(3):
            expected = mixed(styled, rows.at(row), columns.at(column), {0})
            assert torch.equal(styled.read(table.at(3 * row + column), "w+"), styled.read(expected, "w+"))


def test_mixing_out_of_range_is_refused(styled: Explorer) -> None:
    points = styled.sample(2)
    with pytest.raises(BadValue, match="layer must be"):
        mixed(styled, points, points, {99})
    with pytest.raises(BadValue, match="crossover must be"):
        crossover(styled, points, points, -1)
    with pytest.raises(BadValue, match="2 points can't be mixed with 3"):
        mixed(styled, points, styled.sample(3), {0})
    with pytest.raises(BadValue, match="Point 7 doesn't exist"):
        points.at(7)
    plain = explorer("dcgan")
    with pytest.raises(BadValue, match="is not style-based"):
        mixed(plain, plain.sample(1), plain.sample(1), {0})


def test_a_band_is_known_by_what_it_changes(styled2: Explorer) -> None:
    classifier, layers = colour_classifier(styled2), styled2.layers
    everything, nothing = band_changes(styled2, classifier, [(0, layers), (layers, layers)], pairs=40, seed=3)
    assert nothing.changes == {"colour": 0.0, "right": 0.0}
    assert nothing.words == []
    named = [classifier.named(styled2.draw(styled2.sample(40, seed)))["colour"] for seed in (3, 4)]
    assert everything.changes["colour"] == pytest.approx(float((named[0] != named[1]).float().mean()))


def test_points_are_joined_and_repeated(styled2: Explorer) -> None:
    points = joined([styled2.sample(1, 1), styled2.mean()])
    assert len(points) == 2
    assert points.latents is None
    assert len(points.repeated(3)) == len(points.tiled(3)) == 6
    with pytest.raises(BadValue, match="no coordinates in z"):
        styled2.read(points, "z")
    with pytest.raises(BadValue, match="no points to join"):
        joined([])


def test_a_palette_draws_larger_pictures_with_outlines_as_crisp(tmp_path: Path) -> None:
    model = explorer("stylegan2", palette=4)
    with torch.no_grad():  # logits far apart, so that outlines are one pixel wide at every size
        for level in model.generator.levels:
            level.to_rgb.convolution.weight *= 100
    points = model.sample(2, 1)
    own, large = model.draw(points), model.draw(points, least=100)
    assert large.shape == (2, 3, 112, 112)  # the next multiple of 16
    assert (avg_pool2d(large, 7) - own).abs().mean() < 0.1 * own.std()
    colours = [len((one * 255).round().flatten(1).T.unique(dim=0)) for one in large]
    enlarged = interpolate(own, scale_factor=7, mode="bicubic")
    assert max(colours) < 0.2 * min(len((one * 255).round().flatten(1).T.unique(dim=0)) for one in enlarged)
    assert model.draw(points, least=16).shape == own.shape
    film = write_film(model, points, tmp_path / "film.zip", size=48)
    with zipfile.ZipFile(film.path) as archive:
        frame = np.asarray(Image.open(io.BytesIO(archive.read(archive.namelist()[0]))))
    np.testing.assert_array_equal(frame, to_uint8(model.draw(points, least=48))[0])


def test_other_models_draw_at_their_own_size() -> None:
    for name in ("stylegan2", "dcgan"):
        model = explorer(name)
        assert not model.magnifies
        assert model.draw(model.sample(1), least=100).shape[-1] == model.image_shape[-1]
