r"""MoCoGAN: films from what is in them and how it moves, apart (1707.04993).

    min_G max_{D_I, D_V}  E[log D_I(S_1(v))] + E[log(1 - D_I(S_1(v')))]
                        + E[log D_V(v)] + E[log(1 - D_V(v'))]                                            (equation 8)

The generator takes latents (B, content + T * motion): the content code is the same for all T frames, and the motion
codes are made one after the other by a recurrent network from one part of the latents each (section 3.1),

    z_m(t) = R(e(t), h(t - 1)),     frame(t) = G_I(z_c, z_m(t))

so that films are (B, C, T, H, W) in [-1, 1]. Two discriminators judge: one frame at random (whether it looks right),
and the whole film (whether it moves right). Logits are (B, 2); the loss is the mean over both, and a gradient penalty
applies to their sum.

With the knob `layer`, G_I draws one picture of half the size from the content alone, and a spatial transformer
(1506.02025, equation 1, with a translation only) moves it over a black background:

    frame(t)(x) = G_I(z_c)(2 (x - p(t))),     p(t) = tanh(W z_m(t)) / 2

so that what is in a film can't change while it moves. The discriminators learn as before.

Differs from the paper: both discriminators have DCGAN's networks for 32 pixels; that of films takes the frames as
channels, which is a three-dimensional convolution as long as the film, in place of several; films have 16 frames, all
of which are seen at once; no classes of motion are learnt.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample

from gan_core.data.base import DataSpec
from gan_core.errors import BadData, BadValue
from gan_core.gans.dcgan import SIZES, DcganDiscriminator, DcganGenerator, DcganHParams
from gan_core.gans.recipe import Preset, Recipe, register
from gan_core.knobs import knob
from gan_core.layers.blocks import RandomLayer
from gan_core.objectives.adversarial import Adversarial
from gan_core.objectives.equations import adversarial_equation
from gan_core.ranks import uniform

LEAST_FRAMES = 2


@dataclass(frozen=True)
class MocoganHParams(DcganHParams):
    """The knobs of both generators and both discriminators."""

    takes_reference = False

    latent_size: int = knob(
        80, 1, 1024, label="Latent size", unit="dimensions", change="rebuild", group="networks",
        help="Latent dimensions of a whole film: those of the motion of each frame, and the rest for the content.",
    )  # fmt: skip
    motion_size: int = knob(
        4, 1, 64, label="Motion size", unit="dimensions", change="rebuild", group="networks",
        help="Dimensions of the noise that each frame's motion is made from. Larger allows more kinds of motion, and "
        "content may leak into it.",
    )  # fmt: skip
    motion_units: int = knob(
        16, 1, 512, label="Motion units", unit="dimensions", change="rebuild", group="networks",
        help="Width of the recurrent network that makes the motion, and so of the motion code of each frame.",
    )  # fmt: skip
    layer: bool = knob(
        False, label="One moving layer", change="rebuild", group="networks",
        help="Draws one picture of half the size from the content and moves it over a black background, instead of "
        "drawing each frame anew. What is in the film then stays the same, and only one thing can move.",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.augment != "none":
            raise BadValue("Films can't be augmented like images. Set the augmentation to none.")


def check_frames(frames: int) -> None:
    """Raises BadData for films in which nothing can move."""
    if frames < LEAST_FRAMES:
        raise BadData(
            "Motion needs films of at least {least} frames, and these have {frames}.",
            least=LEAST_FRAMES, frames=frames,
        )  # fmt: skip


class FilmGenerator(nn.Module):
    """(B, content + T * motion) -> films (B, C, T, H, W) in [-1, 1]."""

    def __init__(self, shape: tuple[int, ...], hparams: MocoganHParams) -> None:
        super().__init__()
        channels, self.frames, size = shape[0], shape[1], shape[-1]
        self.motion = hparams.motion_size
        self.content = hparams.latent_size - self.frames * self.motion  # dimensions
        if self.content < 1:
            raise BadValue(
                "The latent size must be above {motion}, which is {frames} frames times {size} dimensions of motion, "
                "got {latent}.",
                motion=self.frames * self.motion, frames=self.frames, size=self.motion, latent=hparams.latent_size,
            )  # fmt: skip
        self.recurrent = nn.GRUCell(self.motion, hparams.motion_units)
        if hparams.layer:
            if size // 2 not in SIZES:
                valid = ", ".join(str(whole) for whole in SIZES if whole // 2 in SIZES)
                raise BadValue(
                    "One moving layer needs films of these sizes: {valid}; got {size}.", valid=valid, size=size
                )
            self.picture = DcganGenerator(self.content, channels, size // 2, hparams)
            self.place: nn.Linear | None = nn.Linear(hparams.motion_units, 2)
        else:
            self.picture = DcganGenerator(self.content + hparams.motion_units, channels, size, hparams)
            self.place = None

    def forward(self, latents: Tensor) -> Tensor:
        content, noise = latents[:, : self.content], latents[:, self.content :]
        codes = self.moved(noise.reshape(-1, self.frames, self.motion))  # (B, T, units)
        if self.place is not None:
            frames = moved_layer(self.picture(content), self.place(codes).tanh())
        else:
            whole = torch.cat([content[:, None].expand(-1, self.frames, -1), codes], 2)
            frames = self.picture(whole.flatten(0, 1)).unflatten(0, (-1, self.frames))  # (B, T, C, H, W)
        films: Tensor = frames.transpose(1, 2)  # -> (B, C, T, H, W)
        return films

    def moved(self, noise: Tensor) -> Tensor:
        """Motion codes (B, T, units) from noise (B, T, motion), each from those before it."""
        state = noise.new_zeros(noise.shape[0], self.recurrent.hidden_size)
        codes = []
        for moment in noise.unbind(1):
            state = self.recurrent(moment, state)
            codes.append(state)
        return torch.stack(codes, 1)


def moved_layer(pictures: Tensor, places: Tensor) -> Tensor:
    """Pictures (B, C, H, W) over black frames of twice the size, (B, T, C, 2 H, 2 W), values in [-1, 1].

    Places (B, T, 2) in [-1, 1], x first: at -1 the picture touches the left or upper edge, at 1 the other one.
    """
    count, moments = places.shape[:2]
    zoom = 2 * torch.eye(2, device=places.device, dtype=places.dtype).expand(count * moments, -1, -1)
    warp = torch.cat([zoom, -places.reshape(-1, 2, 1)], 2)  # x -> 2 x - p, from the frame to the picture
    layers = pictures[:, None].expand(-1, moments, -1, -1, -1).flatten(0, 1)
    height, width = pictures.shape[2:]
    grid = affine_grid(warp, [layers.shape[0], pictures.shape[1], 2 * height, 2 * width], align_corners=False)
    frames = grid_sample(layers + 1, grid, padding_mode="zeros", align_corners=False) - 1
    return frames.reshape(count, moments, *frames.shape[1:])


class RandomFrame(RandomLayer):
    """Films (B, C, T, H, W) -> one frame of each at random, (B, C, H, W); the middle one in evaluation."""

    def forward(self, films: Tensor) -> Tensor:
        count, frames = len(films), films.shape[2]
        if not self.training:
            return films[:, :, frames // 2]
        chosen = (uniform((count,), self.generator, device=films.device) * frames).long().clamp(max=frames - 1)
        return films[torch.arange(count, device=films.device), :, chosen]


class FilmDiscriminator(nn.Module):
    """(B, C, T, H, W) -> logits (B, 2): of one frame, and of the film."""

    def __init__(self, shape: tuple[int, ...], hparams: MocoganHParams) -> None:
        super().__init__()
        channels, frames, size = shape[0], shape[1], shape[-1]
        self.chosen = RandomFrame()
        self.picture = DcganDiscriminator(channels, size, hparams)
        self.film = DcganDiscriminator(channels * frames, size, hparams)

    def forward(self, films: Tensor) -> Tensor:
        still, moving = self.picture(self.chosen(films)), self.film(films.flatten(1, 2))
        return torch.stack([still, moving], 1)  # (B,), (B,) -> (B, 2)


def networks(hparams: MocoganHParams, spec: DataSpec) -> dict[str, nn.Module]:
    check_frames(spec.shape[1])
    return {"generator": FilmGenerator(spec.shape, hparams), "discriminator": FilmDiscriminator(spec.shape, hparams)}


register(
    Recipe(
        name="mocogan",
        title="MoCoGAN",
        task="video",
        paper="1707.04993",
        year=2017,
        networks=networks,
        objective=Adversarial,
        hparams=MocoganHParams(),
        tiny=MocoganHParams(
            latent_size=12, motion_size=2, motion_units=4, channels=4, max_channels=8, batch_size=4, dropout=0.1
        ),
        data="moving_digits",
        capabilities=frozenset({"motion"}),
        sizes=SIZES,
        equation=adversarial_equation,
        presets=(
            Preset(
                name="moving_digits",
                title="Digits that move",
                look_for="At first a stain that jumps from frame to frame; after 500 steps a blob that moves; then "
                "strokes. Watch whether a digit stays the same digit from the first frame to the last.",
                data="moving_digits", size=32, steps=3_000, seconds=300,
                hparams={
                    "channels": 16, "max_channels": 64, "batch_size": 16, "beta1": 0.0, "generator_rate": 1e-3,
                    "discriminator_rate": 1e-3, "penalty": "r1", "penalty_weight": 0.5, "penalty_every": 8,
                    "ema": 0.995, "schedule": "linear", "decay_steps": 3_000,
                },
            ),
            Preset(
                name="moving_layer",
                title="One digit that moves",
                look_for="The shape and the path of the digit are drawn by networks of their own, so a film never "
                "changes its digit: compare with the other preset. Paths become smooth first, after 500 steps; "
                "digits are readable from about step 1,500.",
                data="moving_digits", size=32, steps=2_000, seconds=180,
                hparams={
                    "layer": True, "channels": 16, "max_channels": 64, "batch_size": 16, "beta1": 0.0,
                    "generator_rate": 1e-3, "discriminator_rate": 1e-3, "penalty": "r1", "penalty_weight": 0.5,
                    "penalty_every": 8, "ema": 0.995, "schedule": "linear", "decay_steps": 2_000,
                },
            ),
        ),
    )
)  # fmt: skip
