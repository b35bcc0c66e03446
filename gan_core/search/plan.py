"""The plan of a search, kept as `plan.json` in its folder. Needs neither torch nor Optuna."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gan_core import paths
from gan_core.errors import BadValue, GanscopeError, StoreError, UnknownName
from gan_core.files import write_atomically
from gan_core.runs.spec import RunSpec
from gan_core.search.space import Range

MOST_TRIALS = 10_000
MOST_SEEDS = 100  # seeds with which the best settings are trained again
LEAST_SAMPLES, MOST_SAMPLES = 100, 50_000
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")
PLAN, JOURNAL = "plan.json", "journal.log"


@dataclass(frozen=True)
class SearchPlan:
    """A search: the run that every trial starts from, the knobs that differ, and how trials are judged.

    `samples`: number of samples for a trial's final figure; `seed`: seed of the search and of the trials' runs.
    `storage` is empty for a journal in the search's folder, else an Optuna storage: `journal:PATH` or an SQLAlchemy
    URL. `by_eye`: trials are proposed from a viewer's preferences, not from their distance.
    """

    name: str
    base: RunSpec
    ranges: tuple[Range, ...]
    samples: int = 2000
    seed: int = 0
    storage: str = ""
    by_eye: bool = False

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise BadValue(
                "A search's name has letters, digits, '-', '_' and '.', 60 at most, got '{name}'.", name=self.name[:80]
            )
        if not self.ranges:
            raise BadValue("A search needs at least one knob to vary.")
        if len({one.knob for one in self.ranges}) < len(self.ranges):
            raise BadValue("Each knob of a search has one range.")
        if not self.base.steps:
            raise BadValue("The trials of a search need a number of steps.")
        if not LEAST_SAMPLES <= self.samples <= MOST_SAMPLES:
            raise BadValue(
                "The number of samples must be between {low} and {high}, got {count}.",
                low=LEAST_SAMPLES, high=MOST_SAMPLES, count=self.samples,
            )  # fmt: skip

    @property
    def folder(self) -> Path:
        return searches() / self.name

    def to_state(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> SearchPlan:
        ranges = tuple(Range(**{**one, "choices": tuple(one["choices"])}) for one in state["ranges"])
        return cls(**{**state, "base": RunSpec(**state["base"]), "ranges": ranges})


def searches() -> Path:
    """The folder that holds a subfolder for each search."""
    return paths.home() / "searches"


def names() -> list[str]:
    """The searches of this computer, newest first."""
    found = [folder for folder in searches().glob("*") if (folder / PLAN).is_file()]
    return [folder.name for folder in sorted(found, key=lambda one: (one / PLAN).stat().st_mtime, reverse=True)]


def read(name: str) -> SearchPlan:
    """The plan of a search; raises UnknownName, or StoreError if its file is damaged."""
    if name not in names():
        raise UnknownName("search", name, names())
    path = searches() / name / PLAN
    try:
        return SearchPlan.from_state(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError("The search {name} can't be read: its plan is damaged.", name=name) from error


def begin(plan: SearchPlan) -> None:
    """Saves the plan; a search with the same plan is continued. Raises BadValue if another search has its name."""
    if plan.name in names() and (there := read(plan.name)) != plan:
        raise BadValue(
            "There is another search named {name} ({recipe} on {data}: {knobs}). Give this one another name, or the "
            "same settings to go on.",
            name=plan.name, recipe=there.base.recipe, data=there.base.data,
            knobs=", ".join(one.words for one in there.ranges),
        )  # fmt: skip
    try:
        plan.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(plan.folder / PLAN, json.dumps(plan.to_state(), indent=1).encode())
    except OSError as error:
        raise StoreError("The search can't be kept ({reason}).", reason=error.strerror or error) from error


@contextmanager
def begun(plan: SearchPlan) -> Iterator[None]:
    """Saves the plan as `begin` does, and deletes a new one if the body raises GanscopeError."""
    new = plan.name not in names()
    begin(plan)
    try:
        yield
    except GanscopeError:
        if new:
            (plan.folder / PLAN).unlink(missing_ok=True)
            with suppress(OSError):  # what else is in it stays
                plan.folder.rmdir()
        raise
