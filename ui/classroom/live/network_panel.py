"""The networks of a run: layers, shapes, parameters, the equation and the source file."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from gan_core.runs.store import Run
from ui.classroom.live.forks import NETWORKS
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import _
from ui.texts import number


def show(run: Run, hparams: Mapping[str, Any]) -> None:
    from gan_core.gans import recipes

    with showing_errors():
        recipe = recipes.get(run.spec.recipe)
        settings = recipe.settings(hparams)
        st.markdown(
            f"**{_(recipe.title)}** ({recipe.year}) · [arXiv {recipe.paper}](https://arxiv.org/abs/{recipe.paper})"
        )
        if recipe.equation:
            st.latex(recipe.equation(settings))
        layers = _described(recipe.name, _frozen(hparams), run.spec.data, run.spec.size)
        for column, (name, rows) in zip(st.columns(max(1, len(layers))), layers.items(), strict=False):
            with column:
                _network(name, rows)
        with st.popover(_("Source file"), icon=":material/code:"):
            st.code(Path(inspect.getfile(recipe.networks)).read_text(encoding="utf-8"), language="python")


def _frozen(hparams: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple((name, tuple(value) if isinstance(value, list) else value) for name, value in sorted(hparams.items()))


@st.cache_data(show_spinner=False, max_entries=32)
def _described(recipe_name: str, hparams: tuple[tuple[str, Any], ...], reference: str, size: int) -> Any:
    from gan_core import data
    from gan_core.gans import recipes
    from gan_core.gans.describe import describe

    recipe = recipes.get(recipe_name)
    if reference in data.sources or data.is_points(reference):
        source = data.source(reference)
        spec = source.spec(size)
    else:
        spec = data.load(reference, size).spec
    found = describe(recipe, recipe.settings(dict(hparams)), spec)
    return {
        name: [(layer.name, layer.kind, layer.shape, layer.parameters) for layer in rows]
        for name, rows in found.items()
    }


def _network(name: str, rows: list[tuple[str, str, tuple[int, ...], int]]) -> None:
    total = sum(row[3] for row in rows)
    st.markdown(f"**{_(NETWORKS.get(name, name))}** · " + _("{count} parameters").format(count=number(total)))
    head = f"| {_('Layer')} | {_('Output')} | {_('Parameters')} |\n|---|---|---:|\n"
    body = "".join(
        f"| {kind} | {' × '.join(map(str, shape)) or '1'} | {number(parameters) if parameters else '–'} |\n"
        for _place, kind, shape, parameters in rows
    )
    st.markdown(head + body)
