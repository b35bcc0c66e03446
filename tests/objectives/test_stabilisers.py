"""Every stabiliser by hand, and that each trains with any loss, or is refused with a reason."""

from __future__ import annotations

import copy
import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gan_core.checkpoint import same_state
from gan_core.data.base import DataSet
from gan_core.errors import BadValue
from gan_core.gans import recipes
from gan_core.gans.stabilised import apply_spectral_norm, stabilised
from gan_core.hparams import UNLABELLED, AdversarialHParams
from gan_core.knobs import changed, knobs
from gan_core.layers.minibatch import MinibatchDiscrimination, MinibatchStandardDeviation
from gan_core.layers.residual import AttentionLayer
from gan_core.layers.virtual_batch_norm import VirtualBatchNorm, WithReference
from gan_core.objectives import stabilisers
from gan_core.objectives.information import codes_of
from gan_core.objectives.losses import losses
from gan_core.training.optimizers import rate_factor
from gan_core.training.trainer import Trainer
from tests.conftest import example

POINTS = recipes.get("points")


def trainer(**changes: Any) -> Trainer:
    """Tiny networks on random points."""
    return Trainer(POINTS, changed(POINTS.tiny, changes), example(POINTS))


def weights(running: Trainer, network: str) -> list[nn.Parameter]:
    return list(running.networks[network].parameters())


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# --- by hand ---------------------------------------------------------------------------------------------------------


def test_label_flipping_exchanges_pairs() -> None:
    real, fake = torch.arange(1.0, 10_001.0), -torch.arange(1.0, 10_001.0)
    for share in (0.0, 0.25, 0.5):
        shown_real, shown_fake = stabilisers.flip_labels(real, fake, share, seeded())
        assert torch.equal(shown_real, -shown_fake)
        assert torch.equal(shown_real.abs(), real)
        assert float((shown_real < 0).float().mean()) == pytest.approx(share, abs=0.015)
    of_two = torch.stack(
        [real, 2 * real], 1
    )  # a verdict of each of two discriminators: a pair's are exchanged together
    shown_real, shown_fake = stabilisers.flip_labels(of_two, -of_two, 0.5, seeded())
    assert torch.equal(shown_real, -shown_fake)
    assert torch.equal(shown_real[:, 1], 2 * shown_real[:, 0])
    assert float((shown_real[:, 0] < 0).float().mean()) == pytest.approx(0.5, abs=0.015)


def test_instance_noise_has_its_level_and_leaves_the_rest() -> None:
    points = torch.full((20_000, 2), 3.0)
    noisy = stabilisers.instance_noise(points, 0.5, seeded())
    assert float(noisy.mean()) == pytest.approx(3.0, abs=0.02)
    assert float(noisy.std()) == pytest.approx(0.5, rel=0.02)
    assert stabilisers.instance_noise(points, 0.0, seeded()) is points
    assert torch.equal(noisy, stabilisers.instance_noise(points, 0.5, seeded()))


def test_instance_noise_falls_linearly() -> None:
    fading = AdversarialHParams(instance_noise=0.8, instance_noise_steps=100)
    assert [stabilisers.noise_level(fading, step) for step in (0, 25, 100, 900)] == pytest.approx([0.8, 0.6, 0, 0])
    assert stabilisers.noise_level(AdversarialHParams(instance_noise=0.8), 900) == 0.8


def test_feature_matching_compares_means() -> None:
    # means (2, 3) and (0, 1): 2^2 + 2^2
    real = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    fake = torch.tensor([[0.0, 0.0], [0.0, 2.0]])
    assert_close(stabilisers.feature_matching(real, fake), torch.tensor(8.0))


def test_feature_matching_reads_what_goes_into_the_head() -> None:
    network = trainer(minibatch="discrimination").networks["discriminator"]
    points = torch.randn(8, 2, generator=seeded())
    with stabilisers.captured_features(network) as found:
        network(points)
        assert torch.equal(found(), network.layers(points))
    with pytest.raises(BadValue, match="no last layer"), stabilisers.captured_features(nn.Linear(2, 1)):
        pass


@pytest.mark.parametrize("name", ["mocogan", "projected_gan"])
def test_feature_matching_reads_the_heads_of_all_discriminators(name: str) -> None:
    recipe = recipes.get(name)
    running = Trainer(recipe, changed(recipe.tiny, {"feature_matching": True}), example(recipe))
    discriminator = running.networks["discriminator"]
    heads = [layer for name, layer in discriminator.named_modules() if name.endswith("head")]
    assert len(heads) > 1
    samples = torch.randn(2, *running.spec.shape, generator=seeded())
    given: list[torch.Tensor] = []
    for head in heads:
        head.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0].flatten(1)))
    with stabilisers.captured_features(discriminator) as found:
        discriminator(samples)
        assert torch.equal(found(), torch.cat(given, 1))
    assert running.train_step().terms["generator/feature_matching"] > 0


def test_top_k_keeps_the_best_judged() -> None:
    logits = torch.tensor([0.0, 5.0, -1.0, 2.0])
    assert_close(stabilisers.top_k(logits, 0.5), torch.tensor([5.0, 2.0]))
    assert_close(stabilisers.top_k(logits, 0.01), torch.tensor([5.0]))
    assert stabilisers.top_k(logits, 1.0) is logits
    of_two = torch.stack([logits, -logits], 1)  # each discriminator keeps the samples that it judges best
    assert_close(stabilisers.top_k(of_two, 0.5), torch.tensor([[5.0, 1.0], [2.0, 0.0]]))
    hparams = AdversarialHParams(top_k=0.5, top_k_steps=100)
    assert [stabilisers.top_k_share(hparams, step) for step in (0, 50, 100, 500)] == pytest.approx([1, 0.75, 0.5, 0.5])


def test_historical_averaging_is_the_mean_of_all_past_weights() -> None:
    layer = nn.Linear(1, 1)
    networks = {"generator": layer}
    history = stabilisers.HistoricalAverage()

    def put(weight: float, bias: float) -> None:
        layer.weight.data.fill_(weight)
        layer.bias.data.fill_(bias)

    put(0.0, 0.0)
    history.setup(networks)
    for weight, bias in ((2.0, 6.0), (4.0, 0.0)):
        put(weight, bias)
        history.update(networks)
    put(5.0, 3.0)
    # the means are 2 and 2: (5 - 2)^2 + (3 - 2)^2, with slopes 2 * 3 and 2 * 1
    term = history.term("generator", networks)
    assert_close(term, torch.tensor(10.0))
    slopes = torch.autograd.grad(term, (layer.weight, layer.bias))
    assert_close(slopes, (torch.tensor([[6.0]]), torch.tensor([2.0])))


def test_minibatch_discrimination_by_hand() -> None:
    layer = MinibatchDiscrimination(2, kernels=2, dimensions=2)
    # kernel 1 reads the first feature, kernel 2 the second, each twice
    layer.transform.data = torch.tensor([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]])
    features = torch.tensor([[0.0, 0.0], [0.0, 1.0], [2.0, 0.0]])
    near, far = math.exp(-2), math.exp(-4)  # distances of 1 and of 2, counted in two dimensions
    first = torch.tensor([2 + far, 2 + far, 1 + 2 * far]) / 3
    second = torch.tensor([2 + near, 1 + 2 * near, 2 + near]) / 3
    assert_close(layer(features), torch.cat([features, first[:, None], second[:, None]], 1))


def test_minibatch_discrimination_compares_within_groups_and_can_be_differentiated_twice() -> None:
    layer = MinibatchDiscrimination(3, kernels=2, dimensions=2, group=4).double()
    features = torch.randn(8, 3, generator=seeded(), dtype=torch.float64, requires_grad=True)
    assert_close(layer(features)[:4], layer(features[:4]))
    assert not torch.allclose(layer(features[:6])[:4], layer(features[:4]))
    torch.autograd.gradcheck(layer, features)
    torch.autograd.gradgradcheck(layer, features)


def test_minibatch_standard_deviation_by_hand() -> None:
    layer = MinibatchStandardDeviation(group=2)
    # groups {0, 2} and {1, 3}: deviations (1, 0) and (2, 3), averaged over the features
    features = torch.tensor([[0.0, 5.0], [1.0, 1.0], [2.0, 5.0], [5.0, 7.0]])
    expected = torch.tensor([0.5, 2.5, 0.5, 2.5])
    assert_close(layer(features)[:, 2], expected, rtol=0, atol=1e-3)
    images = features[:, :, None, None].expand(4, 2, 3, 3)
    assert layer(images).shape == (4, 3, 3, 3)
    assert_close(layer(images)[:, 2], expected[:, None, None].expand(4, 3, 3), rtol=0, atol=1e-3)
    assert torch.equal(layer(images)[:, :2], images)


def test_virtual_batch_norm_by_hand() -> None:
    # the references 0 and 2 have the mean 1 and the mean square 2; with a sample of 4: means 2 and 20 / 3
    layer = VirtualBatchNorm(1, references=2, eps=0.0)
    result = layer(torch.tensor([[0.0], [2.0], [4.0]])).detach()
    assert_close(result, torch.tensor([[-1.0], [1.0], [(4 - 2) / math.sqrt(20 / 3 - 4)]]))


@pytest.mark.parametrize("dimensions", [0, 2])
def test_a_virtually_normalised_sample_does_not_depend_on_its_batch(dimensions: int) -> None:
    body: list[nn.Module] = (
        [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1), nn.BatchNorm2d(2, affine=False)]
        if dimensions
        else [nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2), nn.BatchNorm1d(2, affine=False)]
    )
    shape = (3, *[5] * dimensions)
    reference, inputs = torch.randn(16, *shape, generator=seeded()), torch.randn(6, *shape, generator=seeded(1))
    network = WithReference(nn.Sequential(*body), reference)
    assert not any(isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)) for layer in network.modules())
    assert_close(network(inputs)[:2], network(inputs[:2]))
    network(inputs).sum().backward()
    assert all(weight.grad is not None for weight in network.parameters())


@pytest.mark.parametrize("name", ["cogan", "molgan", "musegan", "mocogan", "specgan", "wavegan"])
def test_generators_that_cannot_be_given_a_reference_batch_are_refused(name: str) -> None:
    with pytest.raises(BadValue, match="for generators of single images or points from latents and classes"):
        recipes.get(name).settings({"virtual_batch_norm": True})


@pytest.mark.parametrize("name", ["wavegan", "mocogan"])
@pytest.mark.parametrize("augment", ["diffaugment", "adaptive"])
def test_what_is_no_image_is_not_augmented(name: str, augment: str) -> None:
    with pytest.raises(BadValue, match=r"can't be augmented like images\. Set the augmentation to none"):
        recipes.get(name).settings({"augment": augment, "loss": "non_saturating"})


@pytest.mark.parametrize("minibatch", ["discrimination", "standard_deviation"])
@pytest.mark.parametrize("name", ["wavegan", "specgan", "stackgan"])
def test_a_minibatch_layer_compares_samples_or_is_refused(name: str, minibatch: str) -> None:
    recipe = recipes.get(name)
    if name == "stackgan":
        with pytest.raises(BadValue, match=r"takes no minibatch layer\. Valid: none"):
            recipe.settings({"minibatch": minibatch})
        return
    running = Trainer(recipe, changed(recipe.tiny, {"minibatch": minibatch}), example(recipe))
    assert all(term.isfinite() for term in running.train_step().terms.values())
    discriminator = running.networks["discriminator"].eval()
    batch = running.next_batch(4)
    samples = batch["real"].requires_grad_()
    (slope,) = torch.autograd.grad(discriminator(samples, batch["label"])[0], samples)
    assert slope[1:].any()  # the first logit depends on the other samples


def test_what_a_generator_tells_of_itself_is_of_its_samples_with_a_reference_too() -> None:
    sagan, infogan, acgan = (recipes.get(name) for name in ("sagan", "infogan", "acgan"))
    generators = {
        recipe.name: recipe.build(changed(recipe.tiny, {"virtual_batch_norm": True}), example(recipe).spec)["generator"]
        for recipe in (sagan, infogan, acgan)
    }
    latents = torch.randn(2, 4, generator=seeded())
    (maps,) = generators["sagan"].attention_maps(latents).values()
    assert len(maps) == 2
    layer = next(layer for layer in generators["sagan"].modules() if isinstance(layer, AttentionLayer))
    with stabilisers.input_of(layer) as given:
        generators["sagan"].eval()(latents)
    assert_close(maps, layer.shares(given[0])[-2:])
    latents = torch.randn(2, 5, generator=seeded())
    assert torch.equal(generators["infogan"].codes(latents).values, codes_of(latents, infogan.tiny).values)
    latents, classes = torch.randn(2, 4, generator=seeded()), torch.tensor([0, 2])
    blends = nn.functional.one_hot(classes, example(acgan).spec.classes).float()
    assert_close(generators["acgan"](latents, blends), generators["acgan"](latents, classes))


def test_virtual_batch_norm_needs_a_batch_norm() -> None:
    with pytest.raises(BadValue, match="replaces batch normalisation"):
        changed(POINTS.tiny, {"batch_norm": False, "virtual_batch_norm": True})
    dcgan = recipes.get("dcgan")
    with pytest.raises(BadValue, match="this generator has none"):
        dcgan.build(changed(dcgan.tiny, {"batch_norm": False, "virtual_batch_norm": True}), example(dcgan).spec)


def largest_singular_values(network: nn.Module) -> list[float]:
    found = []
    for layer in network.modules():
        if isinstance(layer, (nn.Linear, nn.Conv1d, nn.ConvTranspose1d, nn.Conv2d, nn.ConvTranspose2d)):
            transposed = isinstance(layer, (nn.ConvTranspose1d, nn.ConvTranspose2d))
            weight = layer.weight.transpose(0, 1) if transposed else layer.weight
            found.append(
                float(torch.linalg.matrix_norm(weight.detach().flatten(1), 2))
            )  # (O, I, H, W) -> (O, I * H * W)
    return found


@pytest.mark.parametrize("name", ["dcgan", "points", "wavegan"])
@pytest.mark.parametrize("where", ["discriminator", "both"])
def test_spectral_norm_makes_the_largest_singular_value_1(name: str, where: str) -> None:
    recipe = recipes.get(name)
    running = Trainer(recipe, changed(recipe.tiny, {"spectral_norm": where}), example(recipe))
    for _ in range(30):
        running.train_step()
    for network in ("generator", "discriminator"):
        values = largest_singular_values(running.networks[network].eval())
        normalised = network == "discriminator" or where == "both"
        assert (values == pytest.approx([1.0] * len(values), abs=0.1)) == normalised
    apply_spectral_norm(running.networks["discriminator"])  # a second time changes nothing
    assert all(len(layer.parametrizations["weight"]) == 1 for layer in running.networks["discriminator"].modules()
               if hasattr(layer, "parametrizations"))  # fmt: skip


def test_spectral_norm_keeps_the_start_of_the_weights() -> None:
    """It is applied last: nn.init has no effect on parametrised layers (findings/torch_init_after_spectral_norm.sh)."""
    recipe = recipes.get("dcgan")
    plain, normalised = (
        Trainer(recipe, changed(recipe.tiny, {"spectral_norm": where}), example(recipe)) for where in ("none", "both")
    )
    for network in ("generator", "discriminator"):
        stored = normalised.networks[network].state_dict()
        compared = 0
        for name, start in plain.networks[network].named_parameters():
            original = name.removesuffix("weight") + "parametrizations.weight.original"
            compared += original in stored
            assert torch.equal(start, stored.get(original, stored.get(name)))
        assert compared > 1


# --- training --------------------------------------------------------------------------------------------------------


def test_gradient_clipping_scales_to_the_norm() -> None:
    # plain gradient descent with rate 1: the step is the clipped gradient
    for clip in (0.01, 1000.0):
        running = trainer(optimizer="sgd", beta1=0.0, discriminator_rate=0.1, gradient_clip=clip, batch_norm=False)
        before = copy.deepcopy(list(running.networks["discriminator"].parameters()))
        result = running.train_step(only="discriminator")
        moved = [(old - new).detach() / 0.1 for old, new in zip(before, weights(running, "discriminator"), strict=True)]
        unclipped = float(torch.stack(result.gradients["discriminator"]).norm())
        length = float(torch.stack([part.norm() for part in moved]).norm())
        assert unclipped > 0.01
        assert length == pytest.approx(min(clip, unclipped), rel=1e-3)


def test_warm_up_rises_from_0() -> None:
    hparams = AdversarialHParams(warmup_steps=10)
    assert [rate_factor(hparams, step) for step in (0, 4, 9, 10, 500)] == pytest.approx([0.1, 0.5, 1, 1, 1])


def test_two_time_scales_multiply_the_discriminators_rate_alone() -> None:
    values = trainer(generator_rate=1e-3, discriminator_rate=2e-3, rate_ratio=4.0).train_step().values
    assert values["rate/generator"] == pytest.approx(1e-3)
    assert values["rate/discriminator"] == pytest.approx(8e-3)


def test_updates_in_a_step_are_counted() -> None:
    running = trainer(discriminator_steps=3, generator_steps=2)
    running.train_step()
    counts = {
        group: {int(state["step"]) for state in optimizer.state.values()}
        for group, optimizer in running.optimizers.items()
    }
    assert counts == {"generator": {2}, "discriminator": {3}}


def test_unrolling_leaves_the_discriminator_alone_and_changes_the_generators_slope() -> None:
    plain, ahead = trainer(unroll_steps=0), trainer(unroll_steps=3)
    for running in (plain, ahead):
        running.train_step()
    assert same_state(plain.networks["discriminator"].state_dict(), ahead.networks["discriminator"].state_dict())
    assert not same_state(plain.networks["generator"].state_dict(), ahead.networks["generator"].state_dict())


STABILISERS: dict[str, dict[str, Any]] = {
    "label smoothing": {"label_smoothing": 0.1},
    "label flipping": {"label_flipping": 0.1},
    "relativistic standard": {"relativistic": "standard"},
    "relativistic average": {"relativistic": "average"},
    "weight clipping": {"weight_clip": 0.1},
    "spectral norm": {"spectral_norm": "both"},
    "orthogonality": {"orthogonal_weight": 0.01},
    "instance noise": {"instance_noise": 0.5, "instance_noise_steps": 10},
    "feature matching": {"feature_matching": True},
    "historical averaging": {"historical_averaging": 0.01},
    "minibatch discrimination": {"minibatch": "discrimination"},
    "minibatch deviation": {"minibatch": "standard_deviation"},
    "virtual batch-norm": {"virtual_batch_norm": True},
    "unrolling": {"unroll_steps": 2},
    "top-k": {"top_k": 0.5, "top_k_steps": 10},
    "diffaugment": {"augment": "diffaugment"},
    "adaptive augmentation": {"augment": "adaptive"},
    "two time-scales": {"rate_ratio": 4.0},
    "n-critic": {"discriminator_steps": 2},
    "generator steps": {"generator_steps": 2},
    "gradient clipping": {"gradient_clip": 1.0},
    "warm-up": {"warmup_steps": 10},
    "gradient penalty": {"penalty": "gradient_penalty"},
    "lazy r1": {"penalty": "r1", "penalty_every": 4},
}
UNRELATED = tuple(name for name, loss in losses.items() if not loss.relative)
REFUSED = {
    "label smoothing": dict.fromkeys(UNLABELLED, "has no labels"),
    "label flipping": dict.fromkeys(UNLABELLED, "has no labels"),
    "relativistic standard": dict.fromkeys(UNRELATED, "no relativistic form"),
    "relativistic average": dict.fromkeys(UNRELATED, "no relativistic form"),
    "diffaugment": dict.fromkeys(losses, "not to points"),
    "adaptive augmentation": dict.fromkeys(losses, "not to points|does not say"),
}
REFUSED_PAIRS = {
    frozenset(("unrolling", "gradient penalty")): "third derivatives",
    frozenset(("unrolling", "lazy r1")): "third derivatives",
    frozenset(("unrolling", "weight clipping")): "no gradient flows",
    frozenset(("feature matching", "top-k")): "Choose one of the two",
}


def trains(**changes: Any) -> None:
    """12 steps move both networks, with finite terms: beyond the 10 in which some stabilisers fade in or out."""
    running = trainer(generator_rate=1e-3, discriminator_rate=1e-3, **changes)
    before = {name: copy.deepcopy(network.state_dict()) for name, network in running.networks.items()}
    for _ in range(12):
        result = running.train_step()
        assert all(term.isfinite() for term in result.terms.values()), result.terms
    for name, network in running.networks.items():
        assert not same_state(before[name], network.state_dict())
        assert all(weight.isfinite().all() for weight in network.parameters())


def trains_or_is_refused(reason: str | None, **changes: Any) -> None:
    if reason is None:
        trains(**changes)
        return
    with pytest.raises(BadValue, match=reason):
        trainer(**changes)


@pytest.mark.parametrize("penalty", knobs(POINTS.hparams)["penalty"].choices)
@pytest.mark.parametrize("loss", losses)
def test_every_loss_with_every_penalty(loss: str, penalty: str) -> None:
    trains(loss=loss, penalty=penalty)


@pytest.mark.parametrize("loss", losses)
@pytest.mark.parametrize("name", STABILISERS)
def test_every_stabiliser_with_every_loss(name: str, loss: str) -> None:
    trains_or_is_refused(REFUSED.get(name, {}).get(loss), loss=loss, **STABILISERS[name])


PAIRS = [
    pair
    for pair in itertools.combinations([name for name in STABILISERS if "augment" not in name], 2)
    if not set.intersection(*(set(STABILISERS[name]) for name in pair))
]


@pytest.mark.parametrize("pair", [*PAIRS[::3], *map(tuple, map(sorted, REFUSED_PAIRS))], ids=" and ".join)
def test_pairs_of_stabilisers(pair: tuple[str, str]) -> None:
    one, other = pair
    trains_or_is_refused(REFUSED_PAIRS.get(frozenset(pair)), **STABILISERS[one], **STABILISERS[other])


def test_adaptive_augmentation_needs_labels() -> None:
    with pytest.raises(BadValue, match="does not say"):
        recipes.get("dcgan").settings({"augment": "adaptive", "loss": "wasserstein"})


@pytest.mark.parametrize("name", [name for name in STABILISERS if "augment" not in name])
def test_each_phase_moves_its_own_network(name: str) -> None:
    running = trainer(**STABILISERS[name])
    for role, other in (("generator", "discriminator"), ("discriminator", "generator")):
        before = {network: copy.deepcopy(weights(running, network)) for network in (role, other)}
        running.train_step(only=role)
        still, moved = (all(map(torch.equal, before[network], weights(running, network))) for network in (other, role))
        assert still
        assert not moved


@pytest.mark.parametrize("name", [name for name in STABILISERS if "augment" not in name])
def test_a_resumed_run_continues_bit_for_bit(name: str) -> None:
    straight, first, second = (trainer(**STABILISERS[name]) for _ in range(3))
    for _ in range(7):
        straight.train_step()
    for _ in range(4):
        first.train_step()
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for _ in range(3):
        torch.randn(3)  # the global generator has no influence
        second.train_step()
    assert same_state(straight.state_dict(), second.state_dict())


def test_stabilised_networks_of_points_keep_their_shapes() -> None:
    data = DataSet("random", {"real": np.zeros((8, 2), np.float32)})
    hparams = changed(POINTS.tiny, {"virtual_batch_norm": True, "spectral_norm": "both"})
    networks = stabilised(POINTS.networks(hparams, data.spec), hparams, data.spec, False)
    assert networks["generator"](torch.randn(5, 2)).shape == (5, 2)
    assert networks["discriminator"](torch.randn(5, 2)).shape == (5,)
