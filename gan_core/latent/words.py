"""Guidance by words: finds points of a model without text input whose pictures match a sentence (StyleCLIP,
2103.17249).

    w* = argmin  -fit(G(w), sentence)  +  prior |white(w)|^2

`fit` is CLIP's cosine between picture and sentence (its section 4, "latent optimization"), or an attribute classifier's
log-probability of the values that the sentence names. The search starts from the best of many random points; pictures
are compared under small random warps, so that a pattern of pixels can't pass for a hat. The prior keeps w within the
generator's training distribution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from gan_core.compiler import load_compiler_late
from gan_core.errors import BadValue
from gan_core.latent.attribute_classifier import AttributeClassifier
from gan_core.latent.directions import gaussian
from gan_core.latent.explorer import Explorer
from gan_core.latent.points import Points
from gan_core.models.sampler import Sampler
from gan_core.objectives.augment import uniform
from gan_core.objectives.supervised import random_affine

Fit = Callable[[Tensor], Tensor]  # pictures (B, C, H, W) in [-1, 1] -> fit of each, (B,); larger is better
Meaning = Mapping[str, tuple[str, ...]]  # attribute -> its accepted values
CANDIDATES = 64  # random points, of which the best are the start
MOST_STEPS, MOST_PICTURES = 500, 16
WARP = 0.3  # strength of the random warps


@dataclass(frozen=True)
class Guidance:
    """Settings of the search."""

    pictures: int = 4
    steps: int = 40
    rate: float = 0.1  # in deviations of w per step
    prior: float = 0.05
    seed: int = 0


@dataclass(frozen=True)
class GuidedStep:
    """State of the search."""

    step: int
    points: Points
    pictures: Tensor  # (B, C, H, W) in [-1, 1], on the CPU
    fits: Tensor  # (B,)
    share: float  # share of finished steps


def by_clip(clip: Sampler, tokens: Tensor) -> Fit:
    """The scaled cosine between pictures and a sentence (T,), by a model of the recipe `clip`."""
    network: Any = clip.networks["clip"]
    with torch.no_grad():
        words = network.of_words(tokens[None])[0]

    def fit(pictures: Tensor) -> Tensor:
        found: Tensor = network.of_images(pictures) @ words
        scaled: Tensor = found * network.scale()
        return scaled

    return fit


def by_attributes(classifier: AttributeClassifier, meaning: Meaning) -> Fit:
    """The mean log-probability of the values that a sentence allows; raises BadValue if it names none."""
    columns = {
        name: [classifier.attributes[name].index(value) for value in values]
        for name, values in meaning.items()
        if name in classifier.attributes
    }
    if not columns:
        raise BadValue("The sentence names nothing that can be seen. Try 'a woman with red hair and glasses'.")

    def fit(pictures: Tensor) -> Tensor:
        heads = classifier.heads(classifier.logits(pictures))
        right = [_log_shares(heads[name])[:, places].logsumexp(1) for name, places in columns.items()]
        return torch.stack(right, 1).mean(1)

    return fit


def _log_shares(head: Tensor) -> Tensor:
    """The log-probabilities of an attribute's values from their logits (B, values); a lone value is there or not."""
    return head.log_softmax(1) if head.shape[1] > 1 else logsigmoid(head)


def guided(explorer: Explorer, fit: Fit, guidance: Guidance = Guidance(), every: int = 4) -> Iterator[GuidedStep]:
    """Searches for points whose pictures fit; yields its state every few steps, and at the end.

    Raises BadValue for a number of steps or pictures out of range.
    """
    if not 0 <= guidance.steps <= MOST_STEPS:
        raise BadValue(
            "The number of steps must be between {least} and {most}, got {count}.",
            least=0, most=MOST_STEPS, count=guidance.steps,
        )  # fmt: skip
    if not 1 <= guidance.pictures <= MOST_PICTURES:
        raise BadValue(
            "The number of pictures must be between 1 and {most}, got {count}.",
            most=MOST_PICTURES, count=guidance.pictures,
        )  # fmt: skip
    begin = best(explorer, fit, guidance.pictures, guidance.seed)
    space = "w" if explorer.styled else "z"
    around = gaussian(explorer)
    values = explorer.read(begin, space)
    mean, root = around.mean.to(values), around.root.to(values)
    white = ((values - mean) @ around.whitening.to(values)).clone().requires_grad_()  # (B, w_size)
    load_compiler_late()
    optimizer = torch.optim.Adam([white], guidance.rate, betas=(0.9, 0.99))
    random = torch.Generator().manual_seed(guidance.seed)
    for step in range(guidance.steps + 1):
        points = explorer.write(begin, space, white @ root + mean)
        pictures = explorer.images(points)
        if step % every == 0 or step == guidance.steps:
            shown = pictures.detach().clamp(-1, 1)
            with torch.no_grad():
                fits = fit(shown).cpu()
            share = step / guidance.steps if guidance.steps else 1.0
            yield GuidedStep(step, points.mapped(Tensor.detach), shown.cpu(), fits, share)
        if step == guidance.steps:
            return
        warped = random_affine(pictures.clamp(-1, 1), uniform(random, pictures.device), WARP)
        loss = -fit(warped).sum() + guidance.prior * white.square().sum()
        (white.grad,) = torch.autograd.grad(loss, [white])
        optimizer.step()


@torch.no_grad()
def best(explorer: Explorer, fit: Fit, count: int, seed: int = 0, among: int = CANDIDATES) -> Points:
    """Those of `among` random points whose pictures fit best, the best first."""
    candidates = explorer.sample(max(among, count), seed)
    fits = fit(explorer.draw(candidates).to(explorer.device))
    return candidates.at(*fits.topk(count).indices.tolist())


def followed(seen: Mapping[str, Tensor], meaning: Meaning, attributes: Mapping[str, tuple[str, ...]]) -> Tensor:
    """Whether each attribute that a sentence names was recognised in each picture, bool (B, named).

    `seen`: the indices of a classifier's values (`AttributeClassifier.named`), (B,) each.
    """
    columns = []
    for name, values in meaning.items():
        if name in seen:
            known = attributes[name]
            places = [known.index(value) if len(known) > 1 else 1 for value in values]  # 1: the lone value is there
            columns.append(torch.isin(seen[name], torch.tensor(places)))
    return torch.stack(columns, 1) if columns else torch.zeros(len(next(iter(seen.values()))), 0, dtype=torch.bool)
