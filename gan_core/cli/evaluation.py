"""`ganscope eval`: how good samples are, in numbers whose names say which net saw how many of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gan_core.cli.output import AsJson, check_seed, data_name, data_sources, emit, find_run, reporting, say, show_table
from gan_core.errors import BadData, BadValue, UnknownName
from gan_core.runs.store import Run, RunStore

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
        str, typer.Argument(help="A run (id, beginning of an id, name, or 'latest'), or a folder of images.")
    ],
    against: Annotated[
        str | None, typer.Option(help="A data set's name, or a folder of real images. [default: the run's own data]")
    ] = None,
    net: Annotated[
        str | None, typer.Option(help="The feature net: a run, or a weights file. [default: the newest of that data]")
    ] = None,
    samples: Annotated[
        int | None, typer.Option(help=f"How many samples are judged. [default: {SAMPLES}, or as many as there are]")
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option(help="fd, kid, prdc, classes or nearest; can be repeated. [default: all]")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same samples and the same real images.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Judges the samples of a run, or a folder of images, against real images."""
    if samples is not None and not 2 <= samples <= MOST:
        raise BadValue("The number of samples must lie between 2 and {most}, not at {count}.", most=MOST, count=samples)
    check_seed(seed)
    store = RunStore()
    folder, run = judged(store, model)
    reference = data_name(against) if against else run.spec.data if run else ""
    if not reference:
        raise BadValue("A folder of images needs --against: a data set's name, or a folder of real images.")
    if reference.partition(":")[0] not in ("folder", "zip"):
        data_sources().get(reference)  # an unknown data set ends here

    from gan_core.metrics.evaluate import check_metrics
    from gan_core.metrics.evaluate import evaluate as measure

    names = check_metrics(metric or [])
    sampler = _sampler(store, run) if run else None
    seer = _net(store, net, reference, sampler.spec.size if sampler else None)
    if sampler:
        seer.check(sampler.spec.fields["real"], model)
    if folder:
        check_folder(folder, seer)
    _check_known_counts(names, seer, samples, reference)
    with reporting(not as_json) as progress:
        data = _load(reference, seer.spec.size, progress)
        stream = _stream(sampler, folder, model, seer, samples, seed, data, progress)
        report = measure(stream, data, seer, names, seed, progress)
    _tell(report, model, reference, seer.name, as_json)


def judged(store: RunStore, wanted: str) -> tuple[Path | None, Run | None]:
    """The folder or the run that is meant; raises UnknownName."""
    kind, _, path = wanted.partition(":")
    place = Path(path if kind == "folder" else wanted).expanduser()
    if kind == "folder" and not place.is_dir():
        raise BadData("There is no folder at {path}.", path=place)
    if place.is_dir():
        return place, None
    try:
        return None, find_run(store, wanted)
    except UnknownName:
        known = [name for run in store.runs()[:10] for name in (run.id, run.name) if name]
        raise UnknownName("run or folder of images", wanted, known or ["a run's id", "a folder's path"]) from None


def _sampler(store: RunStore, run: Run) -> Sampler:
    from gan_core.metrics.streams import check_images
    from gan_core.models.sampler import Sampler

    sampler = Sampler.from_run(store, run.id)
    check_images(sampler)
    return sampler


def _net(store: RunStore, wanted: str | None, reference: str, size: int | None) -> FeatureNet:
    """The net that was named, else the newest one that learnt the very data at that size (None: any)."""
    from gan_core.metrics.feature_net import FeatureNet

    if wanted is None:
        return FeatureNet.from_run(store, find_net(store, reference, size).id)
    if Path(wanted).is_file():
        return FeatureNet.from_file(Path(wanted))
    return FeatureNet.from_run(store, find_run(store, wanted).id)


def find_net(store: RunStore, reference: str, size: int | None) -> Run:
    """The newest feature net with a checkpoint for a data set; raises BadData, which says how to train one."""
    from gan_core.gans import recipes

    nets = [run for run in store.runs() if run.spec.recipe in recipes and not recipes.get(run.spec.recipe).draws]
    for run in nets:
        if run.spec.data == reference and size in (None, run.spec.size) and store.checkpoints(run.id):
            return run
    command = f"ganscope train feature_net --data {reference}" + (f" --size {size}" if size else "")
    raise BadData(
        "There is no feature net for {data} yet, and these metrics need one. Train it: {command}  Or choose another "
        "with --net: {nets}.",
        data=f"{reference} at {size} px" if size else reference,
        command=command,
        nets=", ".join(run.name or run.id for run in nets) or "there is none so far",
    )


def check_folder(folder: Path, net: FeatureNet) -> None:
    """Raises BadData where an image has another size than the net takes: resizing would change the metrics."""
    from PIL import Image

    side = net.spec.size
    for path in sorted(folder.rglob("*")):
        try:
            with Image.open(path) as image:
                width, height = image.size
        except (OSError, ValueError):
            continue  # the loader says of each file why it can't be used
        if (width, height) != (side, side):
            raise BadData(
                "{file} has {width} x {height} pixels, and {net} judges images of {side} x {side}. Images of another "
                "size aren't resized, because that changes the numbers: choose another net with --net.",
                file=path.name, width=width, height=height, net=net.name, side=side,
            )  # fmt: skip


def _check_known_counts(names: tuple[str, ...], net: FeatureNet, samples: int | None, reference: str) -> None:
    """What can be refused before a data set is prepared."""
    from gan_core.metrics.evaluate import check_counts

    sources = data_sources()
    items = sources.get(reference).items if reference in sources else MOST
    check_counts(names, net.size, MOST if samples is None else samples, items)


def _load(reference: str, size: int, progress: Any) -> DataSet:
    from gan_core.data import load

    return load(reference, size, progress)


def _stream(
    sampler: Sampler | None,
    folder: Path | None,
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
    images = _load(f"folder:{folder}", net.spec.size, progress)
    if samples and samples > len(images):
        raise BadData(
            "The folder {folder} has {count} images, and {samples} were asked for.",
            folder=folder, count=len(images), samples=samples,
        )  # fmt: skip
    if images.skipped:
        say(f"{len(images.skipped)} files of the folder can't be used.")
    return of_data(images, count, seed)


def _tell(report: Report, model: str, reference: str, net: str, as_json: bool) -> None:
    if as_json:
        emit(
            {
                "model": model,
                "against": reference,
                "net": net,
                "samples": report.samples,
                "references": report.references,
                "metrics": report.values,
                "classes": {name: {"samples": a, "real": b} for name, (a, b) in report.histogram.items()},
                "seconds": {name: round(seconds, 3) for name, seconds in report.seconds.items()},
            }
        )
        return
    typer.echo(f"{report.samples:,} samples of {model} against {report.references:,} images of {reference}")
    show_table(("METRIC", "VALUE"), [(name, f"{value:.4g}") for name, value in report.values.items()])
    if report.histogram:
        rows = [(name, f"{made:.1%}", f"{real:.1%}") for name, (made, real) in report.histogram.items()]
        typer.echo()
        show_table(("CLASS", "SAMPLES", "REAL"), rows)
