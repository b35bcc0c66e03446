"""Objectives of training: phases of named loss terms, and an objective's state.

A training step runs every due phase once, with its repeats. A phase names the optimiser group that it updates and
returns named, weighted loss terms, whose sum is minimised; all other networks are frozen meanwhile.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.hparams import TrainingHParams
from gan_core.ranks import current, normal
from gan_core.roles import Role

if TYPE_CHECKING:
    from torch.optim import Optimizer

Networks = Mapping[str, nn.Module]
Batch = Mapping[str, Tensor]
Settings = TypeVar("Settings", bound=TrainingHParams)


class Moment(NamedTuple):
    """The progress of a run at some moment."""

    step: int = 0
    images_seen: int = 0


class Services(Protocol):
    """Services of the trainer for an objective during a step."""

    def next_batch(self, count: int | None) -> Batch:
        """Another training batch, of `count` items; None: of the run's batch size."""

    def held_out(self) -> Batch:
        """Items that are never trained on, for evaluation; empty if there are none."""

    def optimizer_of(self, group: str) -> Optimizer:
        """The optimiser of a group of networks."""

    def perceptual_distance(self, net: str, one: Tensor, other: Tensor) -> Tensor:
        """Distances (B,) of images (B, C, H, W) in the features of `net`, one of `Objective.feature_nets`."""


class StepContext(Generic[Settings]):
    """The context of a phase besides its batch: settings, random numbers, the trainer's services, results of other
    phases.

    `generator` is a CPU generator, so that latents drawn from it are the same on every device.
    """

    def __init__(
        self,
        networks: Networks,
        hparams: Settings,
        generator: torch.Generator,
        services: Services,
        device: torch.device | str = "cpu",
        noise: torch.Generator | None = None,
    ) -> None:
        self.networks = networks
        self.hparams = hparams
        self.generator = generator
        self._generators = [generator] if noise is None or noise is generator else [generator, noise]
        self.device = torch.device(device)
        self.next_batch = services.next_batch
        self.held_out = services.held_out
        self.optimizer_of = services.optimizer_of
        self.perceptual_distance = services.perceptual_distance
        self.step = 0
        self.will_share = False  # whether a later phase of this step can use the results of this one
        self.observed: dict[str, Tensor] = {}
        self._began: Mapping[str, Moment] = {}
        self._shared: dict[str, Any] = {}
        self._repeatable: dict[str, list[Tensor]] = {}  # random states for computations that a later phase repeats

    def begin_step(self, step: int = 0, began: Mapping[str, Moment] | None = None) -> None:
        """Starts step number `step`; `began` says when an edit restarted a schedule, by the schedule's clock."""
        self.step = step
        self.observed = {}
        self._began = {} if began is None else began
        self._shared.clear()
        self._repeatable.clear()

    def random_states(self) -> list[Tensor]:
        """The states of all generators that a step draws from."""
        return [generator.get_state() for generator in self._generators]

    def set_random_states(self, states: Sequence[Tensor]) -> None:
        """Restores random states, to draw the same numbers again."""
        for generator, state in zip(self._generators, states, strict=True):
            generator.set_state(state)

    def observe(self, name: str, values: Tensor) -> None:
        """Keeps a detached tensor for `Objective.summarise`; nothing is computed or transferred now."""
        values = values.detach()
        if current().turn and values.ndim:
            values = torch.cat([self.observed[name], values])
        self.observed[name] = values

    def latents(self, count: int, size: int) -> Tensor:
        """Standard normal latents, (count, size)."""
        return normal((count, size), self.generator).to(self.device)

    def share(self, name: str, make: Callable[[], Any], network: str) -> Any:
        """Computes something with `network` and keeps it, with its graph, for a later phase of this step.

        The network is unfrozen meanwhile, so that the later phase, which updates it, need not run it again. If a batch
        is accumulated in parts, their graphs would need the memory of the whole batch: then the later phase repeats the
        computation with the same random numbers.
        """
        if self.will_share and current().turns > 1:
            self._repeatable[self._key(name)] = self.random_states()
        if not self.will_share or current().turns > 1:
            with torch.no_grad():
                return make()
        weights = list(self.networks[network].parameters())
        for weight in weights:
            weight.requires_grad_(True)
        made = self._shared[self._key(name)] = make()
        for weight in weights:
            weight.requires_grad_(False)
        return made

    def shared(self, name: str, make: Callable[[], Any]) -> Any:
        """Takes the result that an earlier phase of this step shared or stored under that name, else computes it."""
        key = self._key(name)
        if key in self._repeatable:
            after = self.random_states()
            self.set_random_states(self._repeatable.pop(key))
            made = make()
            self.set_random_states(after)
            return made
        return self._shared.pop(key) if key in self._shared else make()

    def store(self, name: str, value: Any) -> None:
        """Keeps a detached result for a later phase of this step, which takes it by `shared`."""
        self._shared[self._key(name)] = value

    def _key(self, name: str) -> str:
        return f"{name}/{current().turn}"

    def steps_of(self, clock: str) -> int:
        """Steps of a schedule so far: those since an edit restarted it, else those of the run."""
        return self.step - self._began.get(clock, Moment()).step


@dataclass(frozen=True)
class Phase:
    """One kind of update. The trainer multiplies the loss of a lazy phase (`every` > 1) by `every`."""

    name: str
    role: Role
    group: str
    terms: Callable[[Networks, Batch, StepContext[Any]], dict[str, Tensor]]
    every: int = 1
    repeats: int = 1
    fresh_batch: bool = True  # each repeat gets a new batch
    start: float = 0.0  # thousands of images
    stop: float = inf
    clock: str = ""  # the schedule that `start` and `stop` belong to
    after_update: Callable[[Networks], None] | None = None  # e.g. weight clipping
    exact: bool = False  # needs second derivatives: always in full precision

    def due(self, step: int, images_seen: int) -> bool:
        """`images_seen`: since its clock began."""
        return step % self.every == 0 and self.start <= images_seen / 1000 < self.stop


class Pool(Protocol):
    """A pool of past generated images that the discriminator receives again."""

    images: Tensor  # (size, C, H, W)
    filled: Tensor  # number of used places, from the first

    def ages(self, step: int) -> Tensor:
        """Steps since each image was generated, (size,)."""


class Objective(nn.Module, ABC, Generic[Settings]):
    """Base of all objectives. Buffers hold ALL of its mutable state, so that a resume is exact."""

    clock = ""  # that of the knobs that `schedule` follows

    def setup(self, networks: Networks, spec: DataSpec) -> None:
        """Allocates buffers, before any state is loaded."""

    def feature_nets(self, hparams: Settings) -> Sequence[str]:
        """The feature nets on the shelf that the terms use."""
        return ()

    def prepare(self, batch: Batch, context: StepContext[Settings]) -> Batch:
        """The batch of real images to train on: unchanged, or randomly augmented."""
        return batch

    @abstractmethod
    def phases(self, hparams: Settings) -> Sequence[Phase]:
        """The phases of a step, in order."""

    def after_step(self, context: StepContext[Settings]) -> None:
        """The only place where buffers change."""

    def schedule(self, networks: Networks, hparams: Settings, images_seen: int) -> dict[str, float]:
        """Sets values that change with progress (resolution, alpha) and returns them by name. `images_seen`: since the
        clock of the schedule began.

        The trainer uses `batch_size`, `rate` (a factor of the learning rates), `beta2` (of Adam) and `ema` (the decay).
        """
        return {}

    def pools(self) -> Mapping[str, Pool]:
        """Pools of past generated images, by the domain that they imitate, for display."""
        return {}

    def summarise(self, hparams: Settings, observed: dict[str, Tensor]) -> dict[str, Tensor]:
        """Metrics (K,) from the observations of K steps, each stacked to (K, ...): one computation for many steps."""
        return {name: values.flatten(1).mean(1) for name, values in observed.items()}

    def notes(self, hparams: Settings) -> list[str]:
        """Messages that a user should read about these settings."""
        return []

    def remedies(self, hparams: Settings) -> Sequence[str]:
        """Names of the `doctor.remedies` that the notes suggest."""
        return ()
