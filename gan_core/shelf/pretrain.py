"""Trains the models of the shelf (plans.py): a runner that checkpoints, resumes and publishes.

    python -m gan_core.shelf.pretrain dcgan.digits --device cpu --budget 60

Training is an ordinary run of the store, named after the model: a second call continues where the last one stopped.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import Any

from gan_core import data
from gan_core.checkpoint import read_checkpoint
from gan_core.errors import BadCheckpoint, BadValue, GanscopeError, UnknownName
from gan_core.gans import recipes
from gan_core.hparams import TrainingHParams
from gan_core.knobs import to_dict
from gan_core.models import listing, publishing
from gan_core.models.card import Card, read_card
from gan_core.models.plans import Plan, plan, plans
from gan_core.models.publishing import Words
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import Run, RunState, RunStore
from gan_core.shelf.showing import shows
from gan_core.training import continuing
from gan_core.training.computation import USUAL, Computation, asked_for
from gan_core.training.session import Session
from gan_core.training.watching import Lines, Show, follow, interrupts, items_of, say


def run_of(store: RunStore, name: str) -> Run:
    """The run that trains a model: one begun with these settings, or a new one."""
    wanted = plan(name)
    recipe = recipes.get(wanted.recipe)
    spec = recipe.plan(wanted.data, wanted.size, wanted.steps, wanted.hparams)
    begun = [run for run in store.runs() if run.name == name and _same(run.spec, spec)]
    if begun:
        return begun[0]
    if not wanted.start:
        return store.create(spec, name=name)
    folder = listing.folder_of(wanted.start)
    changes = _changes(read_card(folder), wanted, recipe.settings(wanted.hparams))
    return continuing.begin(store, folder, steps=wanted.steps, changes=changes, data_name=wanted.data, name=name)


def _same(begun: RunSpec, wanted: RunSpec) -> bool:
    """Whether a run has the wanted settings; knobs that didn't exist when it began have their defaults."""
    try:
        settings = to_dict(recipes.get(begun.recipe).settings(begun.hparams))
    except (BadValue, UnknownName):  # a knob that was removed, or a value that is no longer valid
        return False
    return begun.with_hparams(settings) == wanted


def _changes(started: Card, wanted: Plan, settings: TrainingHParams) -> dict[str, Any]:
    """The settings that differ from those of the starting model; raises BadValue for other networks."""
    if (started.recipe, started.size) != (wanted.recipe, wanted.size):
        raise BadValue(
            "{title} can't start from {start}, a {recipe} at {size} pixels.",
            title=wanted.title, start=wanted.start, recipe=started.recipe_title, size=started.size,
        )  # fmt: skip
    before = to_dict(recipes.get(started.recipe).settings(started.hparams))
    return {name: value for name, value in to_dict(settings).items() if value != before[name]}


def make(
    store: RunStore,
    name: str,
    cost: str = "",
    folder: Path | None = None,
    budget: float = 0.0,
    device: str = "cpu",
    computation: Computation = USUAL,
    show: Show | None = None,
) -> int:
    """Trains a model to the end of its plan, or for `budget` minutes (0: no limit), and puts it on the shelf.

    Returns 0, 1 if training failed, or 128 + the number of the signal that stopped it; the shelf is then unchanged, and
    the next call continues. Raises BadValue for a budget that isn't a number of minutes.
    """
    if not 0 <= budget < math.inf:
        raise BadValue("The budget must be 0 minutes or more, 0 for no limit, got {minutes}.", minutes=budget)
    run = run_of(store, name)
    asked: list[int] = []
    trouble = ""
    if run.state is not RunState.FINISHED:
        enough = run.seconds + 60 * budget if budget else math.inf
        session = Session(store, run.id, device=device, computation=computation)
        with interrupts() as asked:
            trouble = follow(session, asked, show or Lines(store), seconds=enough)
        run = store.get(run.id)
    say(f"{run.state.value} at step {run.step:,} of {run.spec.steps:,}, {run.seconds:,.0f} s")
    if asked:
        say("Run the same command again to continue.")
        return 128 + asked[0]
    if trouble or run.state is RunState.FAILED:
        say(trouble or run.sentence)
        return 1
    described = publish(store, name, cost, folder)
    say(f"{described.name}: {described.bytes:,} bytes")
    return 0


def publish(store: RunStore, name: str, cost: str = "", folder: Path | None = None) -> Card:
    """Puts the newest checkpoint of a model's run on the shelf."""
    wanted = plan(name)
    run = run_of(store, name)
    checkpoints = store.checkpoints(run.id)
    if not checkpoints:
        raise BadCheckpoint("The run {run} has no checkpoint yet.", run=name)
    source = data.source(wanted.data)
    took = cost or f"{duration(run.seconds)}, {run.images_seen:,} {items_of(wanted.data)}"
    took += f"; started from {wanted.start}" if wanted.start else ""
    words = Words(wanted.title, source.licence, f"{source.title}. {source.about}", took, wanted.limits)
    state = read_checkpoint(checkpoints[-1].path, checkpoints[-1].sha256)
    place = folder or listing.BUNDLED / name
    recipe = recipes.get(wanted.recipe)
    learnt = source.attributes if recipe.task in ("supervised", "audio") else {}
    return publishing.publish(
        state, name, words, source.class_names, wanted.data, place, wanted.half, learnt,
        shows(recipe, name, wanted.data, wanted.size),
    )  # fmt: skip


def duration(seconds: float) -> str:
    """A duration in words."""
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.0f} minutes"


def main(arguments: list[str] | None = None) -> int:
    """`python -m gan_core.shelf.pretrain`: works without the front ends and the command line."""
    parser = argparse.ArgumentParser(prog="python -m gan_core.shelf.pretrain", description="Train a bundled model.")
    parser.add_argument("name", help=f"one of {', '.join(plans)}")
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--budget",
        type=float,
        default=0.0,
        help="minutes of training before a checkpoint is saved and training stops; 0: no limit",
    )
    parser.add_argument("--cost", default="", help="training cost stated on the model card")
    parser.add_argument("--folder", type=Path, help="output folder; default: pretrained/NAME")
    parser.add_argument("--precision", default="fp32", help="fp32, bf16, or auto (whichever is faster on this machine)")
    parser.add_argument("--compile", action="store_true", help="compile the networks with torch.compile")
    options = parser.parse_args(arguments)
    try:
        computation = asked_for(options.precision, options.device, options.compile)
        return make(RunStore(), options.name, options.cost, options.folder, options.budget, options.device, computation)
    except GanscopeError as error:
        say(str(error))
        return 2


if __name__ == "__main__":
    sys.exit(main())
