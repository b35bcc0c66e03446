"""The page: molecules of a seed with their counts, an explanation of one score, and interpolation."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import streamlit as st

from gan_core.data import chemistry
from gan_core.errors import BadValue
from gan_core.models.card import Card
from ui.classroom.models.shelf import shelf
from ui.classroom.shell import style, warm
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import N_, _
from ui.texts import joined, percent, plain, titles

if TYPE_CHECKING:
    import numpy as np

    from gan_core.models.sampler import Sampler

SHEET = "molecules/molecules.css"
COUNT, MOST, COLUMNS = 12, 48, 4
STEPS = 7  # drawings between two molecules, both ends included
MOST_SEED = 2**31 - 1
SEED, CHOSEN = "molecules-seed", "molecules-chosen"
CHANGED_SINCE = N_(
    "Tutorials call `GNNExplainer(model, epochs=200).explain_node(…)`. In torch_geometric 2.8 this raises a TypeError: "
    "an `Explainer` now holds the model and the algorithm, is called with nodes and edges, and returns an "
    "`Explanation` with `node_mask` and `edge_mask` between 0 and 1. It masks messages of `MessagePassing` layers, so "
    "the discriminator, which is trained with dense matrices, is given that form with the same weights."
)


def show() -> None:
    """Renders the page."""
    style.apply(SHEET)
    st.title(_("Molecules"), anchor=False)
    with st.container(key="lead"):
        st.markdown(
            _("A GAN that generates graphs: atoms and the bonds between them, all at once. Whether a sample can exist "
              "isn't a matter of taste here: chemistry decides.")
        )  # fmt: skip
    with showing_errors():
        chemistry.rdkit()
        models = {name: card for name, card in shelf().models.items() if card.task == "graph"}
        if not models:
            st.info(
                _("There is no model of molecules yet. Train MolGAN, then publish the run."), icon=":material/info:"
            )
            st.page_link("pages/train.py", label=_("Train"), query_params={"recipe": "molgan"})
            return
        if not warm.is_ready():
            with st.spinner(_("Loading PyTorch, once per start …")):
                warm.now()
        _model(models)


def _model(models: dict[str, Card]) -> None:
    from ui.classroom.models.sampler import loaded

    words = titles(models)
    with st.container(horizontal=True, vertical_alignment="bottom", key="molecules-controls"):
        name: str = st.selectbox(
            _("Model"), list(models), format_func=lambda one: words.get(one, one), width=300, key="molecules-model",
            on_change=_forget,
        )  # fmt: skip
        st.session_state.setdefault(SEED, 0)
        seed = st.number_input(
            _("Seed"), 0, MOST_SEED, key=SEED, width=170, help=_("Determines all random numbers of the samples."),
            on_change=_forget,
        )  # fmt: skip
        st.button(_("New seed"), icon=":material/casino:", type="primary", on_click=_throw, key="molecules-dice")
        count = st.slider(_("Number"), 4, MOST, COUNT, 4, key="molecules-count", width=220)
    sampler = loaded(models[name].sha256, name)
    drawn = sampler.sample(int(count), int(seed)).numpy()
    _counts(drawn, models[name])
    _grid(drawn)
    _download(drawn, sampler, f"ganscope-{name}-seed{int(seed)}.smi")
    chosen = st.session_state.get(CHOSEN)
    if chosen is not None and chosen < len(drawn):
        _why(name, models[name], drawn[chosen], chosen)
    _between(sampler, int(seed), int(count))


def _throw() -> None:
    st.session_state[SEED] = random.randrange(10_000)
    _forget()


def _forget() -> None:
    st.session_state.pop(CHOSEN, None)


def _choose(place: int) -> None:
    st.session_state[CHOSEN] = place


# --- the molecules -------------------------------------------------------------------------------------------------


def _counts(drawn: np.ndarray, card: Card) -> None:
    from gan_core.metrics.molecules import quality

    known = _known(card.data) if _here(card.data) else set()
    found = quality(drawn, known)
    with st.container(horizontal=True, gap="large", key="molecules-counts"):
        st.metric(
            _("Valid"), f"{found.valid} / {found.n}", width="content",
            help=_("One connected molecule of two atoms or more that RDKit accepts. The others have a grey "
                   "background."),
        )  # fmt: skip
        st.metric(_("Different"), f"{found.unique} / {found.valid}", width="content", help=_("Among the valid ones."))
        new = f"{found.novel} / {found.unique}" if known else "–"
        st.metric(
            _("New"), new, width="content",
            help=_("Share of the different molecules that aren't in the training data. Unknown if these data aren't "
                   "available."),
        )  # fmt: skip


def _here(reference: str) -> bool:
    """Whether the data can be loaded. Not cached: they may be added while the app runs."""
    from gan_core import data

    return reference in data.sources and data.source(reference).available()


@st.cache_resource(show_spinner=False, max_entries=4)
def _known(reference: str) -> set[str]:
    """The SMILES of the training molecules."""
    from gan_core import data

    with st.spinner(_("Reading the training molecules …")):
        return set(map(chemistry.smiles_of, data.load(reference).arrays["molecule"]))


def _grid(drawn: np.ndarray) -> None:
    from gan_core.media.molecules import caption, svg

    with st.container(key="molecules-drawn"):
        for start in range(0, len(drawn), COLUMNS):
            for place, column in enumerate(st.columns(COLUMNS), start):
                if place < len(drawn):
                    with column, st.container(key=f"molecule-{place}"):
                        st.image(svg(drawn[place]), width="stretch", alt=caption(drawn[place]))
                        st.caption(plain(f"{place + 1}. {caption(drawn[place])}"))
                        st.button(_("Why is it fake?"), key=f"why-{place}", on_click=_choose, args=(place,))


def _download(drawn: np.ndarray, sampler: Sampler, name: str) -> None:
    from gan_core.media.molecules import as_lines

    st.download_button(
        _("Download (SMILES)"), as_lines(drawn), name, "text/plain", icon=":material/download:", on_click="ignore"
    )


# --- why -----------------------------------------------------------------------------------------------------------


def _why(name: str, card: Card, matrix: np.ndarray, place: int) -> None:
    from gan_core.media.molecules import caption, svg

    st.subheader(_("Why is molecule {number} fake?").format(number=place + 1), anchor=False)
    with showing_errors():
        if not (matrix.diagonal() > 0).sum() or not chemistry.cleaned(matrix[None]).any():
            raise BadValue("A molecule without a bond can't be explained.")
        with st.spinner(_("Learning masks from 20 random starts …")):
            found = _explained(name, card.sha256, matrix.tobytes(), matrix.shape[0])
        share = _rank(name, card, found.score)
        there = {
            (one, other): found.bonds[one, other]
            for one in range(len(matrix)) for other in range(one + 1, len(matrix)) if found.bonds[one, other] > 0
        }  # fmt: skip
        most = max(there.values(), default=1.0)
        atoms = {int(one): value for one, value in enumerate(found.atoms) if value > 0}
        most_atom = max(atoms.values(), default=1.0)
        left, right = st.columns([2, 3], gap="large")
        legend = _("The darker an atom or a bond, the more the score depends on it.")
        with left, st.container(key="molecule-why"):
            st.image(
                svg(
                    matrix, 360, {one: value / most_atom for one, value in atoms.items()},
                    {one: value / most for one, value in there.items()},
                ),
                width="stretch", alt=joined(caption(matrix), legend),
            )  # fmt: skip
            st.caption(legend)
        with right:
            if share is not None:
                st.markdown(
                    _("The discriminator's score is **{score}**: {share} of real molecules score higher.").format(
                        score=f"{found.score:.2f}", share=percent(share)
                    )
                )
            _masks(found, there)
            st.markdown(
                _("**Is the explanation better than chance?** Without the {count} most important bonds the score "
                  "changes by {change}; without as many random ones by {random} ± {spread}.").format(
                    count=found.removed, change=f"{found.change:.2f}", random=f"{found.random_change:.2f}",
                    spread=f"{found.random_spread:.2f}",
                )
            )  # fmt: skip
            with st.expander(_("How this is computed, and what changed since the tutorials")):
                st.markdown(_(CHANGED_SINCE))


def _masks(found: object, there: dict[tuple[int, int], float]) -> None:
    """Bonds by importance, with the spread over the seeds."""
    import pandas as pd

    from gan_core.models.explaining import Explanation

    assert isinstance(found, Explanation)
    rows = sorted(there.items(), key=lambda pair: -pair[1])
    st.dataframe(
        pd.DataFrame(
            {
                _("Bond"): [f"{one + 1} – {other + 1}" for (one, other), _value in rows],
                _("Importance"): [value for _pair, value in rows],
                _("Spread over {seeds} seeds").format(seeds=found.seeds): [
                    found.bond_spread[pair] for pair, _value in rows
                ],
            }
        ),
        hide_index=True,
        height=240,
    )


@st.cache_resource(show_spinner=False, max_entries=64)
def _explained(name: str, sha256: str, content: bytes, size: int):  # type: ignore[no-untyped-def]
    import numpy as np

    from gan_core.models import explaining

    matrix = np.frombuffer(content, np.int64).reshape(size, size).copy()
    return explaining.explain(explaining.discriminator_of(name), matrix, explaining.SEEDS)


def _rank(name: str, card: Card, score: float) -> float | None:
    """The share of real molecules with a higher score; None if the data aren't available."""
    if not _here(card.data):
        return None
    return float((_real_scores(name, card.sha256, card.data) > score).mean())


@st.cache_resource(show_spinner=False, max_entries=8)
def _real_scores(name: str, sha256: str, reference: str):  # type: ignore[no-untyped-def]
    from gan_core import data
    from gan_core.models import explaining

    return explaining.scores(explaining.discriminator_of(name), data.load(reference).arrays["molecule"][::10])


# --- from one to another -------------------------------------------------------------------------------------------


def _between(sampler: Sampler, seed: int, count: int) -> None:
    import torch

    from gan_core.media.molecules import caption, svg

    st.subheader(_("From one molecule to another"), anchor=False)
    st.caption(
        _("Latents between those of two molecules. What is drawn changes in jumps, because there is no half a bond.")
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        first = st.number_input(_("From"), 1, count, 1, key="molecules-from", width=120)
        last = st.number_input(_("To"), 1, count, 2, key="molecules-to", width=120)
    latents, labels = sampler.latents(count, seed)
    shares = torch.linspace(0, 1, STEPS)[:, None]
    drawn = sampler.draw(torch.lerp(latents[[first - 1]], latents[[last - 1]], shares), labels).numpy()
    with st.container(key="molecules-between"):
        for column, matrix in zip(st.columns(STEPS), drawn, strict=True):
            with column:
                st.image(svg(matrix, 160), width="stretch", alt=caption(matrix))
                st.caption(plain(caption(matrix)))
