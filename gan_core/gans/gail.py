r"""GAIL: generative adversarial imitation learning (1606.03476).

    min_pi max_D  E_expert[log D(s, a)] + E_pi[log(1 - D(s, a))] - lambda H(pi)      (equation 16, D for the expert)

The generator is a policy: observations (B, O) -> logits of actions (B, A). What it generates are the pairs of
observation and action that it meets as it acts in an environment, through which no gradient flows; therefore it is
trained by reinforcement, with what the discriminator thinks of each pair as the reward (`objectives/imitation.py`).
The environment's own reward is never seen. A sample is a whole episode, observations (T, O), from a start that four
latents give; the last observation is repeated after its end.

Differs from the paper: PPO's clipped gradient instead of TRPO; a gradient penalty keeps the discriminator smooth; the
discriminator also judges the time after an episode's end (1809.02925), so that neither survival nor an early end pays
by itself. `cloning` is behaviour cloning, the paper's baseline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from gan_core.data.base import DataSpec
from gan_core.data.environments import OVER, Environment, environment_of
from gan_core.gans.recipe import Preset, Recipe, register, two_players
from gan_core.knobs import knob
from gan_core.layers.blocks import perceptron
from gan_core.objectives.imitation import Imitation, ImitationHParams, roll_out


@dataclass(frozen=True)
class GailHParams(ImitationHParams):
    """The knobs of the networks."""

    widths: tuple[int, ...] = knob(
        (32, 32), 1, 1024, label="Layer widths", change="rebuild", group="networks",
        help="Width of each hidden layer of the policy, the value network and the discriminator.",
    )  # fmt: skip


class _OfEnvironment(nn.Module):
    scale: Tensor

    def __init__(self, environment: Environment) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor(environment.scale), persistent=False)


class Policy(_OfEnvironment):
    """Observations (..., O) -> logits of the actions (..., A)."""

    def __init__(self, environment: Environment, horizon: int, widths: tuple[int, ...]) -> None:
        super().__init__(environment)
        self.environment, self.horizon = environment, horizon
        self.layers = perceptron(len(environment.observed), widths, len(environment.actions), "tanh")

    def forward(self, seen: Tensor) -> Tensor:
        logits: Tensor = self.layers(seen / self.scale)
        return logits


def unless_over(seen: Tensor, actions: Tensor) -> Tensor:
    """Numbers (..., N), all 0 after an episode's end, and a flag for the end as the last one, (..., N + 1)."""
    over = (actions == OVER).to(seen.dtype)[..., None]
    return torch.cat([seen * (1 - over), over], -1)


class Value(_OfEnvironment):
    """Observations (..., O), and actions (...), which mark an episode's end -> expected future rewards (...)."""

    def __init__(self, environment: Environment, widths: tuple[int, ...]) -> None:
        super().__init__(environment)
        self.layers = perceptron(len(environment.observed) + 1, widths, 1, "tanh")

    def forward(self, seen: Tensor, actions: Tensor) -> Tensor:
        values: Tensor = self.layers(unless_over(seen / self.scale, actions))
        return values[..., 0]


class PairDiscriminator(_OfEnvironment):
    """Observations (..., O) and actions (...) -> logits (...): high where the pair looks like the expert's."""

    def __init__(self, environment: Environment, widths: tuple[int, ...]) -> None:
        super().__init__(environment)
        self.actions = len(environment.actions)
        self.layers = perceptron(len(environment.observed) + self.actions + 1, widths, 1, "tanh")

    def encoded(self, seen: Tensor, actions: Tensor) -> Tensor:
        """Pairs as numbers, (..., O + A + 1)."""
        chosen = one_hot(actions.clamp(min=0), self.actions).to(seen.dtype)
        return unless_over(torch.cat([seen / self.scale, chosen], -1), actions)

    def judged(self, pairs: Tensor) -> Tensor:
        logits: Tensor = self.layers(pairs)
        return logits[..., 0]

    def forward(self, seen: Tensor, actions: Tensor) -> Tensor:
        return self.judged(self.encoded(seen, actions))


def networks(hparams: GailHParams, spec: DataSpec) -> dict[str, nn.Module]:
    environment = environment_of(spec)
    return {
        "generator": Policy(environment, spec.shape[0], hparams.widths),
        "value": Value(environment, hparams.widths),
        "discriminator": PairDiscriminator(environment, hparams.widths),
    }


def draw(networks: Mapping[str, nn.Module], hparams: Any, latents: Tensor, labels: Tensor | None) -> Tensor:
    """Episodes (B, T, O) of the policy's likeliest actions; latents (B, 4) determine their starts."""
    policy = networks["generator"]
    assert isinstance(policy, Policy)
    starts = torch.special.ndtr(latents.double()).clamp(max=1 - 1e-9)
    return roll_out(policy, policy.environment, starts, None, policy.horizon).seen


def equation(hparams: Any) -> str:
    return (
        r"\min_{\pi}\max_{D}\ \mathbb{E}_{\text{expert}}[\log D(s,a)]+\mathbb{E}_{\pi}[\log(1-D(s,a))]"
        r"-\lambda H(\pi)"
    )


DEFAULTS = GailHParams(
    generator_rate=3e-3, discriminator_rate=1e-3, beta1=0.9, ema=0.95, discriminator_steps=4, penalty_weight=0.3
)  # fmt: skip
register(
    Recipe(
        name="gail",
        title="GAIL",
        task="control",
        paper="1606.03476",
        year=2016,
        networks=networks,
        objective=lambda hparams: Imitation(),
        hparams=DEFAULTS,
        tiny=GailHParams(widths=(4,), batch_size=4, policy_steps=2),
        data="cartpole_expert",
        capabilities=frozenset({"control"}),
        optimizers=two_players(("generator", "value")),
        ema_networks=("generator", "discriminator"),
        draw=draw,
        equation=equation,
        presets=(
            Preset(
                name="cartpole",
                beginner=True,
                title="A pole, balanced by imitation",
                look_for="The return starts at about 20, since the pole falls after about 20 steps, and passes 100 "
                "within ten training steps. It fluctuates, because the discriminator moves on to the next "
                "difference from the expert.",
                data="cartpole_expert", size=4, steps=100, seconds=20,
                hparams={"schedule": "linear", "decay_steps": 100},
            ),
            Preset(
                name="acrobot",
                title="Acrobot, swung up by imitation",
                look_for="The return is -200, the time limit, until the links get enough swing; within 20 steps of "
                "training it is near the expert's -90.",
                data="acrobot_expert", size=6, steps=40, seconds=20,
                hparams={"schedule": "linear", "decay_steps": 40},
            ),
            Preset(
                name="cloning",
                title="Behaviour cloning",
                look_for="The expert's actions as classes. Nothing is played in training, so it is quick; small errors "
                "can lead to where no demonstration has been.",
                data="cartpole_expert", size=4, steps=300, seconds=10,
                hparams={"method": "cloning", "generator_rate": 1e-3},
            ),
            Preset(
                name="idle",
                title="An expert who does nothing",
                look_for="A control: a policy that imitates this expert must keep hanging. With the negative form of "
                "the reward, each step is penalised, so ending early is rewarded, whatever the expert did.",
                data="acrobot_idle", size=6, steps=60, seconds=60,
                hparams={"reward": "negative", "absorbing": False},
            ),
        ),
    )
)  # fmt: skip
