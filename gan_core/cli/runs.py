"""`ganscope runs`: list runs, and control them from another terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from gan_core.cli.output import (
    AsJson,
    RunName,
    Settings,
    command,
    emit,
    find_run,
    lists_when_bare,
    megabytes,
    moment,
    parse_settings,
    show_facts,
    show_table,
    what,
)
from gan_core.errors import BadValue, RunConflict, listed
from gan_core.runs.classes import class_names
from gan_core.runs.store import Run, RunState, RunStore

app = typer.Typer(help="List, rename, control and delete runs.", invoke_without_command=True)

RunNames = Annotated[list[str], typer.Argument(help="Ids or names of runs.", metavar="RUN...")]
Sure = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask for confirmation.")]


@app.command("list")
def list_runs(as_json: AsJson = False) -> None:
    """All runs, newest first."""
    store = RunStore()
    runs = store.runs()
    if as_json:
        emit([record(run) for run in runs])
        return
    rows = [
        (
            run.id,
            run.name or "-",
            run.state.value,
            f"{run.step:,}/{run.spec.steps:,}" if run.spec.steps else f"{run.step:,}",
            what(run.spec),
            moment(run.created),
            "pinned" if run.pinned else "",
        )
        for run in runs
    ]
    if rows:
        show_table(("RUN", "NAME", "STATE", "STEPS", "WHAT", "CREATED", ""), rows, flexible=("NAME", "WHAT"))
    else:
        typer.echo("No runs yet. Start one: `ganscope train dcgan`")
    typer.echo(f"\n{len(runs)} runs, {megabytes(store.size())} in {store.root}", err=True)


lists_when_bare(app, list_runs)


@app.command("show")
def show(
    run: RunName,
    trace: Annotated[bool, typer.Option("--traceback", help="Show the traceback of a failed run.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a run: state, settings, last metrics, files."""
    from gan_core.cli.training import final_metrics
    from gan_core.training.watching import items_of

    store = RunStore()
    found = find_run(store, run)
    metrics = final_metrics(store, found)
    checkpoints, previews = store.checkpoints(found.id), store.previews(found.id)
    if as_json:
        files = {"checkpoints": [item.path for item in checkpoints], "previews": [item.path for item in previews]}
        known = {"classes": list(class_names(store, found)), "metrics": metrics, "traceback": found.traceback}
        emit(record(found) | known | files)
        return
    items = items_of(found.spec.data)
    show_facts(
        {
            "run": found.id,
            "name": found.name or "-",
            "note": found.note or "-",
            "state": f"{found.state.value} {found.sentence}".strip(),
            "what": what(found.spec),
            "classes": listed(class_names(store, found)) or "-",
            "preset": found.spec.preset or "-",
            "forked from": found.parent or "-",
            "steps": f"{found.step:,} of {found.spec.steps:,}" if found.spec.steps else f"{found.step:,}",
            f"{items} seen": f"{found.images_seen:,}",
            "training": f"{found.seconds:,.1f} s, {found.images_per_second:,.0f} {items}/s",
            "created": moment(found.created),
            "pinned": "yes" if found.pinned else "no",
            "previews": len(previews),
            "checkpoint": checkpoints[-1].path if checkpoints else "-",
        }
    )
    typer.echo("\nSettings")
    show_facts({f"  {name}": value for name, value in found.spec.hparams.items()})
    for event in store.events(found.id):
        if event.kind == "edit":
            changes = ", ".join(f"{name} = {value}" for name, value in event.payload["changes"].items())
            typer.echo(f"  at step {event.step:,}: {changes}")
    if metrics:
        typer.echo("\nLast values")
        show_facts(
            {f"  {name}": value if isinstance(value, str) else f"{value:.5g}" for name, value in metrics.items()}
        )
    if trace:
        typer.echo(f"\n{found.traceback or 'No traceback: the run did not fail.'}")


@app.command("rename")
def rename(run: RunName, name: Annotated[str, typer.Argument(help="The new name.")], as_json: AsJson = False) -> None:
    """Rename a run."""
    store = RunStore()
    id = find_run(store, run).id
    store.rename(id, name)
    _report(store, [id], "renamed", as_json)


@app.command("note")
def note(
    run: RunName,
    text: Annotated[str, typer.Argument(help="The note; replaces an existing one.")],
    as_json: AsJson = False,
) -> None:
    """Set the note of a run."""
    store = RunStore()
    id = find_run(store, run).id
    store.set_note(id, text)
    _report(store, [id], "noted", as_json)


@app.command("pin")
def pin(runs: RunNames, as_json: AsJson = False) -> None:
    """Pin runs, which protects them from `delete-unpinned` and from thinning."""
    _set_pinned(runs, True, as_json)


@app.command("unpin")
def unpin(runs: RunNames, as_json: AsJson = False) -> None:
    """Unpin runs."""
    _set_pinned(runs, False, as_json)


def _set_pinned(runs: Sequence[str], pinned: bool, as_json: bool) -> None:
    store = RunStore()
    ids = [find_run(store, run).id for run in runs]
    for id in ids:
        store.set_pinned(id, pinned)
    _report(store, ids, "pinned" if pinned else "unpinned", as_json)


@app.command("delete")
def delete(runs: RunNames, yes: Sure = False, as_json: AsJson = False) -> None:
    """Delete runs with all their files."""
    store = RunStore()
    ids = list(dict.fromkeys(find_run(store, run).id for run in runs))
    _make_sure(f"Delete {', '.join(ids)} with all files?", yes, as_json)
    for id in ids:
        store.delete(id)
    _report_deleted(ids, as_json)


@app.command("delete-unpinned")
def delete_unpinned(yes: Sure = False, as_json: AsJson = False) -> None:
    """Delete all runs that are neither pinned nor active."""
    store = RunStore()
    count = sum(not run.pinned and not run.is_active for run in store.runs())
    _make_sure(f"Delete {count} runs with all files?", yes, as_json)
    _report_deleted(store.delete_unpinned(), as_json)


@app.command("pause")
def pause(run: RunName, as_json: AsJson = False) -> None:
    """Pause a run after the current step."""
    _command(run, "pause", as_json)


@app.command("resume")
def resume(run: RunName, as_json: AsJson = False) -> None:
    """Resume a paused run, in the process that owns it."""
    _command(run, "resume", as_json)


@app.command("stop")
def stop(run: RunName, as_json: AsJson = False) -> None:
    """Stop a run after the current step, with a checkpoint."""
    _command(run, "stop", as_json)


@app.command("step")
def step(
    run: RunName,
    count: Annotated[int, typer.Option("--count", "-n", help="Number of steps.")] = 1,
    only: Annotated[str | None, typer.Option(help="Update only this network: generator or discriminator.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train a run for some steps, then pause it."""
    _command(run, "step", as_json, {"count": count, "only": only})


@app.command("edit")
def edit(run: RunName, settings: Settings = None, as_json: AsJson = False) -> None:
    """Change live knobs of a run while it trains."""
    changes = parse_settings(settings)
    if not changes:
        raise BadValue("No changes given. Example: `{command}`", command=_example(run))
    _command(run, "edit", as_json, changes)


@app.command("fork")
def fork(
    run: RunName,
    settings: Settings = None,
    steps: Annotated[
        int | None,
        typer.Option(
            help="Planned steps in all. [default: those of the parent run, or as many more if it has finished them]"
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the new run.")] = "",
    as_json: AsJson = False,
) -> None:
    """Create a new run with other settings. It continues from this run's newest checkpoint as far as the networks stay
    the same.
    """
    from gan_core.training import control

    store = RunStore()
    parent, changes = find_run(store, run), parse_settings(settings)
    if steps is None and (begun := _begun(store, parent, changes)) >= parent.spec.steps > 0:
        steps = begun + parent.spec.steps
    made = control.fork(store, parent, changes, steps, name)
    if as_json:
        emit(record(made))
    else:
        typer.echo(f"{made.id}: train it with `{command('train', '--resume', made.id)}`")


def _begun(store: RunStore, run: Run, changes: Mapping[str, str]) -> int:
    """The step at which a fork of the saved run begins."""
    from gan_core.knobs import changed
    from gan_core.training.control import current_hparams
    from gan_core.training.forking import start_of

    return start_of(store, run, changed(current_hparams(store, run), changes)).step


def _example(wanted: str) -> str:
    """An example of a change that the run's recipe allows."""
    from gan_core.training.control import current_hparams

    store = RunStore()
    run = find_run(store, wanted)
    hparams = current_hparams(store, run)
    rate = next(name for name in ("generator_rate", "rate") if hasattr(hparams, name))
    return command("runs", "edit", wanted, "--set", f"{rate}={getattr(hparams, rate):g}")


def record(run: Run) -> dict[str, Any]:
    """A run as JSON."""
    return {
        "run": run.id,
        "name": run.name,
        "note": run.note,
        "state": run.state.value,
        "message": run.sentence,
        "recipe": run.spec.recipe,
        "data": run.spec.data,
        "size": run.spec.size,
        "preset": run.spec.preset,
        "hparams": dict(run.spec.hparams),
        "steps": run.step,
        "planned_steps": run.spec.steps,
        "images_seen": run.images_seen,
        "seconds": run.seconds,
        "images_per_second": run.images_per_second,
        "created": run.created,
        "updated": run.updated,
        "pinned": run.pinned,
        "parent": run.parent,
    }


def _command(wanted: str, verb: str, as_json: bool, arguments: Mapping[str, Any] | None = None) -> None:
    from gan_core.training.control import Control

    store = RunStore()
    run = find_run(store, wanted)
    if not run.is_active:
        raise RunConflict(
            "The run {run} is {state}, and no process is training it. To continue it: `{command}`",
            run=run.name or run.id, state=run.state.value, command=_going_on(run, verb, arguments or {}),
        )  # fmt: skip
    getattr(Control(store, run.id), verb)(**(arguments or {}))
    _report(store, [run.id], f"{verb} sent", as_json)


def _going_on(run: Run, verb: str, arguments: Mapping[str, Any]) -> str:
    """The command that continues a run without a process: a fork if the run is finished or its settings change."""
    if verb == "edit":
        changes = [word for name, value in arguments.items() for word in ("--set", f"{name}={value}")]
        return command("runs", "fork", run.id, *changes)
    return command("runs", "fork", run.id) if run.state is RunState.FINISHED else command("train", "--resume", run.id)


def _report(store: RunStore, ids: Sequence[str], done: str, as_json: bool) -> None:
    records = [record(store.get(id)) for id in ids]
    if as_json:
        emit(records[0] if len(records) == 1 else records)
        return
    for id in ids:
        typer.echo(f"{id}: {done}")


def _report_deleted(ids: list[str], as_json: bool) -> None:
    if as_json:
        emit({"deleted": ids})
        return
    typer.echo("\n".join(f"{id}: deleted" for id in ids) or "Nothing to delete.")


def _make_sure(question: str, yes: bool, as_json: bool) -> None:
    if yes:
        return
    if as_json or not sys.stdin.isatty():
        raise BadValue("Nothing was deleted. Pass --yes to delete without confirmation.")
    typer.confirm(question, abort=True, err=True)
