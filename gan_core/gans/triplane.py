"""A generator of scenes: three feature planes that are rendered from any side (EG3D, 2112.07945).

    f(x, y, z) = F_xy(x, y) + F_xz(x, z) + F_yz(y, z);   (colour, density) = MLP(f);   image = rendering along rays

StyleGAN2's generator makes the three planes (B, 3 C, P, P) from z; a small decoder turns the sum of their features at a
point into a colour and a density; `layers/volume.py` adds them up along the ray of each pixel. The picture of one z
from another pose (yaw, pitch in degrees) is the same scene from another side, by construction. The discriminator
receives the pose.

When to use it: pictures of one kind of object with known poses. pi-GAN (2012.00926) computes the same with a SIREN of
some hundred units at every point; the planes need a convolution once per scene and a decoder of 32 units per point,
about a twentieth of the arithmetic, so that a scene can be turned on a CPU while one watches.

Differs from the paper: rendered at full resolution without super-resolution, so that views agree exactly; one pass of
evenly spaced, jittered samples without importance sampling; the generator doesn't receive the pose; grey background.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import grid_sample, softplus

from gan_core.data.base import DataSpec
from gan_core.data.solids.camera import BACKGROUND, DISTANCE, FAR, FIELD_OF_VIEW, NEAR, PITCH, check_pose
from gan_core.errors import BadValue
from gan_core.gans.recipe import Preset, Recipe, register
from gan_core.gans.stylegan2 import ResidualDiscriminator, Stylegan2Generator
from gan_core.knobs import changed, knob
from gan_core.layers.blocks import RandomLayer
from gan_core.layers.style import EqualisedLinear
from gan_core.layers.style_generator import StyleHParams
from gan_core.layers.volume import Lens, Rendered, cameras, composite, distances
from gan_core.objectives.equations import adversarial_equation
from gan_core.objectives.views import Views
from gan_core.ranks import uniform

PLANES = ((0, 1), (0, 2), (1, 2))  # the axes of each plane: x and y, x and z, y and z
LENS = Lens(DISTANCE, FIELD_OF_VIEW, NEAR, FAR, BACKGROUND / 127.5 - 1)
ENCODED = 6  # numbers that encode a pose for the discriminator
TURNS = 8  # number of default yaws
USUAL_PITCH = 20.0  # degrees
SHARPNESS = 10.0  # of the density, so that surfaces become opaque with small weights
SIZES = (8, 16, 32, 64)  # pixels, of pictures and of planes


@dataclass(frozen=True)
class TriplaneHParams(StyleHParams):
    """The knobs of planes, decoder and rendering."""

    plane_channels: int = knob(
        12, 1, 64, label="Plane channels", change="rebuild", group="networks",
        help="Features at each point of a plane. More hold finer scenes and are slower to render.",
    )  # fmt: skip
    plane_size: str = knob(
        "32", choices=tuple(map(str, SIZES)), label="Plane size", unit="pixels", change="rebuild", group="networks",
        help="Height and width of the planes, independent of the pictures' size: a scene can be rendered at any size.",
    )  # fmt: skip
    decoder_width: int = knob(
        32, 2, 256, label="Decoder width", change="rebuild", group="networks",
        help="Hidden units of the network that turns features into colour and density.",
    )  # fmt: skip
    ray_samples: int = knob(
        16, 2, 128, label="Samples per ray", change="rebuild", group="networks",
        help="Points at which each ray is evaluated. More give sharper surfaces and take proportionally longer.",
    )  # fmt: skip
    modulation, positions, palette = "fused", 0, 0  # read by the generator of planes in addition to its knobs


class Jitter(RandomLayer):
    """Offsets of samples along each ray, (B, R) in [0, 1): random in training, else the middle."""

    def forward(self, rays: Tensor) -> Tensor:
        if not self.training:
            return torch.full(rays.shape[:2], 0.5, device=rays.device)
        return uniform(rays.shape[:2], self.generator, device=rays.device)


class TriplaneGenerator(nn.Module):
    """Latents (B, latent_size) and poses (B, 2) in degrees -> images (B, C, size, size) in [-1, 1]."""

    def __init__(self, image_channels: int, size: int, hparams: TriplaneHParams) -> None:
        super().__init__()
        self.size, self.samples = size, hparams.ray_samples
        planes = len(PLANES) * hparams.plane_channels
        self.backbone = Stylegan2Generator(planes, int(hparams.plane_size), hparams)  # type: ignore[arg-type]
        self.decoder = nn.Sequential(
            EqualisedLinear(hparams.plane_channels, hparams.decoder_width), nn.LeakyReLU(0.2, inplace=True),
            EqualisedLinear(hparams.decoder_width, image_channels + 1, gain=1),
        )  # fmt: skip
        self.jitter = Jitter()

    def forward(self, latents: Tensor, poses: Tensor) -> Tensor:
        return self.render(self.planes(latents), poses).images

    def planes(self, latents: Tensor) -> Tensor:
        """The scenes: (B, latent_size) -> (B, 3, plane channels, plane size, plane size)."""
        planes: Tensor = self.backbone(latents)
        return planes.reshape(latents.shape[0], len(PLANES), -1, *planes.shape[2:])

    def render(self, planes: Tensor, poses: Tensor, size: int = 0, samples: int = 0) -> Rendered:
        """Scenes from poses (B, 2); `size` in pixels and `samples` per ray, 0: as in training."""
        size = size or self.size
        places, rays = cameras(poses, size, LENS)
        along = distances(samples or self.samples, self.jitter(rays), LENS)  # (B, R, S)
        points = places[:, None, None] + along[..., None] * rays[:, :, None]  # (B, R, S, 3)
        colours, density = self.field(planes, points.flatten(1, 2))
        shape = along.shape
        return composite(colours.reshape(*shape, -1), density.reshape(shape), along, size, LENS)

    def field(self, planes: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """Colours (B, N, C) in [-1, 1] and densities (B, N) of scenes at points (B, N, 3)."""
        count, _, channels = planes.shape[:3]
        places = torch.stack([points[..., axes] for axes in PLANES], 1)  # (B, 3, N, 2)
        found = grid_sample(
            planes.flatten(0, 1), places.flatten(0, 1)[:, :, None], padding_mode="border", align_corners=False
        )  # (B * 3, c, N, 1)
        features = found.reshape(count, len(PLANES), channels, -1).sum(1).transpose(1, 2)  # (B, N, c)
        decoded = self.decoder(features)
        density = SHARPNESS * softplus(decoded[..., -1] - 2)
        return torch.tanh(decoded[..., :-1]), density


class PoseDiscriminator(nn.Module):
    """Images (B, C, H, W) and poses (B, 2) -> logits (B,): the pose is added as constant channels."""

    def __init__(self, image_channels: int, size: int, hparams: TriplaneHParams) -> None:
        super().__init__()
        self.images = ResidualDiscriminator(image_channels + ENCODED, size, hparams)

    def forward(self, images: Tensor, poses: Tensor) -> Tensor:
        encoded = encode(poses)[..., None, None].expand(-1, -1, *images.shape[2:])
        logits: Tensor = self.images(torch.cat([images, encoded], 1))
        return logits


def encode(poses: Tensor) -> Tensor:
    """Poses (B, 2) in degrees -> (B, 6): two frequencies of the yaw, and the pitch's direction."""
    yaw, pitch = (poses * (math.pi / 180)).unbind(1)
    waves = [yaw.sin(), yaw.cos(), (2 * yaw).sin(), (2 * yaw).cos(), 2 * pitch.sin(), 2 * pitch.cos()]
    return torch.stack(waves, 1)


def networks(hparams: TriplaneHParams, spec: DataSpec) -> dict[str, nn.Module]:
    return {
        "generator": TriplaneGenerator(spec.channels, spec.size, hparams),
        "discriminator": PoseDiscriminator(spec.channels, spec.size, hparams),
    }


def conditions(spec: DataSpec, hparams: Any, count: int, asked: Any) -> Tensor:
    """Poses (count, 2) in degrees: `asked`, as "30, 10" or (30, 10), for all; otherwise all sides in turn."""
    if asked is None:
        yaws = 360 / TURNS * (torch.arange(count) % TURNS) - 180 + 180 / TURNS
        return torch.stack([yaws, torch.full((count,), USUAL_PITCH)], 1)
    parts = asked.split(",") if isinstance(asked, str) else asked
    try:
        yaw, pitch = (float(part) for part in parts)
    except (TypeError, ValueError) as error:
        raise BadValue(
            "'{pose}' is not a pose. Give yaw and pitch in degrees, such as 30,{pitch}.",
            pose=asked, pitch=f"{sum(PITCH) / 2:g}",
        ) from error  # fmt: skip
    return torch.tensor([check_pose(yaw, pitch)]).expand(count, 2)


def draw(networks: Mapping[str, nn.Module], hparams: Any, latents: Tensor, labels: Tensor | None) -> Tensor:
    """Images (B, C, H, W) from poses (B, 2); all sides in turn by default."""
    if labels is None:
        labels = conditions(DataSpec({}), hparams, len(latents), None).to(latents.device)
    images: Tensor = networks["generator"](latents, labels)
    return images.clamp(-1, 1)


DEFAULTS = TriplaneHParams(
    latent_size=32, channels=16, max_channels=64, w_size=64, mapping_layers=2, batch_size=8, style_mixing=0.0,
    noise=False, penalty="r1", penalty_weight=0.5, penalty_every=8, minibatch="standard_deviation", beta1=0.0,
    beta2=0.99, generator_rate=3e-3, discriminator_rate=3e-3, ema=0.995,
)  # fmt: skip

register(
    Recipe(
        name="triplane",
        title="Tri-plane GAN (3-D)",
        task="views",
        paper="2112.07945",
        year=2021,
        networks=networks,
        objective=Views,
        hparams=DEFAULTS,
        tiny=changed(
            DEFAULTS,
            {
                "latent_size": 4, "channels": 4, "max_channels": 8, "w_size": 4, "batch_size": 4, "plane_channels": 2,
                "plane_size": "8", "decoder_width": 4, "ray_samples": 3, "penalty_every": 2,
            },
        ),
        data="solids",
        sizes=SIZES,
        draw=draw,
        conditions=conditions,
        equation=adversarial_equation,
        presets=(
            Preset(
                name="solids",
                title="Solids that can be turned",
                look_for="A grey haze gathers into dark blobs within 100 steps, which then take colours and corners; "
                "each column is seen from one side. On the page Space, every scene can be turned, though each was "
                "learned from single views.",
                data="solids", size=16, steps=3_000, seconds=300,
                hparams={"plane_channels": 8, "plane_size": "16", "max_channels": 48, "ray_samples": 12},
            ),
            Preset(
                name="heads",
                title="Heads that can be turned",
                look_for="A grey haze gathers into heads, which take the colours of skin, hair and shirt; each column "
                "is seen from one side. On the page Space, every head can be turned, though each was learned from "
                "single views.",
                data="rendered_heads", size=16, steps=3_000, seconds=300,
                hparams={"plane_channels": 8, "plane_size": "16", "max_channels": 48, "ray_samples": 12},
            ),
        ),
    )
)  # fmt: skip
