"""Encoder: the point of a generator's latent space for a picture, in a single pass (pSp, 2008.00951).

    L = l |E(G(w+)) - w+|^2 / var(w+)  +  p |G(E(x)) - x|^2  +  q |white(E(x))|^2 / d

E maps pictures (B, C, H, W) in [-1, 1] to a w for each layer of a style-based generator G, which stays as it is. Random
points are to be found from what G draws of them (1611.06355, for z), and pictures of the data set are to come out of G
as they were (2008.00951, section 3.2). What E finds is where an inversion starts.

Strided 3x3 convolutions with batch-norm halve a picture to 4 pixels, and a linear layer gives white coordinates
(B, layers, w_size): deviations from the mean of w. The weights hold the sha256 of the generator that they were learnt
with, and work with no other.

Differences from pSp: a plain network in place of a feature pyramid on ResNet, which 64 pixels don't need; no terms of
perception or identity.
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
from gan_core.gans.recipe import Lender, Loan, OptimizerSpec, Recipe, register
from gan_core.knobs import knob
from gan_core.layers.gaussian import Gaussian
from gan_core.layers.style_generator import StyleGenerator, layers_of_w
from gan_core.objectives.base import Batch
from gan_core.objectives.encoding import Encoding, EncodingHParams, Finder, finder

SMALLEST = 4  # pixels: the convolutions end at this side or below
SHOWN = 16  # digits of a fingerprint
SAMPLES = 10_000  # latents that the mean and covariance of w are taken from


@dataclass(frozen=True)
class EncoderHParams(EncodingHParams):
    """The knobs of the encoder."""

    generator: str = knob(
        "stylegan2.avatars", label="Generator", change="rebuild", group="networks",
        help="The model of the shelf whose latent space pictures are looked for in. It must have a w for each layer.",
    )  # fmt: skip
    layers: int = knob(
        10, 1, 64, label="Layers of w", change="rebuild", group="networks",
        help="How many layers of the generator take a w of their own.",
    )  # fmt: skip
    w_size: int = knob(
        96, 2, 1024, label="Size of w", unit="numbers", change="rebuild", group="networks",
        help="How many numbers a w of the generator has.",
    )  # fmt: skip
    channels: int = knob(
        16, 4, 256, label="Channels", change="rebuild", group="networks",
        help="Channels of the first convolutions; they double with every halving of the resolution.",
    )  # fmt: skip
    max_channels: int = knob(
        128, 4, 1024, label="Channels at most", change="rebuild", group="networks",
        help="Caps the channels of the last convolutions.",
    )  # fmt: skip


class PictureEncoder(Finder):
    """Pictures (B, C, H, W) in [-1, 1] -> white coordinates (B, layers, w_size).

    `owner` is the sha256 of the generator that it learns with, in bytes; zeros until one is lent. `mean` and `root`
    lead from white coordinates to w.
    """

    owner: Tensor
    mean: Tensor
    root: Tensor
    whitening: Tensor

    def __init__(self, picture: tuple[int, ...], hparams: EncoderHParams) -> None:
        super().__init__()
        self.picture, self.shape = picture, (hparams.layers, hparams.w_size)
        layers: list[nn.Module] = []
        inputs, width, size = picture[0], hparams.channels, picture[-1]
        while size > SMALLEST:
            layers += [*_convolution(inputs, width, 2), *_convolution(width, width, 1)]
            inputs, width, size = width, min(2 * width, hparams.max_channels), (size + 1) // 2
        self.layers = nn.Sequential(*layers, nn.Flatten())  # (B, C, H, W) -> (B, C * H * W)
        self.head = nn.Linear(inputs * size * size, hparams.layers * hparams.w_size)
        self.register_buffer("owner", torch.zeros(32, dtype=torch.uint8))
        self.register_buffer("mean", torch.zeros(hparams.w_size))
        self.register_buffer("root", torch.eye(hparams.w_size))
        self.register_buffer("whitening", torch.eye(hparams.w_size), persistent=False)
        self._lent: list[StyleGenerator] = []  # in a list: it is no part of this network's weights
        self._latent_size = 0

    def forward(self, images: Tensor) -> Tensor:
        white: Tensor = self.head(self.layers(images))
        return white.reshape(-1, *self.shape)  # (B, layers * w_size) -> (B, layers, w_size)

    def ws(self, white: Tensor) -> Tensor:
        """White coordinates as the generator's w for each layer, (B, layers, w_size)."""
        return white @ self.root + self.mean

    def apart(self, one: Tensor, other: Tensor) -> Tensor:
        return ((one - other) @ self.root).square().mean() / self.root.square().sum() * len(self.root)

    def drawn(self, white: Tensor) -> Tensor:
        if not self._lent:  # layers alone are looked at
            return white.new_zeros(len(white), *self.picture) + 0 * white.sum()
        return self._lent[0].synthesis(self.ws(white), "constant")

    def random(self, count: int, mixed: float, generator: torch.Generator) -> Tensor:
        layers, size = self.shape
        if not self._lent:
            return self.mean.new_zeros(count, layers, size)
        mapping = self._lent[0].mapping
        latents = torch.randn(2 * count, self._latent_size, generator=generator).to(self.mean.device)
        first = 1 + torch.randint(layers, (count,), generator=generator)  # 1..layers
        first = torch.where(torch.rand(count, generator=generator) < mixed, first, layers).to(self.mean.device)
        one, other = ((mapping(latents) - self.mean) @ self.whitening)[:, None].chunk(2)  # (B, 1, w_size) each
        return torch.where(torch.arange(layers, device=first.device)[None, :, None] < first[:, None, None], one, other)

    def lend(self, generator: StyleGenerator, latents: Tensor, name: str) -> None:
        """Makes the generator the one to draw with; raises BadCheckpoint where the weights belong to another one."""
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
        self._lent, self._latent_size = [generator], latents.shape[1]

    def _require(self, owner: Tensor, name: str) -> None:
        ours = bytes(self.owner.tolist()).hex()
        theirs = bytes(owner.tolist()).hex()
        if self.owner.any() and ours != theirs:
            raise BadCheckpoint(
                "The encoder's weights belong to the generator {ours}, and {name} is {theirs}.",
                ours=ours[:SHOWN], name=name, theirs=theirs[:SHOWN],
            )  # fmt: skip

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, *rest: Any) -> None:
        if (owner := state.get(f"{prefix}owner")) is not None:
            self._require(owner, "the checkpoint's")
        super()._load_from_state_dict(state, prefix, *rest)


def _convolution(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
    """(B, inputs, H, W) -> (B, outputs, H / stride, W / stride)."""
    convolution = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2, inplace=True)]


def networks(hparams: EncoderHParams, spec: DataSpec) -> dict[str, nn.Module]:
    return {"encoder": PictureEncoder(spec.shape, hparams)}


def lend(encoder: nn.Module, hparams: EncoderHParams, lender: Lender) -> None:
    """Gives the encoder its generator; raises BadCheckpoint for another than it has learnt with."""
    assert isinstance(encoder, PictureEncoder)
    generator = lender.networks["generator"]
    assert isinstance(generator, StyleGenerator)
    latents, _ = lender.latents(SAMPLES, seed=0)
    encoder.lend(generator, latents, hparams.generator)


def rebuild(networks: Mapping[str, nn.Module], hparams: Any, images: Tensor) -> Tensor:
    return finder(networks["encoder"]).rebuilt(images)


def compare(networks: Mapping[str, nn.Module], hparams: Any, batch: Batch) -> list[Tensor]:
    return [batch["real"], rebuild(networks, hparams, batch["real"])]


def optimizer(hparams: EncoderHParams) -> OptimizerSpec:
    return OptimizerSpec(("encoder",), hparams.optimizer, hparams.rate, (hparams.beta1, hparams.beta2))


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
        optimizers={"encoder": optimizer},
        averaged=("encoder",),
        translations={"rebuild": rebuild},
        compare=compare,
        compared=("given", "output"),
        loan=Loan(
            "encoder",
            "generator",
            "images",
            fits=lambda theirs, ours: theirs.shape == ours.shape,
            agreed=lambda theirs, spec: {"layers": layers_of_w(spec.size), "w_size": theirs["w_size"]},
            lend=lend,
            capability="w_space",
        ),
        equation=lambda hparams: (
            r"L=l\,\mathbb{E}[\lVert E(G(w^+))-w^+\rVert^2]/\mathrm{Var}(w^+)"
            r"+p\,\mathbb{E}[\lVert G(E(x))-x\rVert^2]+q\,\mathbb{E}[\lVert\mathrm{white}(E(x))\rVert^2]/d"
        ),
    )
)  # fmt: skip
