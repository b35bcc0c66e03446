"""The generator and the discriminator of texts: drawn by their probabilities, relaxed towards one-hot texts."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import one_hot

from gan_core.layers.text import TextDiscriminator, TextGenerator, as_uniform, pick, said

TOKENS, LENGTH = 5, 6


@pytest.fixture
def generator() -> TextGenerator:
    torch.manual_seed(0)
    made = TextGenerator(TOKENS, LENGTH, 8, 12)
    made.output.weight.data.mul_(4)  # far from even
    return made


def test_points_choose_tokens_by_their_shares() -> None:
    logits = torch.tensor([[0.2, 0.5, 0.3]]).log().expand(5, 3)
    points = torch.tensor([0.0, 0.19, 0.21, 0.69, 0.999])
    assert pick(logits, points).tolist() == [0, 0, 1, 1, 2]
    assert pick(logits, torch.ones(5)).max() == 2  # never beyond the last
    torch.testing.assert_close(as_uniform(torch.tensor([0.0, 1.0])), torch.tensor([0.5, 0.841345]))


def test_tokens_after_the_first_end_are_ignored() -> None:
    texts = torch.tensor([[3, 0, 0, 2], [1, 2, 3, 4], [0, 1, 1, 1]])
    assert said(texts).tolist() == [[True, True, False, False], [True] * 4, [True, False, False, False]]


@torch.no_grad()
def test_texts_are_drawn_from_the_networks_own_probabilities(generator: TextGenerator) -> None:
    texts = generator(torch.randn(4000, LENGTH, generator=torch.Generator().manual_seed(1)))
    shares = generator.logits(texts[:1])[0, 0].softmax(0)  # of the first token, the same for all
    counted = torch.bincount(texts[:, 0], minlength=TOKENS) / len(texts)
    torch.testing.assert_close(counted, shares, atol=0.03, rtol=0)
    after = texts[texts[:, 0] == int(shares[1:].argmax()) + 1]
    second = generator.logits(after[:1])[0, 1].softmax(0)
    counted = torch.bincount(after[:, 1], minlength=TOKENS) / len(after)
    torch.testing.assert_close(counted, second, atol=0.05, rtol=0)
    for text in texts[:200].tolist():  # once ended, it stays ended
        assert 0 not in text or not any(text[text.index(0) :])


@torch.no_grad()
def test_a_low_temperature_takes_the_likeliest(generator: TextGenerator) -> None:
    texts = generator.draw(torch.randn(50, LENGTH), 0.01)
    assert (texts == texts[0]).all()
    assert int(texts[0, 0]) == int(generator.logits(texts[:1])[0, 0].argmax())


def test_relaxed_texts_are_shares_that_become_one_hot(generator: TextGenerator) -> None:
    noise = torch.rand(300, LENGTH, TOKENS, generator=torch.Generator().manual_seed(2))
    warm, cold = generator.relaxed(noise, 2.0), generator.relaxed(noise, 0.05)
    for shares in (warm, cold):
        torch.testing.assert_close(shares.sum(2), torch.ones(300, LENGTH))
        assert float(shares.detach().min()) >= -1e-6
    assert float(cold.detach().amax(2).mean()) > 0.95 > float(warm.detach().amax(2).mean())
    torch.autograd.backward(warm[:, -1, 1].sum())  # gradients reach the first step's weights
    assert float(generator.embedding.weight.grad.abs().sum()) > 0  # type: ignore[union-attr]
    first = one_hot(cold[:, 0].argmax(1), TOKENS).float().mean(0)
    shares = generator.logits(torch.ones(1, LENGTH, dtype=torch.int64))[0, 0].softmax(0).detach()
    torch.testing.assert_close(first, shares, atol=0.09, rtol=0)
    extremes = torch.tensor([0.0, 1 - 1e-7]).expand(1, LENGTH, 2).repeat(1, 1, 3)[..., :TOKENS]
    assert generator.relaxed(extremes, 0.05).isfinite().all()


def test_a_discriminator_reads_tokens_and_their_shares_alike() -> None:
    discriminator = TextDiscriminator(TOKENS, LENGTH, 4, 3, 9).eval()
    texts = torch.randint(TOKENS, (7, LENGTH))
    torch.testing.assert_close(discriminator(texts), discriminator(one_hot(texts, TOKENS).float()))
    assert len(discriminator.convolutions) == LENGTH  # no wider than the text
