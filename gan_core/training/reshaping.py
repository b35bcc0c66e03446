"""A fork with other networks that keeps what fits: every layer whose weights have the same shape, with its moments.

More layers, more neurons, another activation or other noise change some layers and leave others as they are. A plain
fork starts afresh then (`forking`), since most networks are useless after such a change; small perceptrons continue
well. Step, data order and random states are those of the parent run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from gan_core import data
from gan_core.checkpoint import load_state
from gan_core.data.base import DataSpec
from gan_core.errors import BadValue
from gan_core.gans import recipes
from gan_core.hparams import TrainingHParams, rebuilt
from gan_core.knobs import Named, changed, knobs, to_dict
from gan_core.runs.store import Run, RunState, RunStore
from gan_core.training import forking
from gan_core.training.control import current_hparams
from gan_core.training.journal import Journal
from gan_core.training.suited import suited
from gan_core.training.trainer import Trainer

RESHAPING = ("networks", "stabilisers")  # groups of settings that change the networks but not their kind
State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Kept:
    """How much of a network was kept: the number of layers kept with all weights, and of all its present layers."""

    kept: int
    layers: int


def reshape(store: RunStore, run: Run, changes: Mapping[str, Any], name: str = "") -> Run:
    """The fork of a run with some settings of its networks changed, ready to be trained by a Session.

    Raises UnknownName or BadValue, and then creates nothing.
    """
    recipe, before = recipes.get(run.spec.recipe), current_hparams(store, run)
    after = changed(before, changes)
    names = rebuilt(before, after)
    if wrong := [name for name in names if name == "seed" or knobs(after)[name].group not in RESHAPING]:
        raise BadValue("{names} can't change while weights are kept. Start a new run.", names=Named.of(after, wrong))
    steps = run.spec.steps if run.spec.steps > run.step else 0  # a run that has had its planned steps gets no end
    spec = recipe.plan(run.spec.data, run.spec.size, steps, to_dict(after), run.spec.preset)
    forking.save(store, run)
    found = forking.newest(store, run)
    trainer = Trainer(recipe, after, suited(data.load(spec.data, spec.size), recipe, after))
    layers: dict[str, Kept] = {}
    if found:
        state = found[1]
        saved = recipe.settings(state["hparams"])
        layers = compared(recipe.build(saved, DataSpec.from_state(state["spec"])), trainer.networks)
        load_state(trainer, merged(trainer, saved, state))
    made = store.create(spec, name=name, parent=run.id)
    token = store.claim(made.id)
    try:
        store.add_event(made.id, token, trainer.step, "forked", {
            "run": run.id, "step": trainer.step, "because": names, "begun": [],
            "kept": [name for name, parts in layers.items() if parts.kept],
            "fresh": [name for name in trainer.networks if name not in layers or not layers[name].kept],
            "layers": {name: [parts.kept, parts.layers] for name, parts in layers.items()},
        })  # fmt: skip
        Journal(store, made.id, token, trainer, seconds=0.0).checkpoint()
        store.set_state(made.id, token, RunState.QUEUED, step=trainer.step, images_seen=trainer.images_seen)
    except BaseException:
        store.release(made.id, token)
        store.delete(made.id)
        raise
    store.release(made.id, token)
    return store.get(made.id)


def compared(before: Mapping[str, nn.Module], after: Mapping[str, nn.Module]) -> dict[str, Kept]:
    """The number of layers that each network keeps."""
    found = {}
    for name, network in after.items():
        old = {path: weight.shape for path, weight in before[name].named_parameters()}
        layers = [(path, layer) for path, layer in network.named_modules() if list(layer.parameters(recurse=False))]
        kept = sum(
            all(old.get(f"{path}.{part}") == weight.shape for part, weight in layer.named_parameters(recurse=False))
            for path, layer in layers
        )
        found[name] = Kept(kept, len(layers))
    return found


def merged(trainer: Trainer, saved: TrainingHParams, state: Mapping[str, Any]) -> dict[str, Any]:
    """The saved state where it fits the trainer, the trainer's fresh state elsewhere."""
    fresh = trainer.state_dict()
    old_networks = trainer.recipe.build(saved, trainer.spec)
    objective = {
        name: old if (old := state["objective"].get(name)) is not None and old.shape == new.shape else new
        for name, new in fresh["objective"].items()
    }
    return {
        **state,
        "networks": {name: _filled(new, state["networks"][name]) for name, new in fresh["networks"].items()},
        "average": {name: _filled(new, state["average"][name]) for name, new in fresh["average"].items()},
        "optimizers": {group: _moments(trainer, old_networks, saved, state, group) for group in fresh["optimizers"]},
        "objective": objective,
        "spec": trainer.spec.to_state(),
    }


def _filled(new: State, old: State) -> dict[str, Tensor]:
    """Keeps all of a layer's weights or none: a bias is meaningless with other inputs."""
    fits = {name for name, value in old.items() if name in new and new[name].shape == value.shape}
    fresh = {name.rpartition(".")[0] for name in new if name not in fits}
    return {name: value if name.rpartition(".")[0] in fresh else old[name] for name, value in new.items()}


def _moments(
    trainer: Trainer,
    old_networks: Mapping[str, nn.Module],
    saved: TrainingHParams,
    state: Mapping[str, Any],
    group: str,
) -> dict[int, Any]:
    """The moments of the weights that are kept, by the present positions of these weights."""
    before, now = (trainer.recipe.optimizers[group](hparams) for hparams in (saved, trainer.hparams))
    if before.kind != now.kind:
        return {}
    old = {name: (place, shape) for place, (name, shape) in enumerate(_weights(old_networks, before.networks))}
    ours = _weights(trainer.networks, now.networks)
    fresh = {name.rpartition(".")[0] for name, shape in ours if name not in old or old[name][1] != shape}
    kept = {place: old[name][0] for place, (name, _) in enumerate(ours) if name.rpartition(".")[0] not in fresh}
    moments = state["optimizers"][group]
    return {place: moments[other] for place, other in kept.items() if other in moments}


def _weights(networks: Mapping[str, nn.Module], names: tuple[str, ...]) -> list[tuple[str, Any]]:
    """The name and the shape of each weight, in the order of an optimiser that owns these networks."""
    return [(f"{name}.{path}", weight.shape) for name in names for path, weight in networks[name].named_parameters()]
