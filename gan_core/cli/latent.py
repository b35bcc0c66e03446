"""`ganscope directions` and `ganscope interpolate`: what sliders move along, and films of the latent space."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gan_core.cli.media import sampler_of
from gan_core.cli.output import AsJson, RunName, check_seed, emit, reporting, say, show_table
from gan_core.data.base import Progress
from gan_core.errors import BadValue
from gan_core.models import listing

if TYPE_CHECKING:
    from gan_core.latent.attributes import Leakage
    from gan_core.latent.directions import Direction
    from gan_core.latent.explorer import Explorer
    from gan_core.latent.judge import Judge
    from gan_core.latent.measured import Measured

METHODS = ("pca", "sefa", "attributes")
JUDGES = "features."  # with a data set's name: the model of the shelf that judges its images


def directions(
    model: RunName,
    method: Annotated[str, typer.Option(help="pca, sefa, or attributes (learnt with a net, and measured).")] = "pca",
    count: Annotated[int, typer.Option("--n", "-n", help="How many of pca or sefa.")] = 12,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file. [default: beside a model of the shelf]")
    ] = None,
    net: Annotated[
        str | None, typer.Option(help="The shelf's net that judges attributes. [default: features.DATA]")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the samples that are compared.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Finds directions of a model's latent space and saves them, for sliders and edits."""
    if method not in METHODS:
        raise BadValue("There is no method '{method}'. Valid: {valid}.", method=method, valid=", ".join(METHODS))
    check_seed(seed)
    sampler, _, _ = sampler_of(model)
    if output is None and not listing.is_model(model):
        raise BadValue("{model} isn't on the shelf: say where to save with --output FILE.", model=model)
    from gan_core.latent.explorer import Explorer
    from gan_core.latent.files import DIRECTIONS, write_directions
    from gan_core.latent.ganspace import pca
    from gan_core.latent.measured import MEASURED, write_measured
    from gan_core.latent.sefa import sefa

    explorer = Explorer(sampler)
    path = output or listing.folder_of(model) / DIRECTIONS
    with reporting(not as_json) as progress:
        if method == "attributes":
            judge = _judge(model, net)
            found, measured = _attributes(explorer, judge, seed, progress)
            write_measured(path.with_name(MEASURED), explorer, measured)
        else:
            found = pca(explorer, count, seed) if method == "pca" else sefa(explorer, count)
    write_directions(path, explorer, found)
    if as_json:
        emit({"file": path.resolve(), "directions": [{"name": one.name, **one.facts} for one in found]})
        return
    names = list(dict.fromkeys(name for one in found for name in one.facts))
    rows = [(one.name, *(f"{one.facts[name]:.2f}" if name in one.facts else "" for name in names)) for one in found]
    show_table(("DIRECTION", *(name.upper() for name in names)), rows)
    say(f"{len(found)} directions: {path}")


def _attributes(explorer: Explorer, judge: Judge, seed: int, progress: Progress) -> tuple[list[Direction], Measured]:
    from gan_core.latent.attributes import described, learn
    from gan_core.latent.measured import measure_model

    found = learn(explorer, judge, seed=seed, progress=progress)
    measured = measure_model(explorer, found, judge, seed + 1, progress)
    return [described(one, measured.leakage) for one in found], measured


def measure(
    model: Annotated[str, typer.Argument(help="A model of the shelf that has directions of attributes.")],
    net: Annotated[
        str | None, typer.Option(help="The shelf's net that judges attributes. [default: features.DATA]")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the samples that are compared.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Measures what a model's sliders and bands of layers change, and keeps it beside the model."""
    check_seed(seed)
    from gan_core.latent.explorer import Explorer
    from gan_core.latent.files import DIRECTIONS, read_directions
    from gan_core.latent.measured import MEASURED, measure_model, write_measured
    from gan_core.models import listing, loading

    folder = listing.standing(model)
    explorer = Explorer(loading.load(model))
    directions = read_directions(folder / DIRECTIONS, explorer)
    with reporting(not as_json) as progress:
        measured = measure_model(explorer, directions, _judge(model, net), seed, progress)
    write_measured(folder / MEASURED, explorer, measured)
    leakage = measured.leakage
    bands = {name: {key: band.changes[key] for key in band.words} for name, band in measured.bands.items()}
    if as_json:
        moves = {name: {"moves": leakage.own(name), "leaks": leakage.worst(name)} for name in leakage.directions}
        emit({"file": (folder / MEASURED).resolve(), "directions": moves, "bands": bands})
        return
    rows = [(name, f"{leakage.own(name):.2f}", *_worst(leakage, name)) for name in leakage.directions]
    show_table(("DIRECTION", "MOVES", "LEAKS", "INTO"), rows)
    for name, changes in bands.items():
        typer.echo(f"{name}: " + (", ".join(f"{key} {share:.0%}" for key, share in changes.items()) or "-"))


def _worst(leakage: Leakage, name: str) -> tuple[str, str]:
    value, move = leakage.worst(name)
    return f"{move:.2f}", value


def _judge(model: str, net: str | None) -> Judge:
    """The net that judges what the model draws; raises UnknownName, or BadValue where it is none."""
    from gan_core.latent.judge import judge_of
    from gan_core.models import listing, loading

    name = net or f"{JUDGES}{model.partition('.')[2]}"
    card = listing.card(name)
    return judge_of(loading.load(name), card.attributes or {"class": card.class_names})


def interpolate(
    model: RunName,
    output: Annotated[Path, typer.Option("--output", "-o", help="The film: .mp4, .gif, .webp, or .zip of PNG files.")],
    count: Annotated[int, typer.Option("--n", "-n", help="How many samples it leads through.")] = 6,
    seconds: Annotated[float, typer.Option(help="How long it lasts.")] = 8.0,
    rate: Annotated[int, typer.Option(help="Frames per second.")] = 24,
    size: Annotated[int, typer.Option(help="Width in pixels.")] = 256,
    way: Annotated[str, typer.Option(help="linear, spherical or smooth.")] = "smooth",
    closed: Annotated[bool, typer.Option("--loop/--no-loop", help="Lead back to the first sample.")] = True,
    truncation: Annotated[
        float | None, typer.Option(metavar="PSI", help="0 to 1.5: below 1, samples are more alike and better.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same samples.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Makes a film that leads from sample to sample."""
    from gan_core.latent.film import check_film, write_film

    check_film(output, rate, size)
    check_seed(seed)
    from gan_core.latent.explorer import Explorer
    from gan_core.latent.interpolation import way as led
    from gan_core.latent.truncation import Truncation, truncated

    explorer = Explorer(sampler_of(model)[0])
    keyframes = explorer.sample(count, seed)
    if truncation is not None:
        keyframes = truncated(explorer, keyframes, Truncation(truncation))
    points = led(explorer, keyframes, round(seconds * rate), closed, way)
    with reporting(not as_json) as progress:
        film = write_film(explorer, points, output, rate, size, progress)
    if as_json:
        emit({"file": film.path.resolve(), "frames": film.frames, "seconds": film.seconds, "bytes": film.bytes})
    else:
        typer.echo(f"{film.frames} frames in {film.seconds:.1f} s: {film.path}")
