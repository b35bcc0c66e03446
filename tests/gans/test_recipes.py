"""Every registered recipe at its tiny size: shapes, gradients, phases, exact resume; and any loss with any of them."""

from __future__ import annotations

import copy
import itertools
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from gan_core.checkpoint import load_state, read_checkpoint, same_state, write_checkpoint
from gan_core.data.base import DataSet
from gan_core.errors import BadData, BadValue
from gan_core.gans import Recipe, recipes
from gan_core.gans.dcgan import SIZES, DcganDiscriminator, DcganGenerator, DcganHParams
from gan_core.gans.mlp_gan import MlpHParams
from gan_core.hparams import AdversarialHParams
from gan_core.knobs import changed, knobs
from gan_core.layers.blocks import Dropout
from gan_core.objectives.losses import losses
from gan_core.training.trainer import StepResult, Trainer
from tests.conftest import example, images

RECIPES = [pytest.param(recipe, id=recipe.name) for recipe in recipes]
GANS = [pytest.param(recipe, id=recipe.name) for recipe in recipes if recipe.draws]
# the first of recipes with the same networks and objective: they differ only in the losses, which the test replaces
DIFFERENT = {(recipe.networks, recipe.objective): recipe for recipe in reversed(list(recipes))}.values()
PLAYED = [recipe for recipe in DIFFERENT if isinstance(recipe.hparams, AdversarialHParams)]
PENALTIES = ("none", "gradient_penalty", "r1")
# every recipe with every loss, and with every penalty; every loss with every penalty; one recipe with all pairs of them
TRIED = [
    pytest.param(recipe, loss, penalty, id=f"{recipe.name}-{loss}-{penalty}")
    for place, recipe in enumerate(PLAYED)
    for (turn, loss), (kind, penalty) in itertools.product(enumerate(losses), enumerate(PENALTIES))
    if recipe.name == "dcgan" or (place + turn + kind) % len(PENALTIES) == 0
]


@pytest.mark.parametrize("recipe", GANS)
def test_samples_have_the_datas_shape(recipe: Recipe) -> None:
    spec = example(recipe).spec
    networks = recipe.build(recipe.tiny, spec)
    labels = torch.tensor([0, 1, 2]) if recipe.conditional else None
    if recipe.conditions:
        labels = recipe.conditions(spec, recipe.tiny, 3, None)
    drawn = recipe.draw(networks, recipe.tiny, torch.randn(3, recipe.tiny.latent_size), labels)  # type: ignore[attr-defined]
    assert drawn.shape == (3, *spec.shape)
    drawn = drawn.detach()
    assert drawn.isfinite().all()
    if recipe.task in ("images", "captions"):
        assert float(drawn.min()) >= -1
        assert float(drawn.max()) <= 1


@dataclass
class Trained:
    """A trainer after 3 steps, with the weights that it began with and what the last step gave."""

    trainer: Trainer
    initial: dict[str, dict[str, torch.Tensor]]
    result: StepResult


@pytest.fixture(scope="module", params=RECIPES)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    recipe = request.param
    with pytest.MonkeyPatch.context() as patch:  # a shelf for the models that it borrows
        patch.setenv("GANSCOPE_HOME", str(tmp_path_factory.mktemp("home")))
        trainer = Trainer(recipe, recipe.tiny, example(recipe))
        initial = {name: copy.deepcopy(network.state_dict()) for name, network in trainer.networks.items()}
        for _ in range(3):
            result = trainer.train_step()
    return Trained(trainer, initial, result)


def test_every_weight_gets_a_gradient(trained: Trained) -> None:
    trainer, initial, result = trained.trainer, trained.initial, trained.result
    assert all(term.isfinite() for term in result.terms.values())
    observed = {name: value[None] for name, value in result.observed.items()}
    for summary in trainer.objective.summarise(trainer.hparams, observed).values():
        assert summary.shape == (1,)
    for name, network in trainer.networks.items():
        still = [key for key, weight in network.named_parameters() if torch.equal(weight, initial[name][key])]
        assert not still, f"{name} does not learn in {still}"


@pytest.mark.parametrize("recipe", RECIPES)
def test_phases_move_their_own_networks_alone(recipe: Recipe) -> None:
    trainer = Trainer(recipe, recipe.tiny, example(recipe))
    for role in ("generator", "discriminator"):
        before = {name: copy.deepcopy(list(network.parameters())) for name, network in trainer.networks.items()}
        trainer.train_step(only=role)
        moved = {
            name
            for name, network in trainer.networks.items()
            if any(not torch.equal(a, b) for a, b in itertools.zip_longest(before[name], network.parameters()))
        }
        groups = {phase.group for phase in trainer.phases if phase.role == role}
        assert moved == {name for group in groups for name in recipe.optimizers[group](trainer.hparams).networks}


def test_resume_is_bit_exact(trained: Trained, tmp_path: Path) -> None:
    straight, recipe = trained.trainer, trained.trainer.recipe
    write_checkpoint(tmp_path / "state.safetensors", straight.state_dict())
    resumed = Trainer(recipe, recipe.tiny, example(recipe))
    load_state(resumed, read_checkpoint(tmp_path / "state.safetensors"))
    for _ in range(3):
        straight.train_step()
        torch.randn(5)
        resumed.train_step()
    assert same_state(straight.state_dict(), resumed.state_dict())


@pytest.mark.parametrize(("recipe", "loss", "penalty"), TRIED)
def test_any_loss_with_any_penalty(recipe: Recipe, loss: str, penalty: str) -> None:
    changes = {"loss": loss, "penalty": penalty, "penalty_every": 1, "weight_clip": 0.05}
    tiny = recipe.tiny
    assert isinstance(tiny, AdversarialHParams)
    if tiny.unroll_steps or (tiny.relativistic != "none" and not losses[loss].relative):
        with pytest.raises(BadValue, match=r"Unrolling cannot be combined|no relativistic form"):
            changed(tiny, changes)
        return
    hparams = changed(tiny, changes)
    trainer = Trainer(recipe, hparams, example(recipe))
    for _ in range(2):
        result = trainer.train_step()
    assert all(term.isfinite() for term in result.terms.values())
    assert ("discriminator/penalty" in result.terms) == (penalty != "none")
    weights = torch.cat([weight.flatten() for weight in trainer.networks["discriminator"].parameters()])
    assert float(weights.detach().abs().max()) <= 0.05 + 1e-6
    if penalty == "gradient_penalty":
        layers = trainer.networks["discriminator"].modules()
        assert not any(isinstance(layer, torch.nn.BatchNorm2d) and layer.training for layer in layers)
        assert trainer.objective.notes(hparams)


@pytest.mark.parametrize(
    ("name", "reason"), [("unrolled_gan", "Unrolling cannot be combined"), ("ragan", "no relativistic form")]
)
def test_contradicting_losses_are_refused(name: str, reason: str) -> None:
    with pytest.raises(BadValue, match=reason):
        changed(recipes.get(name).tiny, {"loss": "wasserstein", "penalty": "r1", "penalty_every": 1})


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_seed_decides_the_weights(recipe: Recipe) -> None:
    one, same, other = (recipe.build(changed(recipe.tiny, {"seed": seed}), example(recipe).spec) for seed in (1, 1, 2))
    for name in recipe.ema_networks:
        assert same_state(one[name].state_dict(), same[name].state_dict())
        assert not same_state(one[name].state_dict(), other[name].state_dict())


@pytest.mark.parametrize("recipe", RECIPES)
def test_presets_are_valid_and_can_be_built(recipe: Recipe) -> None:
    from gan_core.data import source

    for preset in recipe.presets:
        hparams = recipe.settings(preset.hparams)
        assert source(preset.data)
        assert recipe.fit_size(preset.size) == preset.size
        assert preset.steps > 0
        assert len(preset.look_for) > 20
        assert hparams.decay_steps >= preset.steps or hparams.schedule == "constant"


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_knob_explains_itself(recipe: Recipe) -> None:
    for name, knob in knobs(recipe.hparams).items():
        assert knob.label, name
        assert knob.help.endswith("."), name


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("stem", ["convolution", "linear"])
@pytest.mark.parametrize(("upsampling", "dense"), [("transposed", 0), ("nearest", 0), ("nearest", 6)])
def test_dcgan_makes_every_size(size: int, stem: str, upsampling: str, dense: int) -> None:
    hparams = DcganHParams(channels=4, max_channels=8, latent_size=4, stem=stem, upsampling=upsampling, dense=dense)
    drawn = DcganGenerator(4, 3, size, hparams)(torch.randn(2, 4))
    assert drawn.shape == (2, 3, size, size)
    assert DcganDiscriminator(3, size, hparams)(drawn).shape == (2,)


def test_dcgan_has_the_published_parameter_counts() -> None:
    # PyTorch's DCGAN example at 64 px in colour: 64 channels at the image, 512 at the base, latents of 100
    hparams = DcganHParams(channels=64, max_channels=512)
    count = [
        sum(w.numel() for w in net.parameters())
        for net in (DcganGenerator(100, 3, 64, hparams), DcganDiscriminator(3, 64, hparams))
    ]
    assert count == [3_576_704, 2_765_568]


def test_a_dense_layer_makes_them_infogans_networks_for_mnist() -> None:
    # 1606.03657, table 1: 64 and 128 channels, dense layers of 1024, 62 latents and 12 codes
    hparams = DcganHParams(channels=64, max_channels=128, stem="linear", dense=1024)
    generator, discriminator = DcganGenerator(74, 1, 28, hparams), DcganDiscriminator(1, 28, hparams)
    made = [[tuple(w.shape) for w in net.parameters() if w.ndim > 1] for net in (generator, discriminator)]
    assert made[0] == [(1024, 74), (6272, 1024), (128, 64, 4, 4), (64, 1, 4, 4)]
    assert made[1] == [(64, 1, 4, 4), (128, 64, 4, 4), (1024, 6272), (1, 1024)]
    assert generator(torch.randn(2, 74)).shape == (2, 1, 28, 28)


@pytest.mark.parametrize("name", ["acgan", "infogan", "cgan", "wgan_gp"])
def test_recipes_on_dcgans_networks_learn_with_a_dense_layer(name: str, labelled: DataSet) -> None:
    recipe = recipes.get(name)
    changes = {"dense": 6, "stem": "linear"} | ({"body": "dcgan"} if name == "cgan" else {})
    trainer = Trainer(recipe, changed(recipe.tiny, changes), labelled)
    assert all(term.isfinite() for term in trainer.train_step().terms.values())


def test_mlp_defaults_are_the_sizes_that_tutorials_print() -> None:
    spec = DataSet("mnist", {"real": images(2, 28)}).spec
    generator = recipes.get("mlp_gan").build(MlpHParams(), spec)["generator"]
    shapes = [tuple(layer.weight.shape) for layer in generator.modules() if isinstance(layer, torch.nn.Linear)]
    assert shapes == [(256, 100), (512, 256), (1024, 512), (784, 1024)]


def test_the_class_reaches_both_networks(labelled: DataSet) -> None:
    recipe = recipes.get("cgan")
    for body in ("mlp", "dcgan"):
        networks = recipe.build(changed(recipe.tiny, {"body": body}), labelled.spec)
        latents, pictures = torch.randn(1, 4), torch.randn(1, 1, 8, 8)
        for network, inputs in (("generator", latents), ("discriminator", pictures)):
            one, other = (networks[network].eval()(inputs, torch.tensor([label])) for label in (0, 1))
            assert not torch.equal(one, other)


def test_dropout_draws_from_the_runs_generator() -> None:
    layer, inputs = Dropout(0.25), torch.ones(100_000)
    layer.generator = torch.Generator().manual_seed(3)
    first = layer(inputs)
    torch.manual_seed(0)
    layer.generator.manual_seed(3)
    assert torch.equal(first, layer(inputs))
    assert float((first == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert float(first.mean()) == pytest.approx(1.0, abs=0.01)
    assert torch.equal(layer.eval()(inputs), inputs)


def test_what_does_not_fit_is_refused_by_name(labelled: DataSet) -> None:
    with pytest.raises(BadValue, match=r"24 pixels\. Valid: 8, 16, 28"):
        recipes.get("dcgan").check_data(DataSet("x", {"real": images(2, 24)}).spec)
    with pytest.raises(BadData, match="labels"):
        recipes.get("cgan").check_data(DataSet("x", {"real": images(2, 8)}).spec)
    with pytest.raises(BadValue, match="no labels"):
        recipes.get("mlp_gan").settings({"loss": "hinge", "label_smoothing": 0.1})
