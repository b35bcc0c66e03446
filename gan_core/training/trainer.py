"""The one training loop.

A step runs every due phase of the recipe's objective, with its repeats: freeze all but the phase's group, sum its
terms, backpropagate, update. All randomness comes from generators that are part of the state, so that a resumed run
continues bit for bit (on a CPU).
"""

from __future__ import annotations

import functools
import hashlib
import operator
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from gan_core.data.arrays import check_arrays
from gan_core.data.base import DataSet
from gan_core.data.batches import HELD_OUT, Batches
from gan_core.gans.recipe import Recipe
from gan_core.hparams import TrainingHParams, check_edit
from gan_core.knobs import clocks, differences
from gan_core.layers.blocks import set_noise_generator
from gan_core.layers.joined_batch_norm import join_batch_norm
from gan_core.metrics.perception import Perception, perception
from gan_core.models import loading
from gan_core.models.lending import lend
from gan_core.models.sampler import Sampler
from gan_core.objectives.base import Batch, Moment, Phase, StepContext
from gan_core.ranks import ALONE, Ranks, as_stored
from gan_core.roles import check_role
from gan_core.training.allocator import keep_freed_memory
from gan_core.training.computation import USUAL, Computation, finite_or_zero
from gan_core.training.ema import Ema
from gan_core.training.optimizers import make_optimizer, rate_factor, restore, set_rates, shorten


@dataclass
class StepResult:
    """Results of one step, as tensors: nothing is transferred from the device until it is read."""

    step: int
    terms: dict[str, Tensor] = field(default_factory=dict)  # "phase/term" and "phase/loss", scalars
    observed: dict[str, Tensor] = field(default_factory=dict)  # raw logits etc., see Objective.summarise
    gradients: dict[str, tuple[Tensor, ...]] = field(default_factory=dict)  # phase -> norm of each weight's gradient
    values: dict[str, float] = field(default_factory=dict)  # rates and schedule
    faulty: dict[str, Tensor] = field(default_factory=dict)  # phase -> ranks with values that weren't finite, (W,)

    def __repr__(self) -> str:
        terms = ", ".join(f"{name}={float(term):.4g}" for name, term in self.terms.items())
        return f"StepResult(step={self.step}, {terms})"


class Trainer:
    """Trains the networks of a recipe on a data set; independent of threads, run store and front ends."""

    def __init__(
        self,
        recipe: Recipe,
        hparams: TrainingHParams,
        data: DataSet,
        device: str = "cpu",
        computation: Computation = USUAL,
        ranks: Ranks = ALONE,
    ) -> None:
        """`hparams` are made by `recipe.settings`, `data` by `data.load` or from arrays: `DataSet(name, arrays)`.

        Raises BadData for arrays that aren't as `DataSet` describes them, BadValue or BadData if the data don't suit
        the recipe, and TypeError for the settings of another recipe.
        """
        if not isinstance(hparams, type(recipe.hparams)):
            raise TypeError(f"the settings of {recipe.name} are made by its recipe, as recipe.settings({{...}})")
        check_arrays(data)
        keep_freed_memory()
        self.ranks = ranks.alike()
        self._turns = computation.accumulate
        self.ranks.check_batch(hparams.batch_size, self._turns)
        self.recipe = recipe
        self.hparams = hparams
        self.device = torch.device(device)
        self.spec = data.spec
        self.networks: dict[str, nn.Module] = {
            # 4-D weights alone know channels-last; other networks pass through unchanged
            name: network.to(self.device).to(memory_format=torch.channels_last)
            for name, network in recipe.build(hparams, data.spec).items()
        }
        lend(recipe, hparams, self.networks, data.spec, loading.load)
        if ranks.size > 1:
            for network in self.networks.values():
                join_batch_norm(network)
        self.objective = recipe.objective(hparams).to(self.device)
        self.objective.setup(self.networks, data.spec)
        self.ema = Ema(self.networks, recipe.ema_networks)
        self.computed = computation.of(self.networks, self.device)
        self.batches = Batches(data, hparams.seed, self.device, HELD_OUT if recipe.compare else 0, self.ranks)
        self.generator = torch.Generator().manual_seed(hparams.seed)
        self.noise = (
            self.generator if self.device.type == "cpu" else torch.Generator(self.device).manual_seed(hparams.seed)
        )
        for network in self.networks.values():
            set_noise_generator(network, self.noise)
        self.step = 0
        self.images_seen = 0
        self.began: dict[str, Moment] = {}  # schedules that an edit restarted, by their clocks
        self.context = StepContext(self.networks, hparams, self.generator, self, self.device, self.noise)
        self._drawn: list[Batch] = []  # batches requested by a phase, for its later turns
        self._nets: dict[str, Perception] = {}  # from the shelf, and therefore in no checkpoint
        self._batch_size = hparams.batch_size
        self._plan()
        self._weights = {
            group: [weight for name in spec.networks for weight in self.networks[name].parameters()]
            for group, spec in self._specs.items()
        }
        self.optimizers = {group: self._optimizer(group) for group in recipe.optimizers}
        self.scalers = {group: computation.scaler(self.device) for group in recipe.optimizers}
        self.ranks.broadcast(list(self._tensors()))

    def __repr__(self) -> str:
        return f"Trainer({self.recipe.name}, step={self.step}, images_seen={self.images_seen})"

    def _tensors(self) -> Iterator[Tensor]:
        """All weights and buffers that must be equal on all ranks."""
        for module in (*self.networks.values(), *self.ema.networks.values(), self.objective):
            yield from module.parameters()
            yield from module.buffers()

    def digest(self) -> str:
        """sha256 of the learnt weights: equal on all ranks at every step.

        Leaves out the averages, whose buffers are updated only when samples are drawn.
        """
        digest = hashlib.sha256()
        modules = [*self.networks.values(), self.objective]
        for tensor in (value for module in modules for value in module.state_dict().values()):
            digest.update(as_stored(tensor.detach()).cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    def verify(self) -> None:
        """Compares the weights of all ranks before a checkpoint; implemented by `Leader`."""

    def _plan(self) -> None:
        """Reads the phases and the rates from the hyperparameters; raises BadValue if a net isn't on the shelf."""
        for net in set(self.objective.feature_nets(self.hparams)) - self._nets.keys():
            self._nets[net] = perception(net).to(self.device)
        self.phases = list(self.objective.phases(self.hparams))
        self._specs = {group: make(self.hparams) for group, make in self.recipe.optimizers.items()}
        self._lazy = {
            group: max((phase.every for phase in self.phases if phase.group == group), default=1)
            for group in self._specs
        }

    def _optimizer(self, group: str) -> torch.optim.Optimizer:
        return make_optimizer(self._specs[group], self._weights[group], self._lazy[group])

    # --- what the objective may ask for (objectives.base.Services) ---------------------------------------------------

    def next_batch(self, count: int | None) -> Batch:
        ranks = self.ranks
        whole = self._batch_size if count is None else count * ranks.parts
        if ranks.turns == 1:
            return self.objective.prepare(self.batches.next(whole), self.context)
        if ranks.turn:  # the first turn has drawn them for all turns
            self._drawn.append(self._drawn.pop(0))
        else:
            self._drawn.append(self.batches.next(whole))
        return self.objective.prepare(self._of_turn(self._drawn[-1]), self.context)

    def held_out(self) -> Batch:
        return self.batches.held_out()

    def optimizer_of(self, group: str) -> torch.optim.Optimizer:
        return self.optimizers[group]

    def perceptual_distance(self, net: str, one: Tensor, other: Tensor) -> Tensor:
        distances: Tensor = self._nets[net](one, other)
        return distances

    # --- a step ------------------------------------------------------------------------------------------------------

    def train_step(self, only: str | None = None) -> StepResult:
        """Runs every due phase once; `only` restricts this to one role, "generator" or "discriminator".

        Raises BadValue for another role.
        """
        check_role(only)
        with self.ranks.training():
            return self._step(only)

    def _step(self, only: str | None) -> StepResult:
        begun, communicated = time.perf_counter(), self.ranks.seconds
        scheduled = self.objective.schedule(self.networks, self.hparams, self._images_since(self.objective.clock))
        self._batch_size = int(scheduled.get("batch_size", self.hparams.batch_size))
        result = StepResult(self.step + 1, values={f"schedule/{name}": value for name, value in scheduled.items()})
        factor = rate_factor(self.hparams, self.step, self.began) * scheduled.get("rate", 1.0)
        result.values |= set_rates(self.optimizers, self._specs, self._lazy, factor, scheduled.get("beta2"))
        context = self.context
        context.begin_step(self.step, self.began)
        batch = self.next_batch(None)
        due = [p for p in self.phases if self._due(p) and only in (None, p.role)]
        for place, phase in enumerate(due):
            for repeat in range(phase.repeats):
                if repeat and phase.fresh_batch:
                    batch = self.next_batch(None)
                last = repeat + 1 == phase.repeats
                context.will_share = last and any(later.group != phase.group for later in due[place + 1 :])
                self._update(phase, batch, result)
        self.objective.after_step(context)
        self.ema.update(scheduled.get("ema", self.hparams.ema))
        result.observed = context.observed
        if self.ranks.size > 1:
            passed = time.perf_counter() - begun
            result.values["share/communication"] = (self.ranks.seconds - communicated) / passed
        self.step += 1
        self.images_seen += self._batch_size
        return result

    def _due(self, phase: Phase) -> bool:
        return phase.due(self.step, self._images_since(phase.clock))

    def _images_since(self, clock: str) -> int:
        """Images since an edit restarted a schedule, else since the start of the run."""
        return self.images_seen - self.began.get(clock, Moment()).images_seen

    def _update(self, phase: Phase, batch: Batch, result: StepResult) -> None:
        for group, weights in self._weights.items():
            for weight in weights:
                weight.requires_grad_(group == phase.group)
        optimizer = self.optimizers[phase.group]
        optimizer.zero_grad(set_to_none=True)
        scaler = None if phase.exact else self.scalers[phase.group]
        terms = self._backward(phase, batch, scaler)
        gradients = [weight.grad for weight in self._weights[phase.group] if weight.grad is not None]
        if self.ranks.size > 1:
            means, result.faulty[phase.name] = self.ranks.average(gradients, list(terms.values()))
            terms = dict(zip(terms, means, strict=True))
        if scaler:
            scaler.unscale_(optimizer)
        norms = torch._foreach_norm(gradients)
        if self.hparams.gradient_clip:
            shorten(gradients, norms, self.hparams.gradient_clip)
        if scaler:
            norms = finite_or_zero(norms)  # an overflow in 16 bits is no fault: the update is skipped
            scaler.step(optimizer)
            scaler.update()
        else:
            optimizer.step()
        result.gradients[phase.name] = norms
        if phase.after_update:
            phase.after_update(self.networks)
        for name, term in terms.items():
            result.terms[f"{phase.name}/{name}"] = term
        result.terms[f"{phase.name}/loss"] = functools.reduce(operator.add, terms.values())

    def _backward(self, phase: Phase, batch: Batch, scaler: torch.amp.GradScaler | None) -> dict[str, Tensor]:
        """Accumulates the gradients of a phase's loss, turn by turn; returns the means of its terms over the turns."""
        ranks, context = self.ranks, self.context
        networks = self.networks if phase.exact else self.computed
        states = context.random_states() if self._turns > 1 else []
        sums: dict[str, Tensor] = {}
        self._drawn.clear()
        for turn in ranks.in_turns(self._turns):
            if turn:
                context.set_random_states(states)
            terms = phase.terms(networks, batch if ranks.turns == 1 else self._of_turn(batch), context)
            loss = functools.reduce(operator.add, terms.values())
            weight = phase.every / ranks.turns
            scaled = loss if weight == 1 else loss * weight
            torch.autograd.backward(scaler.scale(scaled) if scaler else scaled)
            for name, term in terms.items():
                sums[name] = sums[name] + term.detach() if name in sums else term.detach()
        return {name: term / self._turns for name, term in sums.items()} if self._turns > 1 else sums

    def _of_turn(self, batch: Batch) -> Batch:
        """The items of the present turn."""
        return {name: values[self.ranks.turn :: self.ranks.turns] for name, values in batch.items()}

    def sampler(self) -> Sampler:
        """Draws from the averaged networks as they are now; call it again after further steps.

        Sampling doesn't change the training.
        """
        return Sampler(self.recipe, self.hparams, self.spec, self.ema.refresh())

    def edit(self, hparams: TrainingHParams, begin: Iterable[str] | None = None) -> None:
        """Changes live knobs; raises BadValue, and changes nothing, if a knob would rebuild the networks.

        `begin`: the clocks of the schedules that restart here; by default those whose knobs change.
        """
        check_edit(self.hparams, hparams)
        self.ranks.check_batch(hparams.batch_size, self._turns)
        different, lazy = differences(self.hparams, hparams), self._lazy
        states = {} if "optimizer" in different else {g: o.state_dict()["state"] for g, o in self.optimizers.items()}
        self.hparams = self.context.hparams = hparams
        self._plan()
        for clock in clocks(hparams, different) if begin is None else begin:
            self.began[clock] = Moment(self.step, self.images_seen)
        if not {"optimizer", "beta1", "beta2"} & different.keys() and self._lazy == lazy:
            return
        self.optimizers = {group: self._optimizer(group) for group in self._specs}
        for group, state in states.items():
            restore(self.optimizers[group], state)

    def state_dict(self) -> dict[str, Any]:
        """All that a resume needs: networks, averages, optimisers, objective, data order, random states."""
        return {
            "step": self.step,
            "images_seen": self.images_seen,
            "began": {clock: list(moment) for clock, moment in sorted(self.began.items())},
            "networks": {name: network.state_dict() for name, network in self.networks.items()},
            "average": {name: network.state_dict() for name, network in self.ema.networks.items()},
            "average_updates": self.ema.updates,
            "optimizers": {group: optimizer.state_dict()["state"] for group, optimizer in self.optimizers.items()},
            "objective": self.objective.state_dict(),
            "batches": self.batches.state_dict(),
            "generator": self.generator.get_state(),
            "noise": self.noise.get_state(),
            "scalers": {group: scaler.state_dict() for group, scaler in self.scalers.items() if scaler},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores a state of the same recipe and hyperparameters."""
        for name, network in self.networks.items():
            network.load_state_dict(state["networks"][name])
        for name, network in self.ema.networks.items():
            network.load_state_dict(state["average"][name])
        self.ema.updates = state["average_updates"]
        for group, optimizer in self.optimizers.items():
            restore(optimizer, state["optimizers"][group])
        self.objective.load_state_dict(state["objective"])
        self.batches.load_state_dict(state["batches"])
        self.generator.set_state(state["generator"])
        self.noise.set_state(state["noise"])
        for group, scale in state.get("scalers", {}).items():
            if scaler := self.scalers[group]:  # a run may continue in another precision
                scaler.load_state_dict(scale)
        self.step = state["step"]
        self.images_seen = state["images_seen"]
        # in runs with older checkpoints all schedules count from the first step
        self.began = {clock: Moment(*moment) for clock, moment in state.get("began", {}).items()}
