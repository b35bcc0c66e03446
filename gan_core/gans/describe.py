"""The layers of a recipe's networks: kinds, output shapes, parameters.

Shapes are recorded by forward hooks while every phase of the objective runs once on two blank items, which works for
any recipe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gan_core.data.base import OF_NUMBERS, DataSpec
from gan_core.gans.recipe import Recipe
from gan_core.hparams import TrainingHParams
from gan_core.objectives.base import Batch, StepContext

ITEMS = 2  # a batch that batch-norm accepts
PARAMETRIZED = {"parametrizations"}  # the submodule in which torch keeps the original of a parametrised weight


@dataclass(frozen=True)
class Layer:
    """A layer without sublayers."""

    name: str  # in its network, e.g. "layers.3"
    kind: str  # "ConvTranspose2d"
    shape: tuple[int, ...]  # of its output, without the batch; () if it did not run
    parameters: int


def describe(recipe: Recipe, hparams: TrainingHParams, spec: DataSpec) -> dict[str, list[Layer]]:
    """The layers of each network in the order in which they first run. Raises BadValue or BadData."""
    networks = recipe.build(hparams, spec)
    shapes: dict[nn.Module, tuple[int, ...]] = {}
    for network in networks.values():
        for module in _leaves(network).values():
            module.register_forward_hook(_noting(shapes))
    _run(recipe, hparams, spec, networks)
    return {name: _layers(network, shapes) for name, network in networks.items()}


def _leaves(network: nn.Module) -> dict[str, nn.Module]:
    """Layers without sublayers, and layers with their own weights besides sublayers."""
    return {
        name: module
        for name, module in network.named_modules()
        if not PARAMETRIZED & set(name.split("."))
        and (_is_leaf(module) or any(True for _ in module.parameters(recurse=False)))
    }


def _is_leaf(module: nn.Module) -> bool:
    return not any(name not in PARAMETRIZED for name, _ in module.named_children())


def _count(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters(recurse=_is_leaf(module)))


def _noting(shapes: dict[nn.Module, tuple[int, ...]]) -> Callable[..., None]:
    def note(module: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, tuple):  # of an LSTM, with its state
            output = output[0]
        if isinstance(output, Tensor):
            shapes.setdefault(module, tuple(output.shape[1:]))

    return note


class _BlankItems:
    """The services of a trainer, for a batch of blank items and nothing to train."""

    def __init__(
        self, recipe: Recipe, hparams: TrainingHParams, networks: Mapping[str, nn.Module], batch: Batch
    ) -> None:
        self._recipe, self._hparams, self._networks, self._batch = recipe, hparams, networks, batch

    def next_batch(self, count: int | None) -> Batch:
        return self._batch

    def held_out(self) -> Batch:
        return {}

    def optimizer_of(self, group: str) -> torch.optim.Optimizer:
        names = self._recipe.optimizers[group](self._hparams).networks
        return torch.optim.SGD([weight for name in names for weight in self._networks[name].parameters()])

    def perceptual_distance(self, net: str, one: Tensor, other: Tensor) -> Tensor:
        return (one - other).flatten(1).mean(1)  # (B, C, H, W) -> (B,); the feature net is no network of the recipe


def _run(recipe: Recipe, hparams: TrainingHParams, spec: DataSpec, networks: Mapping[str, nn.Module]) -> None:
    objective = recipe.objective(hparams)
    objective.setup(networks, spec)
    batch: Batch = {name: _blank(name, shape) for name, shape in spec.fields.items()}
    if spec.classes:
        batch = {**batch, "label": torch.zeros(ITEMS, dtype=torch.int64)}
    if spec.attributes:
        batch = {**batch, "attributes": torch.zeros(ITEMS, len(spec.attributes), dtype=torch.int64)}
    services = _BlankItems(recipe, hparams, networks, batch)
    context = StepContext(networks, hparams, torch.Generator().manual_seed(0), services)
    context.begin_step()
    batch = objective.prepare(batch, context)
    for phase in objective.phases(hparams):
        phase.terms(networks, batch, context)


def _blank(name: str, shape: tuple[int, ...]) -> Tensor:
    return torch.zeros(ITEMS, *shape, dtype=torch.int64 if name in OF_NUMBERS else None)


def _layers(network: nn.Module, shapes: Mapping[nn.Module, tuple[int, ...]]) -> list[Layer]:
    order = {module: place for place, module in enumerate(shapes)}
    leaves = sorted(_leaves(network).items(), key=lambda item: order.get(item[1], len(order)))
    return [
        Layer(name, type(module).__name__.removeprefix("Parametrized"), shapes.get(module, ()), _count(module))
        for name, module in leaves
    ]
