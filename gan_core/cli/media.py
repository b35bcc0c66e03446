"""`ganscope sample` and `ganscope export-history`: images and films."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gan_core.cli.output import (
    AsJson,
    ModelOrRun,
    check_seed,
    check_width,
    emit,
    find_run,
    reporting,
    samples_word,
    unknown,
)
from gan_core.disk import check_output, replacing
from gan_core.errors import BadValue, UnknownName
from gan_core.runs.store import RunStore

if TYPE_CHECKING:
    from gan_core.models.sampler import Sampler

PICTURES = (".png", ".jpg", ".webp")


def sample(
    model: ModelOrRun,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Output image: .png, .jpg or .webp; of sound .wav, of texts .txt.")
    ],
    count: Annotated[int, typer.Option("--n", "-n", help="Number of samples.")] = 16,
    seed: Annotated[int, typer.Option(help="Random seed; the same seed gives the same latents.")] = 0,
    classes: Annotated[
        str | None,
        typer.Option(
            "--class",
            help="Class to sample, by name or number, such as cat or 3, or a blend, such as cat:0.5,dog:0.5. "
            "Of models that follow words, a sentence. "
            "If the class names are numbers, a number is a name. [default: all in turn]",
        ),
    ] = None,
    truncation: Annotated[
        float | None,
        typer.Option(
            metavar="PSI",
            help="Truncation psi, 0 to 1.5. Below 1, samples look better but are less diverse. [default: none]",
        ),
    ] = None,
    width: Annotated[
        int,
        typer.Option(
            help="Minimum width of the output in pixels; samples are enlarged by a whole factor, without smoothing."
        ),
    ] = 512,
    as_json: AsJson = False,
) -> None:
    """Draw samples from a model, or from a run's newest checkpoint, into one image grid."""
    from gan_core.media import media, medium_of

    written = (*PICTURES, *(suffix for one in media for suffix in one.suffixes))
    check_output(output, written)
    check_width(width)
    check_seed(seed)
    sampler, title, facts = sampler_of(model)
    medium = medium_of(sampler.recipe.task)
    check_output(output, (*PICTURES, *(medium.suffixes if medium else ())))
    from gan_core.models.showing import sheet
    from gan_core.pictures.grids import enlarge
    from gan_core.pictures.photos import check_sides

    label = sampler.asked_for(classes)
    drawn = sampler.sample(count, seed, label, truncation)
    if medium and output.suffix.lower() in medium.suffixes:
        medium.write(drawn.numpy(), sampler.spec, output)
    else:
        picture = enlarge(sheet(sampler, drawn, 0 if label is None or medium else 8), width)
        check_sides(output.suffix.removeprefix("."), picture.height, picture.width)
        with replacing(output) as temporary:
            picture.save(temporary)
    if as_json:
        asked = {"samples": count, "seed": seed, "class": classes, "truncation": truncation}
        emit(facts | asked | {"file": output.resolve()})
    else:
        typer.echo(f"{samples_word(count)} of {title}: {output}")


def sampler_of(wanted: str) -> tuple[Sampler, str, dict[str, Any]]:
    """The sampler of a model given by name, folder or file, else of a run's newest checkpoint."""
    from gan_core.models import community, hub, listing, loading
    from gan_core.models.card import CARD

    if hub.is_address(wanted):
        with reporting() as progress:
            folder = hub.folder(wanted, progress)
        return loading.load(str(folder)), f"{wanted} at {folder.name[:12]}", {"model": wanted, "commit": folder.name}
    if wanted in listing.names() or os.path.isfile(Path(wanted) / CARD):
        return loading.load(wanted), wanted, {"model": wanted}
    if community.is_file(wanted):
        sampler = community.load_upscaler(Path(wanted))
        return sampler, f"{Path(wanted).name} ({sampler.recipe.title})", {"model": wanted}
    store = RunStore()
    try:
        found = find_run(store, wanted)
    except UnknownName:
        if Path(wanted).suffix.lower() in listing.WEIGHT_FILES:
            raise BadValue("The file {file} doesn't exist.", file=wanted) from None
        raise unknown(store, "model or run", wanted) from None
    sampler = loading.from_run(store, found.id)
    assert sampler.checkpoint is not None
    step = sampler.checkpoint.step
    return sampler, f"{found.name or found.id} at step {step:,}", {"run": found.id, "steps": step}


def film_facts(film: Any) -> dict[str, Any]:
    """A film that was written, as JSON."""
    return {"file": film.path.resolve(), "frames": film.frames, "seconds": film.seconds, "bytes": film.bytes}


def export(
    runs: Annotated[list[str], typer.Argument(help="One run, or several, shown side by side.", metavar="RUN...")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Output file: .gif or .mp4.")],
    seconds: Annotated[float, typer.Option(help="Duration in seconds, 0.5 to 120.")] = 8.0,
    size: Annotated[int, typer.Option(help="Width of each run's grid in pixels.")] = 512,
    as_json: AsJson = False,
) -> None:
    """Render a film of how the samples changed during training, from the stored previews."""
    from gan_core.runs.export import check_film, export_history, tracks_of

    check_film(output, seconds, size)
    store = RunStore()
    ids = [find_run(store, run).id for run in runs]
    tracks = tracks_of(store, ids)
    with reporting(not as_json) as progress:
        film = export_history(tracks, output, seconds=seconds, size=size, progress=progress)
    if as_json:
        emit({"runs": ids} | film_facts(film))
    else:
        typer.echo(f"{film.frames} frames in {film.seconds:.1f} s: {film.path}")
