"""The classics after DCGAN: their terms worked by hand, what each network sees, and that some of them learn."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gan_core import data
from gan_core.data.base import DataSet
from gan_core.errors import BadValue, UnknownName
from gan_core.gans import lapgan, recipes
from gan_core.gans.ebgan import AutoencoderDiscriminator
from gan_core.gans.stackgan import StackganDiscriminator
from gan_core.knobs import changed
from gan_core.layers.translation import MultiScaleDiscriminator, halved
from gan_core.objectives import bicycle, coarse_to_fine, coupled, equilibrium, joint, laplacian, translation, vae_gan
from gan_core.objectives.base import StepContext
from gan_core.objectives.dual import Disco, Dual
from gan_core.objectives.energy import pulling_away
from gan_core.objectives.losses import losses
from gan_core.training.previews import previewer
from gan_core.training.trainer import Trainer
from tests.conftest import example, images
from tests.learning import stages
from tests.objectives.services import FixedServices


def tiny(name: str, **changes: object) -> Trainer:
    recipe = recipes.get(name)
    return Trainer(recipe, changed(recipe.tiny, changes), example(recipe))


def of_digits(name: str, source: str, size: int, **changes: object) -> Trainer:
    recipe = recipes.get(name)
    return Trainer(recipe, recipe.settings({**recipe.preset("digits").hparams, **changes}), data.load(source, size))


# --- terms worked by hand ---------------------------------------------------------------------------------------------


def test_pulling_away_is_the_mean_squared_cosine() -> None:
    # cosines of the three pairs: 0, 3/5, 4/5
    codes = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 4.0]])
    assert float(pulling_away(codes)) == pytest.approx((0 + 9 / 25 + 16 / 25) / 3)
    assert float(pulling_away(torch.tensor([[1.0, 2.0], [-2.0, -4.0]]))) == pytest.approx(1)


def test_an_autoencoders_logit_is_minus_its_error() -> None:
    hparams = recipes.get("ebgan").tiny
    judge = AutoencoderDiscriminator(1, 8, 4, hparams, power=2).eval()  # type: ignore[arg-type]
    given = torch.rand(3, 1, 8, 8) * 2 - 1
    assert_close(judge(given), -(judge.rebuild(given) - given).square().mean((1, 2, 3)))
    assert judge.rebuild(given).shape == given.shape
    judge.power = 1
    assert_close(judge(given), -(judge.rebuild(given) - given).abs().mean((1, 2, 3)))


def test_the_equilibrium_moves_towards_the_wanted_ratio() -> None:
    hparams = recipes.get("began").settings({"gamma": 0.5, "balance_rate": 0.1})
    real, fake, balance = torch.tensor(0.4), torch.tensor(0.3), torch.tensor(0.2)
    # gamma L(x) - L(G(z)) = 0.2 - 0.3: M = 0.4 + 0.1, k = 0.2 - 0.1 * 0.1
    convergence, after = equilibrium.equilibrium(real, fake, balance, hparams)  # type: ignore[arg-type]
    assert float(convergence) == pytest.approx(0.5)
    assert float(after) == pytest.approx(0.19)
    _, low = equilibrium.equilibrium(real, torch.tensor(9.0), balance, hparams)  # type: ignore[arg-type]
    _, high = equilibrium.equilibrium(torch.tensor(99.0), fake, balance, hparams)  # type: ignore[arg-type]
    assert (float(low), float(high)) == (0, 1)


def test_began_records_its_convergence_and_keeps_its_balance() -> None:
    trainer = tiny("began", balance_rate=0.5)
    for _ in range(3):
        result = trainer.train_step()
    assert {"convergence", "balance"} <= result.observed.keys()
    real, fake = (-result.observed[name].mean() for name in ("real", "fake_after"))
    assert float(result.observed["convergence"]) == pytest.approx(float(real + (0.5 * real - fake).abs()), rel=1e-5)
    assert float(trainer.objective.balance) == float(result.observed["balance"])  # type: ignore[arg-type]
    trainer.train_step(only="generator")
    assert float(trainer.objective.balance) == float(result.observed["balance"])  # type: ignore[arg-type]


def test_an_encoder_wants_the_opposite_of_the_generator() -> None:
    logits = torch.tensor([math.log(3)])  # D = 3/4
    # -log(1 - D(x, E(x))) = log 4, and least squares asks for 0 instead of 1
    swapped = joint.swapped(losses["non_saturating"], logits)
    assert float(losses["non_saturating"].generator_terms(swapped)["adversarial"]) == pytest.approx(math.log(4))
    swapped = joint.swapped(losses["least_squares"], torch.tensor([0.8]))
    assert float(losses["least_squares"].generator_terms(swapped)["adversarial"]) == pytest.approx(0.5 * 0.8**2)
    # compared with generated pairs, at logits of real and generated pairs log 3 apart: log(1 + 3), and by the softmax
    # over e^log 3 and e^0: log(3 + 1) - (log 3 + 0) / 2
    real, fake = torch.tensor([5 + math.log(3)]), torch.tensor([5.0])
    for form in ("standard", "average"):
        by_hand = math.log(4) * (1 if form == "standard" else 2)
        assert float(joint.encoder_term(losses["logistic"], real, fake, form)) == pytest.approx(by_hand)
    assert float(joint.encoder_term(losses["softmax"], real, fake)) == pytest.approx(math.log(4) - math.log(3) / 2)


@pytest.mark.parametrize("name", ["bigan", "vaegan", "stackgan"])
@pytest.mark.parametrize(
    "changes",
    [{"loss": "softmax"}, {"loss": "hinge", "relativistic": "standard"}, {"loss": "hinge", "relativistic": "average"}],
    ids=["softmax", "standard", "average"],
)
def test_losses_that_compare_see_differences_alone(name: str, changes: dict[str, Any]) -> None:
    """Raising all logits alike changes no player's loss, with the further terms of the objective."""

    def losses_of_a_step(raised: float) -> dict[str, float]:
        trainer = tiny(name, **changes)
        discriminator = trainer.networks["discriminator"]
        if isinstance(discriminator, StackganDiscriminator):  # its head is also asked about pairs
            for layer in discriminator.head.real:
                assert isinstance(layer, nn.Linear)
                layer.bias.data += raised
        else:
            discriminator.register_forward_hook(lambda _layer, _inputs, logits: logits + raised)
        terms = trainer.train_step().terms
        return {term: float(value) for term, value in terms.items() if term.endswith("/loss")}

    assert losses_of_a_step(10.0) == pytest.approx(losses_of_a_step(0.0), rel=1e-3, abs=1e-3)


def test_a_compared_reconstruction_has_both_halves_of_the_loss() -> None:
    terms = tiny("vaegan", relativistic="average").train_step().terms
    assert {"discriminator/rebuilt_real", "discriminator/rebuilt_fake"} <= terms.keys()
    terms = tiny("vaegan").train_step().terms
    assert "discriminator/rebuilt_real" not in terms  # it would be the term of real images again


def test_a_pairs_penalty_counts_the_latents() -> None:
    trainer = tiny("bigan", penalty="r1", penalty_weight=2.0)
    seen: list[torch.Size] = []
    trainer.networks["discriminator"].register_forward_pre_hook(lambda _, given: seen.append(given[1].shape))
    assert trainer.train_step().terms["discriminator/penalty"] > 0
    assert {shape[1] for shape in seen} == {4}
    trainer = tiny("bigan", penalty="r1", penalty_every=2)
    assert "penalty/penalty" in trainer.train_step().terms
    with pytest.raises(BadValue, match="together with its latents"):
        trainer.networks["discriminator"](torch.zeros(1, 1, 8, 8))


def test_features_of_a_reconstruction_are_compared() -> None:
    one, other = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[0.0, 2.0], [1.0, 2.0]])
    assert float(vae_gan.likeness(one, other)) == pytest.approx((1 + 0 + 1 + 4) / 8)


def test_second_domains() -> None:
    picture = torch.tensor([[[[-1.0, -1.0, 1.0]]]])
    assert coupled.in_second_domain(picture, "negative").tolist() == [[[[1, 1, -1]]]]
    # the brightest neighbour minus the pixel: 0, 2, 0, minus 1
    assert coupled.in_second_domain(picture, "edges").tolist() == [[[[-1, 1, -1]]]]


def test_no_image_is_seen_in_both_domains() -> None:
    recipe = recipes.get("cogan")
    objective = recipe.objective(recipe.tiny)
    context = StepContext({}, recipe.tiny, torch.Generator(), FixedServices())
    given = torch.rand(4, 1, 8, 8)
    batch = objective.prepare({"real": given}, context)
    assert batch["label"].tolist() == [0, 1, 0, 1]
    assert torch.equal(batch["real"][::2], given[::2])
    assert torch.equal(batch["real"][1::2], -given[1::2])


def test_all_of_cogan_but_its_ends_is_shared() -> None:
    networks = recipes.get("cogan").build(
        recipes.get("cogan").settings({"channels": 4, "max_channels": 8}), DataSet("x", {"real": images(2, 16)}).spec
    )
    latents, given = torch.randn(3, 100), torch.rand(3, 1, 16, 16)
    for name, inputs in (("generator", latents), ("discriminator", given)):
        one, other = (networks[name].eval()(inputs, torch.full((3,), domain)) for domain in (0, 1))
        assert not torch.equal(one, other)
        assert torch.equal(networks[name](inputs), one)
        ends = networks[name].get_submodule({"generator": "ends", "discriminator": "starts"}[name])
        counts = [sum(weight.numel() for weight in part.parameters()) for part in (ends, networks[name])]
        assert counts[0] < counts[1] / 2


def test_a_pyramid_halves_and_enlarges() -> None:
    picture = torch.tensor([[[[1.0, 3.0], [5.0, 7.0]]]])
    small, same = laplacian.pyramid(picture, 2)
    assert small.tolist() == [[[[4]]]]
    assert torch.equal(same, picture)
    given = laplacian.coarse([small, same])
    assert given[0] is None
    assert given[1] is not None
    assert given[1].tolist() == [[[[4, 4], [4, 4]]]]
    assert lapgan.sizes(64) == [8, 16, 32, 64]
    assert lapgan.sizes(28) == [14, 28]
    assert lapgan.shares(7, 3) == [2, 2, 3]


def test_levels_learn_apart_and_sample_one_after_the_other() -> None:
    trainer = tiny("lapgan")
    generator = trainer.networks["generator"].eval()
    latents = torch.randn(2, 5)
    first, second = generator(latents)
    assert_close(generator(latents, [None, laplacian.enlarged(first)])[1], second)
    assert {
        "discriminator/real_8",
        "discriminator/fake_16",
        "generator/adversarial_8",
    } <= trainer.train_step().terms.keys()


def test_wasserstein_of_patches() -> None:
    real, fake = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.5, -2.5]])
    found = translation.discriminator_terms("wasserstein", real, fake)
    assert {name: float(term) for name, term in found.items()} == pytest.approx({"real": -0.5, "fake": -0.5})
    assert float(translation.generator_loss("wasserstein", fake)) == pytest.approx(1.0)


def test_siblings_of_cyclegan_measure_the_way_back_differently() -> None:
    one, other = torch.tensor([1.0, 3.0]), torch.tensor([0.0, 0.0])
    hparams = recipes.get("discogan").tiny
    assert float(Disco(hparams).distance(one, other)) == pytest.approx(5)  # type: ignore[arg-type]
    assert float(Dual(recipes.get("dualgan").tiny).distance(one, other)) == pytest.approx(2)  # type: ignore[arg-type]
    trainer = tiny("dualgan", weight_clip=0.001, discriminator_steps=3, identity_weight=0.5)
    assert "generator/identity_a" in trainer.train_step().terms
    for name in ("discriminator_a", "discriminator_b"):
        assert max(float(weight.detach().abs().max()) for weight in trainer.networks[name].parameters()) <= 0.001 + 1e-9


def test_the_error_of_a_latent_trains_the_generator_alone() -> None:
    trainer = tiny("bicyclegan")
    objective = trainer.objective
    assert isinstance(objective, bicycle.Bicycle)
    terms = objective._generators(trainer.networks, trainer.next_batch(None), trainer.context)  # type: ignore[arg-type]
    torch.autograd.backward(terms["latent"])
    assert all(weight.grad is None for weight in trainer.networks["encoder"].parameters())
    assert any(weight.grad is not None for weight in trainer.networks["generator"].parameters())


def test_stargan_changes_the_attribute_that_is_asked_for() -> None:
    recipe = recipes.get("stargan")
    attributes = {"hat": ("none", "cap"), "hair_colour": ("black", "blonde", "pink")}
    columns = np.stack([np.arange(24) % 2, np.arange(24) % 3], 1)
    faces = DataSet("faces", {"real": images(channels=3), "attributes": columns}, attributes=attributes)
    trainer = Trainer(recipe, recipe.tiny, faces)
    assert trainer.networks["generator"].values == 3
    batch = trainer.next_batch(None)
    assert torch.equal(trainer.objective._own(batch), batch["attributes"][:, 1])  # type: ignore[operator]
    assert all(term.isfinite() for term in trainer.train_step().terms.values())
    with pytest.raises(UnknownName, match=r"no attribute named 'nose'\. Valid: hair_colour, hat"):
        Trainer(recipe, changed(recipe.tiny, {"attribute": "nose"}), faces)


def munit_at(size: int, **changes: object) -> Trainer:
    recipe = recipes.get("munit")
    both = DataSet("random", {"a": images(size=size), "b": images(20, size, seed=1)}, unpaired=True)
    return Trainer(recipe, changed(recipe.tiny, changes), both)


def test_munit_keeps_the_content_and_changes_the_style() -> None:
    generator: Any = munit_at(16, style_dimensions=3, style_width=32).networks["generator_b"].eval()
    given = torch.rand(2, 1, 16, 16) * 2 - 1
    content, style = generator.content(given), generator.style(given)
    assert (content.shape, style.shape) == ((2, 8, 4, 4), (2, 3))
    assert_close(generator(given), generator.decode(content, style))
    darker = generator.content(0.5 * given - 0.3)  # instance normalisation removes brightness and contrast
    assert float((darker - content).detach().abs().max()) < 0.15 * float(content.detach().std())
    assert float((generator.style(0.5 * given - 0.3) - style).detach().abs().max()) > 1e-3
    other = generator.decode(content, style + 1)
    assert float((other - generator(given)).detach().abs().max()) > 1e-3


def test_munits_terms_follow_their_weights() -> None:
    trainer = munit_at(16, image_weight=0.0, content_weight=0.0, style_weight=0.0, cycle_weight=2.0)
    terms = trainer.train_step().terms
    assert all(float(terms[f"generator/{name}"]) == 0 for name in ("image_a", "content_b", "style_a"))
    assert float(terms["generator/cycle_a"]) > 0
    assert "generator/cycle_a" not in munit_at(8).train_step().terms
    only = munit_at(8).train_step(only="discriminator").terms  # translations of its own
    assert set(only) == {f"discriminator/{name}" for name in ("real_a", "fake_a", "real_b", "fake_b", "loss")}


def test_discriminators_of_several_scales_see_halves() -> None:
    judge = MultiScaleDiscriminator(1, 2, 3, 64, 3, "none").eval()
    given = torch.randn(2, 1, 64, 64)
    outputs = judge(given)
    assert [len(blocks) for blocks in outputs] == [5, 5, 4]  # 3, 3 and 2 halvings, one more layer, and the logits
    half = judge(halved(given))
    assert len(half) == 2
    assert_close(half[0], outputs[1])
    assert len(MultiScaleDiscriminator(1, 2, 3, 8, 3, "none").scales) == 1  # as many as possible
    flat = halved(torch.ones(1, 1, 4, 4))
    assert_close(flat, torch.ones(1, 1, 2, 2))  # padding isn't counted


def test_scales_are_summed() -> None:
    real, fake = [torch.tensor([1.0]), torch.tensor([0.0])], [torch.tensor([0.0]), torch.tensor([2.0])]
    terms = translation.scale_terms("least_squares", real, fake)
    assert {name: float(term) for name, term in terms.items()} == {"real": 0.5, "fake": 2.0}
    assert float(translation.scale_loss("least_squares", fake)) == 2.0


def test_features_are_matched_in_every_layer_but_the_last() -> None:
    of_real = [[torch.zeros(2), torch.zeros(1), torch.zeros(1)]]
    of_fake = [[torch.tensor([1.0, 3.0]), torch.tensor([4.0]), torch.tensor([9.0])]]
    assert float(coarse_to_fine.matching(of_real, of_fake)) == pytest.approx(4 / 2 * (2 + 4))


def test_the_layers_of_the_papers_discriminators_count_once() -> None:
    """With three layers, the paper's default, the authors' 4 / (layers + 1) is 1."""
    of_real = MultiScaleDiscriminator(1, 2, 3, 64, 1, "none")(torch.randn(2, 1, 64, 64))
    of_fake = [[layer + 1 for layer in scale] for scale in of_real]
    assert coarse_to_fine.matching(of_real, of_fake).item() == pytest.approx(4)  # four layers, each off by 1


def test_pix2pixhd_grows_from_coarse_to_fine() -> None:
    """First the global generator and the coarse discriminators move, then the enhancer alone, then all."""
    trainer = tiny("pix2pixhd", coarse_kimg=0.004, fixed_kimg=0.004)
    generator: Any = trainer.networks["generator"]
    judge: Any = trainer.networks["discriminator"]
    parts = {
        "coarse": generator.coarse.layers[:-3], "enhancer": generator.up,
        "fine": judge.scales[0], "half": judge.scales[1],
    }  # fmt: skip
    found = []
    for _ in range(3):
        before = {name: [weight.detach().clone() for weight in part.parameters()] for name, part in parts.items()}
        result = trainer.train_step()
        found.append({
            name for name, part in parts.items()
            if any(not torch.equal(*both) for both in zip(before[name], part.parameters(), strict=True))
        })  # fmt: skip
        if len(found) == 1:
            made = generator(trainer.next_batch(None)["source"])
            assert_close(made[:, :, ::2, ::2], made[:, :, 1::2, 1::2])  # pixels of the coarse image, repeated
    assert found == [{"coarse", "half"}, {"enhancer", "fine", "half"}, {"coarse", "enhancer", "fine", "half"}]
    assert result.values["schedule/resolution"] == 16
    with pytest.raises(BadValue, match="scales must be between 2 and 4"):
        recipes.get("pix2pixhd").settings({"scales": 1})


# --- refusals and previews --------------------------------------------------------------------------------------------


def test_settings_that_contradict_a_classic_are_refused() -> None:
    with pytest.raises(BadValue, match="no minibatch layer"):
        recipes.get("ebgan").settings({"minibatch": "discrimination"})
    with pytest.raises(BadValue, match="softmax loss has no relativistic form"):
        recipes.get("softmax_gan").settings({"relativistic": "average"})
    with pytest.raises(BadValue, match="the energy loss, which has no labels"):
        recipes.get("ebgan").settings({"label_smoothing": 0.1})
    with pytest.raises(BadValue, match="score of the equilibrium loss"):
        recipes.get("began").settings({"augment": "adaptive"})


@pytest.mark.parametrize(
    ("name", "network", "changes", "count"),
    [
        ("bigan", "encoder", {}, 1),
        ("bigan", "encoder", {"loss": "softmax"}, 1),
        # generated, rebuilt and real pictures; features of the rebuilt ones again where what is judged is augmented
        ("vaegan", "discriminator", {}, 3),
        ("vaegan", "discriminator", {"augment": "diffaugment"}, 4),
    ],
)
def test_no_network_reads_the_same_twice(name: str, network: str, changes: dict[str, Any], count: int) -> None:
    trainer = tiny(name, **changes)
    trainer.train_step()
    calls: list[object] = []
    trainer.networks[network].register_forward_hook(lambda *_: calls.append(None))
    batch, context = trainer.next_batch(None), trainer.context
    trainer.objective._generator_terms(trainer.networks, batch, context)  # type: ignore[operator]
    assert len(calls) == count


@pytest.mark.parametrize("name", ["bigan", "vaegan", "cogan", "lapgan"])
def test_a_preview_shows_samples_above_what_is_compared(name: str) -> None:
    import io

    from PIL import Image

    trainer = tiny(name)
    with Image.open(io.BytesIO(previewer(trainer)())) as picture:
        side = trainer.spec.size + 1
        assert picture.height > 8 * side  # eight rows of samples, and more
        assert picture.width == 8 * side - 1
    assert len(trainer.batches.held_out()["real"]) == 6


# --- learning ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_bigan_learns_its_inverse() -> None:
    """Reconstructions of held-out digits are far closer to them than to other digits, though no term compares them."""
    trainer = of_digits("bigan", "digits", 8, schedule="constant")
    networks, real = trainer.ema.networks, trainer.batches.spread(200)["real"]
    for _step in stages(trainer, 1000, 100):
        with torch.no_grad():
            rebuilt = networks["generator"](networks["encoder"](real))
        own, other = ((rebuilt - one).abs().mean() for one in (real, real.roll(1, 0)))
        if float(own) < 0.8 * float(other):
            break
    assert float(own) < 0.8 * float(other)


@pytest.mark.slow
def test_cogan_couples_its_domains() -> None:
    """The two images of a latent are negatives of each other, though no pair was seen."""
    trainer = of_digits("cogan", "digits", 8, schedule="constant", batch_size=32)
    generator, latents = trainer.ema.networks["generator"], torch.randn(200, 64)
    for _step in stages(trainer, 600, 50):
        with torch.no_grad():
            one, other = (generator(latents, torch.full((200,), domain)).flatten(1) for domain in (0, 1))
        centred = [part - part.mean(1, keepdim=True) for part in (one, -other)]
        alike = torch.nn.functional.cosine_similarity(centred[0], centred[1], dim=1).mean()
        unrelated = torch.nn.functional.cosine_similarity(centred[0], centred[1].roll(1, 0), dim=1).mean()
        if float(alike) > float(unrelated) + 0.2:
            break
    assert float(alike) > float(unrelated) + 0.2


@pytest.mark.slow
def test_munit_takes_the_colours_of_an_example() -> None:
    """A grey digit in the style of a coloured one has its colours rather than another one's."""
    trainer = of_digits("munit", "digits_coloured_unpaired", 16)
    networks, held_out = trainer.ema.networks, trainer.batches.held_out()
    for _step in stages(trainer, 250, 25):
        with torch.no_grad():
            style = networks["generator_b"].style(held_out["b"])  # type: ignore[operator]
            content = networks["generator_a"].content(held_out["a"])  # type: ignore[operator]
            made = networks["generator_b"].decode(content, style)  # type: ignore[operator]
        tones, wanted = (images.mean((2, 3)) for images in (made, held_out["b"]))  # (B, 3)
        own, other = ((tones - one).abs().mean() for one in (wanted, wanted.roll(1, 0)))
        if float(own) < 0.8 * float(other):
            break
    assert float(own) < 0.8 * float(other)


@pytest.mark.slow
def test_pix2pixhd_draws_what_the_source_shows() -> None:
    """Outputs are closer to their targets than to others', though no term compares pixels."""
    recipe = recipes.get("pix2pixhd")
    changes = {**recipe.preset("pencil").hparams, "coarse_kimg": 0.8, "fixed_kimg": 0.2}
    trainer = Trainer(recipe, recipe.settings(changes), data.load("test:avatars_pencil", 32))
    held_out, grown = trainer.batches.held_out(), 125  # steps of eight images, after which all of it learns
    for step in stages(trainer, 200, 20):
        with torch.no_grad():
            made = trainer.ema.networks["generator"](held_out["source"])
        own, other = ((made - one).abs().mean() for one in (held_out["target"], held_out["target"].roll(1, 0)))
        if step > grown and float(own) < 0.85 * float(other):
            break
    assert float(own) < 0.85 * float(other)
