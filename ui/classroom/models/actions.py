"""Actions on a model: a run that starts from its weights, or the Train page with its settings."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from gan_core import data
from gan_core.models.card import Card
from gan_core.runs.store import Run
from ui.classroom.live.forks import network_words
from ui.classroom.models.shelf import classifies, encodes
from ui.classroom.shell import access, knob_widgets, sessions, warm
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import STATE, _
from ui.core_texts import filled
from ui.texts import data_name, plain


def show(name: str, folder: Path, card: Card) -> None:
    """Shows the buttons; for feature networks and encoders, which the Train page doesn't offer, what they are used
    for.
    """
    if classifies(card):
        st.markdown(_("Used for metrics: `ganscope eval RUN --net {name}`").format(name=name))
        return
    if encodes(card):
        st.markdown(_("In the Studio, the search for your own picture starts from its prediction."))
        return
    if not card.data:
        st.caption(
            _("The training data of this model are unknown. To continue its training: {command}").format(
                command=f"`ganscope train --from {name} --data DATA --steps STEPS`"
            )
        )
        return
    ask = st.popover(
        _("Continue training"), icon=":material/forward:", disabled=not access.may_steer(), key="continue",
        help=access.why_locked() or _("Starts a new run from these weights."), on_change="rerun",
    )  # fmt: skip
    if ask.open:
        with ask:
            _continue(folder, card)
    if st.button(
        _("Use these settings"), icon=":material/tune:", key="model-settings",
        help=_("Opens the Train page with this model's recipe, data and settings. Training starts from random "
               "weights."),
    ):  # fmt: skip
        with showing_errors(), st.spinner(_("Opening …")):
            st.switch_page("pages/train.py", query_params=settings_link(card) | _language())


def _language() -> dict[str, str]:
    return {"lang": st.session_state.get(STATE, "en")}


def settings_link(card: Card) -> dict[str, str]:
    """Returns the query of the Train page with a model's settings; raises UnknownName or BadValue."""
    warm.now()
    from gan_core.gans import recipes
    from gan_core.knobs import to_dict
    from ui.classroom.train.setup import Setup, to_query

    settings = recipes.get(card.recipe).settings(card.hparams)
    return to_query(Setup(card.recipe, card.data, card.size, card.steps, "", to_dict(settings)))


def _continue(folder: Path, card: Card) -> None:
    """Asks for the options of a run that starts from a model's weights."""
    st.markdown(
        _("A new run that starts from exactly these weights. Optimisers, data order and learning rate schedule "
          "start over, so samples may get worse before they get better.")
    )  # fmt: skip
    with showing_errors():
        anew = missing_networks(folder)
        if any(network.startswith("discriminator") for network in anew):
            st.warning(
                _(
                    "The file contains no discriminator. A new one must be trained first, so expect worse samples at "
                    "the start."
                ),
                icon=":material/policy:",
            )
        elif anew:
            st.caption(
                _("Not in the file and therefore reinitialised: {networks}.").format(networks=network_words(anew))
            )
        if why := _missing_data(card):
            st.info(plain(why), icon=":material/download:")
        steps = knob_widgets.control(
            "steps", int, card.steps, knob_widgets.STEPS, f"continue-steps-{card.name}", disabled=False
        )
        invalid_fields = isinstance(steps, str)
        title = st.text_input(
            _("Name (optional)"), max_chars=80, key=f"continue-name-{card.name}", placeholder=_(card.title)
        )
        pressed = st.button(
            _("Train"), type="primary", icon=":material/play_arrow:", key="continue-train", disabled=invalid_fields
        )
        if pressed and not invalid_fields:
            with st.spinner(_("Starting …")):
                run = sessions.start_from(folder, int(steps), title or "")
            open_run(run)


def missing_networks(folder: Path) -> list[str]:
    """Returns the networks that training needs and the file lacks."""
    with st.spinner(_("Loading PyTorch, once per start …")):
        warm.now()
    from gan_core.training import continuing

    return continuing.missing_networks(folder)


def _missing_data(card: Card) -> str:
    """Returns why the data are missing, or that they are downloaded first; "" if they are available."""
    reference = data_name(card)
    if reference not in data.sources or data.source(reference).available():
        return ""
    return filled(data.source(reference).needs) or _("The data are downloaded first.")


def open_run(run: Run) -> None:
    """Opens the run's page; doesn't return."""
    st.switch_page("pages/train.py", query_params={"run": run.id} | _language())
