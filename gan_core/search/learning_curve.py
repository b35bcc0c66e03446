"""Do more images help? The same settings on a quarter, a half and all of the images, judged by held-out images.

Each share is trained for equally many steps as an ordinary run of the store, so that it can be opened and compared; a
finished run is used again, an unfinished one is resumed. The distance of the samples to real images that none of the
runs has seen has a 95 % interval over the samples (not over seeds).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from gan_core import data
from gan_core.data.parts import SHARES, held_out
from gan_core.errors import BadData, BadValue, RunConflict
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import Run, RunState, RunStore

ALL = "all"
LEAST = 50  # images held out, below which no verdict is possible

Verdict = Literal["helps", "no difference", "worse"]


@dataclass(frozen=True)
class Point:
    """One share of the images: their number, and the distance of the samples with its interval."""

    share: str  # a key of SHARES, or ALL
    images: int
    figure: str
    value: float
    low: float
    high: float
    run: str


Train = Callable[[Run], str]  # trains a run to its end; returns what went wrong


def training_part(reference: str) -> tuple[str, str]:
    """The training part and the held-out part: the set's own test part, else every tenth item."""
    apart = held_out(reference)
    return (reference, apart) if apart else (f"train:{reference}", f"test:{reference}")


def plans(base: RunSpec) -> dict[str, RunSpec]:
    """The run of each share, smallest first; raises BadValue where they would train until stopped."""
    if not base.steps:
        raise BadValue("The number of steps must be at least 1, got {steps}.", steps=base.steps)
    learnt, _ = training_part(base.data)
    shares = {share: f"{share}:{learnt}" for share in SHARES} | {ALL: learnt}
    return {share: base.with_data(reference) for share, reference in shares.items()}


def learning_curve(store: RunStore, base: RunSpec, samples: int, train: Train, asked: Sequence[int]) -> list[Point]:
    """Trains and judges each share; returns fewer points if it was stopped (`asked` isn't empty).

    Raises BadData if too few images are held out, or a run fails.
    """
    import torch

    from gan_core.data.batches import to_device
    from gan_core.models import loading
    from gan_core.search.judging import distance

    apart = data.load(training_part(base.data)[1], base.size)
    if len(apart) < LEAST:
        raise BadData(
            "Only {count} images are kept aside; at least {least} are needed to tell the shares apart. Use a set of at "
            "least {whole} images.",
            count=len(apart), least=LEAST, whole=10 * LEAST,
        )  # fmt: skip
    chosen = torch.linspace(0, len(apart) - 1, min(samples, len(apart))).long().numpy()
    real = to_device(torch.from_numpy(apart.arrays["real"][chosen]), torch.device("cpu"))
    points = []
    for share, spec in plans(base).items():
        run = _run(store, spec, f"learning curve, {share}")
        trouble = "" if run.state is RunState.FINISHED else train(run)
        if asked:
            break
        if trouble or (run := store.get(run.id)).state is not RunState.FINISHED:
            raise BadData("{reason}", reason=trouble or run.sentence or f"the run {run.id} is {run.state.value}")
        judged = distance(loading.from_run(store, run.id), real, base.data)
        images = len(data.load(spec.data, spec.size))
        points.append(Point(share, images, judged.name, judged.value, judged.low, judged.high, run.id))
    return points


def _run(store: RunStore, spec: RunSpec, name: str) -> Run:
    """The run begun for this share before, else a new one; raises RunConflict while another process trains it."""
    begun = [run for run in store.runs() if run.name == name and run.spec == spec and run.state is not RunState.FAILED]
    if begun and begun[0].is_active:
        raise RunConflict("The run {run} is being trained by another process.", run=begun[0].id)
    return begun[0] if begun else store.create(spec, name=name)


def verdict(points: Sequence[Point]) -> Verdict:
    """The effect of the last doubling of the images, judged by both intervals; needs at least two points."""
    before, after = points[-2:]
    if after.high < before.low:
        return "helps"
    return "worse" if after.low > before.high else "no difference"
