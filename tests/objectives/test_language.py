"""Objectives of texts: the likelihood by hand, action values against rollouts one by one, and that they learn."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gan_core import data
from gan_core.data.sets import arithmetic
from gan_core.errors import BadValue
from gan_core.gans import recipes
from gan_core.knobs import changed
from gan_core.layers.text import TextDiscriminator, TextGenerator, pick
from gan_core.models.sampler import Sampler
from gan_core.objectives.language import likelihood, values
from gan_core.objectives.passages import as_pitches, as_shares
from gan_core.objectives.relaxing import temperature_at
from gan_core.training.trainer import Trainer


def networks() -> tuple[TextGenerator, TextDiscriminator]:
    torch.manual_seed(3)
    return TextGenerator(6, 5, 4, 7), TextDiscriminator(6, 5, 4, 3, 3).eval()


def test_the_likelihood_is_the_mean_over_tokens_up_to_the_end() -> None:
    generator, _ = networks()
    texts = torch.tensor([[2, 3, 0, 0, 0], [1, 1, 1, 1, 1]])
    shares = generator.logits(texts).softmax(2)
    said = [shares[0, 0, 2], shares[0, 1, 3], shares[0, 2, 0], *(shares[1, place, 1] for place in range(5))]
    torch.testing.assert_close(likelihood(generator, texts), -torch.stack(said).log().mean())


@torch.no_grad()
def test_action_values_are_those_of_rollouts_drawn_one_by_one() -> None:
    generator, discriminator = networks()
    texts = generator(torch.randn(3, 5))
    points = torch.rand(3, 2, 4, 5)
    found = values(generator, discriminator, texts, points)
    torch.testing.assert_close(found[:, -1], discriminator(texts).sigmoid())
    for row in range(3):
        for start in range(4):
            judged = []
            for rollout in range(2):
                text: Tensor = texts[row].clone()
                for place in range(start + 1, 5):
                    logits = generator.logits(text[None])[0, place]
                    ended = bool((text[:place] == 0).any())
                    token = pick(logits[None], points[row, rollout, start, place][None])
                    text[place] = 0 if ended else int(token)
                judged.append(discriminator(text[None]).sigmoid()[0])
            torch.testing.assert_close(found[row, start], torch.stack(judged).mean())


def test_the_temperature_falls_exponentially() -> None:
    hparams = changed(
        recipes.get("gumbel_gan").hparams,
        {"first_temperature": 4.0, "last_temperature": 1.0, "temperature_steps": 100},
    )
    assert [temperature_at(hparams, steps) for steps in (0, 50, 100, 1000)] == pytest.approx([4, 2, 1, 1])  # type: ignore[arg-type]


def test_settings_that_do_not_fit_texts_or_music_are_refused() -> None:
    for name in ("gumbel_gan", "musegan"):
        with pytest.raises(BadValue, match="can't be augmented"):
            changed(recipes.get(name).hparams, {"augment": "diffaugment"})
    recipe = recipes.get("text_mle")
    with pytest.raises(BadValue, match="latent size to at least 20, not 8"):
        recipe.build(changed(recipe.hparams, {"latent_size": 8}), data.source("oracle").spec(20))
    recipe = recipes.get("musegan")
    with pytest.raises(BadValue, match="latent size to at least 8, not 4"):
        recipe.build(changed(recipe.tiny, {"latent_size": 4}), data.source("chorales").spec(32))


def test_a_seqgan_is_pretrained_then_judged_then_plays() -> None:
    recipe = recipes.get("seqgan")
    hparams = changed(recipe.tiny, {"pretraining": 0.008, "discriminator_pretraining": 0.004, "pretraining_rate": 5.0})
    trainer = Trainer(recipe, hparams, small())
    seen = [trainer.train_step() for _ in range(4)]
    parts = [sorted({name.split("/")[0] for name in one.terms}) for one in seen]
    assert parts == [["likelihood"], ["likelihood"], ["discriminator"], ["discriminator", "generator"]]
    assert seen[0].values["schedule/rate"] == 5.0
    assert seen[3].values["schedule/rate"] == 1.0
    trainer.edit(changed(trainer.hparams, {"pretraining": 0.004}))  # begins again, with its rate
    again = [trainer.train_step() for _ in range(2)]
    assert [one.values["schedule/rate"] for one in again] == [5.0, 1.0]
    assert ["likelihood/likelihood" in one.terms for one in again] == [True, False]


def small() -> data.DataSet:
    random = torch.Generator().manual_seed(0)
    return data.DataSet(
        "random", {"tokens": torch.randint(5, (24, 8), generator=random).numpy()}, vocabulary=("", *"abcd")
    )


def test_pitches_become_shares_and_back() -> None:
    voices = torch.tensor([[[60, -1, 33, 84]]])
    torch.testing.assert_close(as_pitches(as_shares(voices)), voices)
    assert float(as_shares(torch.tensor([-2])).sum()) == 0


def test_a_given_bar_begins_the_passage() -> None:
    recipe = recipes.get("musegan")
    spec = data.source("chorales").spec(32)
    sampler = Sampler(recipe, recipe.tiny, spec, {"generator": recipe.build(recipe.tiny, spec)["generator"].eval()})
    bar = torch.randint(40, 80, (4, 16)).numpy()
    begun = sampler.sample(3, 1, bar)  # type: ignore[arg-type]
    assert (begun[:, :, :16] == torch.from_numpy(bar)).all()
    assert not torch.equal(sampler.sample(3, 1)[:, :, :16], begun[:, :, :16])
    for wrong, complaint in ((bar[:3], "4 voices of 16"), ("abc", "no classes"), (bar + 100, "between 33 and 84")):
        with pytest.raises(BadValue, match=complaint):
            sampler.sample(1, 0, wrong)  # type: ignore[arg-type]


# --- that they learn --------------------------------------------------------------------------------------------------


def trained(name: str, reference: str, steps: int, **settings: object) -> dict[str, float]:
    """The data set's evaluation of 500 samples after some steps."""
    recipe = recipes.get(name)
    trainer = Trainer(recipe, changed(recipe.hparams, settings), data.load(reference))
    for _ in range(steps):
        trainer.train_step()
    trainer.ema.refresh()
    sampler = Sampler(recipe, trainer.hparams, trainer.spec, trainer.ema.networks)
    judge = data.source(reference).judge
    assert judge is not None
    return judge(sampler.sample(500).numpy())


@pytest.mark.slow  # seven seconds on one core
def test_maximum_likelihood_learns_the_form_of_equations() -> None:
    """Random texts are well-formed in 2 % of all cases; after 500 steps 93 % were, and 20 % were right."""
    found = trained("text_mle", "arithmetic", 400)
    assert found["formed"] > 0.9
    assert found["right"] > 0.08


@pytest.mark.slow  # five seconds
def test_pretraining_comes_closer_to_the_oracle() -> None:
    """8.0 before, 2.5 of the oracle's own sequences."""
    found = trained("seqgan", "oracle", 280, pretraining=64.0)
    assert found["nll_oracle"] < 5.1


def test_equations_that_are_seen_are_judged() -> None:
    assert arithmetic.judge(data.load("arithmetic").arrays["tokens"]) == {"formed": 1.0, "right": 1.0}
