"""Which word acts where: by leaving it out, and by a model's attention."""

from __future__ import annotations

import pytest
import torch

from gan_core.errors import BadValue
from gan_core.gans import recipes
from gan_core.knobs import changed
from gan_core.latent.word_influence import influence
from gan_core.models.sampler import Sampler
from tests.conftest import example

STACKGAN = recipes.get("stackgan")
TEXT = "a man with hair"


def sampler(attention: bool) -> Sampler:
    hparams, spec = changed(STACKGAN.tiny, {"attention": attention}), example(STACKGAN).spec
    networks = STACKGAN.build(hparams, spec)
    return Sampler(STACKGAN, hparams, spec, {"generator": networks["generator"].eval()})


@pytest.mark.parametrize("attention", [False, True])
def test_a_map_is_the_change_without_the_word(attention: bool) -> None:
    model = sampler(attention)
    latents, tokens = model.latents(1, 4, TEXT)
    assert tokens is not None
    found = influence(model, latents[0], tokens[0], 0.8)
    assert found.left_out.shape == (4, *found.picture.shape[1:])
    without = tokens.clone()
    without[0, 2] = 0
    change = (model.draw(latents, without, 0.8) - model.draw(latents, tokens, 0.8))[0].abs().mean(0) / 2
    torch.testing.assert_close(found.left_out[2], change, atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(found.picture, model.draw(latents, tokens, 0.8)[0], atol=1e-6, rtol=1e-4)
    assert float(found.left_out.max()) > 0
    assert (found.attended is not None) == attention
    if found.attended is not None:
        maps = model.word_maps(latents, tokens, 0.8)
        assert maps is not None
        torch.testing.assert_close(found.attended, maps[0, :4])


def test_invalid_requests_are_refused() -> None:
    model = sampler(False)
    with pytest.raises(BadValue, match="Write a sentence"):
        influence(model, torch.zeros(4), torch.zeros(5, dtype=torch.int64))
    recipe = recipes.get("mlp_gan")
    plain = Sampler(recipe, recipe.tiny, example(recipe).spec, recipe.build(recipe.tiny, example(recipe).spec))
    with pytest.raises(BadValue, match="doesn't draw from words"):
        influence(plain, torch.zeros(4), torch.ones(5, dtype=torch.int64))
