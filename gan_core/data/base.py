"""What a data set is: named uint8 arrays, decoded and resized once, and the sources that make them.

A batch is an index into these arrays; no per-image Python work is left for training. This module needs no torch,
so that pages can list and check data sets before torch is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

import numpy as np

from gan_core.registry import Registry

LARGE = 256  # pixels
Progress = Callable[[float, str], None]  # share done in [0, 1], and what is being done
Item = TypeVar("Item")


SMALLEST_SIDE, LARGEST_SIDE = 8, 1024  # pixels that images can be loaded at; the largest is that of the recipes
NOT_SHOWN_TO_NETWORKS = ("label", "attributes", "visible")  # arrays that tell of the items
FIELDS: Mapping[str, tuple[str, ...]] = {  # task of a source -> its arrays, what is generated first
    "images": ("real",),
    "points": ("real",),
    "paired": ("source", "target"),
    "unpaired": ("a", "b"),
    "captions": ("real", "caption"),  # pictures, and tokens (T,)
    "views": ("real", "pose"),  # pictures, and where the camera was
    "audio": ("wave",),  # float (L,) in [-1, 1]
    "sequence": ("tokens",),  # int64 (T,)
    "music": ("voices",),  # int64 (4, T)
    "graph": ("molecule",),  # int64 (n, n): atoms on the diagonal, bonds beside it
    "video": ("frames",),  # (C, T, H, W)
    "control": ("observation", "action"),  # what an expert saw and did
}
OF_NUMBERS = ("tokens", "caption", "voices", "molecule", "action")  # arrays of int64
OF_PICTURES = ("images", "paired", "unpaired", "captions", "views")  # tasks whose data can be resized


def columns_for(classes: int) -> int:
    """How many samples stand side by side: each of a few classes equally often, 8 in all or as many as there are."""
    return classes * max(1, 8 // classes) if 2 <= classes <= 16 else 8


def fewer(count: int, size: int) -> int:
    """How many of `count` pictures stand in a line, so that it gets no wider with pictures above LARGE pixels."""
    return max(1, count // max(1, size // LARGE))


def silent(share: float, what: str) -> None:
    """The progress callback that shows nothing."""


def tracked(items: Iterable[Item], count: int, progress: Progress, what: str) -> Iterator[Item]:
    """The items, reported as they are taken, at most a hundred times: a callback may redraw a page."""
    for index, item in enumerate(items):
        if index * 100 // count != (index - 1) * 100 // count:
            progress(min(1.0, index / count), what)
        yield item
    progress(1.0, what)


@dataclass(frozen=True)
class DataSpec:
    """Shapes that networks are built for, without the data.

    `fields` gives the shape of one item of each array, e.g. `{"real": (3, 64, 64)}` or
    `{"source": (3, 64, 64), "target": (3, 64, 64)}`; `classes` is 0 where there are no labels; `attributes` says how
    many values each known attribute has, in the order of their columns. `class_names` says what the labels mean;
    networks don't depend on it, so that specs of other names are equal. Checkpoints from before them have none.
    `attribute_names` says the same of the attributes of sounds.
    `vocabulary` says what tokens mean, by their number; `rate` is how many samples of a sound make a second.
    """

    fields: Mapping[str, tuple[int, ...]]
    classes: int = 0
    attributes: Mapping[str, int] = field(default_factory=dict)
    class_names: tuple[str, ...] = field(default=(), compare=False)
    vocabulary: tuple[str, ...] = ()
    rate: int = 0  # Hz
    attribute_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False)  # of their values

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> DataSpec:
        """As a checkpoint tells it; those of before attributes or names of classes were known have none."""
        fields = {name: tuple(shape) for name, shape in state["fields"].items()}
        return cls(
            fields, state["classes"], state.get("attributes", {}), tuple(state.get("class_names", ())),
            tuple(state.get("vocabulary", ())), state.get("rate", 0),
            {name: tuple(values) for name, values in state.get("attribute_names", {}).items()},
        )  # fmt: skip

    def to_state(self) -> dict[str, Any]:
        """Plain values, for a checkpoint."""
        fields = {name: list(shape) for name, shape in self.fields.items()}
        known = {"classes": self.classes, "attributes": dict(self.attributes), "class_names": list(self.class_names)}
        heard: dict[str, Any] = {"vocabulary": list(self.vocabulary)} if self.vocabulary else {}
        if self.rate:
            heard |= {"rate": self.rate, "attribute_names": {name: list(v) for name, v in self.attribute_names.items()}}
        return {"fields": fields} | known | heard

    @property
    def questions(self) -> Mapping[str, int]:
        """What can be learnt to be told of an image, and among how many answers: its class, else each attribute."""
        return {"class": self.classes} if self.classes else self.attributes

    @property
    def channels(self) -> int:
        """Colour channels of the images: 1 or 3, the same of both domains where there are two."""
        return self.shape[0]

    def in_channels(self, channels: int) -> DataSpec:
        """The same of images with as many channels."""
        fields = {name: (channels, *shape[1:]) if len(shape) == 3 else shape for name, shape in self.fields.items()}
        return replace(self, fields=fields)

    @property
    def size(self) -> int:
        """Height and width of the images, in pixels."""
        return self.shape[-1]

    @property
    def task(self) -> str:
        """What the data are, as a key of `FIELDS`."""
        held = [task for task, names in FIELDS.items() if set(names) <= self.fields.keys()]
        best = max(held, key=lambda task: len(FIELDS[task]))
        return "points" if best == "images" and len(self.fields["real"]) == 1 else best

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image (C, H, W), of a point (2,), or of what else is generated."""
        return self.fields[FIELDS[self.task][0]]


class Flow(Protocol):
    """Batches of a stream, which can be saved at any of them."""

    def next(self, count: int, rank: int = 0, ranks: int = 1) -> dict[str, np.ndarray]:
        """A rank's part of the next `count` items, as arrays of a DataSet."""

    def state_dict(self) -> dict[str, Any]:
        """Plain values, for a checkpoint."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where the state was saved; raises BadData where the data are others."""


class Stream(Protocol):
    """Items that are read as they are trained on (streaming.py)."""

    def begin(self, seed: int, spare: np.ndarray, classes: int = 0, held_out: int = 0) -> Flow:
        """Batches in the order of a seed."""


@dataclass(frozen=True)
class DataSet:
    """Arrays of N items: images uint8 0..255 (N, C, H, W), `label` int64 (N,), `attributes` int64 (N, K), and
    `visible` bool (N, K), whether an attribute can be seen; anything else float32.

    `attributes` names the values of each attribute, a column of the array of that name. Tokens are int64, and
    `vocabulary` says what they mean; sounds have `rate` samples a second.
    Arrays may be memory-mapped. `skipped` lists files that could not be used, with the reason;
    `notes` says what was done to files that are used, e.g. that an animation gives its first frame only.
    `unpaired` sets draw each array with an order of its own. A set with a `stream` is larger than its arrays, which are
    its first items: batches come out of the stream.
    """

    name: str
    arrays: Mapping[str, np.ndarray]
    class_names: tuple[str, ...] = ()
    licence: str = ""
    skipped: tuple[tuple[str, str], ...] = field(default=())
    unpaired: bool = False
    notes: tuple[str, ...] = ()
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    vocabulary: tuple[str, ...] = ()
    rate: int = 0  # Hz
    stream: Stream | None = None

    @property
    def spec(self) -> DataSpec:
        shown = {name: array for name, array in self.arrays.items() if name not in NOT_SHOWN_TO_NETWORKS}
        shapes = {name: tuple(array.shape[1:]) for name, array in shown.items()}
        return DataSpec(
            shapes, len(self.class_names), counted(self.attributes), self.class_names, self.vocabulary, self.rate,
            self.attributes if self.rate else {},
        )  # fmt: skip

    @property
    def answers(self) -> np.ndarray:
        """The true answers to the spec's questions, int64 (N, questions)."""
        return self.arrays["label"][:, None] if self.class_names else self.arrays["attributes"]

    def __len__(self) -> int:
        return min(len(array) for array in self.arrays.values())


def counted(attributes: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """How many values each attribute has."""
    return {name: len(values) for name, values in attributes.items()}


@dataclass(frozen=True, eq=False)
class Modes:
    """A mixture of Gaussians in the plane, all with the same weight: centres (K, 2) and standard deviation."""

    centres: np.ndarray
    sigma: float

    def draw(self, random: np.random.Generator, count: int) -> np.ndarray:
        """Random points (count, 2)."""
        chosen = self.centres[random.integers(len(self.centres), size=count)]
        return chosen + self.sigma * random.standard_normal((count, 2))


@dataclass(frozen=True)
class Source:
    """A data set that can be had: what pages and the CLI list, and how it is loaded.

    `load(size, progress)` returns square images of `size` pixels (None: the native size) and raises BadData.
    `available()` says whether it can be loaded without a download. `test` loads the part that nothing is trained on,
    where there is one.
    """

    name: str
    title: str
    about: str
    licence: str
    size: int  # native height and width, pixels
    channels: int
    items: int
    class_names: tuple[str, ...]
    load: Callable[[int | None, Progress], DataSet]
    available: Callable[[], bool]
    needs: str = ""  # what to do to have it where it is not available
    task: str = "images"  # a key of FIELDS; points are float32 (N, 2), and their `size` is 2
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # name -> names of its values
    test: Callable[[int | None, Progress], DataSet] | None = None
    published: str = ""  # the published set (published/catalogue.py) that brings it, where one does
    domains: tuple[str, ...] = ()  # what the first and the second picture of a pair show, or the two domains
    modes: Modes | None = None  # of points that are a mixture of Gaussians
    mixture: Callable[[], Any] | None = None  # of points: their density, a `mixtures.Mixture`
    hub: str = ""  # id of the data set on the Hugging Face Hub, where it is there
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # of arrays that have one size only
    vocabulary: tuple[str, ...] = ()  # what tokens mean
    rate: int = 0  # of sounds, Hz
    judge: Callable[[np.ndarray], dict[str, float]] | None = None  # what can be checked of samples exactly, by its name

    def spec(self, size: int) -> DataSpec:
        """What networks for this set at `size` pixels are built for, without loading it."""
        shape = (size,) if self.task == "points" else (self.channels, size, size)
        fields = dict.fromkeys(FIELDS[self.task], shape) | dict(self.shapes)
        return DataSpec(
            fields, len(self.class_names), counted(self.attributes), self.class_names, self.vocabulary, self.rate,
            self.attributes if self.rate else {},
        )  # fmt: skip


sources: Registry[Source] = Registry("data set")


def register(source: Source) -> Source:
    """Adds a data set to the catalogue; raises ValueError when its name is taken (a programming error)."""
    return sources.register(source.name, source)
