"""A generator that is written down as a list of layers, as tutorials for Keras build one.

    dense 6272; batch_norm; leaky_relu 0.2; reshape 7 7 128; conv_transpose 64 5 2 same; tanh

`ganscope import` reads such generators from Keras files; the networks of DCGAN (1511.06434) and of the original GAN are
special cases. Latents (B, latent_size) pass the layers in order, and the last one gives the image (B, C, H, W), whose
size is therefore fixed. The discriminator is a multilayer perceptron, because a file of a generator holds none.

Layers, with what follows their names:

- `dense` units; `conv` and `conv_transpose` channels, kernel, stride and `same` or `valid`, each with `no_bias` if it
  has none; `batch_norm` epsilon and momentum; `leaky_relu` slope; `relu`, `elu`, `selu`, `silu`, `gelu`, `softplus`,
  `sigmoid` and `tanh`; `dropout` rate; `upsample` factor and `nearest` or `bilinear`
- `reshape` height, width and channels, or a single length; `flatten`; both count channels last, as Keras does
- `from_unit` turns [0, 1], which sigmoid gives, into [-1, 1]

Differs from PyTorch: `same` pads and crops as TensorFlow does, so that an odd kernel with stride 2 isn't shifted by a
pixel. A momentum counts as PyTorch's: Keras's 0.8 is 0.2 here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad

from gan_core.data.base import DataSpec
from gan_core.errors import BadValue
from gan_core.gans.mlp_gan import MlpDiscriminator
from gan_core.gans.recipe import Recipe, register
from gan_core.hparams import AdversarialHParams
from gan_core.knobs import knob, when
from gan_core.layers.blocks import Dropout, initialise_normal
from gan_core.objectives.adversarial import Adversarial
from gan_core.objectives.equations import adversarial_equation

MOST_LAYERS, MOST_WEIGHTS = 200, 100_000_000
Size = tuple[int, ...]  # of one item: (features,) or (C, H, W)
NO_BIAS = "no_bias"
ACTIVATIONS = {
    "relu": nn.ReLU, "elu": nn.ELU, "selu": nn.SELU, "silu": nn.SiLU, "gelu": nn.GELU, "softplus": nn.Softplus,
    "sigmoid": nn.Sigmoid, "tanh": nn.Tanh,
}  # fmt: skip
KINDS = (
    "dense", "conv", "conv_transpose", "batch_norm", "leaky_relu", *ACTIVATIONS, "dropout", "upsample", "reshape",
    "flatten", "from_unit",
)  # fmt: skip


@dataclass(frozen=True)
class SequentialHParams(AdversarialHParams):
    """The layers, and the knobs of the discriminator."""

    layers: str = knob(
        "", label="Layers", change="rebuild", group="networks",
        help="The generator's layers, separated by semicolons. They must give images of the size of the data. Empty: "
        "two transposed convolutions, for any size.",
    )  # fmt: skip
    discriminator_widths: tuple[int, ...] = knob(
        (512, 256), 1, 8192, label="Discriminator layer widths", change="rebuild", group="networks",
        help="Width of each hidden layer, from the image to the logit.",
    )  # fmt: skip
    activation: str = knob(
        "leaky_relu", choices=("leaky_relu", "relu", "tanh"), label="Activation", change="rebuild", group="networks",
        help="Leaky ReLU passes a small gradient for negative inputs, where ReLU passes none.",
    )  # fmt: skip
    slope: float = knob(
        0.2, 0.0, 1.0, label="Negative slope", change="rebuild", group="networks",
        acts_when=when(activation=("leaky_relu",)),
        help="Slope of leaky ReLU for negative inputs.",
    )  # fmt: skip
    dropout: float = knob(
        0.0, 0.0, 0.9, label="Dropout", change="rebuild", group="networks",
        help="Fraction of the discriminator's hidden units dropped at random during training.",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.layers.strip():
            parsed(self.layers)  # raises BadValue


@dataclass(frozen=True)
class Layer:
    """One layer as written: a name, numbers and words."""

    kind: str
    numbers: tuple[float, ...] = ()
    words: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join([self.kind, *(f"{number:.12g}" for number in self.numbers), *self.words])

    def whole(self, place: int) -> int:
        """Parses a positive whole number; raises BadValue."""
        number = self.numbers[place] if place < len(self.numbers) else 0
        if not (1 <= number <= 2**20 and number == int(number)):
            raise BadValue("The layer '{layer}' needs whole numbers of at least 1.", layer=str(self))
        return int(number)

    def number(self, place: int, low: float, high: float) -> float:
        """Parses a number within a range; raises BadValue."""
        number = self.numbers[place] if place < len(self.numbers) else math.nan
        if not low <= number <= high:
            raise BadValue(
                "The layer '{layer}' needs a number between {low:g} and {high:g}.", layer=str(self), low=low, high=high
            )
        return number

    def word(self, *valid: str) -> str:
        """Parses one of the valid words; raises BadValue."""
        found = [word for word in self.words if word in valid]
        if not found:
            raise BadValue("The layer '{layer}' needs one of: {valid}.", layer=str(self), valid=", ".join(valid))
        return found[0]


def parsed(text: str) -> list[Layer]:
    """Parses the layers of a text; raises BadValue for an unknown name."""
    parts = [part.split() for part in text.split(";") if part.strip()]
    if not 1 <= len(parts) <= MOST_LAYERS:
        raise BadValue("The number of layers must be between 1 and {most}, got {count}.", most=MOST_LAYERS,
                       count=len(parts))  # fmt: skip
    return [_layer(*part) for part in parts]


def _layer(kind: str, *rest: str) -> Layer:
    if kind not in KINDS:
        raise BadValue("Unknown layer '{layer}'. Valid: {valid}.", layer=kind[:40], valid=", ".join(KINDS))
    numbers = [float(word) for word in rest if _is_number(word)]
    return Layer(kind, tuple(numbers), tuple(word for word in rest if not _is_number(word)))


def _is_number(word: str) -> bool:
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False


def written(layers: Sequence[Layer]) -> str:
    """The text of some layers; `parsed` reads it."""
    return "; ".join(map(str, layers))


class Convolution(nn.Conv2d):
    """(B, I, H, W) -> (B, O, H', W'), padded as in TensorFlow: an odd pixel is added to the right and the bottom."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, margins: Size, bias: bool) -> None:
        super().__init__(inputs, outputs, kernel, stride, bias=bias)
        self.margins = list(margins)  # left, right, top, bottom

    def forward(self, features: Tensor) -> Tensor:
        return conv2d(pad(features, self.margins), self.weight, self.bias, self.stride)


class TransposedConvolution(nn.ConvTranspose2d):
    """(B, I, H, W) -> (B, O, H', W'), cropped as in TensorFlow; negative crops add zeros."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, crops: Size, bias: bool) -> None:
        super().__init__(inputs, outputs, kernel, stride, bias=bias)
        self.margins = [-crop for crop in crops]  # left, right, top, bottom

    def forward(self, features: Tensor, output_size: list[int] | None = None) -> Tensor:
        found = pad(conv_transpose2d(features, self.weight, None, self.stride), self.margins)
        return found if self.bias is None else found + self.bias[:, None, None]  # (O,) -> (O, 1, 1)


class Reshaped(nn.Module):
    """(B, ...) -> (B, *size), in Keras's order: rows, columns, channels."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size

    def forward(self, features: Tensor) -> Tensor:
        if features.ndim == 4:
            features = features.permute(0, 2, 3, 1)  # (B, C, H, W) -> (B, H, W, C)
        if len(self.size) == 1:
            return features.flatten(1)
        channels, height, width = self.size
        return features.reshape(-1, height, width, channels).permute(0, 3, 1, 2)  # -> (B, C, H, W)


class FromUnit(nn.Module):
    """[0, 1] -> [-1, 1]."""

    def forward(self, features: Tensor) -> Tensor:
        return features * 2 - 1


def made(layer: Layer, size: Size) -> tuple[nn.Module, Size]:
    """The module of a layer and its output size; raises BadValue if it doesn't fit the layer before it."""
    if layer.kind == "dense":
        units = layer.whole(0)
        return nn.Linear(_of_axes(layer, size, 1)[0], units, bias=NO_BIAS not in layer.words), (units,)
    if layer.kind in ("conv", "conv_transpose"):
        return _convolution(layer, _of_axes(layer, size, 3))
    if layer.kind == "batch_norm":
        epsilon, momentum = layer.number(0, 0, 1), layer.number(1, 0, 1)
        kind = nn.BatchNorm1d if len(size) == 1 else nn.BatchNorm2d
        return kind(size[0], epsilon, momentum), size
    if layer.kind == "leaky_relu":
        return nn.LeakyReLU(layer.number(0, 0, 100)), size
    if layer.kind in ACTIVATIONS:
        return ACTIVATIONS[layer.kind](), size
    if layer.kind == "dropout":
        return Dropout(layer.number(0, 0, 0.99)), size
    if layer.kind == "upsample":
        channels, height, width = _of_axes(layer, size, 3)
        factor, mode = layer.whole(0), layer.word("nearest", "bilinear")
        return nn.Upsample(scale_factor=factor, mode=mode), (channels, height * factor, width * factor)
    if layer.kind == "from_unit":
        return FromUnit(), size
    return _reshaped(layer, size)


def _of_axes(layer: Layer, size: Size, axes: int) -> Size:
    if len(size) != axes:
        words = "an image (reshape comes before)" if axes == 3 else "a vector (flatten comes before)"
        raise BadValue("The layer '{layer}' needs {what}, but is given {size}.", layer=str(layer), what=words,
                       size=" x ".join(map(str, size)))  # fmt: skip
    return size


def _reshaped(layer: Layer, size: Size) -> tuple[nn.Module, Size]:
    if layer.kind == "flatten":
        wanted: Size = (math.prod(size),)
    elif len(layer.numbers) == 3:
        height, width, channels = (layer.whole(place) for place in range(3))
        wanted = channels, height, width
    else:
        wanted = (layer.whole(0),)
    if math.prod(wanted) != math.prod(size):
        raise BadValue(
            "The layer '{layer}' is given {given} numbers, not {wanted}.",
            layer=str(layer), given=math.prod(size), wanted=math.prod(wanted),
        )  # fmt: skip
    return Reshaped(wanted), wanted


def _convolution(layer: Layer, size: Size) -> tuple[nn.Module, Size]:
    channels, height, width = size
    outputs, kernel, stride = (layer.whole(place) for place in range(3))
    same, bias = layer.word("same", "valid") == "same", NO_BIAS not in layer.words
    if layer.kind == "conv":
        rows, columns = (_padding(length, kernel, stride, same) for length in (height, width))
        given = outputs, *((length + sum(both) - kernel) // stride + 1
                           for length, both in ((height, rows), (width, columns)))  # fmt: skip
        if min(given) < 1:
            raise BadValue("The kernel of the layer '{layer}' is larger than its input.", layer=str(layer))
        return Convolution(channels, outputs, kernel, stride, (*columns, *rows), bias), given
    rows, columns = (_crops(length, kernel, stride, same) for length in (height, width))
    given = outputs, *((length - 1) * stride + kernel - sum(both)
                       for length, both in ((height, rows), (width, columns)))  # fmt: skip
    return TransposedConvolution(channels, outputs, kernel, stride, (*columns, *rows), bias), given


def _padding(length: int, kernel: int, stride: int, same: bool) -> tuple[int, int]:
    """Padding before and after, for an output length of ceil(length / stride)."""
    total = max((-(-length // stride) - 1) * stride + kernel - length, 0) if same else 0
    return total // 2, total - total // 2


def _crops(length: int, kernel: int, stride: int, same: bool) -> tuple[int, int]:
    """Cropping before and after, from a length of (length - 1) * stride + kernel to length * stride."""
    before = max(kernel - stride, 0) // 2 if same else 0
    return before, (kernel - stride if same else min(kernel - stride, 0)) - before


def layers_of(text: str, latent_size: int) -> tuple[list[nn.Module], Size]:
    """The modules of a text, and their output size (C, H, W) or (features,); raises BadValue."""
    size: Size = (latent_size,)
    modules = []
    with torch.device("meta"):  # counts the weights before allocating them
        for layer in parsed(text):
            module, size = made(layer, size)
            modules.append(module)
    weights = sum(one.numel() for module in modules for one in module.parameters())
    if max(weights, math.prod(size)) > MOST_WEIGHTS:
        raise BadValue("The generator has {count:,} weights, and at most {most:,} are supported.",
                       count=max(weights, math.prod(size)), most=MOST_WEIGHTS)  # fmt: skip
    return modules, size


class SequentialGenerator(nn.Module):
    """(B, latent_size) -> (B, C, H, W), in [-1, 1] in evaluation mode."""

    def __init__(self, layers: str, latent_size: int, shape: Size) -> None:
        """Raises BadValue for layers that don't output images of this shape."""
        super().__init__()
        _modules, given = layers_of(layers, latent_size)
        if given != shape:
            raise BadValue(
                "These layers give {given} (channels x height x width), but the images have {wanted}.",
                given=" x ".join(map(str, given)), wanted=" x ".join(map(str, shape)),
            )  # fmt: skip
        size: Size = (latent_size,)
        made_layers = []
        for layer in parsed(layers):
            module, size = made(layer, size)
            made_layers.append(module)
        self.layers = nn.Sequential(*made_layers)
        initialise_normal(self)

    def forward(self, latents: Tensor) -> Tensor:
        images: Tensor = self.layers(latents)
        return images if self.training else images.clamp(-1, 1)


def usual_layers(shape: Size) -> str:
    """The default layers: two transposed convolutions, or one dense layer for odd sizes."""
    channels, height, width = shape
    if height % 4 or width % 4:
        return f"dense 256; leaky_relu 0.2; dense {math.prod(shape)}; reshape {height} {width} {channels}; tanh"
    rows, columns = height // 4, width // 4
    return (
        f"dense {rows * columns * 64}; batch_norm 0.001 0.2; leaky_relu 0.2; reshape {rows} {columns} 64; "
        "conv_transpose 32 4 2 same; batch_norm 0.001 0.2; leaky_relu 0.2; "
        f"conv_transpose {channels} 4 2 same; tanh"
    )


def networks(hparams: SequentialHParams, spec: DataSpec) -> dict[str, nn.Module]:
    shape = spec.fields["real"]
    return {
        "generator": SequentialGenerator(hparams.layers.strip() or usual_layers(shape), hparams.latent_size, shape),
        "discriminator": MlpDiscriminator(shape, 0, hparams),
    }


register(
    Recipe(
        name="sequential",
        title="Sequential GAN",
        task="images",
        paper="1511.06434",
        year=2015,
        networks=networks,
        objective=Adversarial,
        hparams=SequentialHParams(),
        tiny=SequentialHParams(latent_size=4, discriminator_widths=(8,), batch_size=4, dropout=0.1),
        data="digits",
        equation=adversarial_equation,
    )
)  # fmt: skip
