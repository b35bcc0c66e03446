"""Objectives for generators of texts: maximum likelihood, and policy gradients with rollouts (SeqGAN, 1609.05473).

    L_MLE = -E_{Y ~ data}[sum_t log G(y_t | Y_{1:t-1})] / E[tokens]

    L_D = -E_{Y ~ data}[log D(Y)] - E_{Y ~ G}[log(1 - D(Y))]

    L_G = -E_{Y ~ G}[sum_t (Q_t - b_t) log G(y_t | Y_{1:t-1})] / E[tokens]      Q_t = mean_n D(Y_{1:t} ~ rollout n)

Q_t is D's output for a text with the first t tokens fixed and the rest drawn by G, the mean of N rollouts (equation 4);
for the whole text, it is D's output itself. b_t is the mean of Q_t over the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn.functional import softplus

from gan_core.hparams import SingleNetworkHParams, TrainingHParams, TwoPlayerHParams
from gan_core.knobs import knob
from gan_core.layers.text import TextDiscriminator, TextGenerator, pick, said
from gan_core.objectives.base import Batch, Networks, Objective, Phase, StepContext
from gan_core.ranks import current, uniform

JUDGED = 4096  # texts per pass through D


def text_latents_knob(default: int = 32) -> Any:
    """The knob `latent_size` of generators that draw one token with each number."""
    return knob(
        default, 1, 1024, label="Latent size", unit="numbers", change="rebuild", group="networks",
        help="Random numbers that a text is drawn from, one for each token: at least as many as the longest text has "
        "tokens.",
    )  # fmt: skip


def pretraining_knob(default: float) -> Any:
    """The knob `pretraining` of recipes that begin with maximum likelihood."""
    return knob(
        default, 0.0, 1e6, label="Pre-training", unit="thousand texts", group="objective", clock="pretraining",
        help="Over this many thousand texts the generator learns by maximum likelihood alone, before the discriminator "
        "begins. 0 begins with the game at once.",
    )  # fmt: skip


def likelihood(generator: TextGenerator, texts: Tensor) -> Tensor:
    """-log p of real texts (B, T), the mean over their tokens in nats: a scalar."""
    mask = said(texts)
    logs = generator.logits(texts).log_softmax(2).gather(2, texts[:, :, None]).squeeze(2)  # (B, T)
    # the mean over the tokens of all ranks, so that ranks with longer texts count more
    return -(logs * mask).sum() / current().mean(mask.sum().to(logs.dtype))


@dataclass(frozen=True)
class LikelihoodHParams(SingleNetworkHParams):
    """The knobs of maximum likelihood."""

    latent_size: int = text_latents_knob()


class Likelihood(Objective[LikelihoodHParams]):
    """Maximum likelihood of texts. Network: `generator`, a `TextGenerator`."""

    def phases(self, hparams: LikelihoodHParams) -> Sequence[Phase]:
        # exact: the network is called by another method than `forward`, which draws samples
        return [Phase(name="likelihood", role="generator", group="generator", terms=likelihood_terms, exact=True)]


def likelihood_terms(networks: Networks, batch: Batch, context: StepContext[Any]) -> dict[str, Tensor]:
    """The term of a phase of maximum likelihood."""
    return {"likelihood": likelihood(cast(TextGenerator, networks["generator"]), batch["tokens"])}


def pretraining(hparams: TrainingHParams, thousands: float) -> list[Phase]:
    """The phase of maximum likelihood before a game; none for 0 thousand texts."""
    if not thousands:
        return []
    return [
        Phase(
            name="likelihood", role="generator", group="generator", terms=likelihood_terms, stop=thousands,
            clock="pretraining", exact=True,
        )
    ]  # fmt: skip


@dataclass(frozen=True)
class PolicyHParams(TrainingHParams, TwoPlayerHParams):
    """The knobs of SeqGAN's objective."""

    latent_size: int = text_latents_knob()
    pretraining: float = pretraining_knob(64.0)
    discriminator_pretraining: float = knob(
        16.0, 0.0, 1e6, label="Pre-training of the discriminator", unit="thousand texts", group="objective",
        clock="pretraining",
        help="After the generator's pre-training, the discriminator alone learns over this many thousand texts.",
    )  # fmt: skip
    pretraining_rate: float = knob(
        1.0, 0.01, 1000.0, label="Rate of the pre-training", unit="times", group="optimiser", logarithmic=True,
        help="Multiplies the learning rates while the generator is pre-trained.",
    )  # fmt: skip
    rollouts: int = knob(
        4, 1, 64, label="Rollouts", change="live", group="objective",
        help="Ways in which each beginning of a text is completed to learn what it is worth. More give a steadier "
        "reward and slower steps. The paper uses 16.",
    )  # fmt: skip
    discriminator_steps: int = knob(
        2, 1, 20, label="Discriminator updates", unit="per step", group="objective",
        help="Discriminator updates per step, each on a new batch (n_critic; WGAN: 5).",
    )  # fmt: skip


class PolicyGradient(Objective[PolicyHParams]):
    """SeqGAN's objective. Networks: `generator`, a `TextGenerator`; `discriminator`, a `TextDiscriminator`."""

    def phases(self, hparams: PolicyHParams) -> Sequence[Phase]:
        judged = hparams.pretraining
        played = judged + hparams.discriminator_pretraining
        return [
            *pretraining(hparams, judged),
            Phase(
                name="discriminator", role="discriminator", group="discriminator", terms=self._discriminator_terms,
                repeats=hparams.discriminator_steps, start=judged, clock="pretraining", exact=True,
            ),
            Phase(
                name="generator", role="generator", group="generator", terms=self._policy_terms, start=played,
                clock="pretraining", exact=True,
            ),
        ]  # fmt: skip

    def schedule(self, networks: Networks, hparams: PolicyHParams, images_seen: int) -> dict[str, float]:
        return {"rate": hparams.pretraining_rate if images_seen < 1000 * hparams.pretraining else 1.0}

    def _discriminator_terms(
        self, networks: Networks, batch: Batch, context: StepContext[PolicyHParams]
    ) -> dict[str, Tensor]:
        texts = batch["tokens"]
        with torch.no_grad():
            made = networks["generator"](context.latents(len(texts), context.hparams.latent_size))
        real, fake = networks["discriminator"](torch.cat([texts, made])).chunk(2)
        context.observe("real", real)
        context.observe("fake_before", fake)
        return {"real": softplus(-real).mean(), "fake": softplus(fake).mean()}

    def _policy_terms(self, networks: Networks, batch: Batch, context: StepContext[PolicyHParams]) -> dict[str, Tensor]:
        generator = cast(TextGenerator, networks["generator"])
        discriminator = cast(TextDiscriminator, networks["discriminator"])
        count = len(batch["tokens"])
        with torch.no_grad():
            texts = generator(context.latents(count, context.hparams.latent_size))
            points = uniform((count, context.hparams.rollouts, generator.length - 1, generator.length),
                             context.generator).to(texts.device)  # fmt: skip
            worth = values(generator, discriminator, texts, points)
            advantage = worth - current().mean(worth.mean(0))
        mask = said(texts)
        logs = generator.logits(texts).log_softmax(2).gather(2, texts[:, :, None]).squeeze(2)  # (B, T)
        context.observe("fake_after", worth[:, -1].logit(1e-6))
        return {"policy": -(advantage * logs * mask).sum() / current().mean(mask.sum().to(logs.dtype))}

    def summarise(self, hparams: PolicyHParams, observed: dict[str, Tensor]) -> dict[str, Tensor]:
        logits = {name: values.flatten(1) for name, values in observed.items()}
        found = {f"score/{name}": values.sigmoid().mean(1) for name, values in logits.items()}
        if {"real", "fake_before"} <= logits.keys():
            right = (logits["real"] > 0).float().mean(1) + (logits["fake_before"] <= 0).float().mean(1)
            found["accuracy"] = right / 2
            found["separated"] = (logits["real"] > logits["fake_before"]).float().mean(1)
        return found


@torch.no_grad()
def values(generator: TextGenerator, discriminator: TextDiscriminator, texts: Tensor, points: Tensor) -> Tensor:
    """Q_t of each token of texts (B, T), in [0, 1], (B, T). `points` (B, N, T - 1, T) in [0, 1) choose the rollouts.

    The rollouts of all beginnings are drawn together: at each position, those whose beginning ends there are added.
    """
    count, rollouts, starts, length = points.shape
    before, (hidden, memory) = generator.begin(count)
    inputs, cells = before, (hidden, memory)
    pool = texts.new_zeros(0, length)  # texts in completion, whose beginnings have ended
    pooled: tuple[Tensor, Tensor, Tensor] | None = None  # their last embedded token, and states
    for place in range(length):
        if pooled is not None:
            logits, states = generator.step(pooled[0], (pooled[1], pooled[2]))
            chosen = points[:, :, :place, place].permute(2, 0, 1).flatten()  # (B, N, place) -> (place * B * N)
            token = pick(logits, chosen)
            token = token.masked_fill(~said(torch.cat([pool[:, :place], token[:, None]], 1))[:, -1], 0)
            pool = torch.cat([pool[:, :place], token[:, None], pool[:, place + 1 :]], 1)
            pooled = (generator.embedding(token), *states)
        _, cells = generator.step(inputs, cells)
        inputs = generator.embedding(texts[:, place])
        if place < starts:
            begun = texts.repeat_interleave(rollouts, 0)  # (B, T) -> (B * N, T)
            new = tuple(part.repeat_interleave(rollouts, 0) for part in (inputs, *cells))
            pool = torch.cat([pool, begun])
            old = pooled or tuple(part[:0] for part in new)
            pooled = cast("tuple[Tensor, Tensor, Tensor]", tuple(map(torch.cat, zip(old, new, strict=True))))
    learning = discriminator.training
    discriminator.eval()  # without dropout, as in the authors' code
    judged = torch.cat([discriminator(part) for part in torch.split(torch.cat([pool, texts]), JUDGED)]).sigmoid()
    discriminator.train(learning)
    completed = judged[: len(pool)].reshape(starts, count, rollouts).mean(2).T  # (T - 1, B, N) -> (B, T - 1)
    return torch.cat([completed, judged[len(pool) :, None]], 1)
