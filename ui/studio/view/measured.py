"""Measurements of a model's sliders and layers, in words and as a heat map."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from ui.attributes import ATTRIBUTES
from ui.languages import _
from ui.studio.models.opened import Opened
from ui.studio.models.runs import is_run
from ui.studio.view.words import direction_words
from ui.texts import percent

if TYPE_CHECKING:
    from gan_core.latent.attributes import Leakage

MOST = 6  # number of attributes named per layer range
CLEAN = 3.0  # a slider is clean if it changes its own feature this many times as much as others on average


def attribute_words(name: str) -> str:
    return _(ATTRIBUTES.get(name, name))


def band_words(model: Opened, band: str) -> str:
    """Describes what a range of layers changes in this model, most changed first; "" if not measured."""
    measured = model.measured
    if measured is None or band not in measured.bands:
        return ""
    found = measured.bands[band]
    shares = [f"{attribute_words(name)} {percent(found.changes[name])}" for name in found.words[:MOST]]
    if not shares:
        return _("Measured on this model: these layers change hardly any named feature.")
    return _(
        "Measured on this model: what these layers change most often, with the share of pictures: {shares}."
    ).format(shares=_(", ").join(shares))


def leakage_page(model: Opened) -> str:
    """Returns text and heat map as HTML; a sentence if this model hasn't been measured."""
    if model.measured is None:
        return f'<p class="quiet">{escape(_unmeasured(model))}</p>'
    leakage = model.measured.leakage
    shown = [name for name in model.slots if name in leakage.directions]
    rest = [name for name in leakage.directions if name not in shown]
    parts = [f"<p>{escape(line)}</p>" for line in _summary(leakage, shown)]
    parts.append(_table(leakage, shown or rest))
    if shown and rest:
        more = _("All {count} named directions").format(count=len(leakage.directions))
        parts.append(f"<details><summary>{escape(more)}</summary>{_table(leakage, rest)}</details>")
    return f'<div class="leakage">{"".join(parts)}</div>'


def _unmeasured(model: Opened) -> str:
    """Explains how to measure the model."""
    if is_run(model.name):
        return _("The sliders of a run can't be measured: it must be published as a model first.")
    if any(one.kind == "attribute" for one in model.directions.values()):
        words = _("The sliders of this model haven't been measured. To measure them, run {command}.")
        return words.format(command=f"ganscope measure {model.name}")
    words = _("This model has no sliders for named features yet. To learn and measure them, run {command}.")
    return words.format(command=f"ganscope directions {model.name} --method attributes")


def clean(leakage: Leakage, name: str) -> bool:
    """Whether a direction changes its own value at least CLEAN times as much as others on average."""
    row = leakage.moves[leakage.directions.index(name)].abs()
    attribute = name.split(": ")[0]
    others = [place for place, value in enumerate(leakage.values) if value.split(": ")[0] != attribute]
    return leakage.moved(name) >= CLEAN * float(row[others].mean()) if others else True


def _summary(leakage: Leakage, shown: Sequence[str]) -> list[str]:
    good = sum(clean(leakage, name) for name in leakage.directions)
    lines = [
        _("A feature network compared many pictures before and after each slider moved by one step. Dark cells: "
          "the feature of the column changed a lot, in standard deviations. Framed cells: the feature that the "
          "slider is named after."),
        _("{good} of {count} directions change their own feature at least {times:g} times as much as the others on "
          "average.")
        .format(good=good, count=len(leakage.directions), times=CLEAN),
    ]  # fmt: skip
    for name in shown:
        value, move = leakage.worst(name)
        lines.append(
            _(
                "{slider}: changes its own feature by {own:.2f}; the largest side effect is on {other}, {leak:.2f}."
            ).format(slider=direction_words(name), own=leakage.moved(name), other=direction_words(value), leak=move)
        )
    return lines


def _table(leakage: Leakage, names: Sequence[str]) -> str:
    """Returns a row per direction and a column per attribute: the largest change of its values."""
    attributes = list(dict.fromkeys(value.split(": ")[0] for value in leakage.values))
    most = max(float(leakage.moves.abs().max()), 1e-6)
    head = "".join(f'<th scope="col"><span>{escape(attribute_words(one))}</span></th>' for one in attributes)
    rows = []
    for name in names:
        cells = [_cell(leakage, name, attribute, most) for attribute in attributes]
        rows.append(f'<tr><th scope="row">{escape(direction_words(name))}</th>{"".join(cells)}</tr>')
    return (
        f'<div class="wide"><table><thead><tr><td></td>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def _cell(leakage: Leakage, name: str, attribute: str, most: float) -> str:
    row = leakage.moves[leakage.directions.index(name)]
    places = [place for place, value in enumerate(leakage.values) if value.split(": ")[0] == attribute]
    own = name.split(": ")[0] == attribute
    place = leakage.values.index(name) if own else max(places, key=lambda one: abs(float(row[one])))
    move = float(row[place])
    title = f"{direction_words(leakage.values[place])} {move:+.2f}"
    share = min(1.0, abs(move) / most) ** 0.7  # so that small changes are visible
    mark = ' class="own"' if own else ""
    return f'<td{mark} style="--share:{100 * share:.0f}%" title="{escape(title)}">{move:+.2f}</td>'
