"""A view: model, seed, truncation and edits. It fits into a link, which reproduces the picture."""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode

from gan_core.errors import BadValue, GanscopeError
from gan_core.latent.sliders import SLOTS
from ui.studio.models.marks import is_custom
from ui.studio.models.opened import Opened, named, offered, opened
from ui.studio.view import points as studio_points

if TYPE_CHECKING:
    from gan_core.latent.edits import Edit
    from gan_core.latent.points import Points

SEEDS = (44, 46, 48, 1)  # seeds of first views, chosen by eye from 60 of the first model
PSI = 0.7  # truncation of first views: better quality, less variety
MOST_PSI = 1.5
MOST_SEED = 2**31 - 1
MOST_STRENGTH = 20.0
MOST_CHANGES = 24
LONGEST = 4_000  # maximum characters of a link, excluding a point
LONGEST_POINT = 26_000
_CHANGE = re.compile(r"(?P<name>.+?)\*(?P<strength>-?\d+(?:\.\d+)?)(?:@(?P<first>\d+)-(?P<last>\d+))?")


@dataclass(frozen=True)
class Change:
    """An edit by its direction's name; `layers` is the inclusive range."""

    direction: str
    strength: float
    layers: tuple[int, int] | None = None

    def __str__(self) -> str:
        where = f"@{self.layers[0]}-{self.layers[1]}" if self.layers else ""
        return f"{self.direction}*{self.strength:g}{where}"


@dataclass(frozen=True)
class View:
    """One picture. `label` is the class of conditional models. `point`, as written by `points.written`, replaces the
    seed's own latent point: a mixture, or a point that was found or dragged.
    """

    model: str
    seed: int = 0
    psi: float = 1.0
    label: int | None = None
    changes: tuple[Change, ...] = ()
    point: str = ""

    @property
    def before(self) -> View:
        """Returns the view without edits."""
        return replace(self, changes=())

    def query(self) -> str:
        """Returns the view as a query string."""
        parts = {"model": self.model, "seed": str(self.seed), "psi": f"{self.psi:g}"}
        if self.label is not None:
            parts["class"] = str(self.label)
        if self.changes:
            parts["edits"] = ",".join(map(str, self.changes))
        if self.point:
            parts["point"] = self.point
        return urlencode(parts, safe=":*@,")


def first_view(name: str) -> View:
    """Returns the first view of a model; raises what `opened` raises."""
    model = opened(name)
    return View(
        name, SEEDS[0], PSI if model.explorer.styled else 1.0, 0 if model.explorer.sampler.recipe.conditional else None
    )


def another_seed() -> int:
    return random.SystemRandom().randrange(1, 100_000)


def parsed(query: str) -> tuple[View | None, list[GanscopeError]]:
    """Returns the view of a link and its problems; None without any model.

    Invalid parts fall back to those of the model's first view, so that a link always shows something.
    """
    problems: list[GanscopeError] = []
    given = {name: values[-1] for name, values in parse_qs(query[: LONGEST + LONGEST_POINT].lstrip("?")).items()}
    if len(query) - min(LONGEST_POINT, len(given.get("point", ""))) > LONGEST:
        given = {}
        problems.append(BadValue("The link is longer than {most} characters.", most=LONGEST))
    names = list(offered())
    if not names:
        return None, problems
    view, problem = _first_of(given.get("model", names[0]), names[0])
    problems += [problem] if problem else []
    for part, read in _READERS.items():
        if part in given:
            try:
                view = read(view, given[part])
            except GanscopeError as error:
                problems.append(error)
    changes, wrong = _changes(given.get("edits", ""), opened(view.model))
    return replace(view, changes=changes), problems + wrong


def _first_of(name: str, instead: str) -> tuple[View, GanscopeError | None]:
    """Returns the first view of a model, or of another one if it can't be opened, and why."""
    try:
        name, problem = named(name)
        return first_view(name), problem
    except GanscopeError as error:
        return first_view(instead), error


def checked_seed(value: object) -> int:
    """Returns a valid seed; raises BadValue."""
    text = str(value)
    if not text.isdecimal() or len(text) > 10 or int(text) > MOST_SEED:
        raise BadValue("The seed must be a whole number between 0 and {most}, not {value}.",
                       most=MOST_SEED, value=text[:20])  # fmt: skip
    return int(text)


def _seed(view: View, text: str) -> View:
    return replace(view, seed=checked_seed(text))


def _psi(view: View, text: str) -> View:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= MOST_PSI:
        raise BadValue("The truncation must be between 0 and {most}, got {psi}.", most=MOST_PSI, psi=text[:20])
    return replace(view, psi=value if opened(view.model).truncates else 1.0)


def _label(view: View, text: str) -> View:
    classes = opened(view.model).explorer.sampler.spec.classes
    if view.label is None:
        raise BadValue("{recipe} is unconditional, so no class can be chosen.",
                       recipe=opened(view.model).explorer.sampler.recipe.title)  # fmt: skip
    if not text.isdecimal() or len(text) > 6 or int(text) >= classes:
        raise BadValue("The class must be between 0 and {last}, got {label}.", last=classes - 1, label=text[:20])
    return replace(view, label=int(text))


def _point(view: View, text: str) -> View:
    studio_points.read(opened(view.model).explorer, text)
    return replace(view, point=text)


_READERS = {"seed": _seed, "psi": _psi, "class": _label, "point": _point}


def edits_of(text: str, model: Opened) -> tuple[Change, ...]:
    """Parses edits in the form of links; raises the first problem."""
    found, problems = _changes(text, model)
    if problems:
        raise problems[0]
    return found


def _changes(text: str, model: Opened) -> tuple[tuple[Change, ...], list[GanscopeError]]:
    found, problems = [], []
    custom = set[str]()  # each takes a while to make
    for part in filter(None, text.split(",")):
        name = part.strip().rpartition("*")[0]
        if is_custom(name):
            custom.add(name)
            if len(custom) > SLOTS:
                continue
        try:
            found.append(_change(part, model))
        except GanscopeError as error:
            problems.append(error)
    if len(custom) > SLOTS:
        problems.append(BadValue("There can be at most {most} sliders of your own in a link, not {count}.",
                                 most=SLOTS, count=len(custom)))  # fmt: skip
    if len(found) > MOST_CHANGES:
        problems.append(BadValue("There can be at most {most} edits, not {count}.",
                                 most=MOST_CHANGES, count=len(found)))  # fmt: skip
    return tuple(found[:MOST_CHANGES]), problems


def _change(text: str, model: Opened) -> Change:
    match = _CHANGE.fullmatch(text.strip())
    if match is None:
        raise BadValue("'{text}' isn't a valid edit. Example: {example}", text=text[:60], example="PCA 1*2.5")
    name, strength = match["name"], float(match["strength"])
    model.direction(name)
    layers = (int(match["first"]), int(match["last"])) if match["first"] else None
    change = Change(name, strength, layers)
    _checked(change, model)
    return change


def _checked(change: Change, model: Opened) -> None:
    from gan_core.latent.edits import check

    check(model.explorer, edit_of(change, model))


def edit_of(change: Change, model: Opened) -> Edit:
    """Converts the change to the library's form."""
    from gan_core.latent.edits import Edit

    layers = (change.layers[0], change.layers[1] + 1) if change.layers else None
    return Edit(model.direction(change.direction), change.strength, layers)


def points_of(view: View) -> Points:
    """Returns the point of a view; raises what `opened` raises, and BadValue for edits that don't fit."""
    from gan_core.latent.edits import edited
    from gan_core.latent.truncation import Truncation, truncated

    model = opened(view.model)
    points = model.explorer.sample(1, view.seed, view.label)
    if view.point:
        values = studio_points.read(model.explorer, view.point)
        points = model.explorer.write(points, model.explorer.home, values)
    if model.truncates and not (view.point and view.psi == 1):
        points = truncated(model.explorer, points, Truncation(view.psi))
    return edited(model.explorer, points, [edit_of(change, model) for change in view.changes])


def view_at(like: View, points: Points) -> View:
    """Returns the view of a point, with seed and class of another view."""
    return replace(like, point=studio_points.written(opened(like.model).explorer, points), psi=1.0, changes=())
