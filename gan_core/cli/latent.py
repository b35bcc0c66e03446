"""`ganscope directions` and `ganscope interpolate`: latent directions, and films through the latent space."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gan_core.cli.media import film_facts, sampler_of
from gan_core.cli.output import AsJson, ModelOrRun, check_seed, command, emit, reporting, say, show_table
from gan_core.data.base import Progress
from gan_core.disk import check_output
from gan_core.errors import BadValue, percent
from gan_core.models import listing
from gan_core.runs.store import RunStore

if TYPE_CHECKING:
    from gan_core.latent.attribute_classifier import AttributeClassifier
    from gan_core.latent.attributes import Leakage
    from gan_core.latent.directions import Direction
    from gan_core.latent.explorer import Explorer
    from gan_core.latent.measured import Measured

METHODS = ("pca", "sefa", "attributes")
CLASSIFIERS = "features."  # with a data set's name: the attribute classifier for its images


def directions(
    model: ModelOrRun,
    method: Annotated[
        str,
        typer.Option(help="pca (GANSpace), sefa, or attributes (learnt with an attribute classifier, and measured)."),
    ] = "pca",
    count: Annotated[int, typer.Option("--n", "-n", help="Number of directions for pca and sefa.")] = 12,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Output file. [default: next to the model's weights]")
    ] = None,
    net: Annotated[str | None, typer.Option(help="Attribute classifier: a model. [default: features.DATA]")] = None,
    seed: Annotated[int, typer.Option(help="Random seed of the samples.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Find directions in a model's latent space and save them, for sliders and edits."""
    if method not in METHODS:
        raise BadValue("Unknown method '{method}'. Valid: {valid}.", method=method, valid=", ".join(METHODS))
    check_seed(seed)
    sampler, _, facts = sampler_of(model)
    if output is None and not listing.is_model(model):
        raise BadValue("{model} isn't a local model: set the output file with --output FILE.", model=model)
    if output is not None:
        check_output(output)
    from gan_core.latent.explorer import Explorer
    from gan_core.latent.files import DIRECTIONS, write_directions
    from gan_core.latent.ganspace import pca
    from gan_core.latent.measured import MEASURED, write_measured
    from gan_core.latent.sefa import sefa

    explorer = Explorer(sampler)
    path = output or listing.folder_of(model) / DIRECTIONS
    with reporting(not as_json) as progress:
        if method == "attributes":
            classifier = _classifier(model, net)
            found, measured = _attributes(explorer, classifier, seed, progress)
            write_measured(path.with_name(MEASURED), explorer, measured)
        else:
            found = pca(explorer, count, seed) if method == "pca" else sefa(explorer, count)
    write_directions(path, explorer, found)
    if as_json:
        emit(facts | {"file": path.resolve(), "directions": [{"name": one.name, **one.facts} for one in found]})
        return
    names = list(dict.fromkeys(name for one in found for name in one.facts))
    rows = [(one.name, *(f"{one.facts[name]:.2f}" if name in one.facts else "" for name in names)) for one in found]
    show_table(("DIRECTION", *(name.upper() for name in names)), rows)
    say(f"{len(found)} directions: {path}")


def _attributes(
    explorer: Explorer, classifier: AttributeClassifier, seed: int, progress: Progress
) -> tuple[list[Direction], Measured]:
    from gan_core.latent.attributes import described, learn
    from gan_core.latent.measured import measure_model

    found = learn(explorer, classifier, seed=seed, progress=progress)
    measured = measure_model(explorer, found, classifier, seed + 1, progress)
    return [described(one, measured.leakage) for one in found], measured


def measure(
    model: Annotated[str, typer.Argument(help="A model with attribute directions.")],
    net: Annotated[str | None, typer.Option(help="Attribute classifier: a model. [default: features.DATA]")] = None,
    seed: Annotated[int, typer.Option(help="Random seed of the samples.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Measure what a model's attribute directions and layer bands change, and save it next to the model."""
    check_seed(seed)
    from gan_core.latent.explorer import Explorer
    from gan_core.latent.files import DIRECTIONS, read_directions
    from gan_core.latent.measured import MEASURED, measure_model, write_measured
    from gan_core.models import listing, loading

    if model not in listing.names() and any(model in (run.id, run.name) for run in RunStore().runs()):
        raise BadValue(
            "{model} is a run, and only models can be measured. Publish it as a model first: `{command}`",
            model=model, command=command("models", "publish", model),
        )  # fmt: skip
    folder = listing.standing(model)
    explorer = Explorer(loading.load(model))
    path = folder / DIRECTIONS
    directions = read_directions(path, explorer) if path.is_file() else []
    if not any(one.kind == "attribute" for one in directions):
        raise BadValue(
            "{model} has no directions of attributes yet. Learn and measure them: `{command}`",
            model=model, command=command("directions", model, "--method", "attributes"),
        )  # fmt: skip
    with reporting(not as_json) as progress:
        measured = measure_model(explorer, directions, _classifier(model, net), seed, progress)
    write_measured(folder / MEASURED, explorer, measured)
    leakage = measured.leakage
    bands = {name: {key: band.changes[key] for key in band.words} for name, band in measured.bands.items()}
    if as_json:
        moves = {name: {"moves": leakage.moved(name), "leaks": leakage.worst(name)} for name in leakage.directions}
        emit({"model": model, "file": (folder / MEASURED).resolve(), "directions": moves, "bands": bands})
        return
    rows = [(name, f"{leakage.moved(name):.2f}", *_worst(leakage, name)) for name in leakage.directions]
    show_table(("DIRECTION", "MOVES", "LEAKS", "INTO"), rows)
    for name, changes in bands.items():
        typer.echo(f"{name}: " + (", ".join(f"{key} {percent(share)}" for key, share in changes.items()) or "-"))


def _worst(leakage: Leakage, name: str) -> tuple[str, str]:
    value, move = leakage.worst(name)
    return f"{move:.2f}", value


def _classifier(model: str, net: str | None) -> AttributeClassifier:
    """The attribute classifier for a model; raises UnknownName, or BadValue if it is not one."""
    from gan_core.latent.attribute_classifier import attribute_classifier
    from gan_core.models import listing, loading

    name = net or f"{CLASSIFIERS}{model.partition('.')[2]}"
    card = listing.card(name)
    return attribute_classifier(loading.load(name), card.attributes or {"class": card.class_names})


def interpolate(
    model: ModelOrRun,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Output file: .mp4, .gif, .webp, or .zip (PNG frames).")
    ],
    count: Annotated[int, typer.Option("--n", "-n", help="Number of keyframes (random samples).")] = 6,
    seconds: Annotated[float, typer.Option(help="Duration in seconds, 0.5 to 120.")] = 8.0,
    rate: Annotated[int, typer.Option(help="Frames per second.")] = 24,
    size: Annotated[int, typer.Option(help="Width of the frames in pixels.")] = 256,
    kind: Annotated[
        str, typer.Option("--interpolation", "--way", help="Interpolation: linear, spherical or smooth.")
    ] = "smooth",
    closed: Annotated[
        bool, typer.Option("--loop/--no-loop", help="Return to the first sample, for a seamless loop.")
    ] = True,
    truncation: Annotated[
        float | None,
        typer.Option(
            metavar="PSI", help="Truncation psi, 0 to 1.5. Below 1, samples look better but are less diverse."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed; the same seed gives the same samples.")] = 0,
    classes: Annotated[
        str | None,
        typer.Option(
            "--class",
            help="Class of all samples, by name or number, or a blend, such as cat:0.5,dog:0.5. [default: all in turn]",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Render a film that interpolates between samples."""
    from gan_core.latent.film import check_film, check_seconds, write_film

    check_film(output, rate, size)
    check_seconds(seconds)
    check_seed(seed)
    from gan_core.latent.explorer import Explorer
    from gan_core.latent.interpolation import interpolate
    from gan_core.latent.truncation import Truncation, truncated

    sampler, _, facts = sampler_of(model)
    explorer = Explorer(sampler)
    keyframes = explorer.sample(count, seed, sampler.asked_for(classes))
    if truncation is not None:
        keyframes = truncated(explorer, keyframes, Truncation(truncation))
    points = interpolate(explorer, keyframes, round(seconds * rate), closed, kind)
    with reporting(not as_json) as progress:
        film = write_film(explorer, points, output, rate, size, progress)
    if as_json:
        emit(facts | film_facts(film))
    else:
        typer.echo(f"{film.frames} frames in {film.seconds:.1f} s: {film.path}")
