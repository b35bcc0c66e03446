"""The exported parts of a model: a network as one module, with named inputs and outputs.

    graph = graph_of(sampler)                   noise to picture, a translation, an enlargement, features ...
    graph.module(*graph.examples(3).values())   the same as the sampler's own

| model | inputs | outputs |
| --- | --- | --- |
| draws from noise | z (B, latent_size), class (B,) int64 where it knows classes, truncation () if styled | picture |
| sounds | z, condition: shares of words and speakers | sound: waves (B, L), or log-mel spectrograms (B, 1, H, W) |
| the same, from w | w (B, layers, w_size) | picture |
| translates | picture (B, C, S, S) | picture |
| enlarges | picture (B, C, H, W) of any size | picture (B, C, kH, kW) |
| fills holes | picture, hole (B, 1, S, S) bool | picture |
| feature net | picture | features (B, F), logits (B, answers) |
| draws films from noise | z | film (B, C, T, S, S) |
| writes texts from noise | z | tokens (B, T) int64 |
| writes music | z, condition: the bar to continue (B, voices, T / 2) int64 | voices (B, voices, T) int64 |
| draws molecules from noise | z | molecule (B, n, n) int64 |
| renders views | z, condition: yaw and pitch (B, 2) in degrees | picture |
| acts in an environment | observation (B, O) | logits of the actions (B, A) |
| follows words | z, condition: tokens (B, T) int64 | picture |
| matches pictures and words | picture, words (B, T) int64 | picture_vector, words_vector (B, d) |
| discriminator | picture, class of models that know classes | logits |

On demand, style-based generators have an input for the noise of each layer (noise.py), and networks that translate take
pictures of other sizes than those they were trained on (sizes.py).

Pictures are float32 in [-1, 1], or uint8 (B, H, W, C) on the way out of an 8-bit graph.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from gan_core.errors import BadValue
from gan_core.exporting import noise
from gan_core.exporting.sizes import Sizes, free_sizes
from gan_core.gans.recipe import draw_from_latents
from gan_core.gans.stylegan2 import ModulatedConv2d
from gan_core.layers.minibatch import MinibatchDiscrimination, MinibatchStandardDeviation
from gan_core.layers.style_generator import StyleGenerator
from gan_core.models.sampler import Sampler

OUTPUTS = {  # of tasks whose samples aren't pictures
    "audio": "sound", "video": "film", "sequence": "tokens", "music": "voices", "graph": "molecule",
}  # fmt: skip
ABOUT = {
    "sound": "waves (B, L), or log-mel spectrograms (B, 1, H, W) for Griffin-Lim; all in [-1, 1]",
    "tokens": "indices (B, T) into the vocabulary; 0 ends a text",
    "voices": "MIDI pitches (B, voices, T) at each sixteenth; -1 is a rest",
    "molecule": "matrices (B, n, n): atoms on the diagonal, bonds beside it",
}
BATCH, HEIGHT, WIDTH = "batch", "height", "width"  # axes whose length is free
FREE = {0: BATCH, 2: HEIGHT, 3: WIDTH}  # axes of pictures of any size
PICTURES = ("picture", "translated", "enlarged", "filled")  # outputs that are pictures
PARTS = ("", "w", "discriminator")  # of a model; "" is its main part
SIDE = 48  # pixels of the examples for networks that take any size
BATCHES = (1, 3, 8)  # at which an export must agree with PyTorch
TRACED = 2  # batch size for tracing: 1 could be taken for a constant


@dataclass(frozen=True)
class Graph:
    """One network to export. `axes` names the free axes of each input, in the order of the module's arguments."""

    module: nn.Module
    axes: Mapping[str, Mapping[int, str]]
    outputs: tuple[str, ...]
    shapes: Mapping[str, tuple[int, ...]]  # shape of one item of each input; () for a scalar
    classes: int = 0
    notes: Mapping[str, str] = field(default_factory=dict)  # further notes for users, by topic
    conditions: Callable[[int], Tensor] | None = None  # count -> examples of the input "condition" or "words"
    sizes: Sizes | None = None  # of pictures with free height and width

    def checks(self) -> Iterator[dict[str, Tensor]]:
        """Inputs for comparing an export with PyTorch: BATCHES items, of three sizes if these are free."""
        side = next((shape[-1] for name, shape in self.shapes.items() if name == "picture"), 0)
        sizes = self.sizes.shapes(side) if self.sizes else (None,) * len(BATCHES)
        for count, size in zip(BATCHES, sizes, strict=True):
            yield self.examples(count, seed=count, size=size)

    def traced(self) -> dict[str, Tensor]:
        """Inputs for tracing."""
        side = self.shapes["picture"][-1] if self.sizes else 0
        return self.examples(TRACED, size=self.sizes.shapes(side)[1] if self.sizes else None)

    def examples(self, count: int, seed: int = 0, size: tuple[int, int] | None = None) -> dict[str, Tensor]:
        """Inputs for `count` items, the same for the same seed; `size` is the height and width of pictures."""
        generator = torch.Generator().manual_seed(seed)
        made = {}
        for name, usual in self.shapes.items():
            shape = (usual[0], *size) if size and name in ("picture", "hole") else usual
            if name == "class":
                made[name] = torch.arange(count) % self.classes
            elif self.conditions is not None and name in ("condition", "words"):
                made[name] = self.conditions(count)
            elif name == "truncation":
                made[name] = torch.tensor(0.7)
            elif name == "hole":
                made[name] = torch.zeros(count, *shape, dtype=torch.bool)
                made[name][:, :, shape[1] // 4 : shape[1] // 2, shape[2] // 4 : shape[2] // 2] = True
            elif name == "picture":
                made[name] = torch.rand(count, *shape, generator=generator) * 2 - 1
            else:
                made[name] = torch.randn(count, *shape, generator=generator)
        return made


class _Draw(nn.Module):
    """The recipe's `draw`, with the networks as submodules so that an exporter finds their weights."""

    def __init__(self, sampler: Sampler, networks: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleDict(dict(networks))
        self.recipe, self.hparams = sampler.recipe, sampler.hparams

    def _parts(self) -> dict[str, nn.Module]:
        return drawing_parts(self.networks)


def drawing_parts(networks: nn.ModuleDict) -> dict[str, nn.Module]:
    """Networks by name, as recipes take them."""
    return dict(networks.items())


class _FromNoise(_Draw):
    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return self.recipe.draw(self._parts(), self.hparams, z, label)


class _Sounds(_Draw):
    """The generator's direct output: waves, or spectrograms, whose phases are computed outside of the graph."""

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return draw_from_latents(self._parts(), self.hparams, z, label)


class _FromNoiseTruncated(_Draw):
    """w' = w_mean + psi (w - w_mean), with psi as an input (1812.04948, appendix B)."""

    def forward(self, z: Tensor, truncation: Tensor) -> Tensor:
        return self._picture(z, None, truncation)

    def _picture(self, z: Tensor, label: Tensor | None, truncation: Tensor) -> Tensor:
        generator = self.networks["generator"]
        assert isinstance(generator, StyleGenerator)
        w = generator.w_mean + truncation * (generator.mapping(z, label) - generator.w_mean)
        return generator.synthesis(generator.repeated(w), "constant").clamp(-1, 1)


class _FromClassTruncated(_FromNoiseTruncated):
    def forward(self, z: Tensor, label: Tensor, truncation: Tensor) -> Tensor:  # type: ignore[override]
        return self._picture(z, label, truncation)


class _FromW(_Draw):
    def forward(self, w: Tensor) -> Tensor:
        generator = self.networks["generator"]
        assert isinstance(generator, StyleGenerator)
        return generator.synthesis(w, "constant").clamp(-1, 1)


class _Translated(_Draw):
    def __init__(self, sampler: Sampler, networks: Mapping[str, nn.Module], direction: str) -> None:
        super().__init__(sampler, networks)
        self.direction = direction

    def forward(self, picture: Tensor) -> Tensor:
        return self.recipe.translations[self.direction](self._parts(), self.hparams, picture)


class _Filled(_Draw):
    def forward(self, picture: Tensor, hole: Tensor) -> Tensor:
        assert self.recipe.fill is not None
        return self.recipe.fill(self._parts(), self.hparams, picture, hole)


class _Towers(nn.Module):
    def __init__(self, clip: nn.Module) -> None:
        super().__init__()
        self.clip = clip

    def forward(self, picture: Tensor, words: Tensor) -> tuple[Tensor, Tensor]:
        return self.clip.of_images(picture), self.clip.of_words(words)  # type: ignore[operator]


class _Network(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor, label: Tensor | None = None) -> Any:
        return self.network(picture) if label is None else self.network(picture, label)


class EightBits(nn.Module):
    """The first output, pictures (B, C, H, W) in [-1, 1], as uint8 (B, H, W, C)."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *inputs: Tensor) -> Tensor:
        pictures: Tensor = self.module(*inputs)
        levels = ((pictures + 1) * 127.5).round().clamp(0, 255)
        return levels.to(torch.uint8).permute(0, 2, 3, 1)


def graph_of(sampler: Sampler, part: str = "", direction: str = "", discriminator: nn.Module | None = None) -> Graph:
    """The graph of a model's main part or another `part`; `direction` chooses among translations.

    Raises BadValue for a part or direction that the model doesn't have.
    """
    if part not in PARTS:
        raise BadValue("Unknown part '{part}'. Valid: {valid}.", part=part, valid=", ".join(PARTS[1:]))
    if sampler.recipe.task == "control" and not part:
        return _acting(sampler)
    if sampler.recipe.draws:
        sampler.sample(1)  # networks that settle statistics at their first picture have them then
    networks = {name: prepared(network) for name, network in sampler.networks.items()}
    shape = sampler.spec.shape
    if part == "discriminator":
        return _discriminator(sampler, discriminator, shape)
    if part == "w" or (sampler.recipe.draws and sampler.recipe.task != "points"):
        return _drawing(sampler, networks, part)
    if sampler.recipe.draws:
        size = (sampler.hparams.latent_size,)
        return Graph(_FromNoise(sampler, networks), {"z": {0: BATCH}}, ("points",), {"z": size})
    if sampler.recipe.classifies:
        return Graph(
            _Network(networks["features"]), {"picture": {0: BATCH}}, ("features", "logits"), {"picture": shape},
            notes={"questions": ", ".join(f"{name} {count}" for name, count in sampler.spec.questions.items())},
        )  # fmt: skip
    if sampler.recipe.task == "matching":
        return _matching(sampler, networks["clip"])
    return _translating(sampler, networks, direction)


def _acting(sampler: Sampler) -> Graph:
    """The policy alone: the environment that plays an episode can't be part of a graph."""
    policy = prepared(sampler.networks["generator"])
    return Graph(
        _Network(policy), {"observation": {0: BATCH}}, ("logits",), {"observation": sampler.spec.shape[-1:]},
        notes={"actions": ", ".join(sampler.spec.vocabulary)},
    )  # fmt: skip


def _matching(sampler: Sampler, clip: nn.Module) -> Graph:
    length, known = sampler.spec.fields["caption"][-1], len(sampler.spec.vocabulary) or 3
    return Graph(
        _Towers(clip), {"picture": {0: BATCH}, "words": {0: BATCH}}, ("picture_vector", "words_vector"),
        {"picture": sampler.spec.shape, "words": (length,)},
        conditions=lambda count: (torch.arange(count * length) % (known - 2) + 2).reshape(count, length),
    )  # fmt: skip


def _drawing(sampler: Sampler, networks: Mapping[str, nn.Module], part: str) -> Graph:
    size = (sampler.hparams.latent_size,)
    generator = networks.get("generator")
    styled = isinstance(generator, StyleGenerator)
    if part == "w":
        if not isinstance(generator, StyleGenerator):
            raise BadValue("{recipe} has no w: only style-based generators do.", recipe=sampler.recipe.title)
        layers = (generator.num_ws, sampler.hparams.w_size)
        return Graph(_FromW(sampler, networks), {"w": {0: BATCH}}, ("picture",), {"w": layers})
    axes: dict[str, dict[int, str]] = {"z": {0: BATCH}}
    shapes: dict[str, tuple[int, ...]] = {"z": size}
    recipe, spec = sampler.recipe, sampler.spec
    output = OUTPUTS.get(recipe.task, "picture")
    made = (_Sounds if recipe.task == "audio" else _FromNoise)(sampler, networks)
    about = {output: ABOUT[output]} if output in ABOUT else {}
    if (conditions := recipe.conditions) is not None:
        axes["condition"], shapes["condition"] = {0: BATCH}, tuple(conditions(spec, sampler.hparams, 1, None).shape[1:])
        return Graph(
            made, axes, (output,), shapes, notes=about,
            conditions=lambda count: conditions(spec, sampler.hparams, count, None),
        )  # fmt: skip
    if sampler.recipe.conditional:
        axes["class"], shapes["class"] = {0: BATCH}, ()
    if styled and sampler.recipe.truncate is not None:
        axes["truncation"], shapes["truncation"] = {}, ()
        module = _FromClassTruncated if sampler.recipe.conditional else _FromNoiseTruncated
        return Graph(module(sampler, networks), axes, ("picture",), shapes, sampler.spec.classes)
    return Graph(made, axes, (output,), shapes, sampler.spec.classes, about)


def _translating(sampler: Sampler, networks: Mapping[str, nn.Module], direction: str) -> Graph:
    from gan_core.models.translator import direction_of

    shape = sampler.spec.shape
    if sampler.recipe.fill is not None and not direction:
        axes = {"picture": {0: BATCH}, "hole": {0: BATCH}}
        return Graph(_Filled(sampler, networks), axes, ("filled",), {"picture": shape, "hole": (1, *shape[1:])})
    name = direction_of(sampler, direction)
    module = _Translated(sampler, networks, name)
    if sampler.recipe.task == "super_resolution":
        enlarged = {"picture": (shape[0], SIDE, SIDE)}
        return Graph(
            module,
            {"picture": FREE},
            ("enlarged",),
            enlarged,
            sizes=free_sizes(module, ["picture"], enlarged["picture"]),
        )
    return Graph(module, {"picture": {0: BATCH}}, ("translated",), {"picture": shape}, notes={"direction": name})


def _discriminator(sampler: Sampler, discriminator: nn.Module | None, shape: tuple[int, ...]) -> Graph:
    if discriminator is None:
        raise BadValue("{recipe} has no discriminator to export.", recipe=sampler.recipe.title)
    axes: dict[str, dict[int, str]] = {"picture": {0: BATCH}}
    shapes: dict[str, tuple[int, ...]] = {"picture": shape}
    if sampler.recipe.conditional:
        axes["class"], shapes["class"] = {0: BATCH}, ()
    alone = {"batch": "each picture is judged alone, also where training compares those of a batch"}
    graph = Graph(_Network(prepared(discriminator)), axes, ("logits",), shapes, sampler.spec.classes, alone)
    try:
        with torch.no_grad():
            graph.module(*graph.examples(TRACED).values())
    except Exception as error:  # of many types: the network expects something else
        raise BadValue(
            "The discriminator of {recipe} judges more than single images, so it can't be exported.",
            recipe=sampler.recipe.title,
        ) from error
    return graph


def noise_as_inputs(graph: Graph, sampler: Sampler) -> Graph:
    """The same picture with the noise of each layer as an input; raises BadValue if there is none."""
    sides = noise.noises(sampler.networks.get("generator"), sampler.recipe.title)
    if not graph.shapes.keys() & {"z", "w"}:
        raise BadValue("Only a graph that draws pictures has noise inputs: leave out the part.")
    generator = prepared(sampler.networks["generator"])
    assert isinstance(generator, StyleGenerator)
    axes = dict(graph.axes) | {name: {0: BATCH} for name in sides}
    shapes = dict(graph.shapes) | {name: (1, side, side) for name, side in sides.items()}
    module = noise.WithNoise(generator, tuple(graph.axes))
    return replace(graph, module=module, axes=axes, shapes=shapes, notes=dict(graph.notes) | {"noise": noise.ABOUT})


def free_size(graph: Graph) -> Graph:
    """The same with pictures of any size that the layers allow; raises BadValue, with the reason, if they fix it."""
    if graph.sizes:
        return graph
    if not (graph.outputs[0] in ("translated", "filled") and "picture" in graph.shapes):
        raise BadValue(
            "Only networks that translate, fill or enlarge pictures take other sizes, and this graph gives {given}.",
            given=", ".join(graph.outputs),
        )  # fmt: skip
    sizes = free_sizes(graph.module, list(graph.shapes), graph.shapes["picture"])
    axes = dict.fromkeys(graph.axes, FREE)
    return replace(graph, axes=axes, sizes=sizes, notes=dict(graph.notes) | {"sizes": sizes.words})


def eight_bits(graph: Graph) -> Graph:
    """The same with pictures as uint8 (B, H, W, C); raises BadValue if the graph has none."""
    if graph.outputs[0] not in PICTURES:
        raise BadValue("Only pictures can be 8-bit, and this graph gives {given}.", given=", ".join(graph.outputs))
    return replace(graph, module=EightBits(graph.module))


def prepared(network: nn.Module) -> nn.Module:
    """A copy for export: in evaluation mode, on the CPU, with spectral norm merged into the weights, without grouped
    convolutions whose number of groups is the batch size, and with settings in buffers (the stage of a growing network)
    as plain numbers, because an exporter can't branch on a tensor's value.
    """
    made = without_parametrizations(network).cpu().float().eval().requires_grad_(False)
    for layer in made.modules():
        if isinstance(layer, ModulatedConv2d):
            layer.modulation = "fused"
        if isinstance(layer, MinibatchDiscrimination | MinibatchStandardDeviation):
            layer.group = 1  # each picture is judged separately, so that the batch can have any size
        for name, value in list(layer.named_buffers(recurse=False)):
            if value.ndim == 0:
                delattr(layer, name)
                setattr(layer, name, value.item())
    return made


def without_parametrizations(network: nn.Module) -> nn.Module:
    """A copy whose weights are plain parameters with their parametrized values in evaluation mode, e.g. after spectral
    norm.

    `remove_parametrizations` isn't used: a deep copy shares its layers' generated classes with the original, so that
    removing the parametrization from the copy breaks the original (PyTorch 2.15.0).
    """
    made = copy.deepcopy(network).eval()
    for layer in made.modules():
        if not is_parametrized(layer):
            continue
        values = {name: getattr(layer, name).detach().clone() for name in layer.parametrizations}  # type: ignore[union-attr]
        del layer.parametrizations
        layer.__class__ = type(layer).__bases__[0]
        for name, value in values.items():
            layer.register_parameter(name, nn.Parameter(value))
    return made
