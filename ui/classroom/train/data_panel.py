"""What a run learns from: the data set in words and pictures, and what of the user's own files was left out."""

from __future__ import annotations

import numpy as np
import streamlit as st

from gan_core import data
from gan_core.gans import Recipe
from ui.classroom.shell import access
from ui.classroom.shell.errors import shown
from ui.classroom.shell.grids import dots, grid_of, picture, real_grid
from ui.classroom.shell.i18n import _
from ui.classroom.train.setup import Setup, opened
from ui.core_texts import filled
from ui.texts import bytes_size, data_title, is_points, joined, number, plain, size_word

COLUMNS, ROWS = 8, 4
LISTED = 200  # files of a list, at most
SHOWN_CLASSES = 12  # names in a line, at most


def about(setup: Setup, recipe: Recipe) -> None:
    """The data set of the set-up page."""
    if setup.data in data.sources or is_points(setup.data):
        _named(setup)
    else:
        _own(setup, recipe)


def _named(setup: Setup) -> None:
    source = data.source(setup.data)
    points = is_points(setup.data)
    count = (_("{count} points") if points else _("{count} images")).format(count=number(source.items))
    st.caption(joined(_(source.title), count, size_word(setup.data, setup.size)))
    st.write(_(source.about))
    if not source.available():
        _missing(source)
    elif points:
        picture(dots(np.empty((0, 2)), setup.data), alt=_("Real points of the data set"), width=320)
    elif st.toggle(_("Show some of its images"), key="look", value=setup.data == "digits"):
        with shown(), st.spinner(_("Reading the images …")):
            picture(real_grid(opened(setup.data), setup.size, rows=ROWS), alt=_("Real images of the data set"))
    st.caption(_("Licence: {licence}").format(licence=plain(_(source.licence))))


def _missing(source: data.Source) -> None:
    """How data that aren't here can be had, or a button that brings them."""
    st.info(filled(source.needs) or _("The data are downloaded first."), icon=":material/download:")
    if not source.published:
        return
    from gan_core.data.published import get, published

    size = bytes_size(published.get(source.published).size)
    asked = st.button(
        _("Download now ({size})").format(size=size), icon=":material/cloud_download:", key="get-data",
        disabled=not access.may_steer(), help=access.why_locked(),
    )  # fmt: skip
    if not asked:
        return
    bar = st.empty()
    with shown():
        access.require_steering()
        get(source.published, lambda share, what: _progress(bar, share, filled(what)))
        st.rerun()
    bar.empty()


def _own(setup: Setup, recipe: Recipe) -> None:
    """The user's own images are read at once: what is wrong with them is told before anything trains."""
    st.caption(joined(plain(data_title(setup.data)), size_word(setup.data, setup.size)))
    if not st.toggle(_("Look at these images now"), key="look-own", value=True):
        return
    with shown():
        bar = st.empty()
        loaded = data.load(opened(setup.data), setup.size, lambda share, what: _progress(bar, share, what))
        bar.empty()
        found(loaded)
        recipe.check_data(loaded.spec)
        picture(grid_of(loaded, COLUMNS, ROWS), alt=_("Real images of the data set"))


def _progress(bar: st.delta_generator.DeltaGenerator, share: float, what: str) -> None:
    bar.progress(share, _(what))


def found(loaded: data.DataSet) -> None:
    """How many images and classes there are, and what was left out."""
    colours = _("in colour") if loaded.spec.channels == 3 else _("grey")
    words = joined(_count(loaded), colours)
    if loaded.spec.task == "images":
        words = joined(words, _classes(loaded.class_names))
    st.markdown(":material/check_circle: " + plain(words))
    left_out(loaded)


def _classes(names: tuple[str, ...]) -> str:
    if not names:
        return _("no classes")
    shown_names = _(", ").join(names[:SHOWN_CLASSES]) + (" …" if len(names) > SHOWN_CLASSES else "")
    return _("{count} classes: {names}").format(count=number(len(names)), names=shown_names)


def _count(loaded: data.DataSet) -> str:
    if loaded.spec.task == "paired":
        return _("{count} pairs of images").format(count=number(len(loaded)))
    if loaded.unpaired:
        first, second = (number(len(array)) for array in loaded.arrays.values())
        return _("{first} and {second} images").format(first=first, second=second)
    return _("{count} images").format(count=number(len(loaded)))


def left_out(loaded: data.DataSet) -> None:
    """The files that can't be used, each with its reason, and what was done to others."""
    for note in loaded.notes:
        st.caption(":material/info: " + plain(filled(note)))
    if not loaded.skipped:
        return
    title = _("Files left out: {count}").format(count=number(len(loaded.skipped)))
    with st.expander(title, icon=":material/block:", key="left-out"):
        rows = "".join(f"| {_cell(name)} | {_cell(filled(reason))} |\n" for name, reason in loaded.skipped[:LISTED])
        st.markdown(f"| {_('File')} | {_('Why')} |\n|---|---|\n{rows}")
        if len(loaded.skipped) > LISTED:
            st.caption(_("And {count} more.").format(count=number(len(loaded.skipped) - LISTED)))


def _cell(text: str) -> str:
    return plain(text)
