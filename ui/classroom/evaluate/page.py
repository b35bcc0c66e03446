"""The page: the form, the table of all evaluations, a chart with intervals, exports, and the details of each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import streamlit as st

from gan_core.errors import GanscopeError
from gan_core.evaluation import process, results
from gan_core.evaluation.paper import paragraph
from gan_core.evaluation.results import Result
from gan_core.metrics.figures import PIXELS, Column, Figure, apart, as_csv, count_text, table
from ui.classroom.evaluate import chart, progress, start
from ui.classroom.evaluate.words import (
    HIGHER_IS_BETTER,
    LOWER_IS_BETTER,
    column_word,
    kind_help,
    kind_word,
    note_text,
)
from ui.classroom.models.shelf import shelf
from ui.classroom.shell import access, style
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.grids import picture
from ui.classroom.shell.i18n import _, using
from ui.classroom.shell.run_titles import title_of
from ui.classroom.shell.store import store
from ui.texts import ago, data_title, joined, number, plain
from ui.texts import titles as model_titles

FIRST = ("fd", "kid", "sliced", "precision", "recall", "coverage", "psnr", "ssim", "perceptual")  # kinds shown at first
COPYING = ("nearest", "copied", "authentic", "mifid", "copy_test")
DIGITS = 6  # of the key, added to a title that isn't unique
MODEL_WIDTH, INTERVAL_WIDTH = 170, 125  # pixels of a table's columns
CONFIG = {"displayModeBar": False}
SHEET = "evaluate/evaluate.css"
Columns = Mapping[Column, Mapping[str, Figure]]


def show() -> None:
    """Renders the page."""
    style.apply(SHEET)
    st.title(_("Evaluate"), anchor=False)
    st.markdown(
        _("How good are the samples, how varied, and are they copies? Every figure comes with its 95 % interval and "
          "with what real images score, and figures of different networks or sample counts are kept apart.")
    )  # fmt: skip
    with showing_errors():
        asked = start.show()
        with showing_errors():
            if asked:
                start.begin(asked)
        progress.show()
        found = results.found()
        if not found and process.runs():
            return
        if not found:
            st.info(_("Nothing has been evaluated yet. Choose models above, or use `ganscope eval`."))
            return
        _results(found)


def _results(found: Sequence[Result]) -> None:
    st.subheader(_("Results"), anchor=False)
    models = model_titles(shelf().models)
    stored = {one.key: one for one in found}
    by_key = {key: replace(one, title=_called(one, models)) for key, one in stored.items()}
    titles = dict(zip(by_key, _apart(list(by_key.values()), list(map(_title, by_key.values()))), strict=True))
    chosen = st.multiselect(
        _("Evaluations"), list(by_key), default=list(by_key)[:8], key=f"evaluate-results-{len(found)}",
        format_func=lambda key: titles[key],
    )  # fmt: skip
    shown = [by_key[key] for key in chosen]
    if not shown:
        return
    kinds = list(dict.fromkeys(figure.kind for one in shown for figure in one.figures))
    usual = [kind for kind in FIRST if kind in kinds] or kinds[:4]
    picked = st.pills(
        _("Figures"), kinds, default=usual, selection_mode="multi", key=f"evaluate-kinds-{','.join(kinds)}",
        format_func=kind_word,
    )  # fmt: skip
    names = _names(shown)
    rows = {name: [one for one in result.figures if one.kind in picked] for name, result in names.items()}
    columns = table(rows)
    if columns:
        _tables(columns, names, models)
        labels = _labels(columns)
        _best(columns, labels)
        _chart(columns, labels, names)
        _exports([stored[key] for key in chosen], picked)
    _evidence(names, models)


def _called(one: Result, models: Mapping[str, str]) -> str:
    """The title of the model or run as on other pages; as it was stored if it no longer exists."""
    if one.kind == "model":
        return models.get(one.subject, one.title)
    if one.kind == "run":
        with suppress(GanscopeError):
            return title_of(store().get(one.subject))
    return one.title


def _net_title(one: Result, models: Mapping[str, str]) -> str:
    """The title of the feature net; "" if it isn't a model of the shelf."""
    return models.get(one.net_from.removeprefix("model "), "")


def _title(one: Result) -> str:
    where = _("training images") if any(figure.side for figure in one.figures) else ""
    return joined(one.title, _step(one), data_title(one.against), where, number(one.samples), one.net, _seed(one))


def _step(one: Result) -> str:
    return _("step {step}").format(step=number(one.step)) if one.step else ""


def _seed(one: Result) -> str:
    return _("seed {seed}").format(seed=one.seed) if one.seed else ""


def _names(shown: Sequence[Result]) -> dict[str, Result]:
    """Results by their titles, which are only as long as they must be to be unique."""
    short = [one.title for one in shown]
    titles = [_title(one) if short.count(name) > 1 else name for one, name in zip(shown, short, strict=True)]
    return dict(zip(_apart(shown, titles), shown, strict=True))


def _apart(shown: Sequence[Result], titles: Sequence[str]) -> list[str]:
    """The titles, with the first digits of the key where one isn't unique, as with two feature nets of one name."""
    return [
        joined(title, one.key[:DIGITS]) if titles.count(title) > 1 else title
        for one, title in zip(shown, titles, strict=True)
    ]


def _tables(columns: Columns, names: Mapping[str, Result], models: Mapping[str, str]) -> None:
    """A table for each feature net, side and set of real images: rows are models and, last, real images; a click on
    a heading sorts.
    """
    groups: dict[tuple[str, ...], dict[Column, Mapping[str, Figure]]] = {}
    reals = _reals(columns)
    nets = _nets(columns, models)
    for column, found in columns.items():
        first = next(iter(found.values()))
        groups.setdefault((first.net, first.origin, first.side, str(first.pixels), first.against), {})[column] = found
    for place, group in enumerate(groups.values()):
        first = next(iter(next(iter(group.values())).values()))
        net = _("pixels") if first.net == PIXELS else nets[first.net, first.origin]
        against = _("compared with the training images") if first.side else ""
        size = _("{size} pixels").format(size=first.pixels) if first.pixels else ""
        real = _("real images: {data}").format(data=reals[first.against])
        st.caption(plain(joined(net, size, against, real)))
        here = [name for name in names if any(name in found for found in group.values())]
        _table(group, dict(zip(here, _in_table([names[name] for name in here]), strict=True)), f"table-{place}")


def _in_table(shown: Sequence[Result]) -> list[str]:
    """Titles of rows, short because the net and the real images are named above the table."""
    short = [one.title for one in shown]
    titles = [
        joined(name, _step(one), number(one.samples), _seed(one)) if short.count(name) > 1 else name
        for one, name in zip(shown, short, strict=True)
    ]
    return _apart(shown, titles)


def _table(columns: Columns, names: Mapping[str, str], key: str) -> None:
    """Numbers, each followed by its interval; `names` maps each result to the title of its row."""
    import pandas as pd

    data: dict[str, list[object]] = {_("Model"): [*names.values(), _("real images")]}
    settings: dict[str, Any] = {_("Model"): st.column_config.TextColumn(pinned=True, width=MODEL_WIDTH)}
    for found in columns.values():
        first = next(iter(found.values()))
        label = joined(kind_word(first.kind), first.of, count_text(first.n))
        floor = first.floor if math.isfinite(first.floor) else None
        data[label] = [*(found[name].value if name in found else None for name in names), floor]
        n = f"n = {number(first.floor_n)}" if floor is not None else ""
        data[f"{label} ±"] = [*(_interval(found[name]) if name in found else "" for name in names), n]
        settings[label] = st.column_config.NumberColumn(format="%.4g", help=kind_help(first.kind))
        settings[f"{label} ±"] = st.column_config.TextColumn(_("95 % interval"), width=INTERVAL_WIDTH)
    st.dataframe(
        pd.DataFrame(data), column_config=settings, hide_index=True, key=f"evaluate-{key}", placeholder="–",
    )  # fmt: skip


def _interval(figure: Figure) -> str:
    return f"{figure.low:.3g} – {figure.high:.3g}" if figure.known else "–"


def _nets(columns: Columns, models: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """The titles of the feature nets by name and origin; of several with one name, those of runs by their origins."""
    nets = dict.fromkeys((column.net, column.origin) for column in columns)
    names = [net for net, _origin in nets]
    return {
        (net, origin): models.get(origin.removeprefix("model "))
        or _("net {net}").format(net=origin if origin and names.count(net) > 1 else net)
        for net, origin in nets
    }


def _reals(columns: Columns) -> dict[str, str]:
    """The titles of the sets of real images; folders of one name by their paths."""
    references = dict.fromkeys(column.against for column in columns)
    titles = [data_title(reference) for reference in references]
    return {
        reference: reference if titles.count(title) > 1 else title
        for reference, title in zip(references, titles, strict=True)
    }


def _labels(columns: Columns) -> dict[Column, str]:
    """The label of each column; names the real images only if there are several sets of them."""
    reals = _reals(columns)
    return {
        column: column_word(next(iter(found.values())), reals[column.against] if len(reals) > 1 else "")
        for column, found in columns.items()
    }


def _best(columns: Columns, labels: Mapping[Column, str]) -> None:
    """Names the best of each column if it differs from all others by more than the intervals."""
    lines = []
    for column, found in columns.items():
        first = next(iter(found.values()))
        if len(found) < 2 or first.kind not in LOWER_IS_BETTER | HIGHER_IS_BETTER:
            continue
        best = (max if first.kind in HIGHER_IS_BETTER else min)(found, key=lambda name: found[name].value)
        clear = all(apart(found[best], figure) for name, figure in found.items() if name != best)
        words = _("{column}: {name}") if clear else _("{column}: no clear difference")
        lines.append(words.format(column=plain(labels[column]), name=f"**{plain(best)}**"))
    if lines:
        with st.expander(_("Best, where the difference exceeds the intervals"), icon=":material/trophy:"):
            st.markdown("\n".join(f"- {line}" for line in lines))


def _chart(columns: Columns, labels: Mapping[Column, str], names: Mapping[str, Result]) -> None:
    by_label = {labels[column]: found for column, found in columns.items()}
    label = st.selectbox(_("Chart"), list(by_label), key=f"evaluate-chart-{len(by_label)}")
    if label:
        found = by_label[label]
        rows = dict(zip(_in_table([names[name] for name in found]), found.values(), strict=True))
        st.plotly_chart(chart.intervals(rows), key="evaluate-intervals", config=CONFIG, alt=label)


def _exports(shown: Sequence[Result], kinds: Sequence[str]) -> None:
    """Offers the figures as files, which name models as they were stored, in English for every visitor."""
    with using("en"):
        rows = {name: [one for one in result.figures if one.kind in kinds] for name, result in _names(shown).items()}
    st.download_button(
        _("Download CSV"), as_csv(rows), "ganscope-evaluation.csv", "text/csv", icon=":material/download:",
        key="evaluate-csv", on_click="ignore",
    )  # fmt: skip
    with st.expander(_("A paragraph for a paper"), icon=":material/article:"):
        st.code(paragraph(shown, kinds), language=None, wrap_lines=True)


def _evidence(names: Mapping[str, Result], models: Mapping[str, str]) -> None:
    """Shows one evaluation in detail: notes, the matrix of label obedience, and signs of copied training images."""
    st.subheader(_("One evaluation in detail"), anchor=False)
    name = st.selectbox(_("Evaluation"), list(names), key=f"evaluate-one-{len(names)}")
    if not name:
        return
    one = names[name]
    st.caption(
        joined(_title(one), _("feature net: {net}").format(net=_net_title(one, models) or one.net_from), ago(one.made))
    )
    if one.notes:
        with st.expander(_("Points to note"), icon=":material/info:", expanded=False):
            for note in one.notes:
                st.markdown(f"- {plain(note_text(note))}")
    if one.obedience:
        _obedience(one)
    _copies(one)
    if st.button(
        _("Delete this evaluation"), icon=":material/delete:", key="evaluate-delete",
        disabled=not access.may_steer(), help=access.why_locked(),
    ):  # fmt: skip
        access.require_steering()
        results.delete(one)
        st.rerun()


def _obedience(one: Result) -> None:
    st.markdown(f"**{_('Does it obey the label?')}**")
    st.markdown(
        _("Each row is a class that was asked for; the numbers are the percentages of its samples that the feature net "
          "took for each class. A model that ignores its label has equal rows.")
    )  # fmt: skip
    drawn = chart.matrix(one.obedience["asked"], one.obedience["seen"], one.obedience["shares"])
    st.plotly_chart(drawn, key="evaluate-obedience", config=CONFIG, alt=_("Matrix of label obedience"))


def _copies(one: Result) -> None:
    figures = [figure for figure in one.figures if figure.kind in COPYING]
    if not figures:
        return
    st.markdown(f"**{_('Is it copying?')}**")
    with st.container(horizontal=True, gap="medium", key="evaluate-copies"):
        for figure in figures:
            help_ = joined(kind_help(figure.kind), _("95 % interval: {interval}").format(interval=_interval(figure)))
            delta = _("real: {floor}").format(floor=f"{figure.floor:.3g}") if math.isfinite(figure.floor) else None
            st.metric(
                kind_word(figure.kind), f"{figure.value:.3g}", delta, delta_color="off", delta_arrow="off",
                help=help_, width="content",
            )  # fmt: skip
    if one.neighbours.is_file():
        words = _("Above: the samples closest to a training image. Below: these training images.")
        with st.container(key="evaluate-neighbours"):
            picture(one.neighbours, alt=words, caption=words)
    st.caption(
        _("No number proves copying, and none proves that there is none: look at the pictures. Similar simple images, "
          "such as digits, lie close together without being copies.")
    )  # fmt: skip
