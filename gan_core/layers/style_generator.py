"""Shared by the style-based generators: mapping network, style mixing, noise, the tracked mean of w, truncation.

z -> f(z) = w;  images = g(w, ..., w; noise)                                                (1812.04948, figure 1)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from gan_core.errors import BadValue
from gan_core.knobs import knob
from gan_core.layers.blocks import RandomLayer
from gan_core.layers.classes import ClassEmbedding
from gan_core.layers.style import EqualisedLinear, PixelNorm, PyramidHParams, leaky
from gan_core.ranks import current, normal, uniform

W_DECAY = 0.995  # of the running mean of w, per training pass (the authors' code)
NoiseMode = Literal["random", "constant", "none"] | Iterator[Tensor]  # or what each layer takes, in turn


@dataclass(frozen=True)
class StyleHParams(PyramidHParams):
    """The knobs of a generator with a mapping network."""

    w_size: int = knob(
        128, 2, 1024, label="Size of w", unit="dimensions", change="rebuild", group="networks",
        help="Dimensions of the intermediate latent w; the papers use 512.",
    )  # fmt: skip
    mapping_layers: int = knob(
        4, 1, 16, label="Mapping layers", change="rebuild", group="networks",
        help="Fully connected layers between z and w; the papers use 8.",
    )  # fmt: skip
    mapping_rate: float = knob(
        0.01, 0.001, 1.0, label="Mapping learning rate multiplier", unit="times", change="rebuild", group="networks",
        logarithmic=True, help="Learning rate of the mapping network relative to the rest; the papers use 0.01.",
    )  # fmt: skip
    binary_latents: int = knob(
        0, 0, 1024, label="Binary latents", unit="dimensions", change="rebuild", group="networks",
        help="Dimensions of the latent of which only the sign is used. Images that differ by discrete choices, such as "
        "hats or glasses, then need no images in between. BigGAN's appendix E tests such latents. 0: none.",
    )  # fmt: skip
    style_mixing: float = knob(
        0.9, 0.0, 1.0, label="Style mixing", unit="fraction of the images", change="rebuild", group="networks",
        help="Fraction of the training images whose fine layers follow a different latent than the coarse ones, so "
        "that layers stay independent.",
    )  # fmt: skip
    noise: bool = knob(
        True, label="Noise inputs", change="rebuild", group="networks",
        help="Adds noise of learned strength in every layer, for random detail such as single hairs. Turn it off for "
        "drawings, where it shows as speckles.",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.binary_latents > self.latent_size:
            raise BadValue(
                "The latent has {size} dimensions, so at most as many can be binary, not {count}.",
                size=self.latent_size, count=self.binary_latents,
            )  # fmt: skip


class LearnedConstant(nn.Module):
    """The input of a style generator's first layer, the same for every image: (B, ...) -> (B, channels, 4, 4)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.randn(1, channels, 4, 4))

    def forward(self, like: Tensor) -> Tensor:
        return self.values.expand(like.shape[0], -1, -1, -1).contiguous(memory_format=torch.channels_last)


class Noise(RandomLayer):
    """Adds noise (B, 1, size, size) scaled by a learned `strength`, initially 0 (1812.04948, section 2).

    Noise is drawn in every pass ("random"), the same for every image and pass ("constant"), omitted ("none"), or the
    next of the given ones (B, 1, size, size).
    """

    constant: Tensor

    def __init__(self, size: int, channels: int = 1) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.register_buffer("constant", torch.randn(1, 1, size, size))

    def forward(self, features: Tensor, mode: NoiseMode) -> Tensor:
        if not isinstance(mode, str):
            return features + (self.strength * next(mode)).to(features.dtype)
        if mode == "none":
            return features
        noise = self.constant
        if mode == "random":
            shape = (len(features), *noise.shape[1:])
            noise = normal(shape, self.generator, device=features.device)
        return features + (self.strength * noise).to(features.dtype)


class Noiseless(nn.Module):
    """Replaces `Noise` if the generator has none."""

    def forward(self, features: Tensor, mode: NoiseMode) -> Tensor:
        return features


def noise_layer(size: int, hparams: StyleHParams, channels: int = 1) -> nn.Module:
    """The noise layer for features (B, C, size, size), with one strength or one per channel."""
    return Noise(size, channels) if hparams.noise else Noiseless()


class MappingNetwork(nn.Module):
    """Latents (B, latent_size), and with classes labels (B,) or blends (B, classes) -> w (B, w_size).

    Normalised latents, concatenated with the class embedding, pass fully connected layers (1812.04948, section 2).
    The first `binary_latents` are replaced by their signs, Bernoulli variables as in 1809.11096, appendix E.
    """

    def __init__(self, latent_size: int, classes: int, hparams: StyleHParams) -> None:
        super().__init__()
        self.embedding = ClassEmbedding(classes, latent_size) if classes else None
        self.binary = hparams.binary_latents
        self.norm = PixelNorm()
        inputs = latent_size * (2 if classes else 1)
        layers: list[nn.Module] = []
        for _ in range(hparams.mapping_layers):
            layers += [EqualisedLinear(inputs, hparams.w_size, rate=hparams.mapping_rate), leaky()]
            inputs = hparams.w_size
        self.layers = nn.Sequential(*layers)

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        if self.binary:
            latents = torch.cat([latents[:, : self.binary].sign(), latents[:, self.binary :]], 1)
        inputs = self.norm(latents)
        if self.embedding is not None:
            inputs = torch.cat([inputs, self.norm(self.embedding(labels))], 1)
        w: Tensor = self.layers(inputs)
        return w


class StyleMixing(RandomLayer):
    """During training, a share of the images follows another w from a random layer on (1812.04948, section 3.1).

    ws (B, layers, w_size) -> the same shape; `other(latents)` maps new latents to w.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, ws: Tensor, latents: Tensor, other: Callable[[Tensor], Tensor]) -> Tensor:
        if not self.training or not self.share:
            return ws
        count, layers = ws.shape[:2]
        device = ws.device
        fresh = other(normal(latents.shape, self.generator, device=device))
        mixed = uniform((count,), self.generator, device=device) < self.share
        first = 1 + (uniform((count,), self.generator, device=device) * (layers - 1)).long()  # 1..layers-1
        changed = mixed[:, None] & (torch.arange(layers, device=device) >= first[:, None])  # (B, layers)
        return torch.where(changed[:, :, None], fresh[:, None], ws)


def layers_of_w(size: int) -> int:
    """Number of layers of a generator that take a w: two at each of 4, 8, ... `size` pixels."""
    return 2 * (size.bit_length() - 2)


class StyleGenerator(nn.Module, ABC):
    """Latents (B, latent_size)[, labels] -> w (B, w_size) -> images (B, C, H, W).

    The last layer is linear, as in the papers: images may slightly exceed [-1, 1], and `draw_clamped` clamps them.
    During training, noise is random, styles are mixed and `w_mean` tracks the mean of w; in evaluation mode noise is
    constant, so that the same latents give the same image.
    """

    w_mean: Tensor

    def __init__(self, num_ws: int, classes: int, hparams: StyleHParams) -> None:
        super().__init__()
        self.num_ws = num_ws
        self.mapping = MappingNetwork(hparams.latent_size, classes, hparams)
        self.mixing = StyleMixing(hparams.style_mixing)
        self.register_buffer("w_mean", torch.zeros(hparams.w_size))

    @abstractmethod
    def synthesis(self, ws: Tensor, noise: NoiseMode = "random") -> Tensor:
        """Images (B, C, H, W) from a w for each layer, (B, num_ws, w_size)."""

    @property
    def magnifies(self) -> bool:
        """Whether `magnified` draws more detail than an enlarged picture has."""
        return False

    def magnified(self, ws: Tensor, factor: int, noise: NoiseMode = "constant") -> Tensor:
        """Images (B, C, factor H, factor W) of the same ws: enlarged bicubically, or outlines drawn anew."""
        return interpolate(self.synthesis(ws, noise), scale_factor=factor, mode="bicubic")

    def repeated(self, w: Tensor) -> Tensor:
        """The same w for every layer: (B, w_size) -> (B, num_ws, w_size)."""
        return w[:, None].expand(-1, self.num_ws, -1)

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        w = self.mapping(latents, labels)
        if self.training:
            with torch.no_grad():
                self.w_mean.lerp_(current().mean(w.to(self.w_mean.dtype).mean(0)), 1 - W_DECAY)
        ws = self.mixing(self.repeated(w), latents, lambda fresh: self.mapping(fresh, labels))
        return self.synthesis(ws, "random" if self.training else "constant")


def draw_truncated(
    networks: Mapping[str, nn.Module], hparams: Any, latents: Tensor, labels: Tensor | None, psi: float
) -> Tensor:
    """Like `draw_clamped`, with w' = w_mean + psi (w - w_mean) (1812.04948, appendix B).

    psi = 1 changes nothing; at 0 all images equal the average one. The paper truncates the coarse layers only; here all
    layers are truncated.
    """
    generator = networks["generator"]
    assert isinstance(generator, StyleGenerator)
    w = generator.w_mean.lerp(generator.mapping(latents, labels), psi)
    return generator.synthesis(generator.repeated(w), "constant").clamp(-1, 1)
