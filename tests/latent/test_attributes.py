"""Directions from labels, marks and a classifier: planted ones are found again, and leakage is measured as by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gan_core.data.base import DataSpec
from gan_core.errors import BadValue
from gan_core.gans import recipes
from gan_core.latent.attribute_classifier import AttributeClassifier, attribute_classifier
from gan_core.latent.attributes import KAPPA, described, learn, measure, slopes, still
from gan_core.latent.directions import Direction, gaussian
from gan_core.latent.edits import Edit, edited
from gan_core.latent.explorer import Explorer
from gan_core.latent.interfacegan import boundary, conditioned, from_labels
from gan_core.models.sampler import Sampler
from tests.latent.models import colour_classifier, explorer


@pytest.fixture(scope="module")
def model() -> Explorer:
    return explorer("stylegan2", latent_size=8, w_size=8)


def cosine(one: Tensor, other: Tensor) -> float:
    return float(one.double() @ other.double() / one.double().norm() / other.double().norm())


def test_a_planted_boundary_is_found(model: Explorer) -> None:
    around, normal = gaussian(model), torch.randn(8, generator=torch.Generator().manual_seed(1)).double()
    points = model.sample(2_000, 3)
    said = (model.read(points, "w").double() - around.mean) @ normal > 0
    found = boundary(model, "planted", points, said.tolist())
    assert cosine(found.vector, around.covariance @ normal) > 0.98
    assert found.facts["accuracy"] > 0.95
    # one unit is one deviation of random points along it
    w = model.read(model.sample(5_000, 4), "w").double()
    moved = model.read(edited(model, points, [Edit(found, 3.0)]), "w").double() @ normal
    assert bool((moved > model.read(points, "w").double() @ normal).all())
    white = around.whitening @ found.vector.double()
    assert float(white.norm()) == pytest.approx(1, abs=1e-4)
    assert float(((w - around.mean) @ around.whitening @ white).std()) == pytest.approx(1, abs=0.05)


def test_twenty_marks_point_the_right_way() -> None:
    plain = explorer("dcgan", latent_size=16)
    normal = torch.zeros(16)
    normal[3] = 1.0
    found = []
    for seed in range(5):
        points = plain.sample(30, seed)
        said = plain.read(points, "z") @ normal > 0
        found.append(from_labels(plain, "mine", points, said.tolist()))
    assert np.mean([cosine(one.vector, normal) for one in found]) > 0.6  # chance has a deviation of 0.25
    assert all(one.space == "z" for one in found)


@pytest.mark.parametrize(
    ("marks", "said"),
    [([True] * 12, "the same label"), ([False] * 12, "the same label"), ([True, False] * 4, "Label 10 to"),
     ([True, False] * 7, "12 images but 14 labels")],
)  # fmt: skip
def test_marks_that_teach_nothing_are_refused(model: Explorer, marks: list[bool], said: str) -> None:
    with pytest.raises(BadValue, match=said):
        from_labels(model, "x", model.sample(12), marks)


def test_a_conditional_direction_leaves_the_others_alone(model: Explorer) -> None:
    around = gaussian(model)
    one, two, three = (
        Direction(name, "w", (around.root @ torch.randn(8).double()).float(), "boundary") for name in "abc"
    )
    kept = conditioned(model, one, [two, three])
    whitening = around.whitening
    for other in (two, three):
        overlap = (whitening @ kept.vector.double()) @ (whitening @ other.vector.double())
        assert abs(float(overlap)) < 1e-3
    assert float((whitening @ kept.vector.double()).norm()) == pytest.approx(1, abs=1e-3)
    assert conditioned(model, one, []) is one
    with pytest.raises(BadValue, match="Nothing of a remains"):
        conditioned(model, one, [two, one])
    with pytest.raises(BadValue, match="can't be conditioned"):
        conditioned(model, Direction("d", "w+", torch.zeros(model.layers, 8), "drag"), [one])


@pytest.mark.parametrize("name", ["stylegan2", "dcgan"])
def test_slopes_are_those_of_small_steps(name: str) -> None:
    model = explorer(name, latent_size=8, **({"w_size": 8} if name == "stylegan2" else {}))
    classifier, points, around = colour_classifier(model), model.sample(3, 5), gaussian(model)
    deviations = torch.tensor([1.0, 2.0, 1.0, 1.0]).double()
    mean, products = slopes(model, classifier, points, around.root, deviations)
    size = max(1, model.layers) * 8
    assert mean.shape == (4, size)
    white = torch.randn(size, generator=torch.Generator().manual_seed(0)).double()
    step = 1e-3 * (white.unflatten(0, (-1, 8)) @ around.root).float()  # (layers, 8)
    values = model.read(points, model.home)
    ends = [
        classifier.log_odds(
            model.images(model.write(points, model.home, values + sign * step.reshape(values.shape[1:])))
        )
        for sign in (-1, 1)
    ]
    found = (ends[1] - ends[0]).double() / 2e-3 / deviations  # (3, 4)
    assert_close(mean @ white, found.mean(0), atol=2e-3, rtol=0.02)
    assert_close(white @ products["colour"] @ white, found[:, :3].square().mean(0).sum(), atol=2e-3, rtol=0.05)


def test_attributes_that_do_not_change() -> None:
    slope, others = torch.tensor([1.0, 1.0, 0.0]).double(), torch.diag(torch.tensor([0.0, 4.0, 0.0])).double()
    # by hand: kappa is KAPPA * 4 / 3, and the solution 1 / kappa, 1 / (4 + kappa), 0
    kappa = KAPPA * 4 / 3
    expected = torch.tensor([1 / kappa, 1 / (4 + kappa), 0]).double()
    assert_close(still(slope, others), expected / expected.norm())
    assert_close(still(slope, torch.zeros(3, 3).double()), slope / 2**0.5)


@pytest.mark.parametrize("name", ["stylegan2", "dcgan"])
def test_attributes_are_learnt_and_measured(name: str) -> None:
    model = explorer(name, latent_size=8, **({"w_size": 8} if name == "stylegan2" else {}))
    classifier = colour_classifier(model)
    directions = learn(model, classifier, 32)
    leakage = measure(model, directions, classifier, count=64)
    assert leakage.moves.shape == (len(directions), 4)
    assert leakage.values == ("colour: red", "colour: green", "colour: blue", "right: yes")
    for one in directions:
        assert leakage.moved(one.name) > 0.1, one.name
        worst, leaks = leakage.worst(one.name)
        assert worst.split(":")[0] != one.name.split(":")[0]
        assert described(one, leakage).facts["moves"] == leakage.moved(one.name)
        assert described(one, leakage).facts["leaks"] == leaks
        assert 0 < one.facts["share"] < 1
    # by hand, for the first: both ends drawn, judged, averaged, over the deviation of the unmoved ones
    points, reference = model.sample(256, 1), classifier.log_odds(model.draw(model.sample(256, 1)))
    ends = [
        classifier.log_odds(model.draw(edited(model, points.at(*range(64)), [Edit(directions[0], half)])))
        for half in (-0.5, 0.5)
    ]
    assert_close(leakage.moves[0], (ends[1] - ends[0]).mean(0) / reference.std(0), atol=1e-4, rtol=1e-3)


def test_log_odds_are_those_of_the_softmax() -> None:
    logits = torch.randn(6, 4)
    classifier = AttributeClassifier({"a": ("x", "y", "z"), "b": ("yes",)}, lambda images: logits)
    share = logits[:, :3].double().softmax(1)
    expected = torch.cat([(share / (1 - share)).log(), logits[:, 3:].double()], 1)
    assert_close(classifier.log_odds(torch.zeros(6, 3, 2, 2)).double(), expected, atol=1e-5, rtol=1e-5)
    named = classifier.named(torch.zeros(6, 3, 2, 2))
    assert torch.equal(named["a"], logits[:, :3].argmax(1))
    assert torch.equal(named["b"], (logits[:, 3] > 0).long())
    assert classifier.place("b", "yes") == 3
    with pytest.raises(BadValue, match=r"doesn't know 'a: w'\. Valid: a: x, a: y"):
        classifier.place("a", "w")
    with pytest.raises(BadValue, match="returns 4 logits for 2 values"):
        AttributeClassifier({"a": ("x", "y")}, lambda images: logits).log_odds(torch.zeros(6, 3, 2, 2))


def test_too_few_samples_are_refused(model: Explorer) -> None:
    with pytest.raises(BadValue, match="At least 8 samples"):
        learn(model, colour_classifier(model), 7)
    with pytest.raises(BadValue, match="no directions to measure"):
        measure(model, [], colour_classifier(model))


def test_a_feature_net_is_a_judge() -> None:
    recipe = recipes.get("feature_net")
    spec = DataSpec({"real": (3, 16, 16)}, 0, {"hat": 2, "hair": 3})
    networks = {name: network.eval() for name, network in recipe.build(recipe.tiny, spec).items()}
    net = Sampler(recipe, recipe.tiny, spec, networks)
    classifier = attribute_classifier(net, {"hat": ("none", "cap"), "hair": ("bob", "bun", "long")})
    images = torch.rand(3, 3, 16, 16)
    assert torch.equal(classifier.all_logits(images), networks["features"](images)[1])
    with pytest.raises(BadValue, match="classifies hat, hair, not hat"):
        attribute_classifier(net, {"hat": ("none", "cap")})
