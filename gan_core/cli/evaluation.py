"""`ganscope eval`: metrics of generated images; their names state the feature net and the number of samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gan_core.cli.output import AsJson, check_seed, data_name, emit, reporting, say, show_table
from gan_core.cli.subjects import Subject, find_net, subject_of
from gan_core.data.parts import user_images_of, whole
from gan_core.data.user.references import UserImages
from gan_core.errors import BadData, BadValue
from gan_core.runs.store import RunStore

if TYPE_CHECKING:
    from gan_core.data.base import DataSet
    from gan_core.metrics.evaluate import Report
    from gan_core.metrics.feature_net import FeatureNet
    from gan_core.metrics.streams import Stream
    from gan_core.models.sampler import Sampler

SAMPLES = 10_000  # where nobody says, as far as the data set has as many
MOST = 1_000_000


def evaluate(
    model: Annotated[
        str,
        typer.Argument(help="A model, a run (id, prefix of an id, name, or 'latest'), or a folder of images."),
    ],
    against: Annotated[
        str | None,
        typer.Option(
            help="Real images to compare with: a data set, test:NAME for its held-out test split, or a "
            "folder. [default: the model's training data]"
        ),
    ] = None,
    net: Annotated[
        str | None,
        typer.Option(help="Feature net: a model, a run, or a weights file. [default: the one trained on these data]"),
    ] = None,
    samples: Annotated[
        int | None, typer.Option(help=f"Number of samples. [default: {SAMPLES}, or as many as there are real images]")
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Metric to compute: fd, kid, prdc, classes or nearest; repeatable. [default: all]"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed; the same seed gives the same samples and real images.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Evaluate the samples of a model or a run, or a folder of images, against real images."""
    if samples is not None and not 2 <= samples <= MOST:
        raise BadValue("The number of samples must be between 2 and {most}, got {count}.", most=MOST, count=samples)
    check_seed(seed)
    store = RunStore()
    subject = subject_of(store, model)
    from gan_core.data import source

    reference = data_name(against) if against else subject.data
    if not reference:
        raise BadValue("A folder of images needs --against: a data set, or a folder of real images.")
    mine = user_images_of(reference)
    if not mine or mine.task != "images":
        source(reference)  # an unknown data set ends here

    from gan_core.metrics.evaluate import check_metrics
    from gan_core.metrics.evaluate import evaluate as measure
    from gan_core.metrics.streams import check_images

    names = check_metrics(metric or [])
    sampler = subject.sampler(store)
    size = sampler.spec.size if sampler else side_of(subject.images) if subject.images else None
    seer = find_net(store, net, reference, size)
    if sampler:
        check_images(sampler)
        seer.check(sampler.spec.in_channels(seer.spec.channels).shape, model)
    if subject.images:
        check_sizes(subject.images, seer)
    _check_references(reference, seer, subject.data)
    _check_known_counts(names, seer, samples, reference)
    with reporting(not as_json) as progress:
        data = _load(reference, seer.spec.size, progress)
        stream = _stream(sampler, subject.images, model, seer, samples, seed, data, progress)
        report = measure(stream, data, seer, names, seed, progress)
    _tell(report, subject, model, reference, seer, as_json)


def side_of(mine: UserImages) -> int | None:
    """The height and width of a folder's images in pixels, by the first that can be read; None where they differ."""
    width, height = next((size for _, size in _sizes(mine)), (0, -1))
    return width if width == height else None


def check_sizes(mine: UserImages, net: FeatureNet, advice: str = "choose another feature net with --net") -> None:
    """Raises BadData where an image has another size than the net takes: resizing would change the metrics."""
    for name, size in _sizes(mine):
        if size != (net.spec.size, net.spec.size):
            raise _other_size(name, size, net, advice)


def _other_size(name: str, size: tuple[int, int], net: FeatureNet, advice: str) -> BadData:
    return BadData(
        "{file} has {width} x {height} pixels, but {net} takes images of {side} x {side}. Images aren't resized, "
        "because that would change the metrics: {advice}.",
        file=name, width=size[0], height=size[1], net=net.name, side=net.spec.size, advice=advice,
    )  # fmt: skip


def _sizes(mine: UserImages) -> Iterator[tuple[str, tuple[int, int]]]:
    """Names, widths and heights of the images; the loader says of each other file why it can't be used."""
    from PIL import Image

    from gan_core.data.user.places import place
    from gan_core.pictures.decoding import Unusable

    with place(mine).files() as files:
        for name, opener in files.items():
            try:
                with opener() as file, Image.open(file) as image:
                    yield name, image.size
            except (Unusable, OSError, ValueError, Image.DecompressionBombError):
                continue


def _check_references(reference: str, net: FeatureNet, learnt: str) -> None:
    """As for samples, unless the model or the feature net was trained on these data: then they are prepared as for
    training.

    Raises BadData.
    """
    from gan_core.data import source

    mine, side = user_images_of(reference), net.spec.size
    if whole(reference) in (whole(learnt), whole(net.data)):
        others = {size for _, size in _sizes(mine)} if mine else {(source(reference).size,) * 2}
        if others - {(side, side)}:
            say(f"The images of {reference} are resized to {side} x {side} pixels, as they were for training.")
        return
    advice = "pass images of that size, or the data that the model or the feature net was trained on"
    if mine:
        check_sizes(mine, net, advice)
    elif (size := source(reference).size) != side:
        raise _other_size(reference, (size, size), net, advice)


def _check_known_counts(names: tuple[str, ...], net: FeatureNet, samples: int | None, reference: str) -> None:
    """Checks that need no data set to be prepared first."""
    from gan_core.data import source, sources
    from gan_core.metrics.evaluate import check_counts

    items = source(reference).items if whole(reference) in sources else MOST
    check_counts(names, net.size, MOST if samples is None else samples, items)


def _load(reference: str, size: int, progress: Any) -> DataSet:
    """Loads the images and reports files that were left out or converted."""
    from gan_core.data import load

    images = load(reference, size, progress)
    if images.skipped:
        say(f"{len(images.skipped)} files of {reference} can't be used.")
    for note in images.notes:
        say(note)
    return images


def _stream(
    sampler: Sampler | None,
    mine: UserImages | None,
    name: str,
    net: FeatureNet,
    samples: int | None,
    seed: int,
    data: DataSet,
    progress: Any,
) -> Stream:
    from gan_core.metrics.streams import of_data, of_model

    count = samples or min(SAMPLES, len(data))
    if sampler:
        return of_model(sampler, count, seed, name)
    images = _load(str(mine), net.spec.size, progress)
    if samples and samples > len(images):
        raise BadData(
            "The folder {folder} has {count} images, but {samples} were requested.",
            folder=name, count=len(images), samples=samples,
        )  # fmt: skip
    return of_data(images, count, seed)


def _tell(report: Report, subject: Subject, model: str, reference: str, net: FeatureNet, as_json: bool) -> None:
    if as_json:
        emit(
            subject.facts
            | {
                "against": reference,
                "net": net.name,
                "net_from": net.origin,
                "samples": report.samples,
                "references": report.references,
                "metrics": report.values,
                "class_shares": {name: {"samples": a, "real": b} for name, (a, b) in report.histogram.items()},
                "pictures": report.pictures,
                "notes": report.notes,
                "seconds": {name: round(seconds, 3) for name, seconds in report.seconds.items()},
            }
        )
        return
    typer.echo(
        f"{report.samples:,} samples of {model} against {report.references:,} images of {reference}, "
        f"in {report.pictures}"
    )
    typer.echo(f"by {net.name} ({net.origin})")
    show_table(("METRIC", "VALUE"), [(name, f"{value:.4g}") for name, value in report.values.items()])
    for note in report.notes:
        typer.echo(note)
    if report.histogram:
        rows = [(name, f"{made:.1%}", f"{real:.1%}") for name, (made, real) in report.histogram.items()]
        typer.echo()
        show_table(("CLASS", "SAMPLES", "REAL"), rows)
