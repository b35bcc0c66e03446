"""The losses of translation by hand, the replay pool, and the task of each phase."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from gan_core.data.base import DataSpec
from gan_core.gans import recipes
from gan_core.objectives.base import StepContext
from gan_core.objectives.cycle import Cycle, CycleHParams, TwoStep, TwoStepHParams
from gan_core.objectives.pairs import Pairs, PairsHParams
from gan_core.objectives.translation import LOSSES, ReplayPool, discriminator_terms, generator_loss
from gan_core.training.trainer import Trainer
from tests.conftest import example
from tests.objectives.services import FixedServices


def context(networks: dict[str, nn.Module], hparams: PairsHParams | CycleHParams) -> StepContext:
    return StepContext(networks, hparams, torch.Generator().manual_seed(0), FixedServices())


class Times(nn.Module):
    """Multiplies by its only weight; records whether it should apply the framing."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))
        self.framed: list[tuple[float, bool]] = []  # the mean of its input, and whether to apply the framing

    def forward(self, images: Tensor, framed: bool = True) -> Tensor:
        self.framed.append((images.mean().item(), framed))
        return images * self.factor


class Mean(nn.Module):
    """The mean of the first, or of the last, channel as a map of one logit."""

    def __init__(self, channel: int = 0) -> None:
        super().__init__()
        self.channel = channel
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        return self.scale * images[:, [self.channel]].mean((2, 3), keepdim=True)


def test_losses_on_maps_of_logits() -> None:
    real, fake = torch.tensor([[[[2.0, 0.0]]]]), torch.tensor([[[[-1.0, 1.0]]]])
    # least squares: ((2-1)^2 + (0-1)^2)/2 = 1 and (1 + 1)/2 = 1, each halved; G: ((-2)^2 + 0)/2 = 2
    terms = discriminator_terms("least_squares", real, fake)
    assert_close(terms["real"], torch.tensor(0.5))
    assert_close(terms["fake"], torch.tensor(0.5))
    assert_close(generator_loss("least_squares", fake), torch.tensor(2.0))
    # -log sigmoid(2) = 0.126928, -log sigmoid(0) = 0.693147; log(1 + e^-1) = 0.313262, log(1 + e) = 1.313262
    terms = discriminator_terms("non_saturating", real, fake)
    assert_close(terms["real"], torch.tensor((0.126928 + 0.693147) / 4), atol=1e-6, rtol=0)
    assert_close(terms["fake"], torch.tensor((0.313262 + 1.313262) / 4), atol=1e-6, rtol=0)
    assert_close(generator_loss("non_saturating", fake), torch.tensor((1.313262 + 0.313262) / 2), atol=1e-6, rtol=0)
    # hinge: (0 + 1)/2 and (0 + 2)/2, each halved; G: -mean = 0
    terms = discriminator_terms("hinge", real, fake)
    assert_close(terms["real"], torch.tensor(0.25))
    assert_close(terms["fake"], torch.tensor(0.5))
    assert_close(generator_loss("hinge", fake), torch.tensor(0.0))


def test_pairs_by_hand() -> None:
    """G doubles x = 0.25 to 0.5, the truth is 0.75, D says the image's mean: 0.75 of the pair, 0.5 of the fake."""
    networks: dict[str, nn.Module] = {"generator": Times(2.0), "discriminator": Mean(1)}
    hparams = PairsHParams(loss="least_squares", l1_weight=100.0, adversarial_weight=2.0)
    objective = Pairs()
    batch = {"source": torch.full((2, 1, 4, 4), 0.25), "target": torch.full((2, 1, 4, 4), 0.75)}
    terms = {
        phase.name: phase.terms(networks, batch, context(networks, hparams)) for phase in objective.phases(hparams)
    }
    assert_close(terms["discriminator"]["real"], torch.tensor(0.5 * 0.25**2))
    assert_close(terms["discriminator"]["fake"], torch.tensor(0.5 * 0.5**2))
    assert_close(terms["generator"]["adversarial"], torch.tensor(2 * 0.5**2))
    assert_close(terms["generator"]["l1"], torch.tensor(100 * 0.25))


def test_without_an_adversarial_weight_no_discriminator_trains() -> None:
    hparams = PairsHParams(adversarial_weight=0.0)
    assert [phase.name for phase in Pairs().phases(hparams)] == ["generator"]
    recipe = recipes.get("pix2pix")
    trainer = Trainer(recipe, replace(recipe.tiny, adversarial_weight=0.0), example(recipe))
    assert trainer.train_step().terms.keys() == {"generator/l1", "generator/loss"}


def test_cycle_by_hand() -> None:
    """a = 0.5, b = -1; G_ab doubles, G_ba halves and turns: to b is 1, to a is 0.5 (of -1), back to a is -0.5."""
    networks: dict[str, nn.Module] = {
        "generator_ab": Times(2.0), "generator_ba": Times(-0.5), "discriminator_a": Mean(), "discriminator_b": Mean(),
    }  # fmt: skip
    hparams = CycleHParams(cycle_weight=10.0, identity_weight=0.5, pool_size=0)
    objective = Cycle(hparams)
    objective.setup(networks, DataSpec({"a": (1, 4, 4), "b": (1, 4, 4)}))
    batch = {"a": torch.full((2, 1, 4, 4), 0.5), "b": torch.full((2, 1, 4, 4), -1.0)}
    shared = context(networks, hparams)
    generators, discriminators = objective.phases(hparams)
    terms = generators.terms(networks, batch, shared)
    # a itself, the translated b, and then the unchanged b, whose framing is right
    assert networks["generator_ab"].framed == [(0.5, True), (0.5, True), (-1.0, False)]
    assert networks["generator_ba"].framed == [(-1.0, True), (1.0, True), (0.5, False)]
    assert_close(terms["adversarial_b"], torch.tensor(0.0))  # D_b(1) = 1
    assert_close(terms["adversarial_a"], torch.tensor(0.25))  # D_a(0.5) = 0.5
    assert_close(terms["cycle_a"], torch.tensor(10.0))  # |-0.5 * 1 - 0.5|
    assert_close(terms["cycle_b"], torch.tensor(20.0))  # |2 * 0.5 + 1|
    assert_close(terms["identity_a"], torch.tensor(5 * 0.75))  # |-0.5 * 0.5 - 0.5|
    assert_close(terms["identity_b"], torch.tensor(5.0))  # |2 * -1 + 1|
    terms = discriminators.terms(networks, batch, shared)
    assert_close(terms["real_a"], torch.tensor(0.125))  # (0.5 - 1)^2 / 2
    assert_close(terms["fake_a"], torch.tensor(0.125))  # 0.5^2 / 2
    assert_close(terms["real_b"], torch.tensor(2.0))  # (-1 - 1)^2 / 2
    assert_close(terms["fake_b"], torch.tensor(0.5))  # 1^2 / 2


def test_the_second_adversarial_term_by_hand() -> None:
    """As above: a is 0.5 and returns as -0.5, b is -1 and returns as 1."""
    names = ("discriminator_a", "discriminator_b", "second_discriminator_a", "second_discriminator_b")
    networks: dict[str, nn.Module] = {
        "generator_ab": Times(2.0), "generator_ba": Times(-0.5), **{name: Mean() for name in names},
    }  # fmt: skip
    hparams = TwoStepHParams(cycle_weight=10.0, pool_size=0, second_weight=2.0)
    objective = TwoStep(hparams)
    objective.setup(networks, DataSpec({"a": (1, 4, 4), "b": (1, 4, 4)}))
    batch = {"a": torch.full((2, 1, 4, 4), 0.5), "b": torch.full((2, 1, 4, 4), -1.0)}
    shared = context(networks, hparams)
    generators, discriminators = objective.phases(hparams)
    terms = generators.terms(networks, batch, shared)
    assert_close(terms["second_a"], torch.tensor(2 * 2.25))  # (-0.5 - 1)^2
    assert_close(terms["second_b"], torch.tensor(0.0))
    terms = discriminators.terms(networks, batch, shared)
    assert_close(terms["second_real_a"], torch.tensor(2 * 0.125))  # (0.5 - 1)^2 / 2
    assert_close(terms["second_fake_a"], torch.tensor(2 * 0.125))  # (-0.5)^2 / 2
    assert_close(terms["second_real_b"], torch.tensor(2 * 2.0))
    assert_close(terms["second_fake_b"], torch.tensor(2 * 0.5))


def test_second_discriminators_exist_and_learn_where_they_have_a_weight() -> None:
    recipe = recipes.get("cyclegan")
    for weight, count in ((0.0, 4), (1.0, 6)):
        trainer = Trainer(recipe, replace(recipe.tiny, second_weight=weight), example(recipe))
        assert len(trainer.networks) == count
        initial = {name: copy.deepcopy(network.state_dict()) for name, network in trainer.networks.items()}
        for only in ("discriminator", "generator", ""):
            terms = trainer.train_step(only=only or None).terms
        assert ("generator/second_a" in terms) == (weight > 0)
        for name, network in trainer.networks.items():
            assert not any(torch.equal(value, initial[name][key]) for key, value in network.named_parameters())


def test_the_discriminators_see_what_the_generators_made_in_the_same_step() -> None:
    recipe = recipes.get("cyclegan")
    trainer = Trainer(recipe, replace(recipe.tiny, pool_size=0), example(recipe))
    made: list[Tensor] = []
    trainer.networks["generator_ab"].register_forward_hook(lambda module, inputs, output: made.append(output.detach()))
    seen: list[Tensor] = []
    trainer.networks["discriminator_b"].register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    trainer.train_step()
    assert len(made) == 3  # translation, cycle, identity; none for the discriminators
    assert torch.equal(seen[-1], made[0])


def test_without_identity_the_generators_run_twice() -> None:
    recipe = recipes.get("cyclegan")
    trainer = Trainer(recipe, replace(recipe.tiny, identity_weight=0.0), example(recipe))
    assert not any("identity" in name for name in trainer.train_step().terms)


# --- the pool ----------------------------------------------------------------------------------------------------


def numbered(first: int, count: int) -> Tensor:
    return torch.arange(first, first + count, dtype=torch.float32).reshape(count, 1, 1, 1)


def test_the_pool_fills_and_then_exchanges_half() -> None:
    pool, shared = ReplayPool(8, (1, 1, 1)), context({}, CycleHParams())
    for first in (0, 4):
        assert torch.equal(pool.mix(numbered(first, 4), shared), numbered(first, 4))
        pool.settle()
    assert pool.images.flatten().tolist() == list(range(8))
    exchanged = 0
    for first in range(8, 2008, 4):
        held = set(pool.images.flatten().tolist())
        new = numbered(first, 4)
        shown = pool.mix(new, shared)
        assert set(pool.images.flatten().tolist()) == held  # not before the step is over
        pool.settle()
        for place in range(4):
            if shown[place] == new[place]:
                assert float(new[place]) not in pool.images
            else:
                exchanged += 1
                assert float(shown[place]) in held
                assert float(new[place]) in pool.images
                assert float(shown[place]) not in pool.images
    assert 0.45 < exchanged / 2000 < 0.55


def test_the_pool_takes_its_last_places_from_the_front() -> None:
    pool, shared = ReplayPool(6, (1, 1, 1)), context({}, CycleHParams())
    for first in (0, 4):
        pool.mix(numbered(first, 4), shared)
        pool.settle()
    assert pool.images.flatten().tolist() == [6, 7, 2, 3, 4, 5]
    assert int(pool.filled) == 6


def test_a_batch_larger_than_the_pool_and_no_pool() -> None:
    shared = context({}, CycleHParams())
    pool = ReplayPool(3, (1, 1, 1))
    for first in (0, 5, 10):
        assert pool.mix(numbered(first, 5), shared)[3:].flatten().tolist() == [first + 3, first + 4]
        pool.settle()
    none = ReplayPool(0, (1, 1, 1))
    assert torch.equal(none.mix(numbered(0, 2), shared), numbered(0, 2))
    none.settle()


def test_the_pool_knows_how_old_its_images_are() -> None:
    pool, shared = ReplayPool(4, (1, 1, 1)), context({}, CycleHParams())
    made: dict[float, int] = {}
    for shared.step in range(60):
        pool.mix(new := numbered(2 * shared.step, 2), shared)
        pool.settle()
        made |= dict.fromkeys(new.flatten().tolist(), shared.step)
        if not shared.step:
            assert pool.ages(3).tolist() == [3, 3, 0, 0]  # two places are still empty
    held = pool.images.flatten().tolist()
    assert pool.ages(60).tolist() == [60 - made[number] for number in held]
    assert len(set(pool.ages(60).tolist())) > 1


def test_ages_and_fill_become_curves_and_older_checkpoints_can_be_read() -> None:
    recipe = recipes.get("cyclegan")
    trainer = Trainer(recipe, recipe.tiny, example(recipe))
    metrics: dict[str, list[float]] = {}
    for _ in range(12):
        observed = {name: values[None] for name, values in trainer.train_step().observed.items()}
        for name, value in trainer.objective.summarise(trainer.hparams, observed).items():
            metrics.setdefault(name, []).append(float(value))
    assert metrics["pool_filled"] == [4] + 11 * [6]  # four images a step, six places
    assert metrics["pool_age"][0] == 0
    assert 0 < metrics["pool_age"][-1] <= metrics["pool_oldest"][-1] < 12
    both = trainer.objective.pools()["a"].ages(11), trainer.objective.pools()["b"].ages(11)
    assert_close(metrics["pool_age"][-1], float(torch.stack(both).float().mean()))
    old = {name: value for name, value in trainer.objective.state_dict().items() if not name.endswith("made")}
    other = Trainer(recipe, recipe.tiny, example(recipe))
    other.objective.load_state_dict(old)
    assert torch.equal(other.objective.pools()["a"].images, trainer.objective.pools()["a"].images)
    assert other.objective.pools()["a"].ages(11).tolist() == 6 * [11]


def test_without_places_there_is_no_curve_of_a_pool() -> None:
    recipe = recipes.get("cyclegan")
    trainer = Trainer(recipe, replace(recipe.tiny, pool_size=0), example(recipe))
    assert not any("pool" in name for name in trainer.train_step().observed)


def test_a_step_of_the_generators_alone_leaves_the_pool() -> None:
    recipe = recipes.get("cyclegan")
    trainer = Trainer(recipe, recipe.tiny, example(recipe))
    trainer.train_step()
    before = {name: value.clone() for name, value in trainer.objective.state_dict().items()}
    assert int(before["pool_a.filled"]) == 4
    trainer.train_step(only="generator")
    assert all(torch.equal(before[name], value) for name, value in trainer.objective.state_dict().items())
    trainer.train_step(only="discriminator")
    assert int(trainer.objective.state_dict()["pool_a.filled"]) == 6


# --- observations --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
def test_scores_and_accuracy(loss: str) -> None:
    hparams = PairsHParams(loss=loss)
    real = torch.tensor([[[2.0, 0.25]], [[2.0, 2.0]]])  # 2 steps
    fake = torch.tensor([[[-1.0, 1.0]], [[-1.0, -1.0]]])
    found = Pairs().summarise(
        hparams, {"real": real, "fake_before": fake, "held_out_l1": torch.tensor([[0.5], [0.25]])}
    )
    # 0.25 is above 0, but below the 0.5 of least squares
    assert found["accuracy"].tolist() == ([0.5, 1.0] if loss == "least_squares" else [0.75, 1.0])
    first = [1 / (1 + math.exp(-value)) for value in (2.0, 0.25)] if loss == "non_saturating" else [2.0, 0.25]
    assert float(found["score/real"][0]) == pytest.approx(sum(first) / 2)
    assert found["held_out_l1"].tolist() == [0.5, 0.25]


def test_marks_are_of_items_that_are_never_drawn() -> None:
    recipe = recipes.get("pix2pix")
    trainer = Trainer(recipe, recipe.tiny, example(recipe))
    generator = trainer.networks["generator"]
    result = trainer.train_step()
    held_out = trainer.batches.held_out()
    assert len(held_out["source"]) == 6
    generator.eval()
    with torch.no_grad():
        expected = (generator(held_out["source"]) - held_out["target"]).abs().mean()
    assert_close(result.observed["held_out_l1"][0], expected)
    generator.train()
    assert "held_out_l1" not in trainer.train_step().observed
    assert generator.training
