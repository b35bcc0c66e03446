"""Lightweight GAN: excitation against numpy, redrawing by hand, noise, sizes, which network the decoder trains with."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from gan_core.data.base import DataSet, DataSpec
from gan_core.gans import recipes
from gan_core.gans.lightweight_gan import (
    SIZES,
    LightweightGenerator,
    LightweightHParams,
    NoiseInjection,
    SkipExcitation,
)
from gan_core.knobs import changed
from gan_core.objectives.adversarial import Fakes
from gan_core.objectives.base import StepContext
from gan_core.objectives.reconstruction import DetailedOutput, Reconstruction, quarter, reconstruction_error
from gan_core.training.trainer import Trainer
from tests.conftest import example
from tests.objectives.services import FixedServices

RECIPE = recipes.get("lightweight_gan")


def test_excitation_is_numpys() -> None:
    layer = SkipExcitation(3, 2).double()
    low, high = torch.randn(2, 3, 8, 8, dtype=torch.float64), torch.randn(2, 2, 16, 16, dtype=torch.float64)
    first, last = ([part.detach().numpy() for part in layer.gate[place].parameters()] for place in (1, 3))
    averaged = low.numpy().reshape(2, 3, 4, 2, 4, 2).mean((3, 5))  # (B, C, 4, 2, 4, 2) -> (B, C, 4, 4)
    hidden = np.einsum("bchw,ochw->bo", averaged, first[0]) + first[1]
    hidden = np.where(hidden > 0, hidden, 0.1 * hidden)
    gate = 1 / (1 + np.exp(-(hidden @ last[0][:, :, 0, 0].T + last[1])))
    np.testing.assert_allclose(
        layer(low, high).detach().numpy(), high.numpy() * gate[:, :, None, None], rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("size", SIZES)
def test_excitation_spans_eight_times_the_resolution(size: int) -> None:
    hparams = changed(RECIPE.tiny, {"excitation": True})
    generator = LightweightGenerator(3, size, hparams)
    assert list(generator.excitations) == [str(side) for side in (32, 64, 128) if side <= size]
    assert not LightweightGenerator(3, size, changed(hparams, {"excitation": False})).excitations
    seen: list[tuple[int, int]] = []
    for layer in generator.excitations.values():
        layer.register_forward_pre_hook(lambda layer, maps: seen.append((maps[0].shape[-1], maps[1].shape[-1])))
    generator(torch.randn(2, 4))
    assert seen == [(side // 8, side) for side in (32, 64, 128) if side <= size]


def test_redrawing_by_hand() -> None:
    picture = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert quarter(picture, 0).flatten().tolist() == [0, 1, 4, 5]
    assert quarter(picture, 1).flatten().tolist() == [2, 3, 6, 7]
    assert quarter(picture, 2).flatten().tolist() == [8, 9, 12, 13]
    assert quarter(picture, 3).flatten().tolist() == [10, 11, 14, 15]
    # means of 2 x 2 pixels: 2.5, 4.5, 10.5, 12.5
    assert float(reconstruction_error(torch.tensor([[[[2.5, 4.0], [10.5, 14.0]]]]), picture)) == pytest.approx(
        (0.5 + 1.5) / 4
    )


def test_the_same_quarter_is_drawn_and_compared() -> None:
    hparams = LightweightHParams(reconstruction_weight=3.0)
    random = torch.Generator().manual_seed(0)
    context = StepContext({}, hparams, random, FixedServices())
    shown, before, last = torch.randn(2, 1, 8, 8), torch.randn(2, 1, 4, 4), torch.randn(2, 1, 2, 2)
    # a decoder that draws what it is given
    networks = {"decoder": torch.nn.Module()}
    networks["decoder"].forward = lambda whole, part: (whole, part)  # type: ignore[method-assign]
    real = DetailedOutput(torch.zeros(2), last, shown, before)
    fakes = Fakes(shown, torch.zeros(2, 1), None)
    places = [int(torch.randint(4, (1,), generator=torch.Generator().manual_seed(0)))]
    terms = Reconstruction(hparams).discriminator_extras(networks, real, real, {}, fakes, context)
    pooled = torch.nn.functional.avg_pool2d
    assert_close(terms["redrawn_whole"], 3 * (last - pooled(shown, 4)).abs().mean())
    part = quarter(before, places[0]) - pooled(quarter(shown, places[0]), 2)
    assert_close(terms["redrawn_part"], 3 * part.abs().mean())


def test_a_part_of_the_output_has_its_features_and_images() -> None:
    seen = DetailedOutput(torch.arange(4.0), torch.arange(4.0), torch.arange(4.0), torch.arange(4.0))[1:3]
    for part in (seen.logits, seen.features, seen.images, seen.earlier):
        assert part is not None
        assert part.tolist() == [1, 2]


@pytest.mark.parametrize("size", SIZES)
def test_every_size_can_be_made_and_redrawn(size: int) -> None:
    networks = RECIPE.build(RECIPE.tiny, DataSpec({"real": (3, size, size)}))
    drawn = networks["generator"](torch.randn(2, 4))
    assert drawn.shape == (2, 3, size, size)
    before = networks["discriminator"].first(drawn)
    last = networks["discriminator"].deepest(before)
    assert (before.shape[-1], last.shape[-1]) == (16, 8)
    side = min(32, size // 2)
    assert [part.shape for part in networks["decoder"](last, quarter(before, 0))] == [(2, 3, side, side)] * 2


@pytest.mark.parametrize("penalty", ["none", "r1"])
def test_what_is_redrawn_is_what_was_shown(penalty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real images after augmentation: judged separately from fakes (no penalty), and together."""
    trainer, untouched = (
        Trainer(RECIPE, changed(RECIPE.tiny, {"penalty": penalty}), example(RECIPE)) for _ in range(2)
    )
    asked: list[DetailedOutput] = []
    original = trainer.objective.discriminator_extras

    def keep(networks: object, real: DetailedOutput, *others: object) -> object:
        asked.append(real)
        return original(networks, real, *others)

    monkeypatch.setattr(trainer.objective, "discriminator_extras", keep)
    trainer.train_step()
    (real,) = asked
    assert real.images is not None
    assert real.earlier is not None
    assert real.images.shape == (4, 1, 32, 32)
    with torch.no_grad():
        # before its update the discriminator gave exactly these maps for these images
        assert_close(untouched.networks["discriminator"].first(real.images), real.earlier.detach())
    plain = untouched.batches.next(4)["real"]
    assert not torch.equal(real.images, plain)


def test_the_decoder_learns_with_the_discriminator() -> None:
    assert RECIPE.optimizers["discriminator"](RECIPE.tiny).networks == ("discriminator", "decoder")
    result = Trainer(RECIPE, RECIPE.tiny, example(RECIPE)).train_step()
    assert {"discriminator/redrawn_whole", "discriminator/redrawn_part"} <= result.terms.keys()


def test_features_come_to_hold_the_image() -> None:
    random = np.random.default_rng(0)
    plain = np.broadcast_to(random.integers(0, 256, (24, 1, 1, 1), dtype=np.uint8), (24, 1, 32, 32)).copy()
    hparams = changed(RECIPE.tiny, {"discriminator_rate": 3e-3, "augment": "none", "batch_size": 8})
    trainer = Trainer(RECIPE, hparams, DataSet("plain", {"real": plain}))
    found = [float(trainer.train_step().terms["discriminator/redrawn_whole"]) for _ in range(80)]
    assert np.mean(found[-10:]) < np.mean(found[:5]) / 2


def test_noise_is_for_training_alone() -> None:
    layer, features = NoiseInjection(), torch.zeros(3, 2, 4, 4)
    layer.generator = torch.Generator().manual_seed(0)
    assert torch.equal(layer(features), features)  # its weight starts at 0
    torch.nn.init.constant_(layer.weight, 0.5)
    layer.generator.manual_seed(0)
    noisy = layer(features)
    expected = 0.5 * torch.randn(3, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    assert_close(noisy, expected.expand(3, 2, 4, 4))
    assert torch.equal(layer.eval()(features), features)


@pytest.mark.parametrize(
    "changes",
    [{"minibatch": "discrimination"}, {"spectral_norm": "both"}, {"unroll_steps": 1}, {"augment": "adaptive"}],
)
def test_stabilisers_go_with_it(changes: dict[str, object]) -> None:
    trainer = Trainer(RECIPE, changed(RECIPE.tiny, changes), example(RECIPE))
    for _ in range(2):
        result = trainer.train_step()
    assert all(term.isfinite() for term in result.terms.values())


def test_default_networks_are_small() -> None:
    networks = RECIPE.networks(RECIPE.hparams, DataSpec({"real": (3, 64, 64)}))
    assert all(sum(weight.numel() for weight in network.parameters()) < 1_000_000 for network in networks.values())
