"""`ganscope train --from MODEL`: a run that starts from a model's weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gan_core.cli.output import command, data_name, find_run, parse_settings, reporting, say
from gan_core.data.base import Progress
from gan_core.errors import BadValue, UnknownName
from gan_core.runs.store import Run, RunStore


def started_from(
    store: RunStore,
    model: str,
    fixed: dict[str, Any],
    data: str | None,
    steps: int | None,
    seed: int | None,
    settings: list[str] | None,
    name: str,
    shown: bool,
) -> Run:
    """The run, with its first checkpoint; `fixed` are options that the model determines, so none may be given."""
    from gan_core.training import continuing

    if others := [option for option, value in fixed.items() if value is not None]:
        raise BadValue(
            "--from takes the recipe and size from the model, so {options} can't be given.", options=options(others)
        )
    with reporting(shown) as progress:
        folder = _folder(store, model, progress)
    changes: dict[str, Any] = parse_settings(settings) | ({} if seed is None else {"seed": seed})
    with reporting(shown) as progress:
        run = continuing.begin(
            store, folder, steps=steps, changes=changes, data_name=_of_task(data, folder), name=name, progress=progress,
        )  # fmt: skip
    if shown and (fresh := continuing.missing_networks(folder)):
        say(f"These networks aren't in the model's file and start from random weights: {', '.join(fresh)}.")
    return run


def _folder(store: RunStore, model: str, progress: Progress) -> Path:
    from gan_core.models import listing

    try:
        return listing.folder_of(model, progress)
    except UnknownName as error:
        try:
            run = find_run(store, model)
        except UnknownName:
            raise error from None
        raise BadValue(
            "{model} is a run, but --from takes a model. To continue from the run: `{command}`",
            model=model, command=command("runs", "fork", run.id),
        ) from None  # fmt: skip


def _of_task(data: str | None, folder: Path) -> str | None:
    """The name of data as stored with a run; a bare path is read as data for the model's task."""
    if data is None:
        return None
    from gan_core.gans import recipes
    from gan_core.models.card import read_card

    return data_name(data, recipes.get(read_card(folder).recipe).learns_from)


def options(names: list[str]) -> str:
    """Options as typed on the command line."""
    return ", ".join("RECIPE" if name == "recipe" else f"--{name}" for name in names)
