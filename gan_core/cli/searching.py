"""`ganscope search`: settings that make a recipe's samples closer to the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gan_core.cli.output import AsJson, Settings, command, emit, say, show_table
from gan_core.cli.starting import options
from gan_core.cli.training import planned, prepare_data
from gan_core.errors import BadValue, percent
from gan_core.runs.store import RunStore
from gan_core.search.plan import SearchPlan, names, read
from gan_core.training.watching import interrupts

if TYPE_CHECKING:
    from gan_core.search.results import TrialResult

TRIALS = 20
SAMPLES = 2000
CONFIRM = 4
BEST = 5  # trials that are listed


def search(
    recipe: Annotated[
        str | None, typer.Argument(help="Name of a recipe. Leave it out to continue a search, by --name.")
    ] = None,
    data: Annotated[str | None, typer.Option(help="Data set, or your own images.")] = None,
    knob: Annotated[
        list[str] | None,
        typer.Option(help="A knob to vary: NAME:LOW:HIGH, NAME:LOW:HIGH:log, NAME:ONE|OTHER, or NAME; repeatable."),
    ] = None,
    trials: Annotated[
        int | None, typer.Option(help=f"Total number of trials, those of earlier calls included. [default: {TRIALS}]")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Training steps of each trial. [default: the preset's]")] = None,
    samples: Annotated[
        int | None, typer.Option(help=f"Samples by which a finished trial is judged. [default: {SAMPLES}]")
    ] = None,
    size: Annotated[int | None, typer.Option(help="Image size (height and width) in pixels.")] = None,
    preset: Annotated[str | None, typer.Option(help="Preset to start from.")] = None,
    settings: Settings = None,
    seed: Annotated[int | None, typer.Option(help="Random seed of the search and of its runs. [default: 0]")] = None,
    name: Annotated[
        str, typer.Option(help="Name of the search; an earlier name continues that search. [default: RECIPE-DATA]")
    ] = "",
    confirm: Annotated[
        int | None,
        typer.Option(
            help=f"Other seeds with which the best settings are trained at the end; 0 for none. [default: {CONFIRM}]"
        ),
    ] = None,
    by_eye: Annotated[
        bool, typer.Option("--by-eye", help="Train trials until four wait to be judged by eye, on the page Search.")
    ] = False,
    storage: Annotated[
        str,
        typer.Option(
            help="Where trials are kept, so that several machines can join: journal:PATH or an SQLAlchemy URL. "
            "[default: a journal in the search's folder]"
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Search for settings: each trial is a run, judged by the distance of its samples to real items.

    Stop it with Ctrl-C; the same command goes on, also after a crash.

    Example: ganscope search points --data ring8 --preset ring8 --steps 300 --trials 12
    --knob generator_rate:1e-4:1e-2 --knob discriminator_rate:1e-4:1e-2
    """
    if recipe is None:
        if not name:
            raise BadValue("Give a recipe, or the --name of a search to go on. Searches: {names}.",
                           names=", ".join(names()) or "none")  # fmt: skip
        _check_only_named({
            "data": data, "knob": knob or None, "steps": steps, "samples": samples, "size": size, "preset": preset,
            "set": settings or None, "seed": seed, "storage": storage or None,
        })  # fmt: skip
        plan = read(name)
    else:
        from gan_core.gans import recipes
        from gan_core.search import space

        seed = seed or 0
        base = planned(recipe, data, size, steps, seed, preset, settings)
        ranges = tuple(space.parse(recipes.get(recipe).hparams, one) for one in knob or ())
        short = name or f"{recipe}-{_short(base.data)}{'-by-eye' if by_eye else ''}"
        plan = SearchPlan(short, base, ranges, SAMPLES if samples is None else samples, seed, storage, by_eye)
    if by_eye and not plan.by_eye:
        raise BadValue("The search {name} is judged by distance; one by eye needs another name.", name=plan.name)
    if plan.by_eye:
        if not (trials is None and confirm is None):
            raise BadValue(
                "A search by eye trains until four trials wait to be judged: leave out --trials and --confirm."
            )
        _search_by_eye(plan, as_json)
        return
    trials, confirm = TRIALS if trials is None else trials, CONFIRM if confirm is None else confirm
    from gan_core.search import results, running
    from gan_core.search.storage import begin

    running.check_counts(trials, confirm)
    running.check(plan)
    prepare_data(plan.base, shown=not as_json)
    study = begin(plan)
    with interrupts() as asked:
        store = RunStore()
        running.search(store, plan, trials, asked, _report)
        running.confirm(store, plan, confirm, asked, _report)
        store.close()
    found = results.trials(study)
    ranked = results.ranked(found)
    shares = results.importances(study)
    if as_json:
        ratio = results.against_start(found, ranked[0]) if ranked else None
        emit({
            "search": plan.name, "trials": [asdict(one) for one in found], "importances": shares,
            "best": ranked[0].number if ranked else None, "ratio_to_start": ratio and asdict(ratio),
        })  # fmt: skip
    else:
        _show(plan, found, shares)
    if asked:
        raise typer.Exit(128 + asked[0])


def _check_only_named(given: dict[str, Any]) -> None:
    """Raises BadValue for an option that would change a search that goes on by its name."""
    if changing := [option for option, value in given.items() if value is not None]:
        raise BadValue(
            "A search keeps its settings, so {options} can't be given without a recipe. Leave them out, or give a "
            "recipe to begin another search.",
            options=options(changing),
        )


def _search_by_eye(plan: SearchPlan, as_json: bool) -> None:
    from gan_core.search import by_eye, preferring, results, running
    from gan_core.search.storage import begin

    running.check(plan)
    preferring.check(plan)
    prepare_data(plan.base, shown=not as_json)
    study = begin(plan)
    with interrupts() as asked:
        store = RunStore()
        wait = running.until_judged(store, plan, asked, _report)
        store.close()
    found, made = results.trials(study), by_eye.choices(study)
    ranked = by_eye.ranked(found, made)
    if as_json:
        emit({
            "search": plan.name, "trials": [asdict(one) for one in found], "waiting": list(wait),
            "choices": [asdict(one) for one in made], "best": ranked[0].number if ranked else None,
        })  # fmt: skip
    else:
        _show_by_eye(plan, wait, ranked, len(made))
    if asked:
        raise typer.Exit(128 + asked[0])


def _show_by_eye(plan: SearchPlan, wait: Sequence[int], ranked: Sequence[TrialResult], made: int) -> None:
    from gan_core.search import by_eye
    from gan_core.search.results import command as words_of

    if ranked:
        rows = [(str(one.number), *_values(plan, one), one.run) for one in ranked[:BEST]]
        show_table(("trial", *(one.knob for one in plan.ranges), "run"), rows)
        say(f"Preferred so far, after {made} choices. Train the best for longer: {command(*words_of(plan, ranked[0]))}")
    if len(wait) >= by_eye.SHOWN:
        say(
            f"Trials {', '.join(map(str, wait))} wait to be judged: open the page Search of the app, choose "
            f"{plan.name} and click the worst. The page then trains the next one; so does the same command."
        )


def _report(number: int, words: str) -> None:
    say(f"trial {number}: {words}")


def _short(reference: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in reference).strip("-")[-40:]


def _show(plan: SearchPlan, found: list[TrialResult], shares: dict[str, float]) -> None:
    from gan_core.search.results import against_start, over_seeds
    from gan_core.search.results import command as words_of
    from gan_core.search.results import ranked as in_order

    ranked = in_order(found)
    if not ranked:
        say("No trial has finished.")
        return
    rows = [
        (str(one.number), f"{one.value:.4g}", f"{one.low:.4g} to {one.high:.4g}",
         " ".join(f"{value:.4g}" for value in over_seeds(found, one)[1:]), *_values(plan, one), one.run)
        for one in ranked[:BEST]
    ]  # fmt: skip
    show_table(("trial", ranked[0].figure, "95 %", "other seeds", *(one.knob for one in plan.ranges), "run"), rows)
    if shares:
        say("Importance: " + ", ".join(f"{knob} {percent(share)}" for knob, share in shares.items()))
    if ratio := against_start(found, ranked[0]):
        say(
            f"Trial {ranked[0].number} has {percent(ratio.value)} of the distance of the settings that the search "
            f"started from ({ratio.seeds} seeds" + (
                f"; 95 %: {percent(ratio.low)} to {percent(ratio.high)}). " if ratio.seeds > 1 else "). "
            ) + ("" if ratio.high < 1 else "This may be luck: confirm it with more seeds (--confirm).")
        )  # fmt: skip
    elif ranked[0].is_start:
        say(f"The best are the settings that the search started from (trial {ranked[0].number}).")
    say("Train the best for longer: " + command(*words_of(plan, ranked[0])))


def _values(plan: SearchPlan, one: TrialResult) -> list[str]:
    values = (one.settings.get(each.knob, "") for each in plan.ranges)
    return [f"{value:.3g}" if isinstance(value, float) else str(value) for value in values]
