"""Encoder: GAN inversion in a single forward pass (pSp, 2008.00951).

    L = l |E(G(w+)) - w+|^2 / var(w+)  +  p |G(E(x)) - x|^2  +  q |white(E(x))|^2 / d

E maps images (B, C, H, W) in [-1, 1] to one w per layer of a fixed style-based generator G. It is trained to recover
random latents from G's images (1611.06355, for z), and to reconstruct the data set's images (2008.00951, section 3.2).
Its output is the starting point of optimisation-based inversion.

Strided 3x3 convolutions with batch normalisation downsample the image to 4 pixels, and a linear layer returns whitened
latents (B, layers, w_size): deviations from the mean of w. The weights store the sha256 of the generator that they were
trained with, and work with no other.

Differs from pSp: a plain network instead of a feature pyramid on a ResNet, which 64 pixels do not need; no perceptual
or identity loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from gan_core.checkpoint import fingerprint
from gan_core.data.base import DataSpec
from gan_core.errors import BadCheckpoint
from gan_core.gans.recipe import PretrainedModel, PretrainedPart, Recipe, register, single_network
from gan_core.hparams import channels_knob, max_channels_knob
from gan_core.knobs import knob
from gan_core.layers.gaussian import Gaussian
from gan_core.layers.style_generator import StyleGenerator, layers_of_w
from gan_core.objectives.base import Batch
from gan_core.objectives.encoding import Encoding, EncodingHParams, LatentEncoder, latent_encoder
from gan_core.ranks import integers, normal, uniform

SMALLEST = 4  # pixels: convolutions stop at this size or below
DIGITS = 16  # of a fingerprint in messages
SAMPLES = 10_000  # latents from which the mean and covariance of w are estimated


@dataclass(frozen=True)
class EncoderHParams(EncodingHParams):
    """The knobs of the encoder."""

    generator: str = knob(
        "stylegan2.avatars", label="Generator", change="rebuild", group="networks",
        help="The model on the shelf whose latents the encoder predicts. It must take a separate w for each layer.",
    )  # fmt: skip
    layers: int = knob(
        10, 1, 64, label="Style layers", change="rebuild", group="networks",
        help="Number of the generator's layers that take their own w.",
    )  # fmt: skip
    w_size: int = knob(
        96, 2, 1024, label="Size of w", unit="dimensions", change="rebuild", group="networks",
        help="Dimensions of the generator's w.",
    )  # fmt: skip
    channels: int = channels_knob(16)
    max_channels: int = max_channels_knob(128)


class ImageEncoder(LatentEncoder):
    """Images (B, C, H, W) in [-1, 1] -> whitened latents (B, layers, w_size).

    The buffer `owner` is the sha256 of the generator that it is trained with, as bytes, and zeros until one is
    attached; the name is part of the file format. `mean` and `root` map whitened latents to w.
    """

    owner: Tensor
    mean: Tensor
    root: Tensor
    whitening: Tensor

    def __init__(self, image_shape: tuple[int, ...], hparams: EncoderHParams) -> None:
        super().__init__()
        self.image_shape, self.shape = image_shape, (hparams.layers, hparams.w_size)
        layers: list[nn.Module] = []
        inputs, width, size = image_shape[0], hparams.channels, image_shape[-1]
        while size > SMALLEST:
            layers += [*_convolution(inputs, width, 2), *_convolution(width, width, 1)]
            inputs, width, size = width, min(2 * width, hparams.max_channels), (size + 1) // 2
        self.layers = nn.Sequential(*layers, nn.Flatten())  # (B, C, H, W) -> (B, C * H * W)
        self.head = nn.Linear(inputs * size * size, hparams.layers * hparams.w_size)
        self.register_buffer("owner", torch.zeros(32, dtype=torch.uint8))
        self.register_buffer("mean", torch.zeros(hparams.w_size))
        self.register_buffer("root", torch.eye(hparams.w_size))
        self.register_buffer("whitening", torch.eye(hparams.w_size), persistent=False)
        self._generators: list[StyleGenerator] = []  # one, in a list: its weights do not belong to this network
        self._latent_size = 0

    def forward(self, images: Tensor) -> Tensor:
        white: Tensor = self.head(self.layers(images))
        return white.reshape(-1, *self.shape)  # (B, layers * w_size) -> (B, layers, w_size)

    def ws(self, white: Tensor) -> Tensor:
        """Whitened latents as one w per layer of the generator, (B, layers, w_size)."""
        return white @ self.root + self.mean

    def distance(self, one: Tensor, other: Tensor) -> Tensor:
        return ((one - other) @ self.root).square().mean() / self.root.square().sum() * len(self.root)

    def generate(self, white: Tensor) -> Tensor:
        if not self._generators:  # only the layers are described
            return white.new_zeros(len(white), *self.image_shape) + 0 * white.sum()
        return self._generators[0].synthesis(self.ws(white), "constant")

    def sample(self, count: int, mixed: float, generator: torch.Generator) -> Tensor:
        layers, size = self.shape
        if not self._generators:
            return self.mean.new_zeros(count, layers, size)
        mapping = self._generators[0].mapping
        latents = normal((2, count, self._latent_size), generator, axis=1).flatten(0, 1).to(self.mean.device)
        first = 1 + integers(layers, count, generator)  # 1..layers
        first = torch.where(uniform((count,), generator) < mixed, first, layers).to(self.mean.device)
        one, other = ((mapping(latents) - self.mean) @ self.whitening)[:, None].chunk(2)  # (B, 1, w_size) each
        return torch.where(torch.arange(layers, device=first.device)[None, :, None] < first[:, None, None], one, other)

    def attach(self, generator: StyleGenerator, latents: Tensor, name: str) -> None:
        """Sets the generator to invert; raises BadCheckpoint if the weights belong to a different one."""
        owner = torch.frombuffer(bytearray.fromhex(fingerprint(generator)), dtype=torch.uint8)
        self._require(owner, name)
        device = self.mean.device
        generator = generator.to(device).eval().requires_grad_(False)
        with torch.no_grad():
            gaussian = Gaussian.of(generator.mapping(latents.to(device)))
        if not self.owner.any():
            self.mean.copy_(gaussian.mean)
            self.root.copy_(gaussian.root)
            self.owner.copy_(owner)
        self.whitening.copy_(gaussian.whitening)
        self._generators, self._latent_size = [generator], latents.shape[1]

    def _require(self, owner: Tensor, name: str) -> None:
        ours = bytes(self.owner.tolist()).hex()
        theirs = bytes(owner.tolist()).hex()
        if self.owner.any() and ours != theirs:
            raise BadCheckpoint(
                "The encoder was trained with generator {ours}, but {name} is {theirs}.",
                ours=ours[:DIGITS], name=name, theirs=theirs[:DIGITS],
            )  # fmt: skip

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, *rest: Any) -> None:
        if (owner := state.get(f"{prefix}owner")) is not None:
            self._require(owner, "that of the checkpoint")
        super()._load_from_state_dict(state, prefix, *rest)


def _convolution(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
    """(B, inputs, H, W) -> (B, outputs, H / stride, W / stride)."""
    convolution = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2, inplace=True)]


def networks(hparams: EncoderHParams, spec: DataSpec) -> dict[str, nn.Module]:
    return {"encoder": ImageEncoder(spec.shape, hparams)}


def insert(encoder: nn.Module, hparams: EncoderHParams, model: PretrainedModel) -> None:
    """Attaches the generator; raises BadCheckpoint if the encoder was trained with a different one."""
    assert isinstance(encoder, ImageEncoder)
    generator = model.networks["generator"]
    assert isinstance(generator, StyleGenerator)
    latents, _ = model.latents(SAMPLES, seed=0)
    encoder.attach(generator, latents, hparams.generator)


def rebuild(networks: Mapping[str, nn.Module], hparams: Any, images: Tensor) -> Tensor:
    return latent_encoder(networks["encoder"]).reconstruct(images)


def compare(networks: Mapping[str, nn.Module], hparams: Any, batch: Batch) -> list[Tensor]:
    return [batch["real"], rebuild(networks, hparams, batch["real"])]


DEFAULTS = EncoderHParams(batch_size=16, rate=1e-3, beta1=0.9, ema=0.99)

register(
    Recipe(
        name="encoder",
        title="Encoder",
        task="inversion",
        paper="2008.00951",
        year=2020,
        networks=networks,
        objective=lambda hparams: Encoding(),
        hparams=DEFAULTS,
        tiny=replace(
            DEFAULTS, generator="stylegan2.tiny", layers=4, w_size=4, channels=4, max_channels=8, batch_size=4
        ),
        data="avatars",
        capabilities=frozenset({"translate"}),
        optimizers=single_network("encoder"),
        ema_networks=("encoder",),
        translations={"rebuild": rebuild},
        compare=compare,
        compared=("given", "output"),
        pretrained_part=PretrainedPart(
            network="encoder",
            knob="generator",
            task="images",
            fits=lambda theirs, ours: theirs.shape == ours.shape,
            matched=lambda theirs, spec: {"layers": layers_of_w(spec.size), "w_size": theirs["w_size"]},
            insert=insert,
            capability="w_space",
        ),
        equation=lambda hparams: (
            r"L=l\,\mathbb{E}[\lVert E(G(w^+))-w^+\rVert^2]/\mathrm{Var}(w^+)"
            r"+p\,\mathbb{E}[\lVert G(E(x))-x\rVert^2]+q\,\mathbb{E}[\lVert\mathrm{white}(E(x))\rVert^2]/d"
        ),
    )
)  # fmt: skip
