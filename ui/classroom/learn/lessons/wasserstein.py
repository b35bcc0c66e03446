"""Lesson 4: JS is constant where distributions don't touch; the Wasserstein distance isn't. Its dual is a critic."""

from __future__ import annotations

import numpy as np
import streamlit as st

from gan_core.teaching import transport
from gan_core.teaching.game import PLACES, within
from ui.classroom.learn import drawing
from ui.classroom.learn.lesson import Experiment, Formula, Lesson, Question, Setting, register
from ui.classroom.shell.i18n import N_, _

WIDTH = 1.0  # of both blocks
WITHIN = within(-4, 5, 2)
SHIFTS = np.linspace(-3, 3, 121)
SETTINGS = {
    "data": "two_blobs", "steps": "120", "loss": "wasserstein", "penalty": "gradient_penalty", "penalty_weight": "1.0",
    "discriminator_steps": "10", "generator_rate": "0.0003", "discriminator_rate": "0.005", "beta1": "0.0",
}  # fmt: skip


def figure() -> None:
    """Two blocks, the outputs of D* and of a critic, and both distances over the shift."""
    left, right = st.columns(2)
    with left:
        shift: float = st.slider(_("Shift of q"), -3.0, 3.0, 2.0, 0.1, key="wasserstein-shift")
    with right:
        steps: int = st.slider(_("Training steps of the critic"), 0, 100, 40, key="wasserstein-steps")
    p, q = transport.block(0, WIDTH), transport.block(shift, WIDTH)
    critic = transport.critic(transport.trained_slopes(p, q, steps))
    _blocks(p, q, critic)
    _distances(shift)
    drawing.numbers(
        {
            "JS": drawing.signed(transport.js_of_blocks(shift, WIDTH)),
            _("exact W"): drawing.signed(transport.wasserstein_of_blocks(shift)),
            _("the critic's estimate"): drawing.signed(transport.dual_value(p, q, critic)),
        }
    )


def _blocks(p: np.ndarray, q: np.ndarray, critic: np.ndarray) -> None:
    plot = drawing.chart("x", _("density, D*, critic f"), 270)
    places = PLACES[WITHIN]
    with np.errstate(invalid="ignore"):
        best = p / (p + q)  # without a value where neither lies
    drawing.line(plot, _("real data p"), "real", places, p[WITHIN], line={"shape": "hv"})
    drawing.line(plot, _("generated q"), "fake", places, q[WITHIN], line={"shape": "hv"})
    drawing.line(plot, "D*(x)", "discriminator", places, best[WITHIN], line={"width": 4})
    drawing.line(plot, _("critic f(x)"), "generator", places, critic[WITHIN])
    plot.update_yaxes(range=[-3.3, 3.3])
    drawing.show(
        plot,
        "wasserstein-blocks",
        _("Two blocks. D* is flat on each of them; the critic has a slope of up to 1 between and on them."),
    )


def _distances(shift: float) -> None:
    plot = drawing.chart(_("shift of q"), _("distance"), 240)
    js = [transport.js_of_blocks(place, WIDTH) for place in SHIFTS]
    drawing.line(plot, "JS", "discriminator", SHIFTS, js)
    drawing.line(plot, "W", "generator", SHIFTS, [transport.wasserstein_of_blocks(place) for place in SHIFTS])
    now = [transport.js_of_blocks(shift, WIDTH), transport.wasserstein_of_blocks(shift)]
    drawing.points(plot, _("now"), "fake", [shift, shift], now)
    drawing.show(
        plot,
        "wasserstein-distances",
        _("W is a straight line down to 0 from both sides. JS falls only while the shift is smaller than the width."),
    )


register(
    Lesson(
        name="wasserstein",
        number=4,
        title=N_("Jensen-Shannon against Wasserstein"),
        about=N_("Two distributions that don't touch: one distance is silent, the other says which way to go."),
        minutes=12,
        body=(
            N_("Images of one kind, such as faces, fill only a thin part of the space of all possible images. "
               "Generated images fill another thin part, and at first the two don't touch. Take the simplest case: "
               "$p$ is uniform on $[0,w]$, $q$ is the same block shifted by $\\theta$."),
            Formula(
                r"\mathrm{JS}=\log 2\cdot\min\!\Big(1,\frac{|\theta|}{w}\Big),\qquad W=|\theta|",
                (transport.js_of_blocks, transport.wasserstein_of_blocks),
            ),
            N_("As soon as the blocks don't overlap, JS is constant: its derivative by $\\theta$ is 0 and the "
               "generator learns nothing from it. The **Wasserstein distance** (earth mover's distance) is the least "
               "work that turns $q$ into $p$, mass times distance. It falls steadily while $q$ approaches:"),
            Formula(
                r"W(p,q)=\min_{\pi}\mathbb{E}_{(x,y)\sim\pi}|x-y|=\int|F_p(t)-F_q(t)|\,dt",
                (transport.wasserstein_by_pairing, transport.wasserstein),
            ),
            N_("A plan $\\pi$ says how much mass goes from each $y$ to each $x$; $F_p$ and $F_q$ are the cumulative "
               "distribution functions. The last form holds on a line only. In any dimension you can use the **dual** "
               "form (Kantorovich and Rubinstein): find the best **critic** $f$ whose slope is at most 1,"),
            Formula(
                r"W(p,q)=\max_{|f'|\le 1}\;\mathbb{E}_{x\sim p}[f(x)]-\mathbb{E}_{y\sim q}[f(y)]",
                (transport.dual_value, transport.trained_slopes),
            ),
            N_("A critic is a discriminator without a sigmoid: it gives a score, not a probability. Any critic that "
               "obeys the limit estimates $W$ **from below**, and the generator follows its slope, which doesn't "
               "vanish however sure the critic is. This is the Wasserstein GAN."),
        ),
        figure=figure,
        explore=N_("Move $q$ away from $p$: JS stops at $\\log 2=0.693$. Then train the critic: its estimate rises "
                   "towards the exact $W$ and never passes it."),
        experiment=Experiment(
            N_("A critic in the plane with a gradient penalty of weight 1, ten updates per step, and a slow generator. "
               "The run ends after 120 steps, within a minute. Compare the chart of D's loss, which is minus the "
               "critic's estimate plus the penalty, with that of the sliced Wasserstein distance."),
            (Setting(N_("Set it up in the playground"), "playground", SETTINGS),),
            N_("Both curves flatten at the same time: a critic's loss says how far the fakes are. In our run the "
               "estimate fell from 1.79 at step 10 to 0.50 at step 120, and the exact distance between 600 real and "
               "600 generated points from 1.11 to 0.42. The estimate lies a little above, because the penalty only "
               "keeps the slope near 1 and not below it."),
        ),
        questions=(
            Question(
                N_("$w=1$. For which shifts does the generator get a useful gradient from JS, and for which from $W$?"),
                N_("From JS for $0<|\\theta|<1$ only; from $W$ for every $\\theta\\neq 0$, always of size 1."),
            ),
            Question(
                N_("Why must the slope of $f$ be limited?"),
                N_("Without a limit, doubling $f$ doubles $\\mathbb{E}_p[f]-\\mathbb{E}_q[f]$: the maximum would be "
                   "infinite. With slope at most $K$ the maximum is $K\\cdot W$."),
            ),
            Question(
                N_("Why are several critic updates per generator step usual?"),
                N_("The generator should follow the slope of $W$, and only the *best* critic has it. A poorly trained "
                   "critic gives too small an estimate and a wrong direction."),
            ),
        ),
        teacher=N_("12 minutes. Use coins on a table: what does it cost to move a pile? Ask what JS would say about "
                   "two piles that don't touch. Then let the class guess the best critic before training it."),
    )
)  # fmt: skip
