"""Guided by words: the best of many points, a search that fits better, and whether named attributes are visible."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gan_core.errors import BadValue
from gan_core.gans import recipes
from gan_core.latent.attribute_classifier import AttributeClassifier
from gan_core.latent.explorer import Explorer
from gan_core.latent.words import Guidance, best, by_attributes, by_clip, followed, guided
from gan_core.models import loading
from gan_core.models.sampler import Sampler
from tests.conftest import example
from tests.made_models import make_model

ATTRIBUTES = {"hat": ("none", "cap"), "hair": ("red", "black", "blonde")}


def brightness(pictures: Tensor) -> Tensor:
    return pictures.mean((1, 2, 3))


@pytest.fixture
def explorer() -> Explorer:
    make_model("stylegan2.tiny")
    return Explorer(loading.load("stylegan2.tiny"))


def test_the_best_begin_and_the_search_fits_better(explorer: Explorer) -> None:
    begin = best(explorer, brightness, 3, seed=1)
    every = brightness(explorer.draw(explorer.sample(64, 1)))
    torch.testing.assert_close(brightness(explorer.draw(begin)), every.topk(3).values)
    steps = list(guided(explorer, brightness, Guidance(3, 12, seed=1), every=6))
    assert [step.step for step in steps] == [0, 6, 12]
    assert steps[-1].share == 1
    assert (steps[-1].fits > steps[0].fits).all()
    drawn = explorer.draw(steps[-1].points)
    torch.testing.assert_close(drawn, steps[-1].pictures)
    again = list(guided(explorer, brightness, Guidance(3, 12, seed=1), every=6))[-1]
    torch.testing.assert_close(again.pictures, drawn)


@pytest.mark.parametrize(
    ("guidance", "message"),
    [
        (Guidance(steps=501), "steps must be between 0 and 500"), (Guidance(pictures=0), "between 1 and 16"),
    ],
)  # fmt: skip
def test_values_out_of_range_are_refused(explorer: Explorer, guidance: Guidance, message: str) -> None:
    with pytest.raises(BadValue, match=message):
        next(guided(explorer, brightness, guidance))


def test_attributes_fit_by_the_log_probability_of_what_is_named() -> None:
    logits = torch.log(torch.tensor([[0.9, 0.1, 0.5, 0.3, 0.2], [0.2, 0.8, 0.1, 0.1, 0.8]]))
    classifier = AttributeClassifier(ATTRIBUTES, lambda pictures: logits)
    fit = by_attributes(classifier, {"hat": ("none",), "hair": ("red", "black")})
    wanted = torch.log(torch.tensor([[0.9, 0.8], [0.2, 0.2]])).mean(1)
    torch.testing.assert_close(fit(torch.zeros(2, 3, 4, 4)), wanted)
    with pytest.raises(BadValue, match="names nothing that can be seen"):
        by_attributes(classifier, {"eyes": ("wink",)})


def test_what_was_followed() -> None:
    seen = {"hat": torch.tensor([0, 1]), "hair": torch.tensor([2, 1])}
    meaning = {"hat": ("cap",), "hair": ("black", "blonde")}
    assert followed(seen, meaning, ATTRIBUTES).tolist() == [[False, True], [True, True]]
    assert followed(seen, {}, ATTRIBUTES).shape == (2, 0)


def test_clip_fits_by_the_scaled_cosine() -> None:
    clip = recipes.get("clip")
    spec = example(clip).spec
    network = clip.build(clip.tiny, spec)["clip"].eval()
    fit = by_clip(Sampler(clip, clip.tiny, spec, {"clip": network}), torch.tensor([3, 4, 5, 0, 0]))
    found = fit(torch.randn(4, *spec.shape))
    assert found.shape == (4,)
    assert float(found.detach().abs().max()) <= 100


def test_a_lone_value_is_there_or_not() -> None:
    lone = AttributeClassifier({"glasses": ("worn",)}, lambda pictures: pictures.flatten(1))
    pictures = torch.tensor([-3.0, 3.0]).reshape(2, 1, 1, 1)
    meaning = {"glasses": ("worn",)}
    assert_close(by_attributes(lone, meaning)(pictures), torch.tensor([-3.0, 3.0]).sigmoid().log())
    assert followed(lone.named(pictures), meaning, lone.attributes).tolist() == [[False], [True]]
