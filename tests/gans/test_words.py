"""CLIP and StackGAN: the loss by hand, retrieval, wrong sentences, stages, and sentences as conditions."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from gan_core.checkpoint import load_state, read_checkpoint, same_state, write_checkpoint
from gan_core.data.avatars.sentences import VOCABULARY
from gan_core.data.base import DataSet, DataSpec
from gan_core.errors import BadValue
from gan_core.exporting import onnx
from gan_core.exporting.graphs import graph_of
from gan_core.gans import recipes
from gan_core.gans.clip import Clip
from gan_core.gans.stackgan import EXAMPLES, StackganDiscriminator, StackganGenerator, WordAttention
from gan_core.knobs import changed
from gan_core.models.sampler import Sampler
from gan_core.objectives.matching import one_sentence, own_rank, retrieval, some_sentences, symmetric
from gan_core.objectives.stabilisers import captured_features
from gan_core.training.trainer import Trainer
from tests.conftest import example

CLIP, STACKGAN = recipes.get("clip"), recipes.get("stackgan")


def test_the_contrastive_loss_by_hand() -> None:
    found = symmetric(torch.tensor([[2.0, 0.0], [1.0, 1.0]]))
    rows = -(math.log(math.exp(2) / (math.exp(2) + 1)) + math.log(1 / 2)) / 2
    columns = -(math.log(math.exp(2) / (math.exp(2) + math.e)) + math.log(math.e / (1 + math.e))) / 2
    torch.testing.assert_close(found, torch.tensor((rows + columns) / 2))


def test_ranks_and_retrieval_by_hand() -> None:
    similarity = torch.tensor([[0.9, 0.1, 0.8], [0.2, 0.5, 0.1], [0.3, 0.6, 0.7]])
    assert own_rank(similarity).tolist() == [0, 1, 1]
    vectors = torch.eye(100)
    assert retrieval(vectors, vectors) == {"top1": 1.0, "top5": 1.0}
    wrong = retrieval(vectors, vectors.roll(1, 0))  # another picture is nearer, 98 are equally far
    assert wrong == {"top1": 0.0, "top5": 1.0}


def test_one_of_several_sentences_is_drawn_from_the_runs_generator() -> None:
    captions = torch.arange(24).reshape(4, 3, 2) + 1
    drawn = [one_sentence(captions, torch.Generator().manual_seed(1)) for _ in range(2)]
    assert torch.equal(*drawn)
    assert all(any(torch.equal(row, one) for one in of) for row, of in zip(drawn[0], captions, strict=True))


def test_several_sentences_follow_one_another_and_differ() -> None:
    captions = torch.arange(24).reshape(4, 3, 2) + 1
    drawn = some_sentences(captions, 2, torch.Generator().manual_seed(1))
    assert torch.equal(drawn[0], one_sentence(captions, torch.Generator().manual_seed(1)))
    for item, of in enumerate(captions):
        first, second = (int((of == sentences[item]).all(1).nonzero()) for sentences in drawn)
        assert second == (first + 1) % 3


def test_the_loss_of_several_sentences_is_the_mean_of_theirs() -> None:
    trainer = Trainer(CLIP, changed(CLIP.tiny, {"sentences": 2}), example(CLIP))
    clip = trainer.networks["clip"].eval()
    assert isinstance(clip, Clip)
    batch = trainer.next_batch(None)
    state = trainer.generator.get_state()
    (phase,) = trainer.phases
    loss = phase.terms(trainer.networks, batch, trainer.context)["contrast"]
    tokens = some_sentences(batch["caption"], 2, torch.Generator().set_state(state))
    images, scale = clip.of_images(batch["real"]), clip.scale()
    single = [symmetric(scale * images @ clip.of_words(sentences).T) for sentences in tokens]
    assert not torch.isclose(*single)
    torch.testing.assert_close(loss, (single[0] + single[1]) / 2)


def test_more_sentences_than_the_data_have_are_refused() -> None:
    with pytest.raises(BadValue, match=r"2 sentences of each picture, 3 are asked for\. Valid: 1 to 2"):
        Trainer(CLIP, changed(CLIP.tiny, {"sentences": 3}), example(CLIP))


def test_a_sentence_is_the_same_with_more_room_behind_it() -> None:
    spec = DataSpec({"real": (1, 16, 16), "caption": (2, 8)}, vocabulary=VOCABULARY)
    clip = CLIP.build(CLIP.tiny, spec)["clip"].eval()
    assert isinstance(clip, Clip)
    row = torch.tensor([[5, 9, 3, 0, 0, 0, 0, 0]])
    torch.testing.assert_close(clip.of_words(row), clip.of_words(row[:, :3]))
    assert clip.of_words(torch.zeros(1, 8, dtype=torch.int64)).isfinite().all()
    assert not torch.allclose(clip.of_words(row), clip.of_words(row.flip(1)))


def test_stage_two_begins_when_it_is_due() -> None:
    trainer = Trainer(STACKGAN, changed(STACKGAN.tiny, {"first_kimg": 0.008}), example(STACKGAN))
    generator = trainer.networks["generator"]
    stages = []
    for _ in range(4):
        stages.append(trainer.train_step().values["schedule/stage"])
    assert stages == [1.0, 1.0, 2.0, 2.0]
    assert isinstance(generator, StackganGenerator)
    assert bool(generator.second)
    generator.eval().second.fill_(0)
    latents, vectors = torch.randn(2, 4), torch.randn(2, 4)
    coarse = generator(latents, vectors)
    assert torch.equal(coarse[:, :, ::2, ::2], coarse[:, :, 1::2, 1::2])  # pixels of stage I, repeated


def test_the_words_reach_both_networks_and_clip_stays_as_it_is() -> None:
    trainer = Trainer(STACKGAN, STACKGAN.tiny, example(STACKGAN))
    discriminator, generator = trainer.networks["discriminator"], trainer.networks["generator"]
    assert isinstance(discriminator, StackganDiscriminator)
    assert isinstance(generator, StackganGenerator)
    clip = {name: value.clone() for name, value in discriminator.clip.state_dict().items()}
    for name, value in generator.words.state_dict().items():
        assert torch.equal(value, clip[f"words.{name}"])
    result = trainer.train_step()
    assert {"discriminator/wrong_words", "generator/kl", "generator/words"} <= result.terms.keys()
    for name, value in discriminator.clip.state_dict().items():
        assert torch.equal(value, clip[name])
    pictures, latents = torch.randn(1, 1, 16, 16), torch.randn(1, 4)
    one, other = generator.words(torch.tensor([[3, 4, 5, 6, 7], [30, 40, 50, 60, 70]])).split(1)
    for network, inputs in ((generator, latents), (discriminator, pictures)):
        assert not torch.equal(network.eval()(inputs, one), network(inputs, other))


def test_pictures_are_judged_with_the_sentences_of_all_others() -> None:
    trainer = Trainer(STACKGAN, changed(STACKGAN.tiny, {"loss": "hinge"}), example(STACKGAN))
    discriminator = trainer.networks["discriminator"].eval()
    assert isinstance(discriminator, StackganDiscriminator)
    batch = trainer.next_batch(None)
    with captured_features(discriminator) as found:
        logits = discriminator(batch["real"], batch["label"])
        features = found()
    pairs = discriminator.head.pairs(features, batch["label"])  # (B, B, L)
    torch.testing.assert_close(pairs.diagonal().T, logits)
    torch.testing.assert_close(pairs[0, 1], discriminator(batch["real"][:1], batch["label"][1:2])[0])
    seen = discriminator.clip.of_images(batch["real"])
    torch.testing.assert_close(features[:, -1], seen * math.sqrt(seen.shape[1]))

    terms = trainer.phases[0].terms(trainer.networks, batch, trainer.context)
    others = pairs[~torch.eye(len(pairs), dtype=torch.bool)]
    wanted = (1 - logits).relu().mean() + (1 + others).relu().mean()
    torch.testing.assert_close(terms["wrong_words"], trainer.hparams.wrong_weight * wanted)  # type: ignore[attr-defined]


ATTENTIVE = changed(STACKGAN.tiny, {"attention": True})


def test_attention_by_hand() -> None:
    """Of two words in a space of four dimensions, a place similar to the first attends mostly to the first."""
    attention = WordAttention(4, 4)
    with torch.no_grad():
        attention.perceived.weight.copy_(torch.eye(4))
    words = torch.zeros(1, 3, 4)
    words[0, 0, 0], words[0, 1, 1] = 2.0, 2.0  # and no third word
    features = torch.zeros(1, 4, 1, 2)
    features[0, 0, 0, 0] = 3.0
    read, shares = attention(features, words)
    first = math.exp(3) / (math.exp(3) + 1)  # 3 * 2 / sqrt(4) = 3
    torch.testing.assert_close(shares[0, :, 0], torch.tensor([[first, 0.5], [1 - first, 0.5], [0.0, 0.0]]))
    torch.testing.assert_close(read[0, :, 0, 0], torch.tensor([2 * first, 2 - 2 * first, 0.0, 0.0]))


def test_attention_learns_which_word_concerns_a_place() -> None:
    """Two kinds of places each have to show one of two words, whichever comes first in the sentence.

    Without attention both get the same, and the lowest possible loss is 0.25.
    """
    random = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        attention, out = WordAttention(8, 8), nn.Conv2d(8, 2, 1)
    words, features = torch.eye(2, 8), torch.zeros(16, 8, 2, 1)
    features[:, 0, 0], features[:, 1, 1] = 1.0, 1.0
    wanted = torch.eye(2)[:, :, None].expand(16, 2, 2, 1)  # word 0 above, word 1 below
    optimizer = torch.optim.Adam([*attention.parameters(), *out.parameters()], 0.05)
    for _ in range(150):
        swapped = torch.rand(16, 1, generator=random) < 0.5
        order = torch.where(swapped, torch.tensor([1, 0]), torch.tensor([0, 1]))
        read, shares = attention(features, words[order])
        loss = (out(read) - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.01
    own = torch.gather(shares[:, :, :, 0], 1, order.argsort(1)[:, None])[:, 0]  # of word 0 above, of word 1 below
    assert float(own.detach().min()) > 0.5


def test_the_mean_of_the_words_is_the_sentence() -> None:
    spec = DataSpec({"real": (1, 16, 16), "caption": (2, 8)}, vocabulary=VOCABULARY)
    words = CLIP.build(CLIP.tiny, spec)["clip"].eval().get_submodule("words")
    tokens = torch.tensor([[5, 9, 3, 0, 0, 0, 0, 0], [7, 8, 0, 0, 0, 0, 0, 0]])
    each, kept = words.each_word(tokens)  # type: ignore[operator]
    torch.testing.assert_close((each * kept).sum(1) / kept.sum(1), words(tokens))


def test_attention_learns_in_every_weight_and_goes_on_exactly(tmp_path: Path) -> None:
    one, other = (Trainer(STACKGAN, ATTENTIVE, example(STACKGAN)) for _ in range(2))
    initial = {name: weight.clone() for name, weight in one.networks["generator"].state_dict().items()}
    for _ in range(4):
        result = one.train_step()
    assert all(term.isfinite() for term in result.terms.values())
    still = [
        name for name, weight in one.networks["generator"].named_parameters() if torch.equal(weight, initial[name])
    ]
    assert not still
    for _ in range(2):
        other.train_step()
    write_checkpoint(tmp_path / "state.safetensors", other.state_dict())
    resumed = Trainer(STACKGAN, ATTENTIVE, example(STACKGAN))
    load_state(resumed, read_checkpoint(tmp_path / "state.safetensors"))
    for _ in range(2):
        resumed.train_step()
    assert same_state(one.state_dict(), resumed.state_dict())


def test_maps_say_what_is_read_where() -> None:
    model = sampler(ATTENTIVE)
    latents, tokens = model.latents(2, 3, "a man with hair")
    assert tokens is not None
    maps = model.word_maps(latents, tokens)
    assert maps is not None
    assert maps.shape == (2, 5, 8, 8)
    torch.testing.assert_close(maps.sum(1), torch.ones(2, 8, 8))
    assert (maps[:, 4] == 0).all()  # no fifth word
    assert (maps[:, :4] > 0).all()
    assert torch.equal(model.sample(2, 3, "a man with hair"), model.draw(latents, tokens))
    without = sampler()
    assert without.word_maps(*without.latents(2, 3, "a man")) is None  # type: ignore[arg-type]
    with pytest.raises(BadValue, match=r"between 0 and 1\.5"):
        model.word_maps(latents, tokens, 9.0)


def sampler(hparams: Any = STACKGAN.tiny) -> Sampler:
    spec = example(STACKGAN).spec
    networks = STACKGAN.build(hparams, spec)
    return Sampler(STACKGAN, hparams, spec, {"generator": networks["generator"].eval()})


def test_a_sentence_is_a_condition_and_without_one_there_are_examples() -> None:
    model = sampler()
    asked = "a man with red hair"
    once, again = (model.sample(3, 5, asked) for _ in range(2))
    assert torch.equal(once, again)
    assert not torch.equal(once, model.sample(3, 5, "a blue hat"))
    assert not torch.equal(once[0], once[1])
    alike = model.sample(3, 5, asked, psi=0.0)
    torch.testing.assert_close(alike[0], alike[2])
    _latents, tokens = model.latents(len(EXAMPLES) + 1, 0)
    assert tokens is not None
    assert torch.equal(tokens[0], tokens[-1])
    for wrong, message in (
        ("", "Write a sentence"),
        ("x" * 10_000, "up to 400"),
        ("qq", "None of these"),
        (3, "in words"),
    ):
        with pytest.raises(BadValue, match=message):
            model.sample(1, 0, wrong)


def test_settings_that_contradict_one_another_are_refused() -> None:
    with pytest.raises(BadValue, match="larger than the size of the condition, 96"):
        STACKGAN.settings({"condition": 96})
    with pytest.raises(BadValue, match="that follow words"):
        STACKGAN.settings({"virtual_batch_norm": True})


@pytest.mark.release
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("hparams", [STACKGAN.tiny, ATTENTIVE], ids=["plain", "attention"])
def test_it_is_exported_with_the_words_as_an_input(hparams: Any, tmp_path: Path) -> None:
    made = onnx.export(graph_of(sampler(hparams)), tmp_path / "x.onnx", {"ganscope": "tests"})
    assert made.difference <= onnx.CLOSE
    assert list(made.inputs) == ["z", "condition"]


def few(count: int, size: int) -> DataSet:
    """Described faces, drawn small."""
    from gan_core.data.avatars import draw_avatars
    from gan_core.data.avatars.attributes import sample_attributes
    from gan_core.data.sets.avatars_captions import captions

    rows = sample_attributes(count, 3)
    faces = draw_avatars(rows, 64).reshape(count, 3, size, 64 // size, size, 64 // size).mean((3, 5)).astype(np.uint8)
    return DataSet("few", {"real": faces, "caption": captions(rows, 3)}, vocabulary=VOCABULARY)


@pytest.mark.slow
def test_clip_learns_which_sentence_belongs_to_which_picture() -> None:
    """Among 100 unseen faces, a sentence finds its own much more often than chance (1 % and 5 %)."""
    both = few(900, 16)
    train = DataSet("few", {name: array[:800] for name, array in both.arrays.items()}, vocabulary=VOCABULARY)
    hparams = changed(CLIP.hparams, {"sight": 0, "embedding": 48})
    trainer = Trainer(CLIP, hparams, train)
    for _ in range(160):
        trainer.train_step()
    clip = trainer.networks["clip"].eval()
    assert isinstance(clip, Clip)
    pictures = torch.from_numpy(both.arrays["real"][800:]).float() / 127.5 - 1
    tokens = torch.from_numpy(both.arrays["caption"][800:])
    with torch.no_grad():
        images = clip.of_images(pictures)
        found = [retrieval(images, clip.of_words(tokens[:, place])) for place in range(8)]
    top1, top5 = (float(np.mean([one[kind] for one in found])) for kind in ("top1", "top5"))
    assert top1 >= 0.05
    assert top5 >= 0.2
