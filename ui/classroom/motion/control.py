"""Control: films of policies in an environment, with the discriminator's reward for each step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from gan_core.data.environments import MISSING, environment_of, installed
from gan_core.media import control as medium
from gan_core.media.video import film_as_webp
from gan_core.metrics import imitation
from gan_core.metrics.imitation import Episode
from gan_core.models.card import Card
from gan_core.models.sampler import Sampler
from ui.classroom.motion import choice
from ui.classroom.shell.grids import film as play
from ui.classroom.shell.i18n import N_, _
from ui.texts import plain, sentence

if TYPE_CHECKING:
    from plotly.graph_objects import Figure  # type: ignore[import-untyped]

CONFIG = {"displayModeBar": False, "scrollZoom": False}
MOST_SEED = 2**31 - 1
HORIZON = 200  # steps of an episode
PLAYERS = {"model": N_("Model"), "expert": N_("Expert"), "random": N_("Random"), "idle": N_("Does nothing")}
COLOURS = {"model": "#7c4dff", "expert": "#2f9e6b", "random": "#e0803b", "idle": "#8a8a99"}
FORMS = {
    "balanced": N_("log D - log(1 - D): either sign"), "positive": N_("-log(1 - D): each step is rewarded"),
    "negative": N_("log D: each step is penalised"),
}  # fmt: skip
FASTEST, SLOWEST = 25, 5  # frames a second of a film


@st.fragment
def show(offered: dict[str, Card]) -> None:
    """Renders the part; a change reruns only this fragment."""
    if not installed():
        st.info(plain(sentence(MISSING, {})), icon=":material/extension:")
        return
    chosen = choice.chosen(offered, "control", "gail")
    if chosen is None:
        return
    card, sampler = chosen
    judges = sampler.hparams.method != "cloning"  # whether there is a trained discriminator
    environment = environment_of(sampler.spec)
    st.markdown(
        _("The policy has learned from an expert's steps alone. It was rewarded where the discriminator took it for "
          "the expert, and never saw the environment's own reward.")
        if judges else
        _("The policy has learned from an expert's steps alone, by behaviour cloning: to choose the action that the "
          "expert chose. It never saw the environment's own reward.")
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="bottom"):
        player = st.segmented_control(
            _("Player"), list(PLAYERS), default="model", key="motion-player", required=True,
            format_func=lambda name: _(PLAYERS[name]),
        )  # fmt: skip
        seed = st.number_input(_("Seed of the start"), 0, MOST_SEED, 0, key="motion-start", width=180)
        form = next(iter(FORMS)) if not judges else st.selectbox(
            _("Form of the reward"), list(FORMS), key="motion-form", width=320, format_func=lambda name: _(FORMS[name]),
        )  # fmt: skip
    found = {name: imitation.episode(sampler, one, int(seed), HORIZON, str(form))
             for name, one in imitation.players(sampler, int(seed), card.data).items()}  # fmt: skip
    watched, judged = st.columns([2, 3], gap="large", vertical_alignment="top")
    with watched:
        _film(sampler, found[str(player)])
        words = _("{title}: a return of {worth} after {steps} steps")
        one = found[str(player)]
        st.caption(words.format(title=_(environment.title), worth=one.worth, steps=len(one.actions)))
    with judged:
        if judges:
            _rewards(found, str(player))
        else:
            st.caption(_("Behaviour cloning trains no discriminator, so no step has a reward."))


def _rewards(found: dict[str, Episode], player: str) -> None:
    st.plotly_chart(
        chart(found, player), key="motion-reward", config=CONFIG, alt=_("The discriminator's reward by step")
    )
    st.caption(
        _("Reward from the discriminator for each step. Averages: {means}").format(
            means=_(", ").join(
                f"{_(PLAYERS[name])} {one.reward.mean():+z.2f}".replace("-", "−") for name, one in found.items()
            )
        )
    )


def _film(sampler: Sampler, one: Episode) -> None:
    environment = environment_of(sampler.spec)
    film = medium.film(one.seen, environment)
    rate = environment.rate * len(film) / max(1, len(one.actions))
    play(film_as_webp(film, max(SLOWEST, min(FASTEST, rate))), alt=_("The episode as a film"))


def chart(found: dict[str, Episode], chosen: str) -> Figure:
    """The reward of each step for all policies; the chosen one in front."""
    from plotly.graph_objects import Figure

    drawn = Figure()
    for name in sorted(found, key=lambda one: one == chosen):
        line: dict[str, Any] = {"color": COLOURS[name], "width": 3 if name == chosen else 1.5}
        drawn.add_scatter(y=found[name].reward, mode="lines", name=_(PLAYERS[name]), line=line)
    drawn.update_layout(
        height=320, margin={"l": 8, "r": 8, "t": 8, "b": 8}, dragmode=False,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
    )  # fmt: skip
    drawn.update_xaxes(title=_("Time step"), zeroline=False)
    drawn.update_yaxes(title=_("Reward"), automargin=True)
    return drawn
