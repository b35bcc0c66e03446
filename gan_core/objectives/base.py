"""What training minimises: phases of named loss terms, and the state that an objective keeps.

A training step runs every due phase once, with its repeats. A phase names the optimiser group that it updates
and gives named, weighted loss terms, whose sum is minimised; all else is frozen meanwhile.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.hparams import TrainingHParams

if TYPE_CHECKING:
    from torch.optim import Optimizer

Networks = Mapping[str, nn.Module]
Batch = Mapping[str, Tensor]
Role = Literal["generator", "discriminator"]


class Moment(NamedTuple):
    """How far a run was."""

    step: int = 0
    images_seen: int = 0


class StepContext:
    """What a phase may ask for: the run's random numbers, other batches, and work shared between phases."""

    def __init__(self, networks: Networks, hparams: TrainingHParams, generator: torch.Generator) -> None:
        self.networks = networks
        self.hparams = hparams
        self.generator = generator  # CPU; latents drawn from it are the same on every device
        self.device = torch.device("cpu")
        self.step = 0
        self.images_seen = 0
        self.began: Mapping[str, Moment] = {}  # schedules that an edit began anew, by their clocks
        self.phase: Phase | None = None
        self.will_share = False  # a later phase of this step can use what this one makes
        self.next_batch: Callable[[int | None], Batch] = _no_batches  # another batch, of the given size
        self.held_out: Callable[[], Batch] = dict  # items that are never trained on, for marks; may be none
        self.terms_of: Callable[[str, Batch], dict[str, Tensor]] = _no_terms  # the terms of another phase
        self.optimizer_of: Callable[[str], Optimizer] = _no_optimizer  # the optimiser of a group
        # how far images (B, C, H, W) are apart to a feature net, (B,): one of those that `Objective.nets` names
        self.perceived: Callable[[str, Tensor, Tensor], Tensor] = _no_perception
        self.observed: dict[str, Tensor] = {}
        self._shared: dict[str, Any] = {}

    def observe(self, name: str, values: Tensor) -> None:
        """Keeps a detached tensor for `Objective.summarise`; nothing is computed or transferred now."""
        self.observed[name] = values.detach()

    def latents(self, count: int, size: int) -> Tensor:
        """Standard normal latents, (count, size)."""
        return torch.randn(count, size, generator=self.generator).to(self.device)

    def share(self, name: str, make: Callable[[], Any], network: str) -> Any:
        """Makes something with `network` and keeps it, with its graph, for a later phase of this step.

        The network is unfrozen meanwhile, so that the later phase, which updates it, need not run it again.
        """
        if not self.will_share:
            with torch.no_grad():
                return make()
        weights = list(self.networks[network].parameters())
        for weight in weights:
            weight.requires_grad_(True)
        self._shared[name] = make()
        for weight in weights:
            weight.requires_grad_(False)
        return self._shared[name]

    def shared(self, name: str, make: Callable[[], Any]) -> Any:
        """What an earlier phase of this step shared under that name, once; else made anew."""
        return self._shared.pop(name) if name in self._shared else make()

    def hand_on(self, name: str, made: Any) -> None:
        """Keeps what a phase made with its own networks, without a graph, for a later phase to take by `shared`."""
        self._shared[name] = made

    def steps_of(self, clock: str) -> int:
        """How many steps a schedule has run: those since an edit began it anew, else those of the run."""
        return self.step - self.began.get(clock, Moment()).step

    def begin_step(self) -> None:
        self._shared.clear()
        self.observed = {}


def _no_batches(count: int | None) -> Batch:
    raise RuntimeError("this context belongs to no trainer")


def _no_terms(phase: str, batch: Batch) -> dict[str, Tensor]:
    raise RuntimeError("this context belongs to no trainer")


def _no_perception(net: str, one: Tensor, other: Tensor) -> Tensor:
    raise RuntimeError("this context belongs to no trainer")


def _no_optimizer(group: str) -> Optimizer:
    raise RuntimeError("this context belongs to no trainer")


@dataclass(frozen=True)
class Phase:
    """One kind of update. Lazy phases (`every` > 1) weigh `every` times more, by the trainer."""

    name: str
    role: Role
    group: str
    terms: Callable[[Networks, Batch, StepContext], dict[str, Tensor]]
    every: int = 1
    repeats: int = 1
    fresh_batch: bool = True  # each repeat sees new images
    start: float = 0.0  # thousands of images
    stop: float = inf
    clock: str = ""  # the schedule that `start` and `stop` belong to
    after_update: Callable[[Networks], None] | None = None  # e.g. weight clipping
    exact: bool = False  # takes second derivatives: always in full precision

    def due(self, step: int, images_seen: int) -> bool:
        """`images_seen`: since its clock began."""
        return step % self.every == 0 and self.start <= images_seen / 1000 < self.stop


class Pool(Protocol):
    """Past fakes that a discriminator is shown again."""

    images: Tensor  # (size, C, H, W)
    filled: Tensor  # how many of them there are, the first ones

    def ages(self, step: int) -> Tensor:
        """How many steps ago each was made, (size,)."""


class Objective(nn.Module, ABC):
    """Base of all objectives. Buffers hold ALL of its mutable state, so that a resume is exact."""

    def setup(self, networks: Networks, spec: DataSpec) -> None:
        """Allocates buffers, before any state is loaded."""

    def nets(self, hparams: Any) -> Sequence[str]:
        """The feature nets of the shelf that the terms look through."""
        return ()

    def prepare(self, batch: Batch, context: StepContext) -> Batch:
        """What is learnt from a batch of real images: itself, or changed at random."""
        return batch

    @abstractmethod
    def phases(self, hparams: Any) -> Sequence[Phase]:
        """The phases of a step, in order."""

    def after_step(self, context: StepContext) -> None:
        """The only place where buffers move."""

    def schedule(self, networks: Networks, images_seen: int) -> dict[str, float]:
        """Sets what changes with progress (resolution, alpha) and returns it by name; `batch_size` is obeyed."""
        return {}

    def pools(self) -> Mapping[str, Pool]:
        """Past fakes that are shown again, by what they imitate, for whoever watches."""
        return {}

    def summarise(self, hparams: Any, observed: dict[str, Tensor]) -> dict[str, Tensor]:
        """Metrics (K,) from what K steps observed, each stacked to (K, ...): one computation for many steps."""
        return {name: values.flatten(1).mean(1) for name, values in observed.items()}

    def notes(self, hparams: Any) -> list[str]:
        """Sentences that a user should read about these settings."""
        return []

    def remedies(self, hparams: Any) -> Sequence[str]:
        """What those sentences send the user to try: names of `training.remedies`."""
        return ()
