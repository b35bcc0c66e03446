"""`ganscope train`: train one run in this process."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from gan_core.cli.output import (
    AsJson,
    Settings,
    class_words,
    command,
    data_name,
    emit,
    errors,
    find_run,
    parse_settings,
    reporting,
    say,
    what,
)
from gan_core.cli.starting import options, started_from
from gan_core.errors import BadValue, RunConflict, UnknownName
from gan_core.knobs import knobs
from gan_core.models import listing
from gan_core.runs.classes import class_names, data_notes
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import Run, RunState, RunStore
from gan_core.training.watching import Lines, Show, facts, follow, interrupts, losses, state_words, time_left

if TYPE_CHECKING:
    from gan_core.data.base import DataSet
    from gan_core.training.computation import Computation

STEPS = 2000  # default without a preset
TAIL = 200  # last steps that are searched for the final value of a metric


def train(
    recipe: Annotated[str | None, typer.Argument(help="Name of a recipe: see `ganscope recipes`.")] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="Data set, or your own images: folder:PATH, zip:PATH, paired:PATH, unpaired:PATH; or sounds:PATH, "
            "text:PATH, smiles:PATH; or shards:PATTERN, tars that are streamed."
        ),
    ] = None,
    size: Annotated[int | None, typer.Option(help="Image size (height and width) in pixels.")] = None,
    steps: Annotated[
        int | None, typer.Option(help=f"Training steps; 0 trains until stopped. [default: the preset's, or {STEPS}]")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed; the same seed gives the same run on a CPU.")] = None,
    preset: Annotated[str | None, typer.Option(help="Preset: see `ganscope recipes show NAME`.")] = None,
    settings: Settings = None,
    name: Annotated[str, typer.Option(help="Name of the run.")] = "",
    device: Annotated[str, typer.Option(help="Device: cpu, cuda or mps.")] = "cpu",
    precision: Annotated[
        str, typer.Option(help="fp32, bf16, fp16 (CUDA only), or auto (bf16 if a short benchmark finds it faster).")
    ] = "fp32",
    compiled: Annotated[
        bool,
        typer.Option(
            "--compile",
            help="Compile the networks with torch.compile: takes about half a minute, then trains faster on CUDA.",
        ),
    ] = False,
    accumulate: Annotated[
        int,
        typer.Option(help="Split each batch into this many parts that pass one after the other, to save memory."),
    ] = 1,
    recompute: Annotated[
        bool,
        typer.Option("--recompute", help="Activation checkpointing: saves memory for about a third more time."),
    ] = False,
    resume: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Resume this run from its newest checkpoint, up to --steps in all."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="MODEL", help="Start from the weights and recipe of a model: see `ganscope models`."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train a GAN. Ctrl-C saves a checkpoint and stops; a second Ctrl-C quits immediately.

    Several processes train one run together where torchrun starts them: see docs/distributed.md.
    """
    from gan_core.training import launch

    device = launch.device_of(device)
    if not launch.is_first():
        return _follow(device)
    given: dict[str, Any] = {
        "recipe": recipe,
        "data": data,
        "size": size,
        "steps": steps,
        "seed": seed,
        "preset": preset,
    }
    given |= {"set": settings or None, "name": name or None, "from": start}
    from gan_core.training.computation import asked_for

    store = RunStore()
    if resume is not None:
        run = _resumable(store, resume, {option: value for option, value in given.items() if value is not None})
    elif start is None and recipe is None:
        raise BadValue("Give a recipe, such as dcgan, or a run to --resume. Recipes: see `ganscope recipes`.")
    launch.check_compiled(compiled)
    computation = asked_for(precision, device, compiled, accumulate, recompute)
    if start is not None:
        fixed = {option: given[option] for option in ("recipe", "size", "preset")}
        run = started_from(store, start, fixed, data, steps, seed, settings, name, shown=not as_json)
    elif resume is None:
        assert recipe is not None
        spec = planned(recipe, data, size, steps, seed, preset, settings)
        prepare_data(spec, shown=not as_json)
        run = store.create(spec, name=name)
    _train(store, run, device, computation, as_json)


def planned(
    recipe_name: str,
    data: str | None,
    size: int | None,
    steps: int | None,
    seed: int | None,
    preset_name: str | None,
    settings: list[str] | None,
) -> RunSpec:
    """The run described by the options, with all names and values checked."""
    from gan_core.gans import recipes
    from gan_core.knobs import to_dict
    from gan_core.models.lending import agreed
    from gan_core.training import schedule

    recipe = recipes.get(recipe_name)
    preset = recipe.preset(preset_name) if preset_name else None
    changes: dict[str, Any] = dict(preset.hparams) if preset else {}
    changes |= parse_settings(settings)
    if seed is not None:
        changes["seed"] = seed
    if recipe.pretrained_part and (model := changes.get(recipe.pretrained_part.knob)):
        changes = agreed(recipe, model) | changes
    recipe.settings(changes)
    data = data_name(data or (preset.data if preset else recipe.data), recipe.learns_from)
    native = native_size(data)  # raises for an unknown data set
    if size is None:
        size = preset.size if preset and preset.data == data else recipe.fit_size(native)
    if steps is None:
        steps = preset.steps if preset else STEPS
    else:  # a preset's schedules are for the preset's steps
        given = parse_settings(settings).keys()
        fitting = schedule.of_length(to_dict(recipe.settings(changes)), preset.steps if preset else 0, steps)
        kept = given | (schedule.KNOBS if schedule.KNOBS & given else set())
        changes |= {name: value for name, value in fitting.items() if name not in kept}
    return recipe.plan(data, size, steps, changes, preset.name if preset else "")


def native_size(data: str) -> int:
    """The native size of a data set; raises UnknownName or BadValue."""
    from gan_core.data import size_of, source
    from gan_core.data.parts import user_images_of
    from gan_core.data.user import references

    return (size_of(data) or references.SIZE) if user_images_of(data) else source(data).size


def prepare_data(spec: RunSpec, shown: bool) -> None:
    """Downloads and resizes with a progress bar, and checks that recipe and data match, before a run is created."""
    from gan_core import data
    from gan_core.data import source
    from gan_core.data.parts import user_images_of
    from gan_core.data.user.references import is_shards
    from gan_core.gans import recipes
    from gan_core.models import lending
    from gan_core.training.suited import suited

    recipe = recipes.get(spec.recipe)
    settings = recipe.settings(spec.hparams)
    mine = user_images_of(spec.data)
    if mine or is_shards(spec.data):
        recipe.check_task(mine.task if mine else "images")
    else:  # known without loading: don't download unusable data
        known = source(spec.data).spec(spec.size)
        recipe.check_data(known)
        lending.check(recipe, settings, lending.widened(recipe, settings, known))
    with reporting(shown) as progress:
        loaded: DataSet = data.load(spec.data, spec.size, progress)
    report_data(suited(loaded, recipe, settings), spec, shown)


def report_data(found: DataSet, spec: RunSpec, shown: bool) -> None:
    """Reports the number of images and classes, converted files, and files that were left out."""
    if not shown:
        return
    classes = f", {class_words(found.class_names)}" if found.spec.task == "images" else ""
    say(f"{spec.data}: {len(found):,} items{classes}")
    for note in found.notes:
        say(f"  {note}")
    if found.skipped:
        listing_them = command("data", "load", spec.data, "--size", spec.size)
        say(f"  {len(found.skipped)} files can't be used; see `{listing_them}`.")


def _resumable(store: RunStore, wanted: str, given: dict[str, Any]) -> Run:
    """The run to resume, planned for the given steps in all; no other option can be given."""
    if given.keys() - {"steps"}:
        raise _fixed(wanted, given)
    try:
        run = find_run(store, wanted)
    except UnknownName:
        if listing.is_model(wanted):
            raise BadValue(
                "{model} is a model; only runs can be resumed. To start from it: `{command}`",
                model=wanted, command=command("train", "--from", wanted),
            ) from None  # fmt: skip
        raise
    if "steps" in given:
        from gan_core.training import control

        return control.extend(store, run, given["steps"])
    if run.state is RunState.FINISHED:
        raise RunConflict(
            "The run {run} has completed all {steps} steps. To train it for longer: `{command}`",
            run=run.name or run.id, steps=run.step,
            command=command("train", "--resume", run.id, "--steps", 2 * run.step),
        )  # fmt: skip
    return run


def _fixed(wanted: str, given: dict[str, Any]) -> BadValue:
    """The options that a resumed run can't take, the fork that can take them, and the steps."""
    others = [option for option in given if option != "steps"]
    settings = [*given.get("set", ()), *([f"seed={given['seed']}"] if "seed" in given else [])]
    words = [word for setting in settings for word in ("--set", setting)]
    words += [word for option in ("steps", "name") if option in given for word in (f"--{option}", str(given[option]))]
    if not {"set", "seed", "name"} & given.keys():
        return BadValue(
            "A resumed run keeps its settings, so {options} can't be given with --resume. Leave them out, or start a "
            "new run without --resume.",
            options=options(others),
        )
    return BadValue(
        "A resumed run keeps its settings, so {options} can't be given with --resume. To continue with other "
        "settings: `{command}`",
        options=options(others), command=command("runs", "fork", wanted, *words),
    )  # fmt: skip


def _train(store: RunStore, run: Run, device: str, computation: Computation, as_json: bool) -> None:
    from gan_core.training import launch
    from gan_core.training.session import Session

    with launch.joined(device) as ranks, interrupts() as asked, display(store, run, silent=as_json) as show:
        session = Session(store, run.id, device=device, computation=computation, ranks=ranks)
        trouble = follow(session, asked, show, patient=not as_json and sys.stderr.isatty())
    run = store.get(run.id)
    message = trouble or run.sentence
    if as_json:
        emit(result(store, run, message))
    else:
        _conclude(store, run, message)
    if asked:
        raise typer.Exit(128 + asked[0])
    if trouble or run.state in (RunState.FAILED, RunState.INTERRUPTED):
        raise typer.Exit(1)


def _follow(device: str) -> None:
    """Runs every process of a group but the first; only the options of the device are read, rank 0 reads all others."""
    from gan_core.ranks import LostRank
    from gan_core.training import launch
    from gan_core.training.leading import Follower
    from gan_core.training.threads import cpu_threads

    with launch.deaf(), launch.joined(device) as ranks:
        try:
            Follower(ranks, device, cpu_threads).run()
        except LostRank as error:
            say(f"Rank {ranks.rank}: {error}")
            raise typer.Exit(1) from None


@contextmanager
def display(store: RunStore, run: Run, silent: bool = False) -> Iterator[Show]:
    """Shows a progress bar on a terminal, else prints a line at intervals."""
    if silent:
        yield lambda run: None
        return
    console = errors()
    if not console.is_terminal:
        yield Lines(store)
        return
    console.print(f"Run {run.id}: {what(run.spec)}", markup=False)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[facts]}", markup=False),
        TextColumn("{task.fields[left]}", markup=False, style="progress.remaining"),
    )
    with Progress(*columns, console=console, refresh_per_second=4) as progress:
        task = progress.add_task("starting", total=run.spec.steps or None, facts="", left="")
        yield _Bar(store, progress, task)


class _Bar:
    def __init__(self, store: RunStore, progress: Progress, task: TaskID) -> None:
        self.store, self.progress, self.task = store, progress, task
        self.seen = -1
        self.losses = self.left = ""

    def __call__(self, run: Run) -> None:
        if run.step != self.seen:
            self.losses = losses(self.store, run.id, max(self.seen, run.step - TAIL)) or self.losses
            self.left = time_left(self.store, run)
            self.seen = run.step
        self.progress.update(
            self.task, completed=run.step, description=state_words(self.store, run), facts=facts(run, self.losses),
            left=self.left if run.state is RunState.RUNNING else "",
        )  # fmt: skip


def result(store: RunStore, run: Run, message: str = "") -> dict[str, Any]:
    """The result of a run, as JSON."""
    checkpoints, previews = store.checkpoints(run.id), store.previews(run.id)
    trained = run.images_seen - (previews[0].images_seen if previews else 0)  # a run from a model starts with some
    return {
        "run": run.id,
        "name": run.name,
        "state": run.state.value,
        "message": message,
        "steps": run.step,
        "seconds": round(run.seconds, 3),
        "images_per_second": round(trained / run.seconds, 1) if run.seconds else 0.0,
        "metrics": final_metrics(store, run),
        "classes": list(class_names(store, run)),
        "checkpoint": checkpoints[-1].path if checkpoints else None,
    }


def final_metrics(store: RunStore, run: Run) -> dict[str, float | str]:
    """The last value of each metric that has one in the last steps.

    A value that isn't finite is "NaN", "Infinity" or "-Infinity": JSON lacks such numbers, and null means no value.
    """
    metrics = store.metrics(run.id, run.step - TAIL - 1)
    found = {name: metrics.last(name) for name in metrics.columns}
    # single precision has no more digits
    return {name: _json_number(float(f"{value:.7g}")) for name, value in found.items() if value is not None}


def _json_number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _conclude(store: RunStore, run: Run, message: str) -> None:
    if message:
        say(message)
    typer.echo(f"{run.id} {run.state.value} at step {run.step:,} after {run.seconds:,.1f} s")
    if names := class_names(store, run):
        typer.echo(f"  {class_words(names)}")
    for note in data_notes(store, run):
        typer.echo(f"  {note}")
    checkpoints = store.checkpoints(run.id)
    if checkpoints:
        typer.echo(f"  checkpoint: {checkpoints[-1].path}")
    if run.traceback:
        say(f"  see: `{command('runs', 'show', run.id, '--traceback')}`")
    if lower := _lower_rate(store, run):
        say(f"  to continue with a lower learning rate: `{command('runs', 'fork', run.id, '--set', lower)}`")


def _lower_rate(store: RunStore, run: Run) -> str:
    """A setting with which a run whose loss wasn't finite could continue; "" for any other run."""
    from gan_core.gans import recipes
    from gan_core.training.control import current_hparams

    if not any(event.kind == "not_finite" for event in store.events(run.id)[-2:]):
        return ""
    hparams = current_hparams(store, run)
    rate = next(name for name in ("generator_rate", "rate") if hasattr(hparams, name))
    least = knobs(recipes.get(run.spec.recipe).hparams)[rate].low or 0.0
    return f"{rate}={max(least, getattr(hparams, rate) / 2):g}"
