"""An evaluation from request to stored result: everything is checked before any long computation."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gan_core.data.base import LARGEST_SIDE, SMALLEST_SIDE, Progress, silent
from gan_core.data.parts import held_out, kind_of, user_images_of, whole
from gan_core.data.user.references import UserImages
from gan_core.errors import BadData, BadValue
from gan_core.evaluation import results
from gan_core.evaluation.results import Result
from gan_core.evaluation.subjects import FindRun, Subject, find_net
from gan_core.metrics.figures import TRAIN
from gan_core.metrics.trust import Note, check_counts, check_metrics
from gan_core.runs.store import RunStore

if TYPE_CHECKING:
    from gan_core.data.base import DataSet
    from gan_core.metrics.evaluate import Report
    from gan_core.metrics.feature_net import FeatureNet
    from gan_core.metrics.streams import Stream
    from gan_core.models.sampler import Sampler

SAMPLES = 10_000  # default, limited to the size of the data set
MOST = 1_000_000
PAIRS = "pairs"  # the metric of models that translate
OWN_SIDE = 128  # pixels to which a folder's images of different sizes are resized, for a net that takes any size

Notify = Callable[[Note], None]


@dataclass(frozen=True)
class Asked:
    """A request for an evaluation; the defaults are those of `ganscope eval`.

    `name` is the user's name for the subject; `against` is a data set's name as a run stores it, "" for the subject's
    training data.
    """

    subject: Subject
    name: str
    against: str = ""
    net: str | None = None
    samples: int | None = None
    metrics: tuple[str, ...] = ()
    seed: int = 0
    size: int | None = None

    def to_state(self) -> dict[str, Any]:
        """The request as JSON, with a run by its id."""
        rest = {one.name: getattr(self, one.name) for one in dataclasses.fields(self) if one.name != "subject"}
        return {**rest, "subject": self.subject.facts}

    @classmethod
    def from_state(cls, store: RunStore, state: Mapping[str, Any]) -> Asked:
        """The inverse of `to_state`; raises UnknownName if the run is gone."""
        subject = Subject.of(store, state["subject"])
        return cls(**{**state, "subject": subject, "metrics": tuple(state["metrics"])})


@dataclass(frozen=True)
class Prepared:
    """An evaluation with checked arguments."""

    asked: Asked
    reference: str
    net: FeatureNet
    sampler: Sampler | None

    @property
    def side(self) -> str:
        """TRAIN if the real images are the model's training data."""
        learnt = self.asked.subject.data
        return TRAIN if learnt and self.reference in (learnt, whole(learnt)) and not _is_test(self.reference) else ""

    @property
    def translates(self) -> bool:
        return self.sampler is not None and not self.sampler.recipe.draws


def _is_test(reference: str) -> bool:
    return reference.startswith("test:")


def prepared(store: RunStore, asked: Asked, notify: Notify, find_run: FindRun | None = None) -> Prepared:
    """Finds and checks everything before any long computation; raises a GanscopeError."""
    if asked.samples is not None and not 2 <= asked.samples <= MOST:
        raise BadValue(
            "The number of samples must be between 2 and {most}, got {count}.", most=MOST, count=asked.samples
        )
    if asked.size is not None and not SMALLEST_SIDE <= asked.size <= LARGEST_SIDE:
        raise BadValue(
            "The image size must be between {least} and {most} pixels, got {size}.",
            least=SMALLEST_SIDE, most=LARGEST_SIDE, size=asked.size,
        )  # fmt: skip
    if not 0 <= asked.seed < 2**31:
        raise BadValue("The seed must be between 0 and {last}, got {seed}.", last=2**31 - 1, seed=asked.seed)
    subject = asked.subject
    reference = _reference(asked)
    check_metrics(asked.metrics)
    sampler = subject.sampler(store)
    if sampler and asked.size not in (None, sampler.spec.size):
        raise BadValue(
            "{name} makes images of {side} pixels; --size is for folders of images.",
            name=asked.name, side=sampler.spec.size,
        )  # fmt: skip
    if sampler and not sampler.recipe.draws and (others := set(asked.metrics) - {PAIRS}):
        raise BadValue(
            "{name} translates images: only the metric '{valid}' can be computed, not {given}.",
            name=asked.name, valid=PAIRS, given=", ".join(sorted(others)),
        )  # fmt: skip
    net = _net(store, asked, reference, sampler, notify, find_run or store.get)
    _check_images(asked, reference, net, sampler, notify)
    _check_known_counts(asked, net, reference)
    return Prepared(asked, reference, net, sampler)


def _reference(asked: Asked) -> str:
    from gan_core.data import source

    reference = asked.against or asked.subject.data
    if not reference:
        raise BadValue("A folder of images needs --against: a data set, or a folder of real images.")
    if not user_images_of(reference):
        source(reference)  # raises for an unknown data set
    return reference


N_GENERAL = (
    "No feature net was trained on {data}, so that of ImageNet is used ({net}). It was trained on photos; for "
    "drawings, digits or X-rays, a net trained on labelled images of the same kind is more informative (--net)."
)
N_RESIZED = "The images of {data} are cropped to squares and resized to {side} x {side} pixels (--size)."
N_AS_TRAINED = "The images of {data} are resized to {side} x {side} pixels, as they were for training."
N_UNUSABLE = "{count} files of {data} can't be used."


def _net(
    store: RunStore, asked: Asked, reference: str, sampler: Sampler | None, notify: Notify, find_run: FindRun
) -> FeatureNet:
    mine = asked.subject.images
    sides = sides_of(mine) if mine else set()
    common = next(iter(sides))[0] if len(sides) == 1 and len(set(next(iter(sides)))) == 1 else None
    size = sampler.spec.size if sampler else asked.size or common
    net = find_net(store, asked.net, reference, size, OWN_SIDE, find_run)
    if net.general and asked.net is None:
        notify(Note(N_GENERAL, {"data": reference, "net": net.origin}))
    return net


def _check_images(asked: Asked, reference: str, net: FeatureNet, sampler: Sampler | None, notify: Notify) -> None:
    """Checks that all images have the net's size, or are all resized to it in the same way."""
    subject = asked.subject
    for mine in (subject.images, user_images_of(reference)):
        if mine and mine.task == "images" and not sides_of(mine):
            raise BadData("There is no image in {path}.", path=mine.path)
    if sampler and sampler.recipe.draws:
        net.check(sampler.spec.in_channels(net.spec.channels).shape, asked.name)
    if net.general:
        side = net.spec.size
        for mine, name in ((subject.images, asked.name), (user_images_of(reference), reference)):
            if mine and mine.task == "images" and sides_of(mine) - {(side, side)}:
                notify(Note(N_RESIZED, {"data": name, "side": side}))
        return
    if subject.images:
        check_sizes(subject.images, net)
    check_references(reference, net, subject.data, notify)


def measured(
    work: Prepared, progress: Progress = silent, notify: Notify = lambda note: None
) -> tuple[Result, Report | None]:
    """Performs an evaluation and saves it, merged with an earlier result.

    Returns the computed result; the report has more details than are saved, and is None for translators.
    """
    data = _load(work.reference, work.net.spec.size, progress, notify)
    if work.translates:
        result = _translator(work, data, progress)
        results.save(result)
        return result, None
    from gan_core.metrics.evaluate import evaluate

    asked, net = work.asked, work.net
    stream = _stream(work, data, progress, notify)
    unseen = None
    if work.side == TRAIN and (not asked.metrics or "copying" in asked.metrics):
        part = held_out(work.reference)
        unseen = _load(part, net.spec.size, progress, notify) if part else None
    report = evaluate(stream, data, net, asked.metrics, asked.seed, progress, side=work.side, unseen=unseen)
    result = dataclasses.replace(
        _result(work, report.samples, report.references),
        figures=report.figures,
        notes=report.notes,
        class_shares=report.histogram,
        obedience=_matrix(report),
    )
    results.save(result, _neighbours(report, data))
    return result, report


def _neighbours(report: Report, data: DataSet) -> bytes:
    found = report.memorisation
    if found is None:
        return b""
    from gan_core.data.channels import in_channels

    images = in_channels(data, report.first.shape[1])
    return results.neighbours_picture(report.first, images, found.places, found.distances)


def _matrix(report: Report) -> dict[str, object]:
    found = report.obedience
    if found is None:
        return {}
    return {"asked": list(found.asked), "seen": list(found.seen), "shares": found.shares.tolist()}


def _result(work: Prepared, samples: int, references: int) -> Result:
    asked = work.asked
    subject = asked.subject
    kind, name = next(iter(subject.facts.items()))
    checkpoint = work.sampler.checkpoint if work.sampler else None
    title = (subject.run.name or name) if subject.run else name
    return Result(
        name, kind, title, work.reference, work.net.name, work.net.origin, samples, references, (),
        step=checkpoint.step if checkpoint else 0, seed=asked.seed,
        weights=checkpoint.sha256 if checkpoint else subject.weights,
    )  # fmt: skip


def _translator(work: Prepared, data: DataSet, progress: Progress) -> Result:
    from gan_core.metrics.pairs import closeness

    assert work.sampler is not None
    count = min(work.asked.samples or SAMPLES, len(data))
    figures = closeness(work.sampler, data, work.net, count, work.asked.seed, work.side, progress)
    return dataclasses.replace(_result(work, count, count), figures=figures)


def sides_of(mine: UserImages) -> set[tuple[int, int]]:
    """All widths and heights of a folder's images, in pixels."""
    return {size for _, size in _sizes(mine)}


def check_sizes(mine: UserImages, net: FeatureNet, advice: str = "") -> None:
    """Raises BadData if an image has another size than the net takes: resizing would change the metrics."""
    advice = advice or "choose another feature net with --net; --net imagenet takes any size"
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
    """Names, widths and heights of the images; the loader reports why other files can't be used."""
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


def check_references(reference: str, net: FeatureNet, learnt: str, notify: Notify) -> None:
    """Checks real images like samples, unless the model or the net was trained on them: then they are prepared as for
    training.

    Raises BadData.
    """
    from gan_core.data import source

    mine, side = user_images_of(reference), net.spec.size
    if kind_of(reference) in (kind_of(learnt), kind_of(net.data)):
        others = sides_of(mine) if mine else {(source(reference).size,) * 2}
        if others - {(side, side)}:
            notify(Note(N_AS_TRAINED, {"data": reference, "side": side}))
        return
    advice = "pass images of that size, or the data that the model or the feature net was trained on"
    if mine:
        check_sizes(mine, net, advice)
    elif (size := source(reference).size) != side:
        raise _other_size(reference, (size, size), net, advice)


def _check_known_counts(asked: Asked, net: FeatureNet, reference: str) -> None:
    """Checks that need no data set to be prepared first."""
    from gan_core.data import source, sources

    items = source(reference).items if whole(reference) in sources else MOST
    check_counts(asked.metrics, net.size, MOST if asked.samples is None else asked.samples, items)


def _load(reference: str, size: int, progress: Progress, notify: Notify) -> DataSet:
    """Loads the images and reports files that were left out or converted."""
    from gan_core.data import load

    images = load(reference, size, progress)
    if images.skipped:
        notify(Note(N_UNUSABLE, {"count": len(images.skipped), "data": reference}))
    for note in images.notes:
        notify(Note("{note}", {"note": note}))
    return images


def _stream(work: Prepared, data: DataSet, progress: Progress, notify: Notify) -> Stream:
    from gan_core.metrics.streams import of_data, of_model

    asked, mine = work.asked, work.asked.subject.images
    count = asked.samples or min(SAMPLES, len(data))
    if work.sampler:
        return of_model(work.sampler, count, asked.seed, asked.name)
    images = _load(str(mine), work.net.spec.size, progress, notify)
    if asked.samples and asked.samples > len(images):
        raise BadData(
            "The folder {folder} has {count} images, but {samples} were requested.",
            folder=asked.name, count=len(images), samples=asked.samples,
        )  # fmt: skip
    return of_data(images, count, asked.seed)
