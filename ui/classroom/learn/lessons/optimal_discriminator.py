"""Lesson 2: D* = p / (p + q), and V(D*) = -log 4 + 2 JS, with two movable bell curves."""

from __future__ import annotations

import numpy as np
import streamlit as st

from gan_core.teaching import optimal
from gan_core.teaching.game import PLACES, bell, sigmoid, within
from ui.classroom.learn import drawing
from ui.classroom.learn.lesson import Experiment, Formula, Lesson, Question, Setting, register
from ui.classroom.shell.i18n import N_, _

WITHIN = within(-6, 6)
SPREAD = 0.8  # of the data


def figure() -> None:
    """Two bell curves, D* between them, and a discriminator that the visitor sets."""
    left, right = st.columns(2)
    with left:
        apart = st.slider(_("Distance between the centres"), 0.0, 5.0, 2.0, 0.1, key="optimal-apart")
        place = st.slider(_("Your D: where it says 0.5"), -4.0, 4.0, 1.0, 0.1, key="optimal-place")
    with right:
        spread = st.slider(_("Spread of q"), 0.5, 2.0, SPREAD, 0.1, key="optimal-spread")
        steepness = st.slider(_("Your D: steepness"), -4.0, 4.0, -1.0, 0.1, key="optimal-steep")
    p, q = bell(-apart / 2, SPREAD), bell(apart / 2, spread)
    own = steepness * (PLACES - place)
    _plot(p, q, own)
    best, mine = optimal.value(p, q, optimal.optimal_logit(p, q)), optimal.value(p, q, own)
    drawing.numbers(
        {
            "V(D*)": drawing.signed(best),
            "−log 4 + 2 JS": drawing.signed(optimal.best_value(p, q)),
            "JS": drawing.signed(optimal.js(p, q)),
            _("V(your D)"): drawing.signed(mine),
        }
    )


def _plot(p: np.ndarray, q: np.ndarray, own: np.ndarray) -> None:
    plot = drawing.chart("x", _("density, D(x)"))
    drawing.line(plot, _("real data p"), "real", PLACES[WITHIN], p[WITHIN])
    drawing.line(plot, _("generated q"), "fake", PLACES[WITHIN], q[WITHIN])
    drawing.line(plot, "D*(x)", "discriminator", PLACES[WITHIN], optimal.optimal_discriminator(p, q)[WITHIN])
    drawing.line(plot, _("your D(x)"), "own", PLACES[WITHIN], sigmoid(own)[WITHIN])
    plot.update_yaxes(range=[0, 1.02])
    drawing.show(plot, "optimal", _("Two bells, the best discriminator D*, which is 0.5 where they cross, and your D."))


register(
    Lesson(
        name="optimal_discriminator",
        number=2,
        title=N_("The optimal discriminator"),
        about=N_("What the best possible detective answers, and which distance the generator then reduces."),
        minutes=10,
        body=(
            N_("Hold the generator still. Its samples have a density $q(x)$, the data have $p(x)$. Which $D$ makes "
               "$V$ largest? Write $V$ as one integral:"),
            Formula(r"V(D)=\int\big(p\,\log D+q\,\log(1-D)\big)\,dx", (optimal.value,)),
            N_("$D(x)$ can be chosen in each place separately. Set the derivative with respect to $D$ to zero, "
               "$\\frac{p}{D}-\\frac{q}{1-D}=0$, and solve:"),
            Formula(r"D^*(x)=\frac{p(x)}{p(x)+q(x)}", (optimal.optimal_discriminator, optimal.optimal_logit)),
            N_("$D^*$ is 1 where only data lie, 0 where only fakes lie, and $\\tfrac12$ where both are equally dense. "
               "Put it back into $V$:"),
            Formula(
                r"\begin{aligned}V(D^*)&=-\log 4+2\,\mathrm{JS}(p,q)\\"
                r"\mathrm{JS}(p,q)&=\tfrac12\mathrm{KL}(p\,|\,m)+\tfrac12\mathrm{KL}(q\,|\,m)\end{aligned}",
                (optimal.best_value, optimal.js, optimal.kl),
            ),
            N_("with $m=\\tfrac12(p+q)$ and the Kullback-Leibler divergence "
               "$\\mathrm{KL}(p\\,|\\,m)=\\int p\\log\\frac{p}{m}\\,dx$. The **Jensen-Shannon divergence** is 0 only "
               "if $p=q$, and at most $\\log 2$. So "
               "against the best discriminator the generator minimises the JS divergence, and the minimum, "
               "$-\\log 4$, is reached by $q=p$ alone."),
        ),
        figure=figure,
        explore=N_("Move $q$ towards and away from $p$: the first two numbers agree everywhere. Then try to beat $D^*$ "
                   "with your own $D$: its $V$ stays below."),
        experiment=Experiment(
            N_("How close does a trained network come to $D^*$? The background of this playground is $D-D^*$. Press "
               "**Step by step**, set *Steps per click* to 100 and press **Only D** three times. Then press "
               "**Resume** for 20 seconds. Repeat with ten updates of D per step."),
            (
                Setting(N_("D once per step"), "playground",
                        {"data": "two_blobs", "steps": "1500", "show": "rest,real,fake"}),
                Setting(
                    N_("D ten times per step"), "playground",
                    {"data": "two_blobs", "steps": "200", "discriminator_steps": "10", "show": "rest,real,fake"},
                ),
            ),
            N_("While only D trains, the colours fade where data or samples lie. In our run the mean of $|D-D^*|$ fell "
               "from 0.50 to 0.01 within 100 steps. Once G moves, $D^*$ moves too and $D$ lags behind: about 0.2 with "
               "one update of D per step, 0.1 with ten, and with ten the samples came closer to the data."),
        ),
        questions=(
            Question(
                N_("$p(x)=0.3$ and $q(x)=0.1$ in some place. What does the best discriminator answer there?"),
                N_("$D^*=0.3/(0.3+0.1)=0.75$: of four samples found there, three are real on average."),
            ),
            Question(
                N_("Set the distance to 5 and the spread of $q$ to 0.5. What are JS and $V(D^*)$, and what happens if "
                   "you now change the distance a little?"),
                N_("JS is almost $\\log 2=0.693$ and $V(D^*)$ almost 0: the two hardly overlap, and $D^*$ is almost "
                   "always right. A small change of the distance changes almost nothing, so the generator gets "
                   "almost no gradient. Lessons 3 and 4 are about this."),
            ),
            Question(
                N_("A discriminator answers $0.5$ everywhere. Does that prove that the generator is perfect?"),
                N_("No. $D=0.5$ everywhere is the best answer only if $p=q$; a bad discriminator may give it too. Only "
                   "a *well-trained* $D$ at 0.5 says that the samples are good."),
            ),
        ),
        teacher=N_("10 minutes. Let the class derive $D^*$ before showing the line. Then ask: which pair of "
                   "distributions makes $D^*=\\tfrac12$ everywhere, and which makes it a step?"),
    )
)  # fmt: skip
