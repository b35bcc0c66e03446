"""What a file of `gans/` registers: how to build, train and sample a GAN."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from gan_core.data.base import FIELDS, DataSpec
from gan_core.errors import BadData, BadValue
from gan_core.gans.stabilised import stabilised
from gan_core.hparams import AdversarialHParams, TrainingHParams
from gan_core.knobs import changed
from gan_core.media import media
from gan_core.objectives.base import Batch, Objective
from gan_core.registry import Registry
from gan_core.runs.spec import RunSpec


@dataclass(frozen=True, kw_only=True)
class OptimizerSpec:
    """An optimiser group: its networks, the kind of optimiser and its settings."""

    networks: tuple[str, ...]
    kind: str  # a choice of the knob `optimizer`
    rate: float  # learning rate
    betas: tuple[float, float]  # `betas[0]` is SGD's momentum


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Settings of a recipe that work well on a data set, and what to expect."""

    name: str  # in links and commands
    title: str
    look_for: str  # what to expect during training
    data: str
    size: int  # pixels
    steps: int
    seconds: float  # until the effect is visible, on the reference machine (2 cores, no GPU)
    hparams: Mapping[str, Any] = field(default_factory=dict)  # the settings that differ from the recipe's defaults
    remedies: tuple[str, ...] = ()  # names of the `doctor.remedies` that `look_for` suggests
    beginner: bool = False  # whether the Train page shows it first


Draw = Callable[[Mapping[str, nn.Module], Any, Tensor, Tensor | None], Tensor]


Truncate = Callable[[Mapping[str, nn.Module], Any, Tensor, Tensor | None, float], Tensor]


# data, settings, how many, what was asked for (None: all in turn) -> the input of `draw` in place of labels, (B, ...)
Conditions = Callable[[DataSpec, Any, int, Any], Tensor]

# networks, settings, latents, tokens (B, T) -> how much each word is attended to where, (B, T, H, W); None for models
# that don't attend to words
WordMaps = Callable[[Mapping[str, nn.Module], Any, Tensor, Tensor], Tensor | None]

# networks, settings, images (B, C, H, W) in [-1, 1] -> images; the recipe names the direction, e.g. "a_to_b"
Translate = Callable[[Mapping[str, nn.Module], Any, Tensor], Tensor]

# networks, settings, images (B, C, H, W) and holes (B, 1, H, W), true where pixels are missing -> whole images
Fill = Callable[[Mapping[str, nn.Module], Any, Tensor, Tensor], Tensor]

# networks, settings, a held-out batch -> the images shown side by side for each item, (B, C, H, W) each
Compare = Callable[[Mapping[str, nn.Module], Any, Batch], Sequence[Tensor]]


def draw_from_latents(
    networks: Mapping[str, nn.Module], hparams: Any, latents: Tensor, labels: Tensor | None
) -> Tensor:
    """Images (B, C, H, W) in [-1, 1] from latents (B, latent_size) and, for conditional GANs, labels (B,)."""
    generator = networks["generator"]
    images: Tensor = generator(latents) if labels is None else generator(latents, labels)
    return images


class PretrainedModel(Protocol):
    """The interface of a model on the shelf for recipes; implemented by Sampler."""

    spec: DataSpec
    hparams: Any
    networks: Mapping[str, nn.Module]

    def latents(self, count: int, seed: int) -> tuple[Tensor, Tensor | None]:
        """Latents (count, latent_size), and labels if the model is conditional."""


@dataclass(frozen=True, kw_only=True)
class PretrainedPart:
    """A part of a network that comes from a model on the shelf and is not trained."""

    network: str  # the network that uses it
    knob: str  # the setting that names the model; "" there for none
    task: str  # of the models that can provide it
    capability: str = ""  # of the models that can provide it
    fits: Callable[[DataSpec, DataSpec], bool]  # the data of the model and of this recipe -> whether they match
    matched: Callable[[Mapping[str, Any], DataSpec], Mapping[str, Any]]  # the model's settings -> those required here
    insert: Callable[[nn.Module, Any, PretrainedModel], None]  # the network, settings; raises BadCheckpoint
    general: Mapping[str, str] = field(default_factory=dict)  # nets that the network brings itself, and their titles


Optimizers = Mapping[str, Callable[[Any], OptimizerSpec]]  # by group; settings -> optimiser


def two_players(
    generator: tuple[str, ...] = ("generator",), discriminator: tuple[str, ...] = ("discriminator",)
) -> Optimizers:
    """The groups "generator" and "discriminator" with an optimiser each, and the networks of each group."""

    def group(networks: tuple[str, ...], rate: Callable[[Any], float]) -> Callable[[Any], OptimizerSpec]:
        return lambda hparams: _optimizer(networks, hparams, rate(hparams))

    return {
        "generator": group(generator, lambda hparams: hparams.generator_rate),
        "discriminator": group(discriminator, lambda hparams: hparams.discriminator_rate * hparams.rate_ratio),
    }


def single_network(group: str, network: str = "") -> Optimizers:
    """The only network of a recipe, named as its group if not otherwise."""
    return together(group, (network or group,))


def together(group: str, networks: tuple[str, ...]) -> Optimizers:
    """All networks of a recipe without an opponent, in one group."""
    return {group: lambda hparams: _optimizer(networks, hparams, hparams.rate)}


def _optimizer(networks: tuple[str, ...], hparams: Any, rate: float) -> OptimizerSpec:
    return OptimizerSpec(networks=networks, kind=hparams.optimizer, rate=rate, betas=(hparams.beta1, hparams.beta2))


@dataclass(frozen=True)
class Recipe:
    """One GAN: networks, objective, optimisers, knobs. Front ends branch on task and capabilities, never on names."""

    name: str
    title: str
    # a key of `data.base.FIELDS`, or, of images, "super_resolution", "inpainting", "attributes", "supervised",
    # "inversion"; "adaptation" (of a classifier, to the second of two domains) or "matching" (of captions)
    task: str
    paper: str  # arXiv id
    year: int
    networks: Callable[[Any, DataSpec], dict[str, nn.Module]]
    objective: Callable[[Any], Objective[Any]]
    hparams: TrainingHParams
    tiny: TrainingHParams  # the size for tests
    data: str  # default data set
    capabilities: frozenset[str] = frozenset()
    presets: tuple[Preset, ...] = ()
    sizes: tuple[int, ...] = ()  # image sizes that the networks support, pixels; empty: any
    optimizers: Optimizers = field(default_factory=two_players)
    ema_networks: tuple[str, ...] = ("generator",)  # samples are drawn with the EMA of their weights
    draw: Draw = draw_from_latents
    conditions: Conditions | None = None  # for recipes that are conditioned on other than classes, e.g. words or a pose
    truncate: Truncate | None = None  # as `draw`, with psi in [0, 1.5]; only with the capability "truncation"
    word_maps: WordMaps | None = None  # of recipes that can attend to words
    translations: Mapping[str, Translate] = field(default_factory=dict)  # by direction, e.g. "a_to_b" or "upscale"
    fill: Fill | None = None  # only with the capability "fill"
    compare: Compare | None = None  # the preview of a run; for recipes that draw, shown below the samples
    compared: tuple[str, ...] = ()  # captions of its columns
    blend_key: tuple[str, ...] = ()  # settings that must agree for the weights of two models to be interpolated
    pretrained_part: PretrainedPart | None = None  # for recipes that use a model on the shelf
    equation: Callable[[Any], str] | None = None  # LaTeX
    about: str = ""  # description and when to use it, if the docstring of its file describes several recipes

    def __repr__(self) -> str:
        return f"Recipe({self.name}: {self.title}, {self.task}, {self.paper})"

    @property
    def conditional(self) -> bool:
        return "labels" in self.capabilities

    @property
    def labelled(self) -> bool:
        """Whether the networks depend on the classes of the data, which then cannot change."""
        return self.conditional or self.task in ANSWERED

    @property
    def classifies(self) -> bool:
        """Whether the network `features` says which class an image belongs to."""
        return self.task in ("supervised", "adaptation")

    @property
    def draws(self) -> bool:
        """Whether the networks generate samples from latents; others classify or translate images."""
        return not self.classifies and self.task != "matching" and not self.translations

    @property
    def learns_from(self) -> str:
        """The kind of data set that it trains on, a key of `FIELDS`; images if its task has none."""
        return self.task if self.task in FIELDS else LEARNS_FROM.get(self.task, "images")

    def settings(self, changes: Mapping[str, Any] = MappingProxyType({})) -> TrainingHParams:
        """The recipe's defaults, with some knobs changed; raises UnknownName or BadValue."""
        return changed(self.hparams, changes)

    def fit_size(self, native: int) -> int:
        """The smallest supported size that holds a `native`-pixel image, else the largest, in pixels."""
        if not self.sizes:
            return native
        return min((size for size in self.sizes if size >= native), default=max(self.sizes))

    def check_task(self, task: str) -> None:
        """Raises BadData if the recipe trains on another kind of data."""
        if task != self.learns_from:
            raise BadData(
                "{recipe} needs {wanted}, but this data set contains {given}.",
                recipe=self.title, wanted=DATA_WORDS[self.learns_from], given=DATA_WORDS[task],
            )  # fmt: skip

    def check_data(self, spec: DataSpec) -> None:
        """Raises BadValue or BadData if the networks cannot be built for such data."""
        self.check_task(spec.task)
        if self.sizes and spec.size not in self.sizes:
            raise BadValue(
                "{recipe} does not support images of {size} pixels. Valid: {valid}.",
                recipe=self.title,
                size=spec.size,
                valid=", ".join(map(str, self.sizes)),
            )
        if (self.conditional and not spec.classes) or (self.task in ANSWERED and not spec.questions):
            raise BadData("{recipe} needs a labelled data set, but this one has no labels.", recipe=self.title)

    def build(self, hparams: Any, spec: DataSpec) -> dict[str, nn.Module]:
        """The networks; their initial weights depend on the seed only."""
        self.check_data(spec)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(hparams.seed)  # of the CPU, where networks are built
            networks = self.networks(hparams, spec)
            if isinstance(hparams, AdversarialHParams):
                return stabilised(networks, hparams, spec, self.conditional)
            return networks

    def plan(self, data: str, size: int, steps: int, changes: Mapping[str, Any], preset: str = "") -> RunSpec:
        """A validated run specification with the value of every knob."""
        from gan_core.knobs import to_dict

        return RunSpec(self.name, data, size, steps, to_dict(self.settings(changes)), preset)

    def preset(self, name: str) -> Preset:
        """One of this recipe's presets; raises UnknownName."""
        presets: Registry[Preset] = Registry("preset")
        for preset in self.presets:
            presets.register(preset.name, preset)
        return presets.get(name)


ANSWERED = ("supervised", "adaptation", "attributes")  # tasks whose networks answer the questions of the data
LEARNS_FROM = {
    "adaptation": "unpaired",
    "matching": "captions",
}  # tasks that aren't kinds of data -> the kind that they need, if not images
DATA_WORDS = {
    "images": "images",
    "points": "points",
    "paired": "pairs of images",
    "unpaired": "two sets of images",
    "captions": "images with captions",
    "views": "views with poses",
    "control": "demonstrations",
} | {medium.task: medium.words for medium in media}

recipes: Registry[Recipe] = Registry("recipe")


def register(recipe: Recipe) -> Recipe:
    """Adds a recipe to the catalogue; its name must be new."""
    return recipes.register(recipe.name, recipe)
