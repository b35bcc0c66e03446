"""`ganscope doctor`: what the doctor finds in a run, for a remote shell."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from gan_core.cli.output import AsJson, RunName, command, emit, find_run, say
from gan_core.errors import GanscopeError, filled
from gan_core.runs.store import Run, RunStore

HEALTHY, FOUND, FAILED = 0, 1, 2  # exit codes
LOOK = 2.0  # seconds between examinations of a run that trains
MARKS = {"bad": "BAD", "watch": "WATCH", "early": "early", "good": "good"}


def doctor(
    run: RunName = "latest",
    watch: Annotated[
        bool, typer.Option("--watch", help="Follow the run to its end, and print what is found when it is found.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with a run, why, and what helps.

    Exit codes: 0 nothing was found, 1 something was, 2 the run can't be examined.
    """
    try:
        alarmed = _watched(run, as_json) if watch else _looked(run, as_json)
    except GanscopeError as error:
        say(f"Error: {error}")
        raise typer.Exit(FAILED) from None
    raise typer.Exit(FOUND if alarmed else HEALTHY)


def _looked(wanted: str, as_json: bool) -> bool:
    store = RunStore()
    found = examined(store, find_run(store, wanted))
    emit(found) if as_json else _show(found)
    return _alarmed(found)


def _watched(wanted: str, as_json: bool) -> bool:
    """Prints a line, with JSON one object, whenever findings change. Ends with the run."""
    store = RunStore()
    id, reported = find_run(store, wanted).id, None
    while True:
        run = store.get(id)
        found = examined(store, run)
        kinds = [finding["kind"] for finding in found["findings"]]
        if kinds != reported or not run.is_active:
            reported = kinds
            emit(found) if as_json else _show(found)
        if not run.is_active:
            return _alarmed(found)
        time.sleep(LOOK)


def examined(store: RunStore, run: Run) -> dict[str, Any]:
    """Findings on a run, when they were first raised, and since when it no longer improves, as plain values."""
    from gan_core.doctor.case import Case, Subject
    from gan_core.doctor.diagnosis import alarms, diagnose
    from gan_core.doctor.stopping import plateau

    edits = [event for event in store.events(run.id) if event.kind == "edit"]
    settings = dict(run.spec.hparams)
    for event in edits:
        settings |= event.payload["changes"]
    edited = max((event.step for event in edits), default=0)
    case = Case(store.metrics(run.id), Subject.of(run, settings, edited))
    raised = alarms(case)
    findings = [
        {
            "kind": finding.kind, "level": finding.level, "what": finding.sentence, "cause": finding.cause,
            "remedy": finding.remedy, "remedies": _changes(run, settings, finding.remedies),
            "since": raised.get(finding.kind, case.step) if finding.is_alarm else None,
            "evidence": {name: case.latest(name) for name in finding.evidence}, "limit": finding.limit,
        }
        for finding in diagnose(case)
    ]  # fmt: skip
    reached = plateau(case)
    return {
        "run": run.id, "state": run.state.value, "step": run.step, "findings": findings, "alarms": raised,
        "no_longer_improves": None
        if reached is None
        else {"metric": reached.name, "since": reached.step, "value": reached.value, "error": reached.error},
    }  # fmt: skip


def _changes(run: Run, settings: Mapping[str, Any], names: tuple[str, ...]) -> list[dict[str, Any]]:
    """The remedies that are valid for the run, with the knobs that they set."""
    from gan_core.doctor.remedies import offered, remedies
    from gan_core.gans import recipes

    if not names:
        return []
    found = offered(names, recipes.get(run.spec.recipe).settings(settings))
    return [
        {"name": name, "words": filled(remedies.get(name).words, changes), "changes": changes}
        for name, changes in found.items()
    ]


def _alarmed(found: Mapping[str, Any]) -> bool:
    return any(finding["level"] in ("bad", "watch") for finding in found["findings"])


def _show(found: Mapping[str, Any]) -> None:
    typer.echo(f"{found['run']}, {found['state']}, step {found['step']:,}")
    for finding in found["findings"]:
        since = f" (since step {finding['since']:,})" if finding["since"] is not None else ""
        typer.echo(f"  {MARKS[finding['level']]}: {finding['what']}{since}")
        for text in (finding["cause"], finding["remedy"]):
            if text:
                typer.echo(f"    {text}")
        for remedy in finding["remedies"]:
            settings = [part for name, value in remedy["changes"].items() for part in ("--set", f"{name}={value}")]
            typer.echo(f"    - {remedy['words']}")
            typer.echo(f"      {command('runs', 'fork', found['run'], *settings)}")
    if stop := found["no_longer_improves"]:
        typer.echo(
            f"  {stop['metric']} has not improved beyond its interval since step {stop['since']:,} "
            f"({stop['value']:.3g} ± {2 * stop['error']:.2g}): you can stop."
        )
