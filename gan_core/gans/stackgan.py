r"""StackGAN: pictures from sentences in two stages (1612.03242), beside a frozen CLIP.

    c = mu(w) + s(w) e,    x_1 = G_1(z, c),    x_2 = G_2(x_1, c)                                  (equations 3 to 6)

w is the vector of a sentence (B, d), by the text encoder of a CLIP on the shelf (`clip`), as the paper uses an encoder
that was trained before. Conditioning augmentation draws the condition c from N(mu(w), s(w)^2), which makes up for few
sentences; e is a part of the latents, so that a latent is still one picture. Stage I (B, C, S/2, S/2) draws shapes and
colours, stage II reads it and the condition again and adds detail, (B, C, S, S) in [-1, 1].

With the knob `attention`, stage II also reads single words (AttnGAN, 1711.10485, section 3.1): each place j of its
features h looks for the words e_i that concern it, and reads what it finds beside h,

    beta_ji = softmax_i(h_j . U e_i / sqrt(C)),    c_j = sum_i beta_ji U e_i

The maps beta (B, T, H, W) say which word is read where. The mean of the vectors e_i, those of words within their
sentence, is w before its length is set.

With the knob `palette`, both stages sum up logits, and each pixel is a mixture of a few colours that depend on the
condition and the latents (layers/palette.py); pictures may then slightly exceed [-1, 1], and drawn ones are clamped.

The discriminator sees the picture itself, CLIP's features of it at several resolutions (GALIP, 2301.12959; Projected
GAN, 2111.01007) and CLIP's vector of it, one logit each, (B, L), by projection of the sentence's vector (1802.05637).
It learns that a real picture with the sentences of other pictures is wrong (`objectives/wording.py`).

Differs from the paper: one run in which stage I goes on training with stage II instead of two; CLIP's features and
loss; projection instead of concatenation; far smaller. AttnGAN attends twice, at 64 and 128 pixels, in features of the
stage before; here once, in features of the picture of stage I, and products are scaled as in 1706.03762.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, normalize, pad

from gan_core.data.avatars import sentences
from gan_core.data.base import DataSpec
from gan_core.errors import BadValue
from gan_core.fitting import fill
from gan_core.gans.clip import Clip, ClipHParams, TextEncoder, vocabulary_size
from gan_core.gans.feature_net import convolutions
from gan_core.gans.projected_gan import LEVELS, Frozen
from gan_core.gans.recipe import Preset, PretrainedModel, PretrainedPart, Recipe, register
from gan_core.gans.stabilised import apply_spectral_norm
from gan_core.hparams import channels_knob, max_channels_knob
from gan_core.knobs import knob
from gan_core.layers.blocks import GlobalConv2d
from gan_core.layers.palette import Palette, palette_knob
from gan_core.layers.residual import ConditionalBatchNorm, GeneratorBlock
from gan_core.layers.style import resized
from gan_core.objectives.equations import adversarial_equation
from gan_core.objectives.variational import as_pair
from gan_core.objectives.wording import Wording, WordingHParams, sentences_of

BASE = 4  # pixels, the lowest resolution of stage I
SIZES = (16, 32, 64, 128)
LAST = 4  # pixels, the lowest resolution of a discriminator
EXAMPLES = (  # default sentences
    "a smiling woman with long red hair", "a man with a full beard and no glasses", "a person wearing sunglasses",
    "a girl with blonde hair and a yellow top",
    "一个黑色短发的男人", "一个戴着圆框眼镜的女人", "戴着草帽的人，蓝色背景",
    "粉色头发，绿色背景",
)  # fmt: skip

EMOJI = (
    "smiling face with sunglasses", "red heart", "cat face", "woman student", "blue circle", "clock face",
    "green apple", "yellow car",
)  # fmt: skip


@dataclass(frozen=True)
class StackganHParams(WordingHParams):
    """The knobs of the networks."""

    clip: str = knob(
        "clip.avatars", label="CLIP", change="rebuild", group="networks",
        help="The model on the shelf that reads sentences and looks at pictures. Empty: a randomly initialised one, "
        "with which no word can be learnt from the contrastive term.",
    )  # fmt: skip
    clip_channels: int = knob(
        8, 4, 256, label="CLIP's channels", change="rebuild", group="networks",
        help="Channels of CLIP's first convolutions.",
    )  # fmt: skip
    clip_max_channels: int = knob(
        96, 4, 1024, label="CLIP's maximum channels", change="rebuild", group="networks",
        help="Channels of CLIP's last convolutions.",
    )  # fmt: skip
    sight: int = knob(
        0, 0, 512, label="CLIP's input size", unit="pixels", change="rebuild", group="networks",
        help="Height and width at which CLIP looks at pictures; 0: as they are.",
    )  # fmt: skip
    embedding: int = knob(
        128, 2, 1024, label="Size of a sentence's vector", unit="dimensions", change="rebuild", group="networks",
        help="Dimensions of the vectors that CLIP makes of sentences.",
    )  # fmt: skip
    word_width: int = knob(
        64, 4, 1024, label="Width of CLIP's transformer", change="rebuild", group="networks",
        help="Dimensions of each word within CLIP's transformer.",
    )  # fmt: skip
    word_layers: int = knob(
        1, 1, 16, label="CLIP's transformer layers", change="rebuild", group="networks",
        help="Layers of CLIP's transformer.",
    )  # fmt: skip
    condition: int = knob(
        32, 1, 512, label="Size of the condition", unit="dimensions", change="rebuild", group="networks",
        help="Dimensions of the condition that is sampled for each sentence. The same number of latent dimensions "
        "determines it.",
    )  # fmt: skip
    attention: bool = knob(
        False, label="Attention over words", change="rebuild", group="networks",
        help="Stage II looks for the words that concern each place of the picture, instead of reading the sentence as "
        "a whole only. What it attends to can be shown as maps.",
    )  # fmt: skip
    palette: int = palette_knob()
    channels: int = channels_knob(16)
    max_channels: int = max_channels_knob(96)
    discriminator_channels: int = knob(
        48, 4, 1024, label="Discriminator channels", change="rebuild", group="networks",
        help="Channels of the last layers of each discriminator.",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.condition >= self.latent_size:
            raise BadValue(
                "The latent size must be larger than the size of the condition, {condition}, got {latent_size}.",
                condition=self.condition, latent_size=self.latent_size,
            )  # fmt: skip
        if self.minibatch != "none":
            raise BadValue(N_NO_MINIBATCH)


N_NO_MINIBATCH = (
    "A discriminator that follows words judges each image by itself, so it takes no minibatch layer. Valid: none."
)


def clip_settings(hparams: StackganHParams) -> ClipHParams:
    """The settings of the CLIP inside the networks."""
    return ClipHParams(
        channels=hparams.clip_channels, max_channels=hparams.clip_max_channels, sight=hparams.sight,
        embedding=hparams.embedding,
        word_width=hparams.word_width, word_layers=hparams.word_layers,
    )  # fmt: skip


class FrozenWords(Frozen, TextEncoder):
    """CLIP's text encoder, not trained: tokens (B, T) -> vectors (B, d) of length sqrt(d).

    With `each`, the words' vectors follow, of the same length: (B, 1 + length, d), zeros after the last word.
    """

    def __init__(self, vocabulary: int, length: int, hparams: ClipHParams, each: bool = False) -> None:
        TextEncoder.__init__(self, vocabulary, length, hparams)
        self.length, self.each = length, each
        self.freeze()

    def forward(self, tokens: Tensor) -> Tensor:
        vectors = TextEncoder.forward(self, tokens)
        sentence = normalize(vectors, dim=1) * math.sqrt(vectors.shape[1])
        if not self.each:
            return sentence
        words, kept = self.each_word(tokens)
        rest = self.length - tokens.shape[1]  # equal lengths, so that parts of a batch can be joined
        return torch.cat([sentence[:, None], pad(words * kept, (0, 0, 0, rest))], 1)


class FrozenClip(Frozen, Clip):
    """CLIP, not trained: provides features for the discriminator and the generator's loss."""

    def __init__(self, spec: DataSpec, hparams: ClipHParams) -> None:
        Clip.__init__(self, spec, hparams)
        size = self.images.size
        levels = convolutions(spec.channels, size, hparams.channels, hparams.max_channels)[:-1][:LEVELS]
        self.level_lengths = [len(level.layers) for level in levels]
        self.shapes = [(level.channels, level.size) for level in levels]
        self.freeze()

    def levels(self, images: Tensor) -> tuple[list[Tensor], Tensor]:
        """Features (B, C_l, H / 2^l, W / 2^l) of the first `LEVELS` resolutions, l = 1, 2, ..., and the pictures'
        vectors (B, d) of length sqrt(d), like those of sentences.
        """
        found, layers = [], iter(self.images.layers)
        images = resized(images, self.images.size)
        for length in self.level_lengths:
            for layer in itertools.islice(layers, length):
                images = layer(images)
            found.append(images)
        for layer in layers:
            images = layer(images)
        vectors = self.images.centre(self.images.out(images))
        return found, normalize(vectors, dim=1) * math.sqrt(vectors.shape[1])


class StageOne(nn.Module):
    """Latents and condition (B, n) -> features (B, C, size, size)."""

    def __init__(self, inputs: int, size: int, hparams: StackganHParams) -> None:
        super().__init__()
        widths = [hparams.channels * 2]
        while BASE << len(widths) - 1 < size:
            widths.insert(0, min(2 * widths[0], hparams.max_channels))
        self.stem = nn.Linear(inputs, widths[0] * BASE * BASE)
        self.blocks = nn.ModuleList(GeneratorBlock(*pair, conditional_norm(inputs)) for pair in pairwise(widths))
        self.base, self.width = (widths[0], BASE, BASE), widths[-1]

    def forward(self, inputs: Tensor) -> Tensor:
        features = self.stem(inputs).unflatten(1, self.base)  # (B, C * 16) -> (B, C, 4, 4)
        features = features.contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            features = block(features, inputs)
        made: Tensor = features
        return made


class ToPicture(nn.Sequential):
    """(B, channels, H, W) -> (B, C, H, W), before the tanh or the palette."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__(nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, outputs, 3, padding=1))


class WordAttention(nn.Module):
    """Features (B, C, H, W) and words (B, T, d), zeros where there are none -> what each place reads, (B, C, H, W), and
    how much of it each word is, (B, T, H, W), which sums to 1 over the words (1711.10485, equation 2).
    """

    def __init__(self, channels: int, embedding: int) -> None:
        super().__init__()
        self.perceived = nn.Linear(embedding, channels, bias=False)

    def forward(self, features: Tensor, words: Tensor) -> tuple[Tensor, Tensor]:
        height, width = features.shape[2:]
        keys = self.perceived(words)  # (B, T, C)
        logits = keys @ features.flatten(2) / math.sqrt(keys.shape[2])  # (B, T, C) @ (B, C, H W) -> (B, T, H W)
        nothing = (words == 0).all(2, keepdim=True)  # (B, T, 1)
        shares = logits.masked_fill(nothing, float("-inf")).softmax(1)
        read = keys.transpose(1, 2) @ shares  # (B, C, T) @ (B, T, H W) -> (B, C, H W)
        return read.unflatten(2, (height, width)), shares.unflatten(2, (height, width))


class StageTwo(nn.Module):
    """A picture (B, C, S/2, S/2) and the condition -> what it adds at twice the size, before the tanh or the palette.

    With attention it also takes words (B, T, d).
    """

    def __init__(self, inputs: int, image_channels: int, hparams: StackganHParams) -> None:
        super().__init__()
        width = 2 * hparams.channels
        self.read = nn.Conv2d(image_channels, width, 3, padding=1)
        self.attention = WordAttention(width, hparams.embedding) if hparams.attention else None
        seen = 2 * width if hparams.attention else width
        self.block = GeneratorBlock(seen, hparams.channels, conditional_norm(inputs))
        self.write = ToPicture(hparams.channels, hparams.palette or image_channels)

    def forward(self, pictures: Tensor, inputs: Tensor, words: Tensor) -> Tensor:
        features = self.read(pictures)
        if self.attention is not None:
            features = torch.cat([features, self.attention(features, words)[0]], 1)
        added: Tensor = self.write(self.block(features, inputs))
        return added


def conditional_norm(inputs: int) -> Callable[[int], nn.Module]:
    """Makes batch-norms whose scale and shift depend on latents and condition (B, inputs)."""

    def norm(channels: int) -> nn.Module:
        gain, bias = (nn.Linear(inputs, channels, bias=False) for _ in range(2))
        for layer in (gain, bias):
            nn.init.normal_(layer.weight, 0.0, 0.05)
        return ConditionalBatchNorm(channels, gain, bias)

    return norm


class StackganGenerator(nn.Module):
    """Latents (B, latent_size) and the vectors of sentences (B, d) -> (B, C, S, S) in [-1, 1].

    The first `condition` latents are the noise e of the condition. Before `second` is set, pictures are those of stage
    I with repeated pixels. With attention, vectors are (B, 1 + T, d): the sentence, then its words.
    """

    second: Tensor

    def __init__(self, spec: DataSpec, hparams: StackganHParams) -> None:
        super().__init__()
        self.size = hparams.condition
        length = spec.fields["caption"][-1]
        self.words = FrozenWords(vocabulary_size(spec), length, clip_settings(hparams), hparams.attention)
        self.augmentation = nn.Linear(hparams.embedding, 2 * hparams.condition)
        self.one = StageOne(hparams.latent_size, spec.size // 2, hparams)
        self.picture = ToPicture(self.one.width, hparams.palette or spec.channels)
        self.two = StageTwo(hparams.latent_size, spec.channels, hparams)
        self.palette = Palette(hparams.palette, spec.channels, hparams.latent_size) if hparams.palette else None
        self.register_buffer("second", torch.tensor(True))

    def condition(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the condition, (B, condition) each."""
        return as_pair(self.augmentation(sentences_of(vectors)))

    def forward(self, latents: Tensor, vectors: Tensor) -> Tensor:
        coarse, inputs = self._coarse(latents, vectors)
        larger = interpolate(coarse, scale_factor=2.0, mode="nearest")
        if self.second:
            larger = larger + self.two(self._coloured(coarse, inputs), inputs, vectors[:, 1:])
        return self._coloured(larger, inputs)

    def maps(self, latents: Tensor, vectors: Tensor) -> Tensor | None:
        """The attention of each place of stage II to the words, (B, T, S/2, S/2); None without attention."""
        if self.two.attention is None:
            return None
        coarse = self._coloured(*self._coarse(latents, vectors))
        shares: Tensor = self.two.attention(self.two.read(coarse), vectors[:, 1:])[1]
        return shares

    def _coloured(self, values: Tensor, inputs: Tensor) -> Tensor:
        """The last layer of both stages: (B, C, H, W), or logits (B, K, H, W) with a palette -> (B, C, H, W)."""
        coloured: Tensor = values.tanh() if self.palette is None else self.palette(values, inputs)
        return coloured

    def _coarse(self, latents: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """What stage I draws, before the tanh or the palette, (B, C, S/2, S/2), and the condition of both stages."""
        mean, log_variance = self.condition(vectors)
        drawn = mean + (0.5 * log_variance).exp() * latents[:, : self.size]
        inputs = torch.cat([drawn, latents[:, self.size :]], 1)
        return self.picture(self.one(inputs)), inputs


class Trunk(nn.Module):
    """(B, inputs, size, size) -> features (B, outputs): strided convolutions with leaky ReLU 0.2."""

    def __init__(self, inputs: int, size: int, channels: int, outputs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        while size > LAST:
            width = channels if size <= 4 * LAST else channels // 2
            layers += [nn.Conv2d(inputs, width, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
            inputs, size = width, size // 2
        layers += [nn.Conv2d(inputs, channels, 3, padding=1), nn.LeakyReLU(0.2, inplace=True)]
        self.layers = nn.Sequential(*layers, GlobalConv2d(channels, outputs, size), nn.LeakyReLU(0.2, inplace=True))

    def forward(self, features: Tensor) -> Tensor:
        found: Tensor = self.layers(features)
        return found


class MatchingHead(nn.Module):
    """Features (B, L, d) and vectors (B, d) or (B, 1 + T, d) -> logits (B, L): whether a picture is real and matches.

    f_l(x, w) = (V_l w)^T phi_l(x) / sqrt(d) + psi_l(phi_l(x))                          (1802.05637, section 3)
    """

    def __init__(self, levels: int, embedding: int) -> None:
        super().__init__()
        self.real = nn.ModuleList(nn.Linear(embedding, 1) for _ in range(levels))
        self.fits = nn.ModuleList(nn.Linear(embedding, embedding) for _ in range(levels))

    def forward(self, features: Tensor, vectors: Tensor) -> Tensor:
        real, asked = self._both(features, vectors)
        logits: Tensor = real + (asked * features).sum(2) / math.sqrt(features.shape[2])
        return logits

    def pairs(self, features: Tensor, vectors: Tensor) -> Tensor:
        """The logits of each of B pictures with each of N vectors, (B, N, L)."""
        real, asked = self._both(features, vectors)
        fits = torch.einsum("bld,nld->bnl", features, asked) / math.sqrt(features.shape[2])
        return real[:, None] + fits

    def _both(self, features: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """psi_l(phi_l(x)), (B, L), and V_l w, (N, L, d)."""
        real = [layer(found)[:, 0] for layer, found in zip(self.real, features.unbind(1), strict=True)]
        sentences = sentences_of(vectors)
        return torch.stack(real, 1), torch.stack([layer(sentences) for layer in self.fits], 1)


class StackganDiscriminator(nn.Module):
    """(B, C, S, S) in [-1, 1] and vectors (B, d) -> logits (B, L): of the picture, of CLIP's features and vector."""

    second: Tensor

    def __init__(self, spec: DataSpec, hparams: StackganHParams) -> None:
        super().__init__()
        self.clip = FrozenClip(spec, clip_settings(hparams))
        width, outputs = hparams.discriminator_channels, hparams.embedding
        seen = [(spec.channels, spec.size), *self.clip.shapes]
        self.trunks = nn.ModuleList(Trunk(inputs, size, width, outputs) for inputs, size in seen)
        self.head = MatchingHead(len(seen) + 1, hparams.embedding)
        self.register_buffer("second", torch.tensor(True))
        apply_spectral_norm(self)

    def forward(self, images: Tensor, vectors: Tensor) -> Tensor:
        levels, found = self.clip.levels(images)
        features = [trunk(seen) for trunk, seen in zip(self.trunks, [images, *levels], strict=True)]
        logits: Tensor = self.head(torch.stack([*features, found], 1), vectors)
        return logits


def networks(hparams: StackganHParams, spec: DataSpec) -> dict[str, nn.Module]:
    return {"generator": StackganGenerator(spec, hparams), "discriminator": StackganDiscriminator(spec, hparams)}


def draw(networks: Mapping[str, nn.Module], hparams: Any, latents: Tensor, labels: Tensor | None) -> Tensor:
    """Pictures of latents (B, latent_size) and tokens (B, T)."""
    generator = networks["generator"]
    assert labels is not None
    images: Tensor = generator(latents, generator.words(labels))  # type: ignore[operator]
    return images.clamp(-1, 1)


def word_maps(networks: Mapping[str, nn.Module], hparams: Any, latents: Tensor, labels: Tensor) -> Tensor | None:
    """The attention of each place to the words of tokens (B, T), (B, T, S/2, S/2); None without attention."""
    generator = networks["generator"]
    assert isinstance(generator, StackganGenerator)
    return generator.maps(latents, generator.words(labels))


def draw_alike(
    networks: Mapping[str, nn.Module], hparams: Any, latents: Tensor, labels: Tensor | None, psi: float
) -> Tensor:
    """Like `draw`, from latents times psi: at 0 every picture of a sentence is the same."""
    return draw(networks, hparams, psi * latents, labels)


def examples(vocabulary: Sequence[str]) -> Sequence[str]:
    """Sentences of known words only: about faces, about emoji, or single words."""
    for texts in (EXAMPLES, EMOJI):
        if all(word.known for text in texts for word in sentences.split(text, vocabulary)):
            return texts
    words = vocabulary[2:] or EXAMPLES  # after END and UNKNOWN
    return words[:: max(1, len(words) // len(EXAMPLES))][: len(EXAMPLES)]


def conditions(spec: DataSpec, hparams: Any, count: int, asked: Any) -> Tensor:
    """Tokens (count, T) of a sentence, or of examples in turn; raises BadValue if no word of it is known."""
    vocabulary, length = spec.vocabulary or sentences.VOCABULARY, spec.fields["caption"][-1]
    if asked is not None and not isinstance(asked, str):
        raise BadValue("Say in words what to draw, such as '{example}'.", example=examples(vocabulary)[0])
    if asked is not None:
        return torch.from_numpy(sentences.tokens(asked, vocabulary, length)).expand(count, -1).contiguous()
    texts = examples(vocabulary)
    rows = [torch.from_numpy(sentences.row_of(sentences.split(text, vocabulary), length)) for text in texts]
    return torch.stack([rows[place % len(rows)] for place in range(count)])


def insert(discriminator: nn.Module, hparams: StackganHParams, model: PretrainedModel) -> None:
    """Copies a CLIP into the discriminator; the objective hands its text encoder to the generator."""
    assert isinstance(discriminator, StackganDiscriminator)
    fill(discriminator.clip, model.networks["clip"].state_dict(), "clip")


def equation(hparams: Any) -> str:
    return adversarial_equation(hparams).replace("D(x)", "D(x,w)").replace("G(z)", "G(z,w)").replace("f(x)", "f(x,w)")


DEFAULTS = StackganHParams(
    loss="hinge", latent_size=96, batch_size=32, generator_rate=1e-3, discriminator_rate=1e-3, beta1=0.0, beta2=0.99,
    ema=0.998,
)  # fmt: skip

register(
    Recipe(
        name="stackgan",
        title="StackGAN (words to pictures)",
        task="captions",
        paper="1612.03242",
        year=2016,
        networks=networks,
        objective=Wording,
        hparams=DEFAULTS,
        tiny=replace(
            DEFAULTS, clip="clip.tiny", clip_channels=4, clip_max_channels=8, embedding=4, word_width=4,
            word_layers=1, sight=0, condition=2, latent_size=4, channels=4, max_channels=8, discriminator_channels=4,
            batch_size=4, first_kimg=0.0, loss="logistic",
        ),
        data="avatars_captions",
        sizes=SIZES,
        capabilities=frozenset({"words", "truncation"}),
        draw=draw,
        truncate=draw_alike,
        conditions=conditions,
        word_maps=word_maps,
        pretrained_part=PretrainedPart(
            network="discriminator",
            knob="clip",
            task="matching",
            fits=lambda theirs, ours: theirs.fields == ours.fields and theirs.vocabulary == ours.vocabulary,
            matched=lambda theirs, _: {
                "clip_channels": theirs["channels"], "clip_max_channels": theirs["max_channels"],
                "sight": theirs["sight"], "embedding": theirs["embedding"], "word_width": theirs["word_width"],
                "word_layers": theirs["word_layers"],
            },
            insert=insert,
        ),
        equation=equation,
        presets=(
            Preset(
                name="avatars",
                title="Faces from words",
                look_for="Each column is a sentence of its own, four in English and four in Chinese. Blurred colours "
                "at first, outlines of heads and hair by step 200; faces need much longer training. All pictures are "
                "those of stage I, at half the size.",
                data="avatars_captions", size=64, steps=1_000, seconds=240,
                hparams={
                    "channels": 8, "max_channels": 64, "discriminator_channels": 32, "batch_size": 24,
                    "generator_rate": 2e-3, "discriminator_rate": 2e-3, "ema": 0.98,
                },
            ),
        ),
    )
)  # fmt: skip
