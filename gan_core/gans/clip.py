r"""CLIP: pictures and sentences in one space, learnt by contrast (2103.00020).

    L = (CE(S, 1..B) + CE(S^T, 1..B)) / 2,        S_ij = exp(t) x_i . w_j

Pictures (B, C, H, W) in [-1, 1] pass strided convolutions with batch normalisation down to 4 to 7 pixels and a linear
layer; sentences (B, T) of tokens a small transformer (1706.03762). Both become unit vectors (B, d). With them, a
sentence retrieves pictures, and a generator learns how well its picture fits a sentence (`stackgan`,
`latent/words.py`).

Differs from the paper: a few hundred thousand weights, words of a fixed vocabulary instead of pieces of words, a
convolutional network for pictures, the mean over the words instead of the last one, and thousands of pairs instead of
400 million. A batch normalisation without weights centres both vectors: without it all pictures, which are alike, begin
as one vector. exp(t) begins at 5 instead of 14 (section 2.5): from there, small networks first learn to make all
products small. Either way the loss stayed at log B for a hundred steps. Two sentences of a batch that fit both pictures
still count as wrong, as in the paper.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, scaled_dot_product_attention

from gan_core.data.base import DataSpec
from gan_core.gans.feature_net import convolutions
from gan_core.gans.recipe import Preset, Recipe, register, single_network
from gan_core.hparams import channels_knob, max_channels_knob
from gan_core.knobs import knob
from gan_core.layers.style import resized
from gan_core.objectives.base import Batch
from gan_core.objectives.matching import Matching, MatchingHParams

END = 0  # the token after the last word
START_SCALE, MOST_SCALE = 5.0, 100.0  # of exp(t)


@dataclass(frozen=True)
class ClipHParams(MatchingHParams):
    """The knobs of both networks."""

    channels: int = channels_knob(16)
    max_channels: int = max_channels_knob(128)
    sight: int = knob(
        0, 0, 512, label="Input size", unit="pixels", change="rebuild", group="networks",
        help="Pictures are reduced to this height and width before CLIP looks at them, which is quicker; small things "
        "are lost. 0: they are seen as they are.",
    )  # fmt: skip
    embedding: int = knob(
        96, 2, 1024, label="Size of the shared space", unit="dimensions", change="rebuild", group="networks",
        help="Dimensions of the vectors that pictures and sentences become.",
    )  # fmt: skip
    word_width: int = knob(
        96, 4, 1024, label="Width of the transformer", change="rebuild", group="networks",
        help="Dimensions of each word within the transformer; a multiple of the number of heads.",
    )  # fmt: skip
    word_layers: int = knob(
        2, 1, 16, label="Transformer layers", change="rebuild", group="networks",
        help="Layers through which the words of a sentence look at one another.",
    )  # fmt: skip


class WordLayer(nn.Module):
    """(B, T, width) and which tokens are words (B, T) -> (B, T, width): attention, then a perceptron, each added."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.perceptron = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, features: Tensor, words: Tensor) -> Tensor:
        count, length, width = features.shape
        # (B, T, 3 width) -> three times (B, heads, T, width / heads)
        split = self.queries_keys_values(self.norm1(features)).reshape(count, length, 3, self.heads, -1)
        queries, keys, values = split.permute(2, 0, 3, 1, 4).unbind(0)
        attended = _attended(queries, keys, values, words[:, None, None, :])
        features = features + self.out(attended.transpose(1, 2).reshape(count, length, width))
        added: Tensor = features + self.perceptron(self.norm2(features))
        return added


def _attended(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    """Attention (B, heads, T, d) to the places where the mask (B, 1, 1, T) is True.

    In bfloat16 on a CPU it is computed in float32, as PyTorch 2.15 takes nine times as long there for T = 20.
    """
    if queries.device.type != "cpu" or queries.dtype is not torch.bfloat16:
        return scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
    with torch.autocast("cpu", enabled=False):
        return scaled_dot_product_attention(queries.float(), keys.float(), values.float(), attn_mask=mask)


class TextEncoder(nn.Module):
    """Sentences, int64 (B, T), indices into the vocabulary that end with END -> (B, embedding)."""

    def __init__(self, vocabulary: int, length: int, hparams: ClipHParams) -> None:
        super().__init__()
        width = hparams.word_width
        self.words = nn.Embedding(vocabulary, width)
        self.places = nn.Parameter(0.02 * torch.randn(length, width))
        heads = math.gcd(4, width)
        self.layers = nn.ModuleList(WordLayer(width, heads) for _ in range(hparams.word_layers))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, hparams.embedding, bias=False)
        self.centre = nn.BatchNorm1d(hparams.embedding, affine=False)
        nn.init.normal_(self.words.weight, std=0.1)

    def forward(self, tokens: Tensor) -> Tensor:
        features, kept = self._read(tokens)
        mean = (features * kept).sum(1) / kept.sum(1)  # (B, T, width) -> (B, width)
        found: Tensor = self.centre(self.out(mean))
        return found

    def each_word(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """The vector of each word within its sentence, (B, T, embedding), and which are words, 0 or 1 (B, T, 1).

        The mean over the words is the sentence's own vector; this holds in evaluation mode.
        """
        features, kept = self._read(tokens)
        found: Tensor = self.centre(self.out(features).transpose(1, 2)).transpose(1, 2)
        return found, kept

    def _read(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T) -> normalised features (B, T, width), and which tokens are words, 0 or 1 (B, T, 1)."""
        words = tokens != END
        words = words | ~words.any(1, keepdim=True)  # all of an empty sentence, so that no share is 0 / 0
        features = self.words(tokens) + self.places[: tokens.shape[1]]
        for layer in self.layers:
            features = layer(features, words)
        return self.norm(features), words[:, :, None].to(features.dtype)


class PictureEncoder(nn.Module):
    """(B, C, H, W) in [-1, 1] -> (B, embedding)."""

    def __init__(self, image_channels: int, size: int, hparams: ClipHParams) -> None:
        super().__init__()
        self.size = seen_size(size, hparams.sight)
        levels = convolutions(image_channels, self.size, hparams.channels, hparams.max_channels)
        self.layers = nn.Sequential(*(layer for level in levels for layer in level.layers), nn.Flatten())
        self.out = nn.Linear(levels[-1].channels * levels[-1].size ** 2, hparams.embedding, bias=False)
        self.centre = nn.BatchNorm1d(hparams.embedding, affine=False)

    def forward(self, images: Tensor) -> Tensor:
        found: Tensor = self.centre(
            self.out(self.layers(resized(images, self.size)))
        )  # (B, C, H, W) -> (B, C * H * W) -> (B, embedding)
        return found


class Clip(nn.Module):
    """Pictures and sentences -> unit vectors (B, d) of both, and exp(t)."""

    def __init__(self, spec: DataSpec, hparams: ClipHParams) -> None:
        super().__init__()
        self.images = PictureEncoder(spec.channels, spec.size, hparams)
        self.words = TextEncoder(vocabulary_size(spec), spec.fields["caption"][-1], hparams)
        self.log_scale = nn.Parameter(torch.tensor(math.log(START_SCALE)))

    def of_images(self, images: Tensor) -> Tensor:
        return normalize(self.images(images), dim=1)

    def of_words(self, tokens: Tensor) -> Tensor:
        return normalize(self.words(tokens), dim=1)

    def scale(self) -> Tensor:
        return self.log_scale.exp().clamp(max=MOST_SCALE)

    def forward(self, images: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.of_images(images), self.of_words(tokens), self.scale()


def seen_size(size: int, sight: int) -> int:
    """Height and width to which pictures of `size` pixels are reduced: `sight`, if it divides `size`."""
    return sight if 0 < sight < size and size % sight == 0 else size


def vocabulary_size(spec: DataSpec) -> int:
    """The number of words; without a vocabulary, more than any data set here has."""
    return len(spec.vocabulary) or 1024


def networks(hparams: ClipHParams, spec: DataSpec) -> dict[str, nn.Module]:
    return {"clip": Clip(spec, hparams)}


def compare(networks: Mapping[str, nn.Module], hparams: Any, batch: Batch) -> list[Tensor]:
    """Each picture, and the first and second match of its first sentence among them."""
    clip, images = networks["clip"], batch["real"]
    assert isinstance(clip, Clip)
    captions = batch["caption"]
    tokens = (captions if captions.ndim == 2 else captions[:, 0]).long()
    best = (clip.of_words(tokens) @ clip.of_images(images).T).topk(2, 1).indices  # (B, 2)
    return [images, images[best[:, 0]], images[best[:, 1]]]


DEFAULTS = ClipHParams(
    batch_size=128, rate=3e-3, beta1=0.9, ema=0.99, channels=8, max_channels=64, sight=32, embedding=64,
    word_width=64, word_layers=1,
)  # fmt: skip

register(
    Recipe(
        name="clip",
        title="CLIP (pictures and sentences)",
        task="matching",
        paper="2103.00020",
        year=2021,
        networks=networks,
        objective=Matching,
        hparams=DEFAULTS,
        tiny=ClipHParams(
            channels=4, max_channels=8, embedding=4, word_width=4, word_layers=1, batch_size=4, beta1=0.9
        ),
        data="avatars_captions",
        optimizers=single_network("clip"),
        ema_networks=("clip",),
        compare=compare,
        compared=("given", "found first", "found second"),
        equation=lambda hparams: (
            r"L=-\tfrac{1}{2}\mathbb{E}[\log p(w_i|x_i)+\log p(x_i|w_i)],\qquad "
            r"p(w_j|x_i)\propto\exp(e^t x_i\cdot w_j)"
        ),
        presets=(
            Preset(
                name="avatars",
                title="Faces and sentences",
                look_for="Each row shows groups of three pictures: one, and the two that its sentence retrieves from "
                "twelve held-out pictures. Backgrounds, clothes and hair colours are distinguished first, "
                "then glasses and hats; earrings and mouths come last.",
                data="avatars_captions", size=64, steps=800, seconds=90,
                hparams={"schedule": "cosine", "decay_steps": 800},
            ),
            Preset(
                name="emoji",
                title="Emoji and their names",
                look_for="Each row shows groups of three emoji: one, and the two that its name retrieves from twelve "
                "held-out emoji, none of which was seen in training in either drawing. By step 200, the "
                "emoji of a name is among the first five of 100 about three times as often as by chance. A "
                "name made only of unknown words retrieves arbitrary emoji.",
                data="emoji_captions", size=64, steps=1_000, seconds=110,
                hparams={"schedule": "cosine", "decay_steps": 1_000, "augment": 0.4},
            ),
        ),
    )
)  # fmt: skip
