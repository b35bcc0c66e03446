"""`ganscope learning-curve`: the same recipe on a quarter, a half and all of the images."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from gan_core.cli.output import AsJson, Settings, emit, say, show_table
from gan_core.cli.training import planned, prepare_data
from gan_core.errors import BadValue
from gan_core.runs.store import RunStore
from gan_core.training.watching import Lines, follow, interrupts

if TYPE_CHECKING:
    from gan_core.runs.store import Run

WORDS = {
    "helps": "From {before} to {after} images the distance fell beyond both intervals: more images are likely to help.",
    "no difference": "From {before} to {after} images the distance changed by less than the intervals: more images "
    "alone are unlikely to help at this length. Train longer, or change the settings.",
    "worse": "From {before} to {after} images the distance rose beyond both intervals: with more images the recipe "
    "needs more steps.",
}


def learning_curve(
    recipe: Annotated[str, typer.Argument(help="Name of a recipe.")],
    data: Annotated[str | None, typer.Option(help="Data set, or your own images.")] = None,
    steps: Annotated[int | None, typer.Option(help="Training steps of each share. [default: the preset's]")] = None,
    samples: Annotated[int, typer.Option(help="Samples by which each share is judged.")] = 2000,
    size: Annotated[int | None, typer.Option(help="Image size (height and width) in pixels.")] = None,
    preset: Annotated[str | None, typer.Option(help="Preset to start from.")] = None,
    settings: Settings = None,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Find out whether more images would help: train on 25, 50 and 100 % of them, and compare.

    Every share is a run of equally many steps, judged by its distance to images that are kept aside. Stop it with
    Ctrl-C; the same command goes on.

    Example: ganscope learning-curve dcgan --data folder:photos --steps 3000
    """
    from gan_core.gans import recipes
    from gan_core.search import learning_curve as curve
    from gan_core.training.session import Session

    if not 50 <= samples <= 100_000:
        raise BadValue("The number of samples must be between 50 and 100000, got {count}.", count=samples)
    base = planned(recipe, data, size, steps, seed, preset, settings)
    if recipes.get(recipe).task != "images":
        raise BadValue(
            "A learning curve needs a recipe that generates images; {recipe} doesn't.", recipe=recipes.get(recipe).title
        )
    prepare_data(next(iter(curve.plans(base).values())), shown=not as_json)
    store = RunStore()
    with interrupts() as asked:

        def train(run: Run) -> str:
            return follow(Session(store, run.id), asked, Lines(store))

        points = curve.learning_curve(store, base, samples, train, asked)
    store.close()
    ended = curve.verdict(points) if len(points) == len(curve.plans(base)) else None
    if as_json:
        emit({"recipe": recipe, "data": base.data, "points": [asdict(point) for point in points], "verdict": ended})
    else:
        rows = [
            (point.share, f"{point.images:,}", f"{point.value:.4g}", f"{point.low:.4g} to {point.high:.4g}", point.run)
            for point in points
        ]
        if rows:
            show_table(("share", "images", points[0].figure, "95 %", "run"), rows)
        if ended:
            say(WORDS[ended].format(before=f"{points[-2].images:,}", after=f"{points[-1].images:,}"))
    if asked:
        raise typer.Exit(128 + asked[0])
