"""A model's card in plain words, each fact with a short help, and the documentation of its recipe. Needs no torch."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from gan_core import data
from gan_core.media import medium_of
from gan_core.models.card import Card
from ui.classroom.live.forks import NETWORKS
from ui.classroom.models import metrics
from ui.classroom.models.metrics import Number
from ui.classroom.models.shelf import draws
from ui.classroom.shell.i18n import _, language
from ui.texts import bytes_size, data_name, data_title, joined, number, plain

DOCS = Path(__file__).parents[3] / "docs" / "gans"
LINK = re.compile(r"(?: · )?\[[^\]]*\]\((?!https?:)[^)]*\)")  # to another page of the docs, which isn't available here
FIGURE = re.compile(r"!\[([^\]]*)\]\(([\w.]+\.svg)\)")  # its description, and its file


@dataclass(frozen=True)
class Fact:
    """One fact of the card: `words` is markdown."""

    label: str
    words: str
    help: str


def show(card: Card) -> None:
    """Shows the facts and the metrics."""
    with st.container(border=True, key="model-facts", gap="small"):
        for fact in facts(card):
            st.markdown(f":small[:gray[{fact.label}]]  \n{fact.words}", help=fact.help)
    measured = metrics.numbers(card)
    if measured:
        st.markdown(f"**{_('Metrics')}**")
        _measured(measured)
    else:
        st.caption(_("No metrics yet. Run `ganscope eval` to measure this model.") if draws(card) else "")


def _measured(found: list[Number]) -> None:
    """Shows one tile per metric; those of single attributes as collapsed tables."""
    grid = st.grid("auto", min_column_width=160, gap="small", key="model-numbers")
    for one in found:
        if not one.part:
            with grid.cell():
                st.metric(one.label, one.value, help=one.help or None, border=True)
                st.caption(plain(one.made_of))
    for label, members in metrics.by_attribute(found).items():
        with st.expander(_("{mark}, by attribute").format(mark=label), key=f"by-attribute-{label}"):
            rows = [f"| {plain(one.part)} | {plain(one.value)} |" for one in members]
            st.markdown("\n".join([f"| {_('Attribute')} | {label} |", "| :-- | --: |", *rows]))
            st.caption(plain(members[0].made_of))


def facts(card: Card) -> Iterator[Fact]:
    """Returns the facts of the card, most important first."""
    yield Fact(
        _("Recipe"), f"{plain(_(card.recipe_title or card.recipe))} · `{card.recipe}`",
        _("Which GAN it is: its networks and losses. Details are below the samples."),
    )  # fmt: skip
    yield Fact(_("Limits"), plain(_(card.limits)), _("Known weaknesses of this model."))
    yield Fact(
        _("Training data"),
        _origin(card),
        _("The data set that the model was trained on. It can generate nothing else."),
    )
    yield Fact(
        _("Licence of the weights"), plain(_(card.licence)),
        _("It follows the licence of the training data. GANscope's code is separate and has the MIT licence."),
    )  # fmt: skip
    if card.steps:  # not recorded for models trained elsewhere
        points = card.task == "points"
        trained = _("{steps} steps, {points} points seen") if points else _("{steps} steps, {images} images seen")
        if medium_of(card.task):
            trained = _("{steps} steps, {images} samples seen")
        yield Fact(
            _("Trained for"),
            trained.format(steps=number(card.steps), images=number(card.images), points=number(card.images)),
            _("Each step trains every network on one batch of points. A point counts each time it is used.")
            if points else
            _("Each step trains every network on one batch. A sample counts each time it is used.")
            if medium_of(card.task) else
            _("Each step trains every network on one batch of images. An image counts each time it is used."),
        )  # fmt: skip
    yield Fact(_("Training cost"), plain(card.cost), _("Training time and hardware."))
    sizes = [f"{_(NETWORKS.get(name, name))} {short(count)}" for name, count in card.parameters.items()]
    yield Fact(
        _("Parameters"), plain(joined(*sizes)),
        _("Number of trained weights. Generating samples needs only the generator, not the networks that were used "
          "to train it."),
    )  # fmt: skip
    if card.class_names and "labels" in card.capabilities:
        yield Fact(
            _("Classes"),
            plain(_(", ").join(card.class_names)),
            _("The model was trained with class labels, so you can choose the class to generate."),
        )
    yield Fact(
        _("Seed and file"), f"{card.seed} · {bytes_size(card.bytes)} · `{card.sha256[:12]}`",
        _("The training seed, the size of the weights and the start of their SHA-256 checksum, for comparing "
          "copies."),
    )  # fmt: skip


def _origin(card: Card) -> str:
    reference = data_name(card)
    if reference not in data.sources:
        return plain(_(card.origin))
    return f"**{plain(data_title(reference))}**. {plain(_(data.source(reference).about))}"


def short(count: int) -> str:
    """Formats a number of parameters: 1.2 M, 340 k."""
    if count >= 1e6:
        return f"{count / 1e6:.1f} M"
    return f"{count / 1e3:.0f} k" if count >= 1e4 else number(count)


def explain(card: Card) -> None:
    """Shows the recipe's documentation: what the GAN is, its equation and its networks."""
    path = DOCS / f"{card.recipe}{'.zh' if language() == 'zh' else ''}.md"
    if not path.is_file():
        return
    title = _("How {recipe} works").format(recipe=_(card.recipe_title or card.recipe))
    with st.expander(title, icon=":material/menu_book:", key="model-recipe"):
        parts = FIGURE.split(body_of(path.read_text(encoding="utf-8")))
        for words, alt, file in itertools.zip_longest(parts[::3], parts[1::3], parts[2::3], fillvalue=""):
            st.markdown(words)
            if file and (DOCS / file).is_file():
                st.image(str(DOCS / file), alt=alt)


def body_of(page: str) -> str:
    """Returns a page without its title, links to its neighbours and the table of knobs at its end."""
    head = page.split("\n| ")[0]
    body = head.rpartition("\n## ")[0] if head != page else page
    return LINK.sub("", body.partition("\n")[2]).replace("\n## ", "\n#### ")
