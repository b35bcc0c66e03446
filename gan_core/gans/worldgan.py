r"""A GAN that simulates a game, after GameGAN (2005.12126): the next frame from the two before it and the player's key.

    L_D = -E[log D(x, a)] - E[log(1 - D(x', a))]        L_G = -E[log D(x', a)] + lambda_1 |x - x'|_1

x is a window of true frames: two that are given and `ahead` that follow; x' has the same two, and each following frame
is the generator's, made from the two before it, its own among them, and from the action a(t). The discriminator sees
the whole window with the actions as planes. A sample is a film: from a true start (the first latents) it is played with
random actions (the others), and every frame after the second is generated.

Differs from the paper: no memory and no separate rendering of static and moving parts; the last two frames are all that
the generator knows, which is enough for this game. L1 is a mean over the whole window, whose given frames and actions
are equal; noise on the given frames teaches the generator to correct its own small errors, which otherwise add up over
a hundred frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.data.games import ACTIONS, begin
from gan_core.errors import BadData
from gan_core.gans.mocogan import check_frames
from gan_core.gans.recipe import Preset, Recipe, register
from gan_core.hparams import AdversarialHParams
from gan_core.knobs import knob
from gan_core.layers.blocks import logit_head
from gan_core.objectives.adversarial import Adversarial, DiscriminatorOutput, Fakes
from gan_core.objectives.base import Batch, Networks, StepContext
from gan_core.objectives.equations import adversarial_equation
from gan_core.ranks import integers, normal

GIVEN = 2  # frames from which the next one is generated
START = 4  # latents before those that choose actions; the first of them chooses the start
STILL = 1.0  # logit by which an untrained mask tends to keep what is there
STARTS = 64  # true starts that samples begin with
SIZES = (8, 16, 32, 64)


@dataclass(frozen=True)
class WorldHParams(AdversarialHParams):
    """The knobs of the simulator."""

    latent_size: int = knob(
        32, START + 1, 1024, label="Latent size", unit="dimensions", change="rebuild", group="networks",
        help="Random numbers that an episode is generated from: the first chooses its start, and those from the fifth "
        "on choose the actions, in turn.",
    )  # fmt: skip
    channels: int = knob(
        16, 4, 256, label="Channels", change="rebuild", group="networks",
        help="Channels at full resolution; twice as many at half of it.",
    )  # fmt: skip
    ahead: int = knob(
        3, 1, 12, label="Frames ahead", unit="frames", group="objective", change="rebuild",
        help="How many frames follow one another in training, each made from those before it. Larger drifts less, and "
        "each step takes longer.",
    )  # fmt: skip
    l1_weight: float = knob(
        1000.0, 0.0, 100_000.0, label="L1 weight", group="objective",
        help="Weight of the mean distance to the true frames. 0 leaves only the discriminator to say what follows.",
    )  # fmt: skip
    given_noise: float = knob(
        0.05, 0.0, 1.0, label="Noise on given frames", group="objective",
        help="Standard deviation of noise on the two true frames in training, so that the generator learns to correct "
        "small errors.",
    )  # fmt: skip


def planes(actions: Tensor, size: int) -> Tensor:
    """Actions (B, T) as planes -1, 0 or 1, (B, T, size, size)."""
    return (actions.to(torch.float32) - 1)[:, :, None, None].expand(-1, -1, size, size)


class World(nn.Module):
    """Two frames (B, 2 C, H, W) and an action (B,) -> the next frame (B, C, H, W) in [-1, 1].

    It paints over the last frame where a mask is set; static content bypasses the network.
    """

    starts: Tensor

    def __init__(self, shape: tuple[int, ...], hparams: WorldHParams) -> None:
        super().__init__()
        channels, self.length, self.size = shape[0], shape[1], shape[-1]
        width = hparams.channels
        self.down = nn.Sequential(nn.Conv2d(GIVEN * channels + 3, width, 4, stride=2, padding=1), nn.ReLU(inplace=True))
        self.inner = nn.Sequential(
            nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(2 * width, 2 * width, 3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(2 * width, width, 3, padding=1), nn.ReLU(inplace=True),
        )  # fmt: skip
        self.up = nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1)
        self.last = nn.Sequential(
            nn.ReLU(inplace=True), nn.Conv2d(width + GIVEN * channels, channels + 1, 3, padding=1)
        )
        self.channels = channels
        self.register_buffer("starts", torch.from_numpy(true_starts(self.size)), persistent=False)
        line = torch.linspace(-1, 1, self.size)
        self.register_buffer("places", torch.stack(torch.meshgrid(line, line, indexing="ij")), persistent=False)

    def forward(self, given: Tensor, action: Tensor) -> Tensor:
        places = cast(Tensor, self.places).expand(given.shape[0], -1, -1, -1)
        pressed = planes(action[:, None], self.size)
        low = self.down(torch.cat([given, pressed, places], 1))  # (B, width, H / 2, W / 2)
        high = self.up(torch.cat([low, self.inner(low)], 1))
        # (B, C + 1, H, W): colours and their mask, in the precision of the frames that they change
        painted = self.last(torch.cat([high, given], 1)).to(given.dtype)
        share = (painted[:, self.channels :] - STILL).sigmoid()
        return given[:, self.channels :].lerp(painted[:, : self.channels].tanh(), share)

    def follow(self, given: Tensor, actions: Tensor) -> Tensor:
        """Frames (B, T, C, H, W) that follow from two (B, 2 C, H, W) and actions (B, T), each from those before it."""
        made = []
        for action in actions.unbind(1):
            frame = self(given, action)
            given = torch.cat([given[:, self.channels :], frame], 1)
            made.append(frame)
        return torch.stack(made, 1)


class WindowDiscriminator(nn.Module):
    """Windows of frames with their actions as planes (B, planes, H, W) -> logits (B,)."""

    def __init__(self, inputs: int, size: int, hparams: WorldHParams) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = hparams.channels
        while size > 4:
            layers += [nn.Conv2d(inputs, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True)]
            inputs, width, size = width, min(2 * width, 8 * hparams.channels), size // 2
        self.layers = nn.Sequential(*layers)
        self.head = logit_head(inputs, size, hparams.minibatch)

    def forward(self, windows: Tensor) -> Tensor:
        logits: Tensor = self.head(self.layers(windows))
        return logits.squeeze(1)  # (B, 1) -> (B,)


def true_starts(size: int) -> np.ndarray:
    """The first two frames of STARTS games, float32 (STARTS, 2 * 3, size, size) in [-1, 1]."""
    game = begin(np.random.default_rng(1), STARTS)
    frames = np.concatenate([game.pictures(size), game.step(np.ones(STARTS)).pictures(size)], 1)
    return frames.astype(np.float32) / 127.5 - 1


class Simulation(Adversarial[WorldHParams]):
    """Windows of frames, true ones and those in which all but the first two are generated."""

    def prepare(self, batch: Batch, context: StepContext[WorldHParams]) -> Batch:
        """A window of each film at random: `real` (B, frames C + actions, H, W), and its `pressed` (B, ahead)."""
        frames, actions = batch["frames"], batch["action"]
        ahead = context.hparams.ahead
        starts = integers(frames.shape[2] - GIVEN - ahead + 1, len(frames), context.generator).to(frames.device)
        shown = starts[:, None] + torch.arange(GIVEN + ahead, device=frames.device)  # (B, frames)
        row = torch.arange(len(frames), device=frames.device)[:, None]
        window = frames.transpose(1, 2)[row, shown]  # (B, frames, C, H, W)
        pressed = actions[row, shown[:, GIVEN - 1 : -1]]
        real = torch.cat([window.flatten(1, 2), planes(pressed, frames.shape[-1])], 1)
        return {"real": real, "pressed": pressed}

    def generate(self, networks: Networks, batch: Batch, context: StepContext[WorldHParams]) -> Fakes:
        """The same windows; `latents` are the true ones, which the L1 term compares them with."""
        real, pressed = batch["real"], batch["pressed"]
        whole = real.shape[1] - pressed.shape[1]
        given = real[:, : whole * GIVEN // (GIVEN + pressed.shape[1])]
        noise = context.hparams.given_noise * normal(given.shape, context.generator).to(given.device)
        made = networks["generator"].follow(given + noise, pressed).flatten(1, 2)  # type: ignore[operator]
        return Fakes(torch.cat([given, made, real[:, whole:]], 1), real, None)

    def generator_extras(
        self, networks: Networks, fake: DiscriminatorOutput, fakes: Fakes, context: StepContext[WorldHParams]
    ) -> dict[str, Tensor]:
        weight = context.hparams.l1_weight
        return {"l1": weight * (fakes.images - fakes.latents).abs().mean()} if weight else {}


def networks(hparams: WorldHParams, spec: DataSpec) -> dict[str, nn.Module]:
    channels, frames, size = spec.shape[0], spec.shape[1], spec.size
    check_frames(frames)
    if "action" not in spec.fields or channels != 3:
        raise BadData(
            "A simulator needs films in colour with the player's actions, such as {name}.", name="paddle_game"
        )
    if frames < GIVEN + hparams.ahead:
        raise BadData(
            "{ahead} frames ahead need films of at least {least} frames, and these have {frames}.",
            ahead=hparams.ahead, least=GIVEN + hparams.ahead, frames=frames,
        )  # fmt: skip
    inputs = (GIVEN + hparams.ahead) * channels + hparams.ahead
    return {"generator": World(spec.shape, hparams), "discriminator": WindowDiscriminator(inputs, size, hparams)}


def draw(networks: Mapping[str, nn.Module], hparams: Any, latents: Tensor, labels: Tensor | None) -> Tensor:
    """Films (B, C, T, H, W), played with the actions that latents (B, L) choose from a true start."""
    world = cast(World, networks["generator"])
    share = torch.special.ndtr(latents)
    chosen = (share[:, 0] * STARTS).long().clamp(0, STARTS - 1)
    given = world.starts[chosen].to(latents.dtype)  # (B, 2 C, H, W)
    keys = (share[:, START:] * len(ACTIONS)).long().clamp(0, len(ACTIONS) - 1)
    turns = torch.arange(world.length - GIVEN, device=latents.device) % keys.shape[1]
    made = world.follow(given, keys[:, turns])
    before = given.reshape(given.shape[0], GIVEN, -1, *given.shape[2:])
    return torch.cat([before, made], 1).transpose(1, 2)  # (B, T, C, ...) -> (B, C, T, ...)


def equation(hparams: WorldHParams) -> str:
    frames = r"+\lambda_1\lVert x-x'\rVert_1" if hparams.l1_weight else ""
    players = adversarial_equation(hparams, frames)
    return players.replace("(x)", "(x,a)").replace("(G(z))", "(x',a)").replace("G(z)", "x'")


register(
    Recipe(
        name="worldgan",
        title="World model of a game",
        task="video",
        paper="2005.12126",
        year=2020,
        networks=networks,
        objective=Simulation,
        hparams=WorldHParams(
            batch_size=16, generator_rate=2e-3, discriminator_rate=2e-4, beta1=0.5, ema=0.99, measure_every=0
        ),
        tiny=WorldHParams(latent_size=6, channels=4, ahead=2, batch_size=4),
        data="paddle_game",
        capabilities=frozenset({"world"}),
        sizes=SIZES,
        draw=draw,
        equation=equation,
        presets=(
            Preset(
                name="paddle_game",
                title="A game from its films",
                look_for="At first everything stands still or fades. Then the paddle obeys the keys, which is the "
                "easier part, and at last the ball flies on and bounces.",
                data="paddle_game", size=32, steps=2_000, seconds=250,
                hparams={"schedule": "linear", "decay_steps": 2_000},
            ),
        ),
    )
)  # fmt: skip
