"""`ganscope augment-study`: does GAN augmentation help a classifier when data are scarce?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import typer

from gan_core.cli.output import AsJson, data_name, emit, reporting, say, show_table
from gan_core.errors import BadValue
from gan_core.study.plan import ARMS, SIZES, StudyPlan, fitting, numbers, words

if TYPE_CHECKING:
    from gan_core.study.plan import Cell
    from gan_core.study.results import Result
    from gan_core.study.summary import Summary

OWN = 28  # default size of the user's own images, in pixels


def study(
    data: Annotated[str, typer.Option(help="Labelled images: a data set, or a folder with one subfolder per class.")],
    k: Annotated[
        str, typer.Option(help="Numbers of real images per class, comma-separated; '' for none.")
    ] = "20,50,100,500",
    unbalanced: Annotated[
        int, typer.Option(help="Images of each common class in the unbalanced setting (1:20); 0 leaves it out.")
    ] = 400,
    seeds: Annotated[int, typer.Option(help="Number of repetitions, each with a new subset, GAN and classifier.")] = 5,
    steps: Annotated[int, typer.Option(help="Training steps per classifier.")] = 400,
    gan_steps: Annotated[int, typer.Option(help="Training steps per GAN.")] = 2000,
    arms: Annotated[str, typer.Option(help="Arms to compare, comma-separated.")] = ",".join(ARMS),
    size: Annotated[int | None, typer.Option(help="Height and width in pixels. [default: native size]")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare classifiers trained on few real images: as they are, augmented, with GAN images added, or both.

    Run the same command again to resume an interrupted study.

    Example: ganscope augment-study --data digits --k 20 --unbalanced 0 --seeds 2 --steps 100 --gan-steps 200
    """
    reference = data_name(data)
    plan = StudyPlan(
        reference, _fitting(reference, size), numbers(k), unbalanced, seeds, steps, gan_steps, tuple(words(arms))
    )

    from gan_core.study import running, subsets
    from gan_core.study.summary import summarise

    with reporting(not as_json) as progress:
        images = subsets.load(plan, progress)
    if images.test_part == "held_out":
        say(f"{plan.data} has no test part: every tenth image, {len(images.test)} in all, is held out for testing.")
    folder = running.run(plan, images, _report)
    summary = summarise(folder, plan)
    if as_json:
        about = {"test_part": images.test_part, "test_images": len(images.test)}
        emit({"folder": str(folder.path), **plan.to_state(), **about, **summary.to_state()})
        return
    _show(summary)
    say(f"Measured on {len(images.test)} test images. Intervals: 95 %, Student's t over {seeds} seeds.")
    say(f"Results: {folder.path}; open the Study page of the app to see them.")


def _fitting(reference: str, size: int | None) -> int:
    """A size that the GAN can generate, in pixels; raises BadValue or UnknownName."""
    from gan_core import data
    from gan_core.data.user.references import of_images

    if size is not None and size not in SIZES:
        valid = ", ".join(map(str, SIZES))
        raise BadValue("A study needs images of {valid} pixels, got {size}.", valid=valid, size=size)
    if size is not None:
        return size
    return OWN if of_images(reference) else fitting(data.source(reference).size)


def _report(done: int, planned: int, cell: Cell, result: Result) -> None:
    say(
        f"{done} of {planned}  {cell.setting.name} seed {cell.seed} {cell.arm}: accuracy {result.accuracy:.3f}, "
        f"AUC {result.auc:.3f} ({result.seconds:.0f} s)"
    )


def _show(summary: Summary) -> None:
    rows = [
        (row.setting.name, row.arm, row.measure, f"{row.estimate.mean:.3f}", _interval(row.estimate.half))
        for row in summary.rows
    ]
    show_table(("real images", "arm", "measure", "mean", "95 %"), rows)
    compared = [
        (one.setting.name, f"{one.arm} - {one.against}", one.measure, f"{one.difference.mean:+.3f}",
         _interval(one.difference.half), one.difference.verdict)
        for one in summary.comparisons
    ]  # fmt: skip
    show_table(("real images", "difference", "measure", "mean", "95 %", ""), compared)
    if any(math.isnan(row.estimate.half) for row in summary.rows):
        say("Confidence intervals need at least 2 seeds: set --seeds.")


def _interval(half: float) -> str:
    return "-" if math.isnan(half) else f"±{half:.3f}"
