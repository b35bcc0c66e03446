"""`ganscope eval`: metrics of generated images; their names state the feature net and the number of samples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import typer

from gan_core.cli.output import AsJson, data_name, emit, reporting, say, show_table
from gan_core.cli.subjects import net_finder, subject_of
from gan_core.errors import filled, percent
from gan_core.evaluation.results import Result
from gan_core.evaluation.work import SAMPLES, Asked, Prepared, measured, prepared
from gan_core.metrics.figures import Figure
from gan_core.metrics.trust import METRICS, Note
from gan_core.runs.store import RunStore

if TYPE_CHECKING:
    from gan_core.metrics.evaluate import Report


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
        typer.Option(
            help="Feature net: a model, a run, a weights file, imagenet or inception. [default: the one trained on "
            "these data, else imagenet]"
        ),
    ] = None,
    samples: Annotated[
        int | None, typer.Option(help=f"Number of samples. [default: {SAMPLES}, or as many as there are real images]")
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(help=f"Metric to compute: {', '.join(METRICS)}; repeatable. [default: all that are possible]"),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(help="Height and width in pixels to which a folder's images are brought, with --net imagenet."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed; the same seed gives the same samples and real images.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Evaluate the samples of a model or a run, or a folder of images, against real images."""
    store = RunStore()
    reference = data_name(against) if against else ""
    asked = Asked(subject_of(store, model), model, reference, net, samples, tuple(metric or ()), seed, size)
    work = prepared(store, asked, _say, net_finder(store))
    with reporting(not as_json) as progress:
        result, report = measured(work, progress, _say)
    _print_result(result, report, work, as_json)


def evaluate_asked() -> None:
    """Make the evaluations that the page Evaluate has asked for, in the background."""
    from gan_core.evaluation import process

    for item in process.perform(RunStore()).items:
        say(f"{item.name}: {filled(item.message, item.values) if item.message else item.state}")


def _say(note: Note) -> None:
    say(str(note))


def _print_result(result: Result, report: Report | None, work: Prepared, as_json: bool) -> None:
    if as_json:
        emit(_facts(result, report, work))
        return
    typer.echo(
        f"{result.samples:,} samples of {work.asked.name} against {result.references:,} images of "
        f"{result.against}, in 8 bits"
    )
    typer.echo(f"by {result.net} ({result.net_from})")
    rows = [(figure.name, f"{figure.value:.4g}", _interval(figure), _floor(figure)) for figure in result.figures]
    show_table(("METRIC", "VALUE", "95 % INTERVAL", "FLOOR (REAL)"), rows)
    for note in result.notes:
        typer.echo(str(note))
    if result.class_shares:
        shares = [(name, percent(made, 1), percent(real, 1)) for name, (made, real) in result.class_shares.items()]
        typer.echo()
        show_table(("CLASS", "SAMPLES", "REAL"), shares)
    if result.obedience:
        typer.echo("\nClasses asked for (rows) and seen:")
        matrix = zip(result.obedience["asked"], result.obedience["shares"], strict=True)
        show_table(("", *result.obedience["seen"]), [(name, *(_share(one) for one in row)) for name, row in matrix])


def _interval(figure: Figure) -> str:
    return f"{figure.low:.4g} to {figure.high:.4g}" if figure.known else ""


def _floor(figure: Figure) -> str:
    return f"{figure.floor:.4g} (n = {figure.floor_n:,})" if math.isfinite(figure.floor) else ""


def _share(value: float) -> str:
    return percent(value) if math.isfinite(value) else "-"


def _facts(result: Result, report: Report | None, work: Prepared) -> dict[str, object]:
    return work.asked.subject.facts | {
        "against": result.against,
        "net": result.net,
        "net_from": result.net_from,
        "samples": result.samples,
        "references": result.references,
        "metrics": {figure.name: figure.value for figure in result.figures},
        "figures": {figure.name: figure.facts() for figure in result.figures},
        "class_shares": {name: {"samples": a, "real": b} for name, (a, b) in result.class_shares.items()},
        "obedience": result.obedience,
        "same_images": bool(report and report.same_images),
        "pictures": "8 bits",
        "notes": list(map(str, result.notes)),
        "seconds": {name: round(seconds, 3) for name, seconds in report.seconds.items()} if report else {},
    }
