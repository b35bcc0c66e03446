"""`ganscope translate` and `ganscope upscale`: pictures from pictures, one file or whole folders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gan_core.cli.media import sampler_of
from gan_core.cli.output import AsJson, command, emit, reporting, say
from gan_core.data.base import Progress
from gan_core.data.parts import own_of
from gan_core.data.user.places import place
from gan_core.data.user.references import Own
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
    "its 16 bits a channel are packed in a way that can't be read here: 8 are used. PNG keeps all 16, and so does TIFF "
    "without compression or with ZIP."
)
OUTPUT = "A picture's name for one picture, else a folder, which is made where it isn't there."
DIM = (
    "its levels use {bits} of 16 bits a channel, so {white} is taken as white. --depth 16 takes them as they are, and "
    "other depths another white."
)

Model = Annotated[str, typer.Argument(help="A model of the shelf, its folder, hf://owner/name, or a run.")]
Upscaler = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A model of the shelf, its folder, hf://owner/name, a run, or a community file such as 4x.pth.",
    ),
]
Inputs = Annotated[list[Path], typer.Argument(help="Pictures, or folders of pictures.", metavar="INPUT...")]
Output = Annotated[Path, typer.Option("--output", "-o", help=OUTPUT)]
Depth = Annotated[
    int,
    typer.Option(
        help="Bits that pictures of 16 bits use: 8, 10, 12, 14 or 16. [default: as many as the picture's levels need]"
    ),
]


@dataclass(frozen=True)
class Job:
    """One picture, and where what is made of it goes."""

    source: Path
    target: Path


def translate(
    model: Model,
    inputs: Inputs,
    output: Output,
    direction: Annotated[
        str, typer.Option(help="Which way, where the model knows several: such as b_to_a. [default: its first]")
    ] = "",
    fit: Annotated[
        str,
        typer.Option(help="How pictures become squares: crop (the middle), stretch or pad. [default: as the run's]"),
    ] = "",
    depth: Depth = 0,
    as_json: AsJson = False,
) -> None:
    """Translates pictures, each as a square of the model's size."""
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
        raise BadValue("{recipe} enlarges pictures: use `{command}`", recipe=recipe.title, command=advised)

    def made(array: np.ndarray, progress: Progress) -> np.ndarray:
        return translator.translate_picture(sampler, array, way, chosen, depth)

    sizes = _worked(work, made, not as_json, depth)
    if as_json:
        emit(facts | {"direction": way, "files": [str(path.resolve()) for path in sizes]})
    else:
        _tell(f"by {title} ({way})", sizes)


def _learnt(facts: Mapping[str, Any]) -> str:
    """How the pictures that a run has learnt from became squares."""
    mine = own_of(RunStore().get(facts["run"]).spec.data) if "run" in facts else None
    return mine.fit if mine else CROP


def upscale(
    model: Upscaler,
    inputs: Inputs,
    output: Output,
    scale: Annotated[int, typer.Option(help="2 or 4, as far as the model can. [default: the model's]")] = 0,
    mixed: Annotated[
        str | None,
        typer.Option(
            "--with", metavar="OTHER:SHARE", help="Blend with a model of the same networks: 0.3 is three tenths of it."
        ),
    ] = None,
    depth: Depth = 0,
    as_json: AsJson = False,
) -> None:
    """Enlarges pictures of any size; alpha, grey and 16 bits are kept."""
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
        _tell(f"by {title}", sizes)


def _blended(sampler: Sampler, text: str, title: str) -> tuple[Sampler, str]:
    from gan_core.models.enlarging import blended

    other, _, share = text.rpartition(":")
    try:
        part = float(share)
    except ValueError:
        part = -1.0
    if not other or not 0 <= part <= 1:
        raise BadValue("'{text}' must be a model and a share in [0, 1], such as srgan.bsds_x4:0.5.", text=text)
    found, named, _ = sampler_of(other)
    return blended(sampler, found, part), f"{title} with {share} of {named}"


def jobs(inputs: Sequence[Path], output: Path) -> list[Job]:
    """What is to be done; raises BadData or BadValue before anything is loaded."""
    from gan_core.pictures.photos import ENDINGS, check_ending

    sources = list(_pictures(inputs))
    one_file = len(inputs) == 1 and not inputs[0].is_dir()
    if one_file and output.suffix and not output.is_dir():
        check_ending(output)
        found = [Job(sources[0], output)]
    else:
        if output.suffix.lower() in ENDINGS and not output.is_dir():
            raise BadValue("Several pictures need a folder as --output, and {file} is a picture's name.", file=output)
        found = [Job(source, output / f"{source.stem}.png") for source in sources]
    targets = [job.target.resolve() for job in found]
    for job, target in zip(found, targets, strict=True):
        if target in {source.resolve() for source in sources}:
            raise BadValue("{file} would be written over. Choose another --output.", file=job.target)
        if targets.count(target) > 1:
            raise BadValue("Two pictures would both become {file}. Translate them apart.", file=job.target)
    return found


def _pictures(inputs: Sequence[Path]) -> Iterator[Path]:
    for given in inputs:
        if given.is_dir():
            inside = [given / name for name in place(Own("folder", str(given)), deep=False).names()]
            pictures = [path for path in inside if path.suffix.lower() in SUFFIXES]
            if not pictures:
                raise BadData("There is no picture in {folder}.", folder=given)
            yield from pictures
        elif given.is_file():
            yield given
        else:
            raise BadData("The file {file} doesn't exist.", file=given)


def _worked(
    work: list[Job], made: Callable[[np.ndarray, Progress], np.ndarray], shown: bool, depth: int, deep: bool = False
) -> dict[Path, tuple[int, int]]:
    """Does it, one picture after the other; those that can't be used are named, and the others done.

    It is said where files of 16 bits use fewer, unless a `depth` was asked for, and for `deep` work where 16 bits can't
    be read as such. Returns width and height by file. Raises BadData where one can't be used.
    """
    from gan_core.pictures.photos import MOST_PIXELS, check_ending, levels_lost, read, write

    folder = work[0].target.parent
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    sizes: dict[Path, tuple[int, int]] = {}
    bad: list[BadData | BadValue] = []
    with reporting(shown) as progress:
        for done, job in enumerate(work):

            def told(share: float, what: str, done: int = done, job: Job = job) -> None:
                progress((done + share) / len(work), job.source.name)

            told(0.0, "")
            try:
                array = read(job.source, MOST_PIXELS)
                if deep and levels_lost(job.source, array):
                    say(f"{job.source}: {SHALLOW}")
                if not depth and array.dtype == "uint16" and (bits := used(array)) < WHOLE:
                    say(f"{job.source}: {DIM.format(bits=bits, white=white(bits))}")
                check_ending(job.target, array)
                result = made(array, told)
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
        raise BadData("{bad} of {count} pictures could not be used.", bad=len(bad), count=len(work))
    return sizes


def _tell(how: str, sizes: dict[Path, tuple[int, int]]) -> None:
    for path, (width, height) in sizes.items():
        typer.echo(f"{path}: {width} x {height} pixels, {how}")
