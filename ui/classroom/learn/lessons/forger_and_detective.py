"""Lesson 1: two networks and a value that one raises and the other lowers, move by move."""

from __future__ import annotations

import streamlit as st

from gan_core.teaching import game
from ui.classroom.learn import drawing
from ui.classroom.learn.lesson import Experiment, Formula, Lesson, Question, Setting, register
from ui.classroom.shell.i18n import N_, _

MOVES = 40
WITHIN = game.within(-5, 5)


def figure() -> None:
    """Both bell curves and D after the move that the slider selects."""
    move: int = st.slider(_("Move"), 0, MOVES, 0, key="game-move")
    positions = game.play(MOVES)
    now = positions[move]
    st.markdown(_whose(move))
    places = game.PLACES[WITHIN]
    plot = drawing.chart("x", _("density, D(x)"))
    drawing.line(plot, _("real data p"), "real", places, game.bell(game.REAL)[WITHIN])
    drawing.line(plot, _("generated q"), "fake", places, game.bell(now.mean)[WITHIN])
    drawing.line(plot, "D(x)", "discriminator", places, game.judged(now)[WITHIN])
    plot.update_yaxes(range=[0, 1.02])
    drawing.show(
        plot,
        "game",
        _("The bell of the data is centred at {real}, that of the generator at {fake}. D rises where it takes x for "
          "real.").format(real=f"{game.REAL:g}", fake=drawing.signed(now.mean, 2)),
    )  # fmt: skip
    drawing.numbers(
        {
            "V(D, G)": drawing.signed(game.value(now)),
            _("centre of G"): drawing.signed(now.mean, 2),
            _("centre of the data"): f"{game.REAL:g}",
        }
    )


def _whose(move: int) -> str:
    if move == 0:
        return _("**Before the game.** D answers 0.5 everywhere: it is guessing.")
    if move % 2:
        return _("**Move {move}: the discriminator.** V rises; G stays where it is.").format(move=move)
    return _("**Move {move}: the generator.** V falls; D stays as it is.").format(move=move)


register(
    Lesson(
        name="forger_and_detective",
        number=1,
        title=N_("The forger and the detective"),
        about=N_("Two networks with opposite aims, one move at a time."),
        minutes=8,
        body=(
            N_("A forger prints banknotes, a detective inspects them. Each time the detective learns a new mark of "
               "genuine notes, the forger has to improve. A **generative adversarial network** (GAN) is this contest "
               "between two neural networks."),
            N_("The **generator** $G$ is the forger. It maps noise $z$, drawn from a simple distribution such as the "
               "normal one, to a sample $G(z)$. It never sees the data. The **discriminator** $D$ is the detective. "
               "It gives each input $x$ a probability $D(x)$ between 0 and 1 that $x$ is real. Both play for one "
               "number, the value $V$ ($p$ is the distribution of the data, $\\mathbb{E}$ the mean):"),
            Formula(
                r"\begin{aligned}\min_G \max_D\; V(D,G)=\;&\mathbb{E}_{x\sim p}[\log D(x)]\\"
                r"&+\mathbb{E}_{z}[\log(1-D(G(z)))]\end{aligned}",
                (game.value,),
            ),
            N_("No term is above 0. The first is close to 0 if $D$ recognises real data, the second if $D$ recognises "
               "fakes. $D$ **raises** $V$ by gradient ascent. $G$ can change only the second term, and **lowers** it "
               "by moving its samples to where $D$ takes them for real. With parameters $\\theta$ and a step size "
               "$\\eta$:"),
            Formula(
                r"\theta_D \leftarrow \theta_D+\eta\,\nabla_{\theta_D}V,\quad "
                r"\theta_G \leftarrow \theta_G-\eta\,\nabla_{\theta_G}V",
                (game.discriminator_step, game.generator_step),
            ),
            N_("The moves alternate. The gradient for $G$ passes **through** $D$: the detective's own judgement tells "
               "the forger in which direction to go. The game is at rest where neither can improve: then $G$ draws "
               "exactly the data's distribution, $D$ can only guess, $D(x)=\\tfrac12$, and "
               "$V=-\\log 4\\approx-1.386$."),
        ),
        figure=figure,
        explore=N_("A game with three numbers: $G$ shifts one bell curve, $D$ is a sigmoid with a slope and a place. "
                   "Move the slider one step at a time (arrow keys work too). Watch who moves, and what $V$ does."),
        experiment=Experiment(
            N_("The same game with real networks in the plane. Open the playground and press **Step by step**. Set "
               "*Steps per click* to 20 and press **Only D** a few times, then **Only G**. Then press **Resume** and "
               "watch for 20 seconds."),
            (Setting(N_("Set it up in the playground"), "playground", {"data": "two_blobs", "steps": "1500"}),),
            N_("**Only D**: the background separates data from generated points, and no point moves. **Only G**: the "
               "points follow their arrows, the background stays. With both, the points split into two clouds on the "
               "data, and D's loss settles near $\\log 4 = 1.386$. Sometimes the clouds jump away and come back: each "
               "player changes the other's goal, so there is no fixed minimum to settle in."),
        ),
        questions=(
            Question(
                N_("At the start $V=-1.386$, and at the end again. What is different?"),
                N_("At the start $D$ has learned nothing and says 0.5 about everything. At the end $D$ is as good as "
                   "possible and still says 0.5, because real and generated points no longer differ. The loss alone "
                   "doesn't tell these two apart; the samples do."),
            ),
            Question(
                N_("Between moves 8 and 14 of the figure the generator passes the data and has to turn round. Why?"),
                N_("$G$ follows the slope of the current $D$, which points to the right as long as $D$ hasn't learned "
                   "that there are too many fakes there. Each player answers the other's last move, so the game "
                   "overshoots and spirals in. Lesson 7 shows when it doesn't even spiral in."),
            ),
            Question(
                N_("$G$ never sees a real sample. How can it learn the data's distribution?"),
                N_("By the gradient of $D$ at its own samples. $D$ has seen both kinds, and its slope says in which "
                   "direction a fake would look more real."),
            ),
        ),
        teacher=N_("8 minutes. Let one student be G and one be D: at each move, the class predicts in which direction "
                   "V goes before the slider is moved. Ask: who could win for good, and what would the winner's V be?"),
    )
)  # fmt: skip
