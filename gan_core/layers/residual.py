"""Residual blocks, self-attention and conditional batch normalisation, for SNGAN, SAGAN and BigGAN."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d, relu

from gan_core.layers.blocks import logit_head
from gan_core.layers.classes import ClassEmbedding

Norm = Callable[[int], nn.Module]  # channels -> a batch-norm, plain or conditional


class ConditionalBatchNorm(nn.Module):
    """(B, C, H, W) and a condition (B, ...) -> (B, C, H, W): batch-norm whose scale and shift depend on the condition.

        y = (1 + gain(c)) * (x - mean) / sqrt(variance + eps) + bias(c)                               (1707.00683)

    `gain` and `bias` map the condition to (B, C). The 1 is added, as in BigGAN's code, so that 0 is the identity.
    """

    def __init__(self, channels: int, gain: nn.Module, bias: nn.Module) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain = gain
        self.bias = bias

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        gain = (1 + self.gain(condition))[:, :, None, None]  # (B, C) -> (B, C, 1, 1)
        bias = self.bias(condition)[:, :, None, None]
        return torch.addcmul(bias, self.norm(features), gain)


class AttentionLayer(nn.Module, ABC):
    """A layer of attention between positions that `attention_maps` can show, unless it attends to parts of a map."""

    whole = True

    @abstractmethod
    def shares(self, features: Tensor) -> Tensor:
        """The attention of each position to all, for the layer's input: (B, H, W, h, w); `[b, y, x]` sums to 1."""


class SelfAttention(AttentionLayer):
    """Self-attention between positions, (B, C, H, W) -> the same shape (1805.08318, section 3).

        s_ij = f(x_i)^T g(x_j)     beta_ji = exp(s_ij) / sum_i exp(s_ij)                                 (equation 1)
        o_j = v(sum_i beta_ji h(x_i))     y = gamma o + x                                                (2 and 3)

    gamma starts at 0: the network learns local structure first. The products s are NOT divided by the square root of
    the channels, as in Transformers and many tutorials; nor are they in the paper. f and g have C / 8 channels; h has C
    / `value_share`: 8 in the paper, 2 in its published code and in BigGAN, which both also max-pool the positions i by
    2 x 2 (`pool`).
    """

    def __init__(self, channels: int, value_share: int = 8, pool: bool = False) -> None:
        super().__init__()
        narrow, values = max(1, channels // 8), max(1, channels // value_share)
        self.pool = pool
        self.key = nn.Conv2d(channels, narrow, 1, bias=False)  # f
        self.query = nn.Conv2d(channels, narrow, 1, bias=False)  # g
        self.value = nn.Conv2d(channels, values, 1, bias=False)  # h
        self.out = nn.Conv2d(values, channels, 1, bias=False)  # v
        self.gamma = nn.Parameter(torch.zeros(()))

    def maps(self, features: Tensor) -> Tensor:
        """beta, (B, H * W, N): attention of each position to N = H * W positions (pooled: H * W / 4); rows sum to 1."""
        queries = self.query(features).flatten(2)  # (B, c, H, W) -> (B, c, H * W)
        keys = self._pooled(self.key(features)).flatten(2)  # (B, c, h, w) -> (B, c, N)
        shares: Tensor = (queries.transpose(1, 2) @ keys).softmax(2)
        return shares

    def shares(self, features: Tensor) -> Tensor:
        height, width = features.shape[2:]
        rows, columns = (height // 2, width // 2) if self.pool else (height, width)
        return self.maps(features).reshape(-1, height, width, rows, columns)  # (B, H * W, N) -> (B, H, W, h, w)

    def forward(self, features: Tensor) -> Tensor:
        values = self._pooled(self.value(features)).flatten(2)  # (B, v, h, w) -> (B, v, N)
        taken = values @ self.maps(features).transpose(1, 2)  # (B, v, N) @ (B, N, H * W) -> (B, v, H * W)
        taken = taken.reshape(*taken.shape[:2], *features.shape[2:])  # -> (B, v, H, W)
        attended: Tensor = features + self.gamma * self.out(taken)
        return attended

    def _pooled(self, features: Tensor) -> Tensor:
        return max_pool2d(features, 2) if self.pool else features


@torch.no_grad()
def attention_maps(network: nn.Module, *inputs: Tensor) -> dict[str, Tensor]:
    """Attention of each position by the name of the attention layer: (B, H, W, h, w); `[b, y, x]` sums to 1.

    `inputs` are those of the network, which runs in evaluation mode.
    """
    found: dict[str, Tensor] = {}

    def note(name: str) -> Callable[..., None]:
        def keep(layer: AttentionLayer, given: tuple[Tensor, ...]) -> None:
            found[name] = layer.shares(given[0])

        return keep

    layers = [
        (name, layer) for name, layer in network.named_modules() if isinstance(layer, AttentionLayer) and layer.whole
    ]
    handles = [layer.register_forward_pre_hook(note(name)) for name, layer in layers]
    training = network.training
    try:
        network.eval()(*inputs)
    finally:
        network.train(training)
        for handle in handles:
            handle.remove()
    return found


def _normed(norm: nn.Module, features: Tensor, condition: Tensor | None) -> Tensor:
    normed: Tensor = norm(features, condition) if isinstance(norm, ConditionalBatchNorm) else norm(features)
    return normed


class GeneratorBlock(nn.Module):
    """(B, inputs, H, W) -> (B, outputs, 2H, 2W): norm, ReLU, upsampling, convolution, norm, ReLU, convolution.

    The shortcut's 1x1 convolution comes before its nearest-neighbour upsampling, which is equivalent to the other order
    at a quarter of the cost.
    """

    def __init__(self, inputs: int, outputs: int, norm: Norm) -> None:
        super().__init__()
        self.norm1, self.norm2 = norm(inputs), norm(outputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(self, features: Tensor, condition: Tensor | None = None) -> Tensor:
        hidden = interpolate(relu(_normed(self.norm1, features, condition)), scale_factor=2)
        hidden = relu(_normed(self.norm2, self.conv1(hidden), condition))
        made: Tensor = self.conv2(hidden) + interpolate(self.shortcut(features), scale_factor=2)
        return made


class DiscriminatorBlock(nn.Module):
    """(B, inputs, H, W) -> (B, outputs, H, W), halved with `down`: ReLU, convolution, ReLU, convolution.

    The `first` block of a network has no ReLU before its first convolution. The shortcut averages 2x2 pixels before its
    1x1 convolution, which is equivalent to the other order at a quarter of the cost.
    """

    def __init__(self, inputs: int, outputs: int, down: bool, first: bool = False) -> None:
        super().__init__()
        self.down, self.first = down, first
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if down or inputs != outputs else nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        hidden = self.conv2(relu(self.conv1(features if self.first else relu(features))))
        if self.down:
            hidden, features = avg_pool2d(hidden, 2), avg_pool2d(features, 2)
        added: Tensor = hidden + self.shortcut(features)
        return added


class ResidualGenerator(nn.Module):
    """(B, inputs) and, for conditional norms, a condition for each block -> (B, C, H, W) in [-1, 1].

    `widths` are the channels at `base` pixels and of each block's output; each block doubles the resolution.
    `attention` builds the layer after the block with the largest feature map of at most `attention_size` pixels.
    """

    def __init__(
        self,
        inputs: int,
        image_channels: int,
        base: int,
        widths: Sequence[int],
        norm: Norm = nn.BatchNorm2d,
        attention: Callable[[int], SelfAttention] | None = None,
        attention_size: int = 0,
    ) -> None:
        super().__init__()
        self.base = (widths[0], base, base)
        self.stem = nn.Linear(inputs, widths[0] * base * base)
        self.blocks = nn.ModuleList(GeneratorBlock(before, after, norm) for before, after in pairwise(widths))
        sizes = [base * 2**place for place in range(1, len(widths))]
        self.attention_after = _last_within(sizes, attention_size)
        attends = attention is not None and self.attention_after >= 0
        self.attention = attention(widths[self.attention_after + 1]) if attention and attends else nn.Identity()
        self.norm = nn.BatchNorm2d(widths[-1])
        self.last = nn.Conv2d(widths[-1], image_channels, 3, padding=1)

    def forward(self, inputs: Tensor, conditions: Sequence[Tensor] | None = None) -> Tensor:
        features = self.stem(inputs).unflatten(1, self.base)  # (B, C * H * W) -> (B, C, H, W)
        features = features.contiguous(memory_format=torch.channels_last)
        for place, block in enumerate(self.blocks):
            features = block(features, None if conditions is None else conditions[place])
            if place == self.attention_after:
                features = self.attention(features)
        images: Tensor = self.last(relu(self.norm(features))).tanh()
        return images

    def attention_maps(self, *inputs: Tensor) -> dict[str, Tensor]:
        """Attention of each position of a sample, (B, H, W, h, w) by layer; see `attention_maps`."""
        return attention_maps(self, *inputs)


class ResidualDiscriminator(nn.Module):
    """(B, C, H, W) and, with `classes`, labels (B,) -> logits (B,).

    `widths` are the channels of each block's output; the first `downs` blocks halve the resolution. The last features
    are summed over all positions, (B, widths[-1]), and go into `head`. With classes the logit has a projection term:

        f(x, y) = e_y^T phi(x) + psi(phi(x))                                                (1802.05637, section 3)
    """

    def __init__(
        self,
        image_channels: int,
        size: int,
        widths: Sequence[int],
        downs: int,
        minibatch: str = "none",
        classes: int = 0,
        attention: Callable[[int], SelfAttention] | None = None,
        attention_size: int = 0,
    ) -> None:
        super().__init__()
        pairs = zip([image_channels, *widths[:-1]], widths, strict=True)
        self.blocks = nn.ModuleList(
            DiscriminatorBlock(before, after, place < downs, first=place == 0)
            for place, (before, after) in enumerate(pairs)
        )
        # sizes decrease: the first one within the limit is the largest
        sizes = [size // 2 ** (place + 1) for place in range(downs)]
        self.attention_after = next((place for place, side in enumerate(sizes) if side <= attention_size), -1)
        attends = attention is not None and self.attention_after >= 0
        self.attention = attention(widths[self.attention_after]) if attention and attends else nn.Identity()
        self.head = logit_head(widths[-1], 0, minibatch)
        # not a ClassEmbedding: spectral normalisation applies to it, as in the papers
        self.projection = nn.Embedding(classes, widths[-1]) if classes else None

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        features = images
        for place, block in enumerate(self.blocks):
            features = block(features)
            if place == self.attention_after:
                features = self.attention(features)
        pooled = relu(features).sum((2, 3))  # (B, C, H, W) -> (B, C)
        logits: Tensor = self.head(pooled).squeeze(1)  # (B, 1) -> (B,)
        if self.projection is None:
            return logits
        assert labels is not None
        projected: Tensor = (self.projection(labels) * pooled).sum(1)  # (B, C) -> (B,)
        return logits + projected

    def attention_maps(self, *inputs: Tensor) -> dict[str, Tensor]:
        """Attention of each position of an image, (B, H, W, h, w) by layer; see `attention_maps`."""
        return attention_maps(self, *inputs)


def _last_within(sizes: Sequence[int], most: int) -> int:
    """Index of the last of the increasing sizes that is at most `most`; -1 if there is none."""
    return max((place for place, size in enumerate(sizes) if size <= most), default=-1)


def _weights(network: nn.Module) -> list[Tensor]:
    layers = (nn.Linear, nn.Conv2d, nn.Embedding, ClassEmbedding)
    return [layer.weight for layer in network.modules() if isinstance(layer, layers)]


def _no_biases(network: nn.Module) -> None:
    for layer in network.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d)) and layer.bias is not None:
            nn.init.zeros_(layer.bias)


def initialise_xavier(network: nn.Module) -> None:
    """Glorot's uniform initialisation (AISTATS 2010, equation 16), as in SNGAN and SAGAN; biases 0."""
    for weight in _weights(network):
        nn.init.xavier_uniform_(weight)
    _no_biases(network)


def initialise_orthogonal(network: nn.Module) -> None:
    """Orthogonal initialisation (1312.6120), as in BigGAN; biases 0."""
    for weight in _weights(network):
        nn.init.orthogonal_(weight)
    _no_biases(network)
