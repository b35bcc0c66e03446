"""Defines data sets: named uint8 arrays, decoded and resized once, and the sources that create them.

A batch is an index into these arrays; training needs no per-image Python work. This module needs no torch,
so that pages can list and check data sets before torch is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

import numpy as np

from gan_core.errors import BadData
from gan_core.registry import Registry

LARGE = 256  # pixels
Progress = Callable[[float, str], None]  # share done in [0, 1], and the present activity
Item = TypeVar("Item")


SMALLEST_SIDE, LARGEST_SIDE = 8, 1024  # pixels of loaded images; the largest is that of the recipes
NOT_SHOWN_TO_NETWORKS = ("label", "attributes", "visible")  # arrays that describe the items
FIELDS: Mapping[str, tuple[str, ...]] = {  # task of a source -> its arrays, the generated one first
    "images": ("real",),
    "points": ("real",),
    "paired": ("source", "target"),
    "unpaired": ("a", "b"),
    "captions": ("real", "caption"),  # pictures, and tokens (T,)
    "views": ("real", "pose"),  # pictures, and camera poses
    "audio": ("wave",),  # float (L,) in [-1, 1]
    "sequence": ("tokens",),  # int64 (T,)
    "music": ("voices",),  # int64 (4, T)
    "graph": ("molecule",),  # int64 (n, n): atoms on the diagonal, bonds off it
    "video": ("frames",),  # (C, T, H, W)
    "control": ("observation", "action"),  # of an expert
}
OF_NUMBERS = ("tokens", "caption", "voices", "molecule", "action")  # arrays of int64
OF_PICTURES = ("images", "paired", "unpaired", "captions", "views")  # tasks whose data can be resized


def columns_for(classes: int) -> int:
    """The number of samples side by side: each of a few classes equally often, 8 in all or as many as there are."""
    return classes * max(1, 8 // classes) if 2 <= classes <= 16 else 8


def fewer(count: int, size: int) -> int:
    """The number of `count` pictures in a line, reduced for pictures above LARGE pixels so that it gets no wider."""
    return max(1, count // max(1, size // LARGE))


def silent(share: float, what: str) -> None:
    """A progress callback that shows nothing."""


def tracked(items: Iterable[Item], count: int, progress: Progress, what: str) -> Iterator[Item]:
    """Iterates over items and reports progress at most a hundred times, since a callback may redraw a page."""
    for index, item in enumerate(items):
        if index * 100 // count != (index - 1) * 100 // count:
            progress(min(1.0, index / count), what)
        yield item
    progress(1.0, what)


@dataclass(frozen=True)
class DataSpec:
    """The shapes for which networks are built, without the data.

    `fields` gives the shape of one item of each array, e.g. `{"real": (3, 64, 64)}` or
    `{"source": (3, 64, 64), "target": (3, 64, 64)}`; `classes` is 0 if there are no labels; `attributes` is the number
    of values of each known attribute, in the order of their columns. `class_names` are the names of the labels;
    networks don't depend on them, so that specs with other names are equal. Older checkpoints have none.
    `attribute_names` are the same for the attributes of sounds. `vocabulary` lists the words of tokens; `rate` is the
    number of samples per second of a sound.
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
        """The spec in a checkpoint; older ones lack attributes or names of classes."""
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
        """The questions that a classifier can learn, with their numbers of answers: the class, else each attribute."""
        return {"class": self.classes} if self.classes else self.attributes

    @property
    def channels(self) -> int:
        """Colour channels of the images: 1 or 3, the same in both domains if there are two."""
        return self.shape[0]

    def in_channels(self, channels: int) -> DataSpec:
        """The spec of the same images with another number of channels."""
        fields = {name: (channels, *shape[1:]) if len(shape) == 3 else shape for name, shape in self.fields.items()}
        return replace(self, fields=fields)

    @property
    def size(self) -> int:
        """Height and width of the images, in pixels."""
        return self.shape[-1]

    @property
    def task(self) -> str:
        """The kind of data, a key of `FIELDS`; raises BadData for arrays of no known kind."""
        held = [task for task, names in FIELDS.items() if set(names) <= self.fields.keys()]
        if not held:
            valid = ", ".join(f"{task} ({', '.join(names)})" for task, names in FIELDS.items())
            raise BadData(
                "No kind of data has the arrays {arrays}. Valid: {valid}.", arrays=", ".join(self.fields), valid=valid
            )
        best = max(held, key=lambda task: len(FIELDS[task]))
        return "points" if best == "images" and len(self.fields["real"]) == 1 else best

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one image (C, H, W), of a point (2,), or of another generated item."""
        return self.fields[FIELDS[self.task][0]]


class Flow(Protocol):
    """Batches of a stream, whose state can be saved at any of them."""

    def next(self, count: int, rank: int = 0, ranks: int = 1) -> dict[str, np.ndarray]:
        """A rank's part of the next `count` items, as arrays of a DataSet."""

    def state_dict(self) -> dict[str, Any]:
        """Plain values, for a checkpoint."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues from a saved state; raises BadData if the data differ."""


class Stream(Protocol):
    """Items that are read during training (streaming.py)."""

    def begin(self, seed: int, spare: np.ndarray, classes: int = 0, held_out: int = 0) -> Flow:
        """Batches in the order of a seed."""


@dataclass(frozen=True)
class DataSet:
    """Arrays of N items: images uint8 0..255 (N, C, H, W), `label` int64 (N,), `attributes` int64 (N, K), and
    `visible` bool (N, K), whether an attribute is visible; all others float32.

    `attributes` names the values of each attribute, a column of the array of that name. Tokens are int64, indices into
    `vocabulary`; sounds have `rate` samples per second. Arrays may be memory-mapped. `skipped` lists files that could
    not be used, with the reason; `notes` lists conversions of used files, e.g. that only the first frame of an
    animation is used. `unpaired` sets draw each array in a separate order. A set with a `stream` is larger than its
    arrays, which are its first items: batches come from the stream.
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

    def __repr__(self) -> str:
        arrays = ", ".join(f"{name} {array.dtype} {array.shape}" for name, array in self.arrays.items())
        return f"DataSet({self.name}: {arrays})"


def counted(attributes: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """The number of values of each attribute."""
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
    """An available data set: its description for pages and the CLI, and how it is loaded.

    `load(size, progress)` returns square images of `size` pixels (None: the native size) and raises BadData.
    `available()` returns whether it can be loaded without a download. `test` loads the test part, if there is one.
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
    needs: str = ""  # how to get it if it is not available
    task: str = "images"  # a key of FIELDS; points are float32 (N, 2), and their `size` is 2
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # name -> names of its values
    test: Callable[[int | None, Progress], DataSet] | None = None
    published: str = ""  # the published set (published/catalogue.py) that provides it, if any
    domains: tuple[str, ...] = ()  # captions of the first and the second picture of a pair, or of the two domains
    modes: Modes | None = None  # for points from a mixture of Gaussians
    mixture: Callable[[], Any] | None = None  # for points: their density, a `mixtures.Mixture`
    hub: str = ""  # id of the data set on the Hugging Face Hub, if it has it
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # of arrays with a single size
    vocabulary: tuple[str, ...] = ()  # the words of tokens
    rate: int = 0  # of sounds, Hz
    judge: Callable[[np.ndarray], dict[str, float]] | None = None  # exact checks of samples, by name
    like: str = ""  # the set with images of the same kind, whose feature nets and models suit these too

    def spec(self, size: int) -> DataSpec:
        """The spec for networks on this set at `size` pixels, without loading it."""
        shape = (size,) if self.task == "points" else (self.channels, size, size)
        fields = dict.fromkeys(FIELDS[self.task], shape) | dict(self.shapes)
        return DataSpec(
            fields, len(self.class_names), counted(self.attributes), self.class_names, self.vocabulary, self.rate,
            self.attributes if self.rate else {},
        )  # fmt: skip


sources: Registry[Source] = Registry("data set")


def register(source: Source) -> Source:
    """Adds a data set to the catalogue; raises ValueError if its name is taken (a programming error)."""
    return sources.register(source.name, source)
