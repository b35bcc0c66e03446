"""`ganscope translate` and `ganscope upscale`: image-to-image models on files or folders."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gan_core.cli.media import sampler_of
from gan_core.cli.output import AsJson, command, emit, reporting, say
from gan_core.data.base import Progress
from gan_core.data.parts import user_images_of
from gan_core.data.user.places import place
from gan_core.data.user.references import UserImages
from gan_core.disk import writing
from gan_core.errors import BadData, BadValue
from gan_core.pictures.decoding import SUFFIXES
from gan_core.pictures.depth import WHOLE, check_depth, used, white
from gan_core.pictures.fits import CROP, check_fit
from gan_core.runs.store import RunStore

if TYPE_CHECKING:
    import numpy as np

    from gan_core.models.sampler import Sampler

SHALLOW = (
    "its encoding of 16 bits per channel isn't supported, so 8 are used. PNG, and TIFF without compression or with "
    "ZIP, keep all 16."
)
OUTPUT = "Output file for one image, else a folder; created if it doesn't exist."
DIM = "its values use {bits} of 16 bits per channel, so {white} is taken as white. Use --depth 16 to take all 16 bits."

Model = Annotated[str, typer.Argument(help="A model, its folder, hf://owner/name, or a run.")]
Upscaler = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A model, its folder, hf://owner/name, a run, or a community file such as 4x.pth.",
    ),
]
Inputs = Annotated[list[Path], typer.Argument(help="Images, or folders of images.", metavar="INPUT...")]
Output = Annotated[Path, typer.Option("--output", "-o", help=OUTPUT)]
Depth = Annotated[
    int,
    typer.Option(
        show_default=False,
        help="Significant bits of 16-bit images: 8, 10, 12, 14 or 16. [default: as many as the values need]",
    ),
]


@dataclass(frozen=True)
class Job:
    """An input image and its output file."""

    source: Path
    target: Path


def translate(
    model: Model,
    inputs: Inputs,
    output: Output,
    direction: Annotated[
        str, typer.Option(help="Direction, for models with several, such as b_to_a. [default: the first]")
    ] = "",
    fit: Annotated[
        str,
        typer.Option(help="How images are made square: crop (centre), stretch or pad. [default: as in training]"),
    ] = "",
    depth: Depth = 0,
    as_json: AsJson = False,
) -> None:
    """Translate images, each made square at the model's size."""
    check_depth(depth)
    if fit:
        check_fit(fit)
    work = jobs(inputs, output)
    sampler, title, facts = sampler_of(model)
    from gan_core.models import translator

    chosen = fit or _learnt(facts)
    recipe = sampler.recipe
    way = translator.direction_of(sampler, direction)
    if recipe.task == "super_resolution":
        advised = command("upscale", model, *inputs, "--output", output)
        raise BadValue("{recipe} is a super-resolution model. Use `{command}`", recipe=recipe.title, command=advised)

    def made(array: np.ndarray, progress: Progress) -> np.ndarray:
        return translator.translate_picture(sampler, array, way, chosen, depth)

    sizes = _worked(work, made, not as_json, depth)
    if as_json:
        emit(facts | {"direction": way, "files": [str(path.resolve()) for path in sizes]})
    else:
        _report(f"by {title} ({way})", sizes)


def _learnt(facts: Mapping[str, Any]) -> str:
    """The way in which a run's training images were made square."""
    mine = user_images_of(RunStore().get(facts["run"]).spec.data) if "run" in facts else None
    return mine.fit if mine else CROP


def upscale(
    model: Upscaler,
    inputs: Inputs,
    output: Output,
    scale: Annotated[int, typer.Option(show_default=False, help="Scale factor, 2 or 4. [default: the model's]")] = 0,
    mixed: Annotated[
        str | None,
        typer.Option(
            "--with",
            metavar="OTHER:SHARE",
            help="Interpolate the weights with another model of the same architecture; SHARE in [0, 1] is its weight.",
        ),
    ] = None,
    depth: Depth = 0,
    as_json: AsJson = False,
) -> None:
    """Upscale images of any size; alpha, greyscale and 16 bits are kept."""
    check_depth(depth)
    work = jobs(inputs, output)
    sampler, title, facts = sampler_of(model)
    from gan_core.models.enlarging import enlarge, factor

    factor(sampler)
    if mixed is not None:
        sampler, title = _blended(sampler, mixed, title)

    def made(array: np.ndarray, progress: Progress) -> np.ndarray:
        return enlarge(sampler, array, scale, progress=progress, depth=depth)

    sizes = _worked(work, made, not as_json, depth, deep=True)
    if as_json:
        emit(
            facts | {"with": mixed, "scale": scale or factor(sampler), "files": [str(path.resolve()) for path in sizes]}
        )
    else:
        _report(f"by {title}", sizes)


def _blended(sampler: Sampler, text: str, title: str) -> tuple[Sampler, str]:
    from gan_core.models.enlarging import blended

    other, _, share = text.rpartition(":")
    try:
        part = float(share)
    except ValueError:
        part = -1.0
    if not other or not 0 <= part <= 1:
        raise BadValue(
            "'{text}' must have the form OTHER:SHARE with a share in [0, 1], such as srgan.bsds_x4:0.5.", text=text
        )
    found, named, _ = sampler_of(other)
    return blended(sampler, found, part), f"{title} with {share} of {named}"


def jobs(inputs: Sequence[Path], output: Path) -> list[Job]:
    """The inputs with their outputs; raises BadData or BadValue before anything is loaded."""
    from gan_core.pictures.photos import ENDINGS, check_ending

    sources = list(_pictures(inputs))
    one_file = len(inputs) == 1 and not os.path.isdir(inputs[0])
    if one_file and output.suffix and not os.path.isdir(output):
        check_ending(output)
        found = [Job(sources[0], output)]
    else:
        if output.suffix.lower() in ENDINGS and not os.path.isdir(output):
            raise BadValue("Several images need a folder as --output, but {file} is a file name.", file=output)
        found = [Job(source, output / f"{source.stem}.png") for source in sources]
    taken, written = {source.resolve() for source in sources}, Counter(job.target.resolve() for job in found)
    for job in found:
        target = job.target.resolve()
        if target in taken:
            raise BadValue("{file} would be overwritten. Choose another --output.", file=job.target)
        if written[target] > 1:
            raise BadValue("Two images would both be written to {file}. Process them separately.", file=job.target)
    return found


def _pictures(inputs: Sequence[Path]) -> Iterator[Path]:
    for given in inputs:
        if os.path.isdir(given):
            inside = [given / name for name in place(UserImages("folder", str(given)), deep=False).names()]
            pictures = [path for path in inside if path.suffix.lower() in SUFFIXES]
            if not pictures:
                raise BadData("There are no images in {folder}.", folder=given)
            yield from pictures
        elif os.path.isfile(given):
            yield given
        else:
            raise BadData("The file {file} doesn't exist.", file=given)


def _worked(
    work: list[Job], made: Callable[[np.ndarray, Progress], np.ndarray], shown: bool, depth: int, deep: bool = False
) -> dict[Path, tuple[int, int]]:
    """Processes one picture after the other; reports those that can't be used, and continues with the others.

    Reports 16-bit files that use fewer bits, unless a `depth` was given, and for `deep` work those that can't be read
    with 16 bits. Returns width and height by file. Raises BadData if a picture can't be used.
    """
    from gan_core.pictures.photos import MOST_PIXELS, check_ending, levels_lost, read, write

    folder = work[0].target.parent
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    sizes: dict[Path, tuple[int, int]] = {}
    bad: list[BadData | BadValue] = []
    with reporting(shown) as progress:
        for done, job in enumerate(work):

            def report(share: float, what: str, done: int = done, job: Job = job) -> None:
                progress((done + share) / len(work), job.source.name)

            report(0.0, "")
            try:
                array = read(job.source, MOST_PIXELS)
                if deep and levels_lost(job.source, array):
                    say(f"{job.source}: {SHALLOW}")
                if not depth and array.dtype == "uint16" and (bits := used(array)) < WHOLE:
                    say(f"{job.source}: {DIM.format(bits=bits, white=white(bits))}")
                check_ending(job.target, array)
                result = made(array, report)
            except (BadData, BadValue) as error:
                bad.append(error)
                if len(work) > 1:
                    say(f"{job.source}: {error}")
                continue
            write(job.target, result)
            sizes[job.target] = (result.shape[1], result.shape[0])
    if bad and len(work) == 1:
        raise bad[0]
    if bad:
        raise BadData("{bad} of {count} images could not be used.", bad=len(bad), count=len(work))
    return sizes


def _report(how: str, sizes: dict[Path, tuple[int, int]]) -> None:
    for path, (width, height) in sizes.items():
        typer.echo(f"{path}: {width} x {height} pixels, {how}")
