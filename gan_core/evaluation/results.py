"""Finished evaluations, kept as files, so that the command line and the page Evaluate show the same ones.

Each is a JSON file in `GANSCOPE_HOME/evaluations`, with a picture of the samples closest to training images beside it.
A new evaluation of the same subject with the same images, net and number of samples replaces the old one, but keeps
those of its figures that weren't computed again if the weights are the same. Needs no torch.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gan_core import paths
from gan_core.data.base import DataSet
from gan_core.disk import writing
from gan_core.files import write_atomically
from gan_core.metrics.figures import Figure
from gan_core.metrics.trust import Note

PAIRS = 8
WIDTH = 320  # pixels of the picture of neighbours, at least
NUMBERS = ("value", "low", "high", "floor")  # of a figure, None in JSON if unknown
LONG = 12  # hex digits of a file's name


@dataclass(frozen=True)
class Result:
    """One evaluation: its subject, the real images, the feature net, and the figures.

    `obedience`: the classes asked for, the classes seen, and the share of each pair, rows by the class asked for.
    """

    subject: str  # the model's name, the run's id, or the folder
    kind: str  # "model", "run" or "images"
    title: str
    against: str
    net: str
    net_from: str
    samples: int
    references: int
    figures: tuple[Figure, ...]
    notes: tuple[Note, ...] = ()
    step: int = 0  # of a run
    made: float = 0.0  # seconds since 1970
    class_shares: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    obedience: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    weights: str = ""  # changes when a model is replaced under its name; "" for images

    def __post_init__(self) -> None:
        figures = tuple(dataclasses.replace(figure, against=self.against) for figure in self.figures)
        object.__setattr__(self, "figures", figures)

    @property
    def key(self) -> str:
        """The identity of an evaluation: a newer one with the same key replaces the older."""
        facts = (self.subject, self.against, self.net, self.net_from, self.samples, self.seed, self.step)
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:LONG]

    @property
    def neighbours(self) -> Path:
        """The picture of samples above their closest training images; it may not exist."""
        return folder() / f"{self.key}.png"


def folder() -> Path:
    return paths.home() / "evaluations"


def save(result: Result, picture: bytes = b"") -> Result:
    """Saves a result and its picture of neighbours; raises DiskFull.

    Returns the saved result, which includes figures of an earlier result of the same weights that weren't computed
    again.
    """
    earlier = _read(folder() / f"{result.key}.json")
    if earlier and result.weights and earlier.weights == result.weights:
        result = _together(result, earlier)
    result = dataclasses.replace(result, made=time.time())
    with writing(paths.home()):
        folder().mkdir(parents=True, exist_ok=True)
        if picture:
            write_atomically(result.neighbours, picture)
        write_atomically(folder() / f"{result.key}.json", json.dumps(_plain(asdict(result))).encode())
    return result


def found() -> list[Result]:
    """All saved results, the newest first; files that can't be read are left out."""
    results = [one for path in folder().glob("*.json") if (one := _read(path)) is not None]
    return sorted(results, key=lambda one: -one.made)


def delete(result: Result) -> None:
    """Deletes a result."""
    for path in (folder() / f"{result.key}.json", result.neighbours):
        path.unlink(missing_ok=True)


def _read(path: Path) -> Result | None:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        figures = tuple(
            Figure(**{name: _number(name, value) for name, value in one.items()}) for one in facts["figures"]
        )
        notes = tuple(Note(**note) for note in facts["notes"])
        shares = {name: (float(one), float(other)) for name, (one, other) in facts["class_shares"].items()}
        made = float(facts["made"])
        return Result(**facts | {"figures": figures, "notes": notes, "class_shares": shares, "made": made})
    except (OSError, ValueError, TypeError, KeyError, AttributeError):  # from another version, or damaged
        return None


def _together(result: Result, earlier: Result) -> Result:
    """A result merged with the figures, notes and tables that only an earlier one has."""
    anew = {figure.name for figure in result.figures}
    return dataclasses.replace(
        result,
        figures=(*result.figures, *(figure for figure in earlier.figures if figure.name not in anew)),
        notes=(*result.notes, *(note for note in earlier.notes if note not in result.notes)),
        class_shares=result.class_shares or earlier.class_shares,
        obedience=result.obedience or earlier.obedience,
    )


def _number(name: str, value: Any) -> Any:
    return math.nan if value is None and name in NUMBERS else value


def _plain(value: Any) -> Any:
    """Replaces NaN, which JSON lacks, by None."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value


def neighbours_picture(samples: Any, training: DataSet, places: Any, distances: Any) -> bytes:
    """A PNG of the PAIRS samples (N, C, H, W) that lie closest to a training image, and below each that image."""
    import numpy as np

    from gan_core.pictures.grids import enlarge, grid, png

    closest = np.argsort(distances, kind="stable")[:PAIRS]
    images = training.arrays["real"][places[closest]]
    shown = np.concatenate([samples[closest], images])
    return png(enlarge(grid(shown.transpose(0, 2, 3, 1), len(closest)), WIDTH))  # (N, C, H, W) -> (N, H, W, C)
