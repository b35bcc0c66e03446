"""TransGAN: two transformers, without a convolution (2102.07074).

    Attention(Q, K, V) = softmax(Q K^T / sqrt(d) + E) V,    E_ij a learned bias of the offset from i to j   (section 3)
    x = x + Attention(norm(x));    x = x + MLP(norm(x))

Generator: z (B, latent_size) becomes 8 x 8 tokens with learned positions. Blocks mix them; then each token splits into
four of a quarter of the channels (pixel shuffle), up to 32 x 32 tokens. A linear layer makes a pixel of each, or 2 x 2
at 64 pixels: images (B, C, size, size) in [-1, 1].

Discriminator: 16 x 16 patches become tokens; after each resolution of blocks, tokens are averaged in fours and joined
with those of patches twice as large, so that it sees fine texture and the whole at a bounded cost. A class token looks
at the last 4 x 4 and gives the logit (B,).

Larger maps than `grid_size` are cut into windows of that size, within which tokens see each other (grid
self-attention). `attention_maps` of both networks returns how much each token looks at every other one, the mean over
heads, (B, H, W, h, w), of layers without windows.

Published size (CIFAR-10, 32 pixels, TransGAN-XL): `channels=64, blocks=5, heads=4, grid_size=16, latent_size=256`.

Differs from the paper: smaller by default; as many blocks at each resolution instead of 5, 4 and 2; 2 x 2 pixels for
each token at 64 pixels instead of a stage more; hinge loss with lazy R1 instead of WGAN-GP. DiffAugment is part of the
method: transformers know nothing of pictures beforehand, and learn from few of them only if these are varied. When to
use it: to see what attention alone can do. At this size, convolutions learn faster.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, gelu, pixel_shuffle

from gan_core.data.base import DataSpec
from gan_core.errors import BadValue
from gan_core.gans.recipe import Preset, Recipe, register
from gan_core.hparams import AdversarialHParams
from gan_core.knobs import knob
from gan_core.layers.blocks import logit_head
from gan_core.layers.residual import AttentionLayer, attention_maps
from gan_core.objectives.adversarial import Adversarial
from gan_core.objectives.equations import adversarial_equation

SIZES = (16, 32, 64)
BASE, LARGEST = 8, 32  # tokens along a side of the generator's first and, at most, last map
PATCHES = 16  # patches along a side of the discriminator's first map
SCALES = 3  # resolutions of the discriminator: 16, 8 and 4 tokens along a side
SPREAD = 0.02  # standard deviation of positions and linear weights at the start


@dataclass(frozen=True)
class TransganHParams(AdversarialHParams):
    """The knobs of both transformers."""

    channels: int = knob(
        16, 4, 256, label="Channels", change="rebuild", group="networks",
        help="Channels of the generator's last tokens; four times as many each time the resolution is halved. The "
        "paper uses 64 at 32 pixels.",
    )  # fmt: skip
    discriminator_channels: int = knob(
        128, 8, 1024, label="Discriminator channels", change="rebuild", group="networks",
        help="Channels of the discriminator's last tokens; the first ones have a quarter. The paper uses 384.",
    )  # fmt: skip
    heads: int = knob(
        4, 1, 16, label="Heads", change="rebuild", group="networks",
        help="Attention heads. All numbers of channels must be multiples of it. The paper uses 4.",
    )  # fmt: skip
    blocks: int = knob(
        2, 1, 12, label="Blocks per resolution", change="rebuild", group="networks",
        help="Transformer blocks at each resolution of the generator; the discriminator has half as many. The paper "
        "uses 5, 4 and 2.",
    )  # fmt: skip
    grid_size: int = knob(
        8, 2, 64, label="Grid size", unit="tokens", change="rebuild", group="networks",
        help="Larger maps of tokens are cut into windows of this side, within which tokens attend to each other. "
        "The cost grows with the square of the side. The paper uses 16.",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.grid_size & (self.grid_size - 1):
            raise BadValue("The grid size must be a power of 2, got {size}.", size=self.grid_size)
        if self.channels % self.heads or self.discriminator_channels % (4 * self.heads):
            raise BadValue(
                "Channels must be a multiple of the number of heads, and discriminator channels of 4 times that, got "
                "{channels} and {discriminator} with {heads} heads.",
                channels=self.channels, discriminator=self.discriminator_channels, heads=self.heads,
            )  # fmt: skip


class Attention(AttentionLayer):
    """Multi-head self-attention with relative positions, in windows of `grid`: (B, C, side, side) -> the same."""

    offsets: Tensor

    def __init__(self, channels: int, side: int, heads: int, grid: int) -> None:
        super().__init__()
        self.heads, self.grid = heads, min(grid, side)
        self.whole = self.grid == side
        self.project = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        self.bias = nn.Parameter(torch.zeros(heads, (2 * self.grid - 1) ** 2))  # E, by head and offset
        self.register_buffer("offsets", _offsets(self.grid), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        query, key, value = self._projected(features)
        mixed = self._shares(query, key) @ value  # (W, heads, N, N) @ (W, heads, N, d)
        tokens = self.out(mixed.transpose(1, 2).flatten(2))  # (W, heads, N, d) -> (W, N, C)
        return _joined(tokens, features.shape[1:])

    def shares(self, features: Tensor) -> Tensor:
        query, key, _value = self._projected(features)
        side = features.shape[-1]
        return self._shares(query, key).mean(1).reshape(-1, side, side, side, side)

    def _projected(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value, (W, heads, N, d) each, of W windows with N tokens."""
        tokens = self.project(_windows(features, self.grid))
        parts = tokens.unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # (W, N, 3 C) -> (3, W, heads, N, d)
        return parts[0], parts[1], parts[2]

    def _shares(self, query: Tensor, key: Tensor) -> Tensor:
        """(W, heads, N, N), rows sum to 1; plain operations, because fused attention has no second derivative."""
        nearness = query @ key.transpose(2, 3) / math.sqrt(query.shape[-1])
        shares: Tensor = (nearness + self.bias[:, self.offsets]).softmax(3)
        return shares


def _offsets(side: int) -> Tensor:
    """The number of the offset from token i to token j of a map, (N, N) with N = side^2."""
    places = torch.arange(side)
    rows, columns = (axis.flatten() for axis in torch.meshgrid(places, places, indexing="ij"))
    down = rows[None, :] - rows[:, None] + side - 1
    right = columns[None, :] - columns[:, None] + side - 1
    return down * (2 * side - 1) + right


def _windows(features: Tensor, grid: int) -> Tensor:
    """(B, C, n g, n g) -> tokens of each window, (B n n, g g, C)."""
    _, channels, side, _ = features.shape
    count = side // grid
    cut = features.reshape(-1, channels, count, grid, count, grid).permute(0, 2, 4, 3, 5, 1)  # -> (B, n, n, g, g, C)
    return cut.reshape(-1, grid * grid, channels)


def _joined(tokens: Tensor, shape: torch.Size) -> Tensor:
    """The opposite of `_windows`: (B n n, g g, C) -> (B, C, n g, n g)."""
    channels, side, _ = shape
    grid = math.isqrt(tokens.shape[1])
    count = side // grid
    cut = tokens.reshape(-1, count, count, grid, grid, channels).permute(0, 5, 1, 3, 2, 4)
    return cut.reshape(-1, channels, side, side)


class TokenNorm(nn.LayerNorm):
    """Layer normalisation (1607.06450) over the channels of (B, C, H, W)."""

    def forward(self, features: Tensor) -> Tensor:
        return super().forward(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Block(nn.Module):
    """A transformer block with normalisation first: (B, C, side, side) -> the same shape."""

    def __init__(self, channels: int, side: int, hparams: TransganHParams) -> None:
        super().__init__()
        self.norm1, self.norm2 = TokenNorm(channels), TokenNorm(channels)
        self.attention = Attention(channels, side, hparams.heads, hparams.grid_size)
        self.widen = nn.Conv2d(channels, 4 * channels, 1)  # a linear layer for each token
        self.narrow = nn.Conv2d(4 * channels, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        features = features + self.attention(self.norm1(features))
        added: Tensor = features + self.narrow(gelu(self.widen(self.norm2(features))))
        return added


def _blocks(count: int, channels: int, side: int, hparams: TransganHParams) -> nn.Sequential:
    return nn.Sequential(*(Block(channels, side, hparams) for _ in range(count)))


class TransganGenerator(nn.Module):
    """Latents (B, latent_size) -> (B, C, size, size) in [-1, 1]."""

    def __init__(self, image_channels: int, size: int, hparams: TransganHParams) -> None:
        super().__init__()
        last = min(size, LARGEST)
        sides = [BASE << level for level in range((last // BASE).bit_length())]
        widths = [hparams.channels * (last // side) ** 2 for side in sides]
        self.stem = nn.Linear(hparams.latent_size, BASE * BASE * widths[0])
        self.positions = nn.ParameterList(
            nn.Parameter(torch.zeros(1, width, side, side)) for width, side in zip(widths, sides, strict=True)
        )
        self.levels = nn.ModuleList(
            _blocks(hparams.blocks, width, side, hparams) for width, side in zip(widths, sides, strict=True)
        )
        self.pixels = size // last  # along a side of a token
        self.norm = TokenNorm(widths[-1])
        self.to_image = nn.Conv2d(widths[-1], image_channels * self.pixels**2, 1)
        _initialise(self)

    def forward(self, latents: Tensor) -> Tensor:
        features = self.stem(latents).reshape(len(latents), -1, BASE, BASE)
        for level, (block, position) in enumerate(zip(self.levels, self.positions, strict=True)):
            if level:
                features = pixel_shuffle(features, 2)  # (B, C, H, W) -> (B, C / 4, 2 H, 2 W)
            features = block(features + position)
        images: Tensor = pixel_shuffle(self.to_image(self.norm(features)), self.pixels).tanh()
        return images

    def attention_maps(self, *inputs: Tensor) -> dict[str, Tensor]:
        """Attention of each token to all others, (B, H, W, h, w) by layer; see `layers.residual.attention_maps`."""
        return attention_maps(self, *inputs)


class TransganDiscriminator(nn.Module):
    """(B, C, size, size) -> logits (B,)."""

    def __init__(self, image_channels: int, size: int, hparams: TransganHParams) -> None:
        super().__init__()
        width = hparams.discriminator_channels
        widths = [width // 4, width // 2, width]  # of the tokens in the blocks, at each scale
        given = [widths[0], widths[1] - widths[0], widths[2] - widths[1]]  # channels of these that come from patches
        sides = [PATCHES >> scale for scale in range(SCALES)]
        self.patches = nn.ModuleList(
            nn.Conv2d(image_channels, channels, size // side, stride=size // side)
            for channels, side in zip(given, sides, strict=True)
        )
        self.positions = nn.ParameterList(
            nn.Parameter(torch.zeros(1, channels, side, side)) for channels, side in zip(widths, sides, strict=True)
        )
        self.levels = nn.ModuleList(
            _blocks(math.ceil(hparams.blocks / 2), channels, side, hparams)
            for channels, side in zip(widths, sides, strict=True)
        )
        self.question = nn.Parameter(torch.zeros(1, 1, width))  # the class token
        self.norm = nn.LayerNorm(width)
        self.look = nn.Linear(width, 2 * width)
        self.head = logit_head(width, 1, hparams.minibatch, bias=False)
        _initialise(self)

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor | None = None
        for patches, position, level in zip(self.patches, self.positions, self.levels, strict=True):
            seen = patches(images)
            if features is not None:
                seen = torch.cat([avg_pool2d(features, 2), seen], 1)
            features = level(seen + position)
        assert features is not None
        logits: Tensor = self.head(self._answer(features)[:, :, None, None])
        return logits.squeeze(1)  # (B, 1) -> (B,)

    def _answer(self, features: Tensor) -> Tensor:
        """The class token's attention over the last tokens, (B, C, H, W) -> (B, C)."""
        tokens = self.norm(features.flatten(2).transpose(1, 2))  # (B, N, C)
        key, value = self.look(tokens).chunk(2, 2)
        shares = (self.question @ key.transpose(1, 2) / math.sqrt(key.shape[2])).softmax(2)  # (B, 1, N)
        found: Tensor = (shares @ value).squeeze(1)
        return found

    def attention_maps(self, *inputs: Tensor) -> dict[str, Tensor]:
        """Attention of each token to all others, (B, H, W, h, w) by layer; see `layers.residual.attention_maps`."""
        return attention_maps(self, *inputs)


def _initialise(network: nn.Module) -> None:
    for name, weight in network.named_parameters():
        if "positions" in name or name == "question":
            nn.init.trunc_normal_(weight, std=SPREAD)
    for layer in network.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def networks(hparams: TransganHParams, spec: DataSpec) -> dict[str, nn.Module]:
    return {
        "generator": TransganGenerator(spec.channels, spec.size, hparams),
        "discriminator": TransganDiscriminator(spec.channels, spec.size, hparams),
    }


DEFAULTS = TransganHParams(
    latent_size=128, batch_size=32, loss="hinge", penalty="r1", penalty_weight=1.0, penalty_every=8,
    augment="diffaugment", beta1=0.0, beta2=0.99,
    generator_rate=2e-4, discriminator_rate=2e-4, ema=0.995,
)  # fmt: skip

register(
    Recipe(
        name="transgan",
        title="TransGAN",
        task="images",
        paper="2102.07074",
        year=2021,
        networks=networks,
        objective=Adversarial,
        hparams=DEFAULTS,
        tiny=replace(
            DEFAULTS, latent_size=4, channels=4, discriminator_channels=16, heads=2, blocks=1, grid_size=8, batch_size=4
        ),
        data="avatars",
        sizes=SIZES,
        capabilities=frozenset({"attention"}),
        equation=adversarial_equation,
        presets=(
            Preset(
                name="digits",
                title="Digits by two transformers",
                look_for="Squares of 2 x 2 pixels, one for each of the first tokens, that don't agree with their "
                "neighbours; by step 200 strokes in the middle, and digits from 600 on.",
                data="digits", size=16, steps=900, seconds=300,
                hparams={
                    "channels": 32, "blocks": 1, "latent_size": 64, "generator_rate": 5e-4,
                    "discriminator_rate": 3e-4, "augment": "none",
                },
            ),
        ),
    )
)  # fmt: skip
