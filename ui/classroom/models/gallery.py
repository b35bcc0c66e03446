"""The models as a gallery of linked cards. Rendered from cards and pictures alone, before torch is imported."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from gan_core.models import listing
from gan_core.models.card import Card
from ui.classroom.models import metrics
from ui.classroom.models.shelf import Shelf, link, one_line, shelf, short_licence, thumbnail
from ui.classroom.shell import style
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.grids import picture
from ui.classroom.shell.i18n import _
from ui.texts import plain, titles

SHEET = "models/models.css"
STRIP = 6  # maximum number of models on Home


def show() -> None:
    """Renders the page."""
    style.apply(SHEET)
    st.title(_("Models"), anchor=False)
    with showing_errors():
        found = shelf()
        if not found.models and not found.trouble:
            _empty()
            return
        if found.drawing:
            st.markdown(_("Pretrained models: choose one to generate new images or to continue its training."))
            _cards(found.drawing, "gallery")
        if found.translating:
            st.subheader(_("Image-to-image models"), anchor=False)
            st.markdown(
                _("Give a picture, get another one: in a different style, larger, or with missing parts filled in.")
            )
            _cards(found.translating, "translators")
        _tools(found)
        _trouble(found)


def _tools(found: Shelf) -> None:
    """Shows the networks that other models and metrics need, collapsed, because they generate no pictures."""
    if not found.finding and not found.feature_nets:
        return
    title = _("Tools: encoders and classifiers ({count})")
    count = len(found.finding) + len(found.feature_nets)
    with st.expander(title.format(count=count), icon=":material/build:", key="tools"):
        if found.finding:
            st.subheader(_("Encoders"), anchor=False)
            st.markdown(
                _("Encoders predict where a picture lies in another model's latent space, in a single forward "
                  "pass. In the Studio, the search for your own picture starts from their prediction.")
            )  # fmt: skip
            _cards(found.finding, "encoders")
        if found.feature_nets:
            st.subheader(_("Feature networks"), anchor=False)
            st.markdown(
                _("These networks generate nothing. They classify pictures and provide the features for the metrics.")
            )
            _cards(found.feature_nets, "judges")


def strip() -> None:
    """Shows a few models on Home; nothing if there are none."""
    chosen = dict(list(shelf().drawing.items())[:STRIP])
    if not chosen:
        return
    style.apply(SHEET)
    st.subheader(_("Try pretrained models"), anchor=False)
    grid = st.grid("auto", min_column_width=145, gap="small", key="strip")
    called = titles(shelf().models)
    for name, card in chosen.items():
        with grid.cell(), st.container(key=f"model-strip-{name}"):
            _face(name, card, called[name])


def _cards(models: Mapping[str, Card], key: str) -> None:
    grid = st.grid("auto", min_column_width=270, gap="medium", key=key)
    called = titles(shelf().models)
    for name, card in models.items():
        with grid.cell(), st.container(border=True, height="stretch", key=f"model-card-{name}"):
            _face(name, card, called[name])
            st.caption(plain(one_line(card)))
            st.markdown(" ".join(badges(card)))


def _face(name: str, card: Card, title: str) -> None:
    """Shows picture and title; the style sheet extends the link over the whole card."""
    content = thumbnail(listing.standing(name), card)
    picture(content, alt=_("Samples of {model}").format(model=title))
    # a page of its own, because Streamlit ignores links to the current page that differ only in the query
    st.page_link("pages/model.py", label=f"**{plain(title)}**", query_params=link(name))


def badges(card: Card) -> list[str]:
    """Returns the model's capabilities and licence as badges in markdown."""
    can = set(card.capabilities)
    found = []
    if accuracy := metrics.accuracy(card):
        found.append(("green", ":material/check: " + _("accuracy {share}").format(share=accuracy)))
    if "labels" in can:
        found.append(("violet", _("{count} classes").format(count=len(card.class_names))))
    if "codes" in can:
        found.append(("violet", _("codes")))
    if "truncation" in can:
        found.append(("blue", _("truncation")))
    if "upscale" in can:
        found.append(("violet", _("{scale}× enlargement").format(scale=card.hparams.get("scale", 4))))
    found.append(("gray", ":material/license: " + plain(short_licence(card))))
    return [f":{colour}-badge[{words}]" for colour, words in found]


def _empty() -> None:
    st.info(_("There are no models yet."), icon=":material/shelves:")
    st.markdown(
        _("`ganscope pretrain NAME` trains one of the models in `gan_core/models/plans.py` and adds it here. To "
          "add a model from someone else, put its folder into `models` in GANscope's own folder.")
    )  # fmt: skip
    st.page_link("pages/train.py", label=_("New run"), icon=":material/add:")


def _trouble(found: Shelf) -> None:
    """Lists models that can't be used, each with the reason."""
    for name, words in found.trouble.items():
        st.warning(f"**{plain(name)}**: {plain(words)}", icon=":material/broken_image:")
