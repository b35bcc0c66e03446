"""The state of one visitor in "Latent editing": model, sliders and history.

The controls hold the current values; the visit holds the rest: which directions have sliders, edits beyond them, and
the history. Immutable: a callback returns the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from gan_core.latent.sliders import SLOTS
from ui.studio.models.marks import is_custom
from ui.studio.models.opened import opened
from ui.studio.view.history import History
from ui.studio.view.view import Change, View, checked_seed

REACH = 5.0  # range of a slider


@dataclass(frozen=True)
class Visit:
    """`chosen` is the direction under "Any direction". `point` replaces the latent point of the seed `of_seed`."""

    model: str = ""
    slots: tuple[str, ...] = ()
    others: tuple[Change, ...] = ()
    chosen: str = ""
    point: str = ""
    of_seed: int = 0
    history: History = field(default_factory=History)


@dataclass(frozen=True)
class Controls:
    """The values of the controls, in the order in which callbacks receive them."""

    seed: int
    psi: float
    label: int | None
    sliders: tuple[float, ...]
    strength: float
    first: int
    last: int

    @classmethod
    def of(cls, values: Sequence[float | None]) -> Controls:
        """Returns the controls; empty fields count as 0."""
        seed, psi, label, *rest = values
        sliders = tuple(value or 0.0 for value in rest[:SLOTS])
        strength, first, last = (value or 0 for value in rest[SLOTS:])
        return cls(
            int(seed or 0), 0.0 if psi is None else psi, None if label is None else int(label), sliders,
            strength, int(first), int(last),
        )  # fmt: skip


COUNT = 6 + SLOTS  # number of values that `Controls.of` takes


def view_of(visit: Visit, values: Sequence[float | None]) -> View:
    """Returns the view of the controls; raises BadValue for a seed out of range."""
    controls = Controls.of(values)
    changes = [
        Change(name, round(strength, 3))
        for name, strength in zip(visit.slots, controls.sliders, strict=False)
        if round(strength, 3)
    ]
    changes += visit.others
    if visit.chosen and round(controls.strength, 3):
        changes.append(Change(visit.chosen, round(controls.strength, 3), _layers(visit, controls)))
    model = opened(visit.model)
    label = (controls.label or 0) if model.explorer.sampler.recipe.conditional else None
    psi = controls.psi if model.truncates else 1.0
    point = visit.point if controls.seed == visit.of_seed else ""
    return View(visit.model, checked_seed(controls.seed), round(psi, 3), label, tuple(changes), point)


def _layers(visit: Visit, controls: Controls) -> tuple[int, int] | None:
    layers = opened(visit.model).explorer.layers
    first, last = sorted((controls.first, controls.last))
    return None if not layers or (first <= 0 and last >= layers - 1) else (first, last)


def at_view(visit: Visit, view: View) -> Visit:
    """Returns the visit for a view; edits that sliders can't show are kept separately."""
    slots = _slots(visit, view)
    chosen = visit.chosen if visit.model == view.model else ""
    others = tuple(change for change in view.changes if change != _on_slider(view, slots, change.direction))
    shown = next((change for change in others if change.direction == chosen), None)
    return replace(
        visit, model=view.model, slots=slots, chosen=chosen, point=view.point, of_seed=view.seed,
        others=tuple(change for change in others if change is not shown),
    )  # fmt: skip


def _slots(visit: Visit, view: View) -> tuple[str, ...]:
    """Returns the directions with sliders: the visitor's own first."""
    before = visit.slots if visit.model == view.model else ()
    custom = [name for name in (*before, *(change.direction for change in view.changes)) if is_custom(name)]
    return tuple(dict.fromkeys([*custom, *opened(view.model).slots]))[:SLOTS]


def slider_values(visit: Visit, view: View) -> list[float]:
    """Returns the slider positions for a view."""
    shown = [_on_slider(view, visit.slots, name) for name in visit.slots]
    return [change.strength if change else 0.0 for change in shown] + [0.0] * (SLOTS - len(visit.slots))


def chosen_change(visit: Visit, view: View) -> Change | None:
    """Returns the view's change along the chosen direction, unless a slider shows it."""
    return next(
        (
            change
            for change in view.changes
            if change.direction == visit.chosen and change != _on_slider(view, visit.slots, change.direction)
        ),
        None,
    )


def _on_slider(view: View, slots: Sequence[str], name: str) -> Change | None:
    """Returns the change that a direction's slider shows: the first that it can."""
    return next(
        (
            change
            for change in view.changes
            if change.direction == name and name in slots and change.layers is None and abs(change.strength) <= REACH
        ),
        None,
    )
