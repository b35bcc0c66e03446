"""The training data in words and pictures, including the user's files that were skipped."""

from __future__ import annotations

import numpy as np
import streamlit as st

from gan_core import data
from gan_core.gans import Recipe
from gan_core.training.suited import check_count
from ui.classroom.shell import access
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.grids import dots, grid_of, picture, real_grid
from ui.classroom.shell.i18n import _
from ui.classroom.train.setup import Setup, opened
from ui.core_texts import filled
from ui.texts import bytes_size, data_title, is_points, items_word, joined, number, plain, size_word

COLUMNS, ROWS = 8, 4
LISTED = 200  # maximum number of files in the list
SHOWN_CLASSES = 12  # maximum number of class names in a line


def about(setup: Setup, recipe: Recipe) -> None:
    """Shows the data set on the setup page."""
    if setup.data in data.sources or is_points(setup.data):
        _named(setup)
    else:
        _user_images(setup, recipe)


def _named(setup: Setup) -> None:
    source = data.source(setup.data)
    points = is_points(setup.data)
    count = items_word(setup.data, source.items)
    st.caption(joined(_(source.title), count, size_word(setup.data, setup.size)))
    st.write(_(source.about))
    if not source.available():
        _missing(source)
    elif points:
        picture(dots(np.empty((0, 2)), setup.data), alt=_("Real points of the data set"), width=320)
    elif st.toggle(_("Show samples"), key="look", value=setup.data == "digits"):
        with showing_errors(), st.spinner(_("Reading the data …")):
            picture(real_grid(opened(setup.data), setup.size, rows=ROWS), alt=_("Real images of the data set"))
    st.caption(_("Licence: {licence}").format(licence=plain(_(source.licence))))


def _missing(source: data.Source) -> None:
    """Explains how to get missing data, or offers to download them."""
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
    with showing_errors():
        access.require_steering()
        get(source.published, lambda share, what: _progress(bar, share, filled(what)))
        st.rerun()
    bar.empty()


def _user_images(setup: Setup, recipe: Recipe) -> None:
    """Reads the user's images immediately, so that problems are reported before training."""
    st.caption(joined(plain(data_title(setup.data)), size_word(setup.data, setup.size)))
    if not st.toggle(_("Preview these images"), key="look-own", value=True):
        return
    with showing_errors():
        bar = st.empty()
        loaded = data.load(opened(setup.data), setup.size, lambda share, what: _progress(bar, share, what))
        bar.empty()
        found(loaded)
        recipe.check_data(loaded.spec)
        check_count(loaded)
        picture(grid_of(loaded, COLUMNS, ROWS), alt=_("Real images of the data set"))


def _progress(bar: st.delta_generator.DeltaGenerator, share: float, what: str) -> None:
    bar.progress(share, _(what))


def found(loaded: data.DataSet) -> None:
    """Shows the number of images and classes, and what was skipped."""
    words = _count(loaded)
    if loaded.spec.task != "audio":
        words = joined(words, _("in colour") if loaded.spec.channels == 3 else _("greyscale"))
    if loaded.spec.task in ("images", "audio") or loaded.class_names:
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
    if loaded.spec.task == "audio":
        return _("{count} recordings").format(count=number(len(loaded)))
    if loaded.unpaired:
        first, second = (number(len(loaded.arrays[domain])) for domain in ("a", "b"))
        return _("{first} and {second} images").format(first=first, second=second)
    return _("{count} images").format(count=number(len(loaded)))


def left_out(loaded: data.DataSet) -> None:
    """Lists files that can't be used with their reasons, and notes on others."""
    for note in loaded.notes:
        st.caption(":material/info: " + plain(filled(note)))
    if not loaded.skipped:
        return
    title = _("Files skipped: {count}").format(count=number(len(loaded.skipped)))
    with st.expander(title, icon=":material/block:", key="left-out"):
        rows = "".join(f"| {_cell(name)} | {_cell(filled(reason))} |\n" for name, reason in loaded.skipped[:LISTED])
        st.markdown(f"| {_('File')} | {_('Why')} |\n|---|---|\n{rows}")
        if len(loaded.skipped) > LISTED:
            st.caption(_("And {count} more.").format(count=number(len(loaded.skipped) - LISTED)))


def _cell(text: str) -> str:
    return plain(text)
