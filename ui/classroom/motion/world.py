"""A game whose frames a model generates, played with keys, next to the true game with the same keys."""

from __future__ import annotations

import numpy as np
import streamlit as st

from gan_core.data import games
from gan_core.metrics import drift
from gan_core.metrics.drift import Dream
from gan_core.models.card import Card
from gan_core.models.sampler import Sampler
from gan_core.pictures.grids import enlarge, grid, png
from ui.classroom.motion import choice
from ui.classroom.shell import grids
from ui.classroom.shell.i18n import N_, _

MOST_SEED = 2**31 - 1
KEYS = {
    0: ("Left", N_("Left"), "arrow_back"),
    1: ("Down", N_("Wait"), "pause"),
    2: ("Right", N_("Right"), "arrow_forward"),
}
WIDE = 300  # pixels of a frame
PACE = 0.25  # seconds between frames while the game runs
NONE = 1  # the action when no key is pressed
AT_ONCE = 20  # frames that one press can play
GAME, PRESSED, RUNS, BEGAN = "motion-game", "motion-pressed", "motion-runs", "motion-began"


def show(offered: dict[str, Card]) -> None:
    """Renders the part."""
    found = choice.chosen(offered, "world", "worldgan")
    if found is None:
        return
    card, sampler = found
    st.markdown(
        _("Every frame on the left is generated from the two before it and the key that you press. On the right, the "
          "true game gets the same keys. Small errors add up: watch when the two begin to differ.")
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="bottom"):
        seed = st.number_input(_("Seed of the start"), 0, MOST_SEED, 0, key="motion-game-seed", width=180)
        runs = st.toggle(_("Run"), key=RUNS, help=_("Frames follow by themselves; the arrow keys move the paddle."))
        st.button(_("Start again"), icon=":material/restart_alt:", key="motion-again", on_click=_forget)
    wanted = (card.sha256, seed)
    if st.session_state.get(BEGAN) != wanted or GAME not in st.session_state:
        st.session_state[GAME], st.session_state[BEGAN] = drift.begin(sampler, 1, int(seed)), wanted
    st.fragment(_stage, run_every=PACE if runs else None)(sampler, runs)


def _stage(sampler: Sampler, runs: bool) -> None:
    """The two games and the keys. A press plays one frame or, while the game runs, acts on the next one."""
    with st.container(horizontal=True):
        for action, (shortcut, label, icon) in KEYS.items():
            st.button(
                _(label), key=f"motion-key-{action}", shortcut=shortcut, icon=f":material/{icon}:",
                on_click=_press, args=(action,),
            )  # fmt: skip
        st.button(
            _("Play {count} frames").format(count=AT_ONCE), key="motion-many", disabled=runs, on_click=_follow,
            args=(sampler,), help=_("A player who follows the ball presses the keys."),
        )  # fmt: skip
    pressed = st.session_state.pop(PRESSED, NONE if runs else None)
    if pressed is not None:
        _play(sampler, pressed)
    dream = _game()
    with st.container(key="motion-pair"):  # side by side on narrow pages too
        made, true = st.columns(2, width=2 * WIDE + 16)
    for place, frame, title in (
        (made, dream.picture, _("Generated")), (true, dream.truth.pictures(sampler.spec.size), _("True game")),
    ):  # fmt: skip
        with place:
            grids.frame(png(enlarge(grid(frame.transpose(0, 2, 3, 1), 1), WIDE)), alt=title, width=WIDE)
            st.caption(title)
    st.caption(_words(dream))


def _forget() -> None:
    st.session_state.pop(GAME, None)


def _press(action: int) -> None:
    st.session_state[PRESSED] = action


def _follow(sampler: Sampler) -> None:
    """Plays AT_ONCE frames with a policy that observes the true game."""
    for _frame in range(AT_ONCE):
        _play(sampler, int(games.follow(_game().truth)[0]))


def _game() -> Dream:
    dream: Dream = st.session_state[GAME]
    return dream


def _play(sampler: Sampler, action: int) -> None:
    st.session_state[GAME] = drift.step(sampler, _game(), np.array([action]))


def _words(dream: Dream) -> str:
    ball, paddle = (float(off[0]) for off in dream.off())
    if not np.isfinite(ball):
        return _("Frame {number}: the ball has disappeared from the generated picture.").format(number=dream.frame)
    words = _("Frame {number}: the ball is {ball} pixels off, the paddle {paddle}.")
    away = f"{paddle:.1f}" if np.isfinite(paddle) else _("out of sight")
    return words.format(number=dream.frame, ball=f"{ball:.1f}", paddle=away)
