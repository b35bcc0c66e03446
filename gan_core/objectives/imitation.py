"""Imitation by an adversary: GAIL (1606.03476, algorithm 1) with a clipped policy gradient (PPO, 1707.06347).

    D:      max  E_expert[log D(s, a)] + E_policy[log(1 - D(s, a))]
    policy: max  E[min(rho A, clip(rho, 1 - epsilon, 1 + epsilon) A)] + lambda H(pi)

A (advantages, 1506.02438) are computed only from D's reward, not from the environment's. D is the
probability that a step is the expert's. Its form as a reward matters if an episode can end (1809.02925, section 4):

    positive   -log(1 - D) > 0: each further step is rewarded, which favours long episodes, regardless of the expert
    negative   log D < 0: each further step costs, which favours short episodes
    balanced   log D - log(1 - D): of either sign, but negative while D wins

With `absorbing`, the end of an episode is a state that lasts until the time limit and that D judges like any other
step: an early end looks wrong if the expert's episodes are long, and a late one if they are short. This removes the
bias.

Every step plays as many new episodes as the batch has demonstrations, from starts and with actions drawn by the
trainer's random generator; nothing of them is kept after the step, so that a resumed run is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax, logsigmoid, softplus

from gan_core.data.base import DataSpec
from gan_core.data.environments import OVER, STARTS, Environment, Episodes, environment_of
from gan_core.hparams import TrainingHParams, TwoPlayerHParams
from gan_core.knobs import knob, when
from gan_core.objectives.base import Batch, Networks, Objective, Phase, StepContext
from gan_core.ranks import current, uniform

ADVERSARIAL = when(method=("adversarial",))


@dataclass(frozen=True)
class ImitationHParams(TrainingHParams, TwoPlayerHParams):
    """The knobs of the objective."""

    batch_size: int = knob(
        8, 2, 1024, label="Batch size", unit="episodes",
        help="Demonstrations per step, and as many new episodes of the policy. Larger batches give smoother gradients "
        "and slower steps.",
    )  # fmt: skip
    method: str = knob(
        "adversarial", choices=("adversarial", "cloning"), label="Imitation", group="objective",
        help="Adversarial: the policy acts in the environment and is rewarded where the discriminator takes it for the "
        "expert. Cloning: it learns the expert's action for each observation as a classifier does, and never acts.",
    )  # fmt: skip
    every: int = knob(
        1, 1, 100, label="Every nth pair", unit="pairs", group="objective",
        help="Only every nth pair of observation and action is learnt from. Larger shows less of each demonstration: "
        "GAIL's paper keeps one in 20.",
    )  # fmt: skip
    reward: str = knob(
        "balanced", choices=("positive", "negative", "balanced"), label="Form of the reward", group="objective",
        acts_when=ADVERSARIAL,
        help="Positive, -log(1 - D): every step pays, so a policy that only survives is rewarded. Negative, log D: "
        "every step costs, so one that ends soon is rewarded. Balanced, their sum, has either sign.",
    )  # fmt: skip
    absorbing: bool = knob(
        True, label="Judge what is over", group="objective", acts_when=ADVERSARIAL,
        help="The discriminator also judges the time after an episode's end, so that ending early is rewarded only if "
        "the expert ends early. Off: nothing after an episode's end is judged, and the form of the reward decides "
        "whether that is good.",
    )  # fmt: skip
    discount: float = knob(
        0.99, 0.0, 1.0, label="Discount", unit="per step", group="objective", acts_when=ADVERSARIAL,
        help="How much a reward counts one step later. Closer to 1 looks further ahead, with more noise.",
    )  # fmt: skip
    trace: float = knob(
        0.95, 0.0, 1.0, label="Advantage decay", unit="per step", group="objective", acts_when=ADVERSARIAL,
        help="Weight of later errors of the value network in an advantage (lambda of GAE). 1: rewards alone, with more "
        "noise; 0: the value network alone, with more bias.",
    )  # fmt: skip
    clip: float = knob(
        0.2, 0.01, 1.0, label="Clipping", group="objective", acts_when=ADVERSARIAL,
        help="How far the probability of an action may move in one step before it stops to count. Larger learns faster "
        "and less safely.",
    )  # fmt: skip
    entropy: float = knob(
        0.005, 0.0, 1.0, label="Entropy weight", group="objective", acts_when=ADVERSARIAL,
        help="Keeps the policy trying different actions. Too large: it stays random.",
    )  # fmt: skip
    policy_steps: int = knob(
        6, 1, 50, label="Policy updates", unit="per step", group="objective", acts_when=ADVERSARIAL,
        help="Updates of the policy from the same episodes.",
    )  # fmt: skip
    discriminator_steps: int = knob(
        2, 1, 50, label="Discriminator updates", unit="per step", group="objective", acts_when=ADVERSARIAL,
        help="Updates of the discriminator from the same episodes.",
    )  # fmt: skip
    penalty_weight: float = knob(
        1.0, 0.0, 100.0, label="Gradient penalty", group="objective", acts_when=ADVERSARIAL,
        help="Weight of the gradient penalty, which keeps the discriminator's reward smooth between expert and policy; "
        "0 turns it off.",
    )  # fmt: skip

    @property
    def latent_size(self) -> int:
        """The number of values that determine an episode's start."""
        return STARTS


class Policy(Protocol):
    """Observations (B, O) -> logits of the actions (B, A)."""

    def __call__(self, seen: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Rollout:
    """Episodes of the policy, B of them and T steps at most; `mask` marks the played steps."""

    seen: Tensor  # (B, T, O)
    actions: Tensor  # (B, T)
    mask: Tensor  # (B, T), 1 or 0
    log_probabilities: Tensor  # (B, T), of the actions when they were drawn
    lengths: Tensor  # (B,)


@torch.no_grad()
def roll_out(policy: Policy, environment: Environment, starts: Tensor, choices: Tensor | None, horizon: int) -> Rollout:
    """Plays from starts (B, STARTS) in [0, 1); `choices` (B, T) in [0, 1) draw the actions; None: the likeliest."""
    device = starts.device
    episodes = Episodes(environment, starts.cpu().double().numpy())
    count = len(starts)
    seen = torch.empty(count, horizon, len(environment.observed))
    actions = torch.full((count, horizon), OVER)
    noted = torch.zeros(count, horizon)
    for step in range(horizon):
        now = torch.from_numpy(episodes.seen)
        seen[:, step] = now
        if episodes.over.all():
            seen[:, step:] = now[:, None]
            break
        logs = log_softmax(policy(now.to(device)), 1).cpu()  # (B, A)
        if choices is None:
            chosen = logs.argmax(1)
        else:
            below = logs.exp().cumsum(1) <= choices[:, step, None].cpu()
            chosen = below.sum(1).clamp(max=logs.shape[1] - 1)
        going = torch.from_numpy(~episodes.over)
        actions[going, step] = chosen[going]
        noted[going, step] = logs.gather(1, chosen[:, None])[going, 0]
        episodes.step(chosen.numpy())
    lengths = torch.from_numpy(episodes.lengths)
    mask = (torch.arange(horizon) < lengths[:, None]).float()
    return Rollout(seen.to(device), actions.to(device), mask.to(device), noted.to(device), lengths.to(device))


def rewards(logits: Tensor, form: str) -> Tensor:
    """Rewards from D's logits, in one of the three forms."""
    if form == "positive":
        return softplus(logits)  # -log(1 - D)
    return logsigmoid(logits) if form == "negative" else logits


def advantages(reward: Tensor, values: Tensor, mask: Tensor, ended: Tensor, discount: float, trace: float) -> Tensor:
    """Generalised advantage estimates (1506.02438, equation 16), (B, T), of rewards and values (B, T).

    After a last step that ended its episode (`ended`, (B, T)) nothing follows; a truncated episode is continued with
    the value of its last observation.
    """
    found = torch.zeros_like(reward)
    following = torch.zeros_like(reward[:, 0])
    for step in reversed(range(reward.shape[1])):
        later = values[:, min(step + 1, reward.shape[1] - 1)] * (1 - ended[:, step])
        error = reward[:, step] + discount * later - values[:, step]
        following = (error + discount * trace * (1 - ended[:, step]) * following) * mask[:, step]
        found[:, step] = following
    return found


def mean_of(values: Tensor, mask: Tensor) -> Tensor:
    """The mean over the played steps of all ranks."""
    return (values * mask).sum() / current().mean(mask.sum()).clamp(min=1)


def _one(value: Tensor) -> Tensor:
    """A scalar in the form of observations, (1,)."""
    return value.reshape(1)


class Imitation(Objective[ImitationHParams]):
    """Networks: `generator` is a policy, `value` and `discriminator` (seen, actions) give (B,)."""

    def setup(self, networks: Networks, spec: DataSpec) -> None:
        self.environment = environment_of(spec)
        self.horizon = spec.fields["observation"][0]

    def phases(self, hparams: ImitationHParams) -> Sequence[Phase]:
        if hparams.method == "cloning":
            return [Phase(name="policy", role="generator", group="generator", terms=self._cloning_terms)]
        return [
            Phase(
                name="discriminator", role="discriminator", group="discriminator", terms=self._discriminator_terms,
                repeats=hparams.discriminator_steps, fresh_batch=False, exact=hparams.penalty_weight > 0,
            ),
            Phase(
                name="policy", role="generator", group="generator", terms=self._policy_terms,
                repeats=hparams.policy_steps, fresh_batch=False,
            ),
        ]  # fmt: skip

    # --- training data -----------------------------------------------------------------------------------------------

    def _played(self, networks: Networks, count: int, context: StepContext[ImitationHParams]) -> Rollout:
        """This step's episodes, the same for all of its updates."""

        def play() -> Rollout:
            starts = uniform((count, STARTS), context.generator).to(context.device)
            choices = uniform((count, self.horizon), context.generator)
            made = roll_out(networks["generator"], self.environment, starts, choices, self.horizon)
            context.observe("return", _one(self.environment.returns(made.lengths.float()).mean()))
            return made

        made: Rollout = context.shared("episodes", play)
        context.store("episodes", made)
        return made

    def _shown(self, batch: Batch, every: int, over: bool) -> Tensor:
        """A mask of the demonstrations' training steps, (B, T); with those after the end if `over`."""
        steps = torch.arange(batch["action"].shape[1], device=batch["action"].device)
        return (((batch["action"] != OVER) | over) & (steps % every == 0)).float()

    def _judged(self, made: Rollout, hparams: ImitationHParams) -> Tensor:
        """A mask of the steps of the policy's episodes that D judges, (B, T)."""
        return torch.ones_like(made.mask) if hparams.absorbing else made.mask

    # --- the players -------------------------------------------------------------------------------------------------

    def _discriminator_terms(
        self, networks: Networks, batch: Batch, context: StepContext[ImitationHParams]
    ) -> dict[str, Tensor]:
        hparams, judge = context.hparams, networks["discriminator"]
        made = self._played(networks, len(batch["action"]), context)
        shown, judged = self._shown(batch, hparams.every, hparams.absorbing), self._judged(made, hparams)
        real = judge(batch["observation"], batch["action"])
        fake = judge(made.seen, made.actions)  # (B, T)
        context.observe("score/real", _one(mean_of(real.sigmoid(), shown)))
        context.observe("score/fake_before", _one(mean_of(fake.sigmoid(), judged)))
        right = mean_of((real > 0).float(), shown) + mean_of((fake <= 0).float(), judged)
        context.observe("accuracy", _one(right / 2))
        terms = {"real": mean_of(softplus(-real), shown), "fake": mean_of(softplus(fake), judged)}
        if hparams.penalty_weight:
            terms["penalty"] = hparams.penalty_weight * self._penalty(judge, batch, (shown, judged), made, context)
        return terms

    def _penalty(
        self,
        judge: nn.Module,
        batch: Batch,
        masks: tuple[Tensor, Tensor],
        made: Rollout,
        context: StepContext[ImitationHParams],
    ) -> Tensor:
        """WGAN-GP's penalty (1704.00028) between a pair of the expert and one of the policy, PAIRS of each episode."""
        encode = cast("Encoding", judge).encoded
        chosen = []
        for seen, actions, mask in (
            (batch["observation"], batch["action"], masks[0]), (made.seen, made.actions, masks[1]),
        ):  # fmt: skip
            draws = uniform((len(mask), PAIRS), context.generator).to(mask.device)
            # the index of the nth masked step, n drawn uniformly
            wanted = (draws * mask.sum(1, keepdim=True)).floor() + 1
            places = torch.searchsorted(mask.cumsum(1), wanted).clamp(max=mask.shape[1] - 1)  # (B, PAIRS)
            pairs = encode(seen, actions)  # (B, T, O + A)
            chosen.append(pairs.gather(1, places[..., None].expand(-1, -1, pairs.shape[-1])))
        real, fake = (pairs.detach().flatten(0, 1) for pairs in chosen)  # (B * PAIRS, O + A)
        share = uniform((len(batch["action"]), PAIRS), context.generator).to(real.device).flatten()[:, None]
        between = (share * real + (1 - share) * fake).requires_grad_()
        logits = cast("Encoding", judge).judged(between)
        (slope,) = torch.autograd.grad(logits.sum(), between, create_graph=True)
        steepness: Tensor = (slope.norm(dim=1) - 1).square().mean()
        return steepness

    def _policy_terms(
        self, networks: Networks, batch: Batch, context: StepContext[ImitationHParams]
    ) -> dict[str, Tensor]:
        hparams = context.hparams
        made = self._played(networks, len(batch["action"]), context)
        paid, gain, goal = self._worth(networks, made, context)
        logs = log_softmax(networks["generator"](made.seen), -1)  # (B, T, A)
        ratio = (logs.gather(2, made.actions.clamp(min=0)[..., None])[..., 0] - made.log_probabilities).exp()
        bounded = ratio.clamp(1 - hparams.clip, 1 + hparams.clip)
        entropy = -(logs.exp() * logs).sum(2)
        context.observe("score/fake_after", _one(mean_of(paid.sigmoid(), self._judged(made, hparams))))
        context.observe("entropy", _one(mean_of(entropy, made.mask)))
        values = networks["value"](made.seen, made.actions)
        return {
            "clipped": -mean_of(torch.minimum(ratio * gain, bounded * gain), made.mask),
            "entropy": -hparams.entropy * mean_of(entropy, made.mask),
            "value": 0.5 * mean_of((values - goal).square(), self._judged(made, hparams)),
        }

    @torch.no_grad()
    def _worth(
        self, networks: Networks, made: Rollout, context: StepContext[ImitationHParams]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """D's logits, advantages of standard deviation 1, and targets of the value network, (B, T) each."""

        def weigh() -> tuple[Tensor, Tensor, Tensor]:
            hparams = context.hparams
            logits = networks["discriminator"](made.seen, made.actions)
            values = networks["value"](made.seen, made.actions)
            judged, steps = self._judged(made, hparams), torch.arange(self.horizon, device=values.device)
            ended = ((steps == made.lengths[:, None] - 1) & (made.lengths < self.horizon)[:, None]).float()
            if hparams.absorbing:
                ended = torch.zeros_like(ended)
            reward = rewards(logits, hparams.reward) * judged
            gain = advantages(reward, values, judged, ended, hparams.discount, hparams.trace)
            middle = current().mean(mean_of(gain, made.mask))
            spread = current().mean(mean_of((gain - middle).square(), made.mask)).sqrt()
            return logits, (gain - middle) / (spread + 1e-6), gain + values

        found: tuple[Tensor, Tensor, Tensor] = context.shared("worth", weigh)
        context.store("worth", found)
        return found

    def _cloning_terms(
        self, networks: Networks, batch: Batch, context: StepContext[ImitationHParams]
    ) -> dict[str, Tensor]:
        """Cross-entropy of the expert's actions."""
        logs = log_softmax(networks["generator"](batch["observation"]), -1)
        taken = logs.gather(2, batch["action"].clamp(min=0)[..., None])[..., 0]
        return {"cloning": -mean_of(taken, self._shown(batch, context.hparams.every, over=False))}


PAIRS = 16  # of each episode, in the penalty


class Encoding(Protocol):
    """The interface that the penalty requires of a discriminator."""

    def encoded(self, seen: Tensor, actions: Tensor) -> Tensor: ...
    def judged(self, pairs: Tensor) -> Tensor: ...


def trial(policy: Policy, environment: Environment, starts: np.ndarray, horizon: int) -> np.ndarray:
    """Lengths (N,) of episodes in which a policy takes its likeliest actions."""
    return roll_out(policy, environment, torch.from_numpy(starts), None, horizon).lengths.cpu().numpy()
