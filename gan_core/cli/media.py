"""`ganscope sample` and `ganscope export-history`: pictures and films from runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gan_core.cli.output import AsJson, RunName, check_seed, emit, find_run, reporting, unknown
from gan_core.disk import replacing
from gan_core.errors import BadValue, UnknownName
from gan_core.runs.store import RunStore

if TYPE_CHECKING:
    from gan_core.layers.classes import Classes
    from gan_core.models.sampler import Sampler

PICTURES = (".png", ".jpg", ".webp")


def sample(
    run: RunName,
    output: Annotated[Path, typer.Option("--output", "-o", help="The picture: .png, .jpg or .webp.")],
    count: Annotated[int, typer.Option("--n", "-n", help="How many samples.")] = 16,
    seed: Annotated[int, typer.Option(help="The same seed gives the same latents.")] = 0,
    classes: Annotated[
        str | None,
        typer.Option(
            "--class",
            help="The class to draw, by its name or number, such as cat or 3, or a blend, such as cat:0.5,dog:0.5. "
            "Where classes are called by numbers, a number is a name. [default: all]",
        ),
    ] = None,
    truncation: Annotated[
        float | None,
        typer.Option(metavar="PSI", help="0 to 1.5: below 1, samples are more alike and better. [default: untouched]"),
    ] = None,
    width: Annotated[int, typer.Option(help="Pixels are enlarged sharply until the picture is this wide.")] = 512,
    as_json: AsJson = False,
) -> None:
    """Draws samples from a model of the shelf, or from a run's newest checkpoint, into one picture."""
    if output.suffix.lower() not in PICTURES:
        raise BadValue(
            "{file} can't be written: valid endings are {valid}.", file=output.name, valid=", ".join(PICTURES)
        )
    if not 1 <= width <= 8192:
        raise BadValue("The width must lie between 1 and 8192 pixels, not at {width}.", width=width)
    check_seed(seed)
    sampler, title, facts = sampler_of(run)
    from gan_core.layers.classes import parse_classes
    from gan_core.pictures.grids import enlarge, grid, scatter, to_uint8

    label: Classes | None = None
    if classes is not None:  # of a model without classes the sampler says so
        known = sampler.recipe.conditional
        label = parse_classes(classes, sampler.spec.class_names, sampler.spec.classes) if known else 0
    drawn = sampler.sample(count, seed, label, truncation)
    if sampler.recipe.task == "points":
        picture = scatter(drawn.numpy(), drawn.numpy())
    else:
        picture = grid(to_uint8(drawn), sampler.columns if label is None else 8)
    picture = enlarge(picture, width)
    with replacing(output) as temporary:
        picture.save(temporary)
    if as_json:
        asked = {"samples": count, "seed": seed, "class": classes, "truncation": truncation}
        emit(facts | asked | {"file": output.resolve()})
    else:
        typer.echo(f"{count} samples of {title}: {output}")


def sampler_of(wanted: str) -> tuple[Sampler, str, dict[str, Any]]:
    """What draws: a model of the shelf by its name, one by its folder or its file, else a run's newest checkpoint."""
    from gan_core.models import community, hub, listing, loading
    from gan_core.models.card import CARD

    if hub.is_address(wanted):
        with reporting() as progress:
            folder = hub.folder(wanted, progress)
        return loading.load(str(folder)), f"{wanted} at {folder.name[:12]}", {"model": wanted, "commit": folder.name}
    if wanted in listing.names() or (Path(wanted) / CARD).is_file():
        return loading.load(wanted), wanted, {"model": wanted}
    if community.is_file(wanted):
        sampler = community.load_upscaler(Path(wanted))
        return sampler, f"{Path(wanted).name} ({sampler.recipe.title})", {"model": wanted}
    store = RunStore()
    try:
        found = find_run(store, wanted)
    except UnknownName:
        raise unknown(store, "model or run", wanted) from None
    sampler = loading.from_run(store, found.id)
    step = store.checkpoints(found.id)[-1].step
    return sampler, f"{found.name or found.id} at step {step:,}", {"run": found.id, "step": step}


def export(
    runs: Annotated[list[str], typer.Argument(help="One run, or several to show side by side.", metavar="RUN...")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The film: .gif or .mp4.")],
    seconds: Annotated[float, typer.Option(help="How long the film lasts.")] = 8.0,
    size: Annotated[int, typer.Option(help="Width of each run's picture, in pixels.")] = 512,
    as_json: AsJson = False,
) -> None:
    """Makes a film of how the samples changed, from the previews that were kept."""
    from gan_core.runs.export import check_film, export_history, tracks_of

    check_film(output, seconds, size)
    store = RunStore()
    tracks = tracks_of(store, [find_run(store, run).id for run in runs])
    with reporting(not as_json) as progress:
        film = export_history(tracks, output, seconds=seconds, size=size, progress=progress)
    if as_json:
        emit({"file": film.path.resolve(), "frames": film.frames, "seconds": film.seconds, "bytes": film.bytes})
    else:
        typer.echo(f"{film.frames} frames in {film.seconds:.1f} s: {film.path}")
