"""Pictures from a model by seed, number, class and truncation, all of them in the link.

The loaded model is cached for the whole process by the checksum of its weights.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

import streamlit as st

from gan_core import data
from gan_core.media import medium_of
from gan_core.models import loading
from gan_core.models.card import Card
from gan_core.models.sampler import MOST_TRUNCATION, Sampler
from gan_core.models.showing import sheet
from gan_core.pictures.grids import enlarge, png, scatter
from ui.classroom.shell import address, pieces
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.grids import dots, picture
from ui.classroom.shell.i18n import _
from ui.texts import data_name, plain

COUNT = 16  # default number of samples
MOST = 64
PIECES = 8  # maximum number of samples to play or to read
MOST_SEED = 2**31 - 1
WIDE = 640  # minimum width of the picture in pixels
IN_TURN = -1  # value of the class in the link
IN_LINK = ("model", "seed", "n", "class", "truncation")


@dataclass(frozen=True)
class Wish:
    """What to draw; `psi` is None if the model can't be truncated or shouldn't be."""

    count: int
    seed: int
    label: int | None
    psi: float | None


@st.cache_resource(show_spinner=False, max_entries=8)
def loaded(sha256: str, _name: str) -> Sampler:
    """Returns the model with these weights; raises BadCheckpoint."""
    return loading.load(_name)


@st.fragment
def show(name: str, card: Card) -> None:
    """Renders controls and picture; a change reruns only this fragment."""
    with showing_errors():
        with st.spinner(_("Loading the model …")):
            sampler = loaded(card.sha256, name)
        wish = _controls(sampler, card)
        began = time.perf_counter()
        content = drawn(sampler, card, wish)
        seconds = time.perf_counter() - began
        with st.container(key="model-samples"):
            picture(content, alt=_("{count} samples of seed {seed}").format(count=wish.count, seed=wish.seed))
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.caption(
                _(
                    "{count} samples of seed {seed}, generated in {seconds} s. The same seed gives the same samples."
                ).format(count=wish.count, seed=wish.seed, seconds=f"{seconds:.2f}")
            )
            st.download_button(
                _("Download (PNG)"), content, f"ganscope-{name}-seed{wish.seed}.png", "image/png",
                icon=":material/image:", key="model-download", on_click="ignore",
            )  # fmt: skip
        if medium := medium_of(card.task):
            samples = sampler.sample(min(wish.count, PIECES), wish.seed, wish.label, wish.psi)
            pieces.show(medium.pieces(samples.numpy(), sampler.spec))
        elif _by_columns(sampler, wish):
            words = _("Columns: {names}") if sampler.columns == len(card.class_names) else _("Columns in turn: {names}")
            st.caption(words.format(names=plain(_(", ").join(card.class_names))))


# --- controls ----------------------------------------------------------------------------------------------------


def _controls(sampler: Sampler, card: Card) -> Wish:
    if "sampler-seed" not in st.session_state or address.changed_elsewhere("sampler", IN_LINK):
        _take_link(sampler, card)
    with st.container(horizontal=True, vertical_alignment="bottom", key="sampler-controls"):
        seed = _seed()
        label = _label(sampler, card)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large", key="sampler-sliders"):
        count = st.slider(
            _("Number"), 1, MOST, key="sampler-count", width=260,
            help=_("Number of samples to generate."),
        )  # fmt: skip
        psi = _truncation(sampler)
    wish = Wish(count, seed, label, psi)
    _remember(wish, sampler)
    address.mark_synced("sampler", IN_LINK)
    return wish


def _take_link(sampler: Sampler, card: Card) -> None:
    """Sets the controls to the values in the link."""
    st.session_state["sampler-seed"] = address.integer_in_link("seed", 0, MOST_SEED, 0)
    st.session_state["sampler-count"] = address.integer_in_link("n", 1, MOST, _whole_rows(sampler))
    st.session_state["sampler-class"] = address.integer_in_link("class", IN_TURN, len(card.class_names) - 1, IN_TURN)
    st.session_state["sampler-psi"] = address.integer_in_link("truncation", 0, round(100 * MOST_TRUNCATION), 100) / 100


def _seed() -> int:
    seed = st.number_input(
        _("Seed"), 0, MOST_SEED, key="sampler-seed", width=170,
        help=_("Determines all random numbers of the samples."),
    )  # fmt: skip
    st.button(_("New seed"), icon=":material/casino:", key="sampler-dice", type="primary", on_click=_throw)
    return int(seed)


def _throw() -> None:
    st.session_state["sampler-seed"] = random.randrange(10_000)


def _label(sampler: Sampler, card: Card) -> int | None:
    if not sampler.recipe.conditional:
        return None
    names = card.class_names
    options = [IN_TURN, *range(len(names))]
    chosen: int = st.selectbox(
        _("Class"), options, format_func=lambda place: _("all classes in turn") if place == IN_TURN else names[place],
        key="sampler-class", width=200,
        help=_("The model was trained with class labels, so you can choose the class to generate."),
    )  # fmt: skip
    return None if chosen == IN_TURN else chosen


def _truncation(sampler: Sampler) -> float | None:
    if sampler.recipe.truncate is None:
        return None
    psi = st.slider(
        _("Truncation ψ"), 0.0, MOST_TRUNCATION, step=0.05, key="sampler-psi", width=260,
        help=_("Below 1, samples move towards the average: cleaner but more alike. At 0 all are the same; above 1 "
               "quality drops."),
    )  # fmt: skip
    return None if psi == 1 else float(psi)


def _remember(wish: Wish, sampler: Sampler) -> None:
    """Writes the choice into the link, unless it is the default."""
    chosen = {
        "seed": (wish.seed, 0),
        "n": (wish.count, _whole_rows(sampler)),
        "class": (IN_TURN if wish.label is None else wish.label, IN_TURN),
        "truncation": (100 if wish.psi is None else round(100 * wish.psi), 100),
    }
    for name, (value, standard) in chosen.items():
        if value == standard:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != str(value):
            st.query_params[name] = str(value)


# --- the picture ---------------------------------------------------------------------------------------------------


def _by_columns(sampler: Sampler, wish: Wish) -> bool:
    """Whether each column is a class."""
    return sampler.recipe.conditional and wish.label is None and 2 <= sampler.spec.classes <= 16


def _whole_rows(sampler: Sampler) -> int:
    """Returns about COUNT samples, in full rows."""
    columns = sampler.columns if sampler.recipe.conditional else 4
    return min(MOST, max(1, round(COUNT / columns)) * columns)


def drawn(sampler: Sampler, card: Card, wish: Wish) -> bytes:
    """Returns the samples as PNG; points are drawn over the training points."""
    samples = sampler.sample(wish.count, wish.seed, wish.label, wish.psi)
    if sampler.recipe.task == "points":
        points = samples.numpy()
        return dots(points, data_name(card)) if data_name(card) in data.sources else png(scatter(points, points))
    columns = sampler.columns if _by_columns(sampler, wish) else min(8, max(1, round(wish.count**0.5)))
    return png(enlarge(sheet(sampler, samples, 0 if medium_of(card.task) else columns), WIDE))
