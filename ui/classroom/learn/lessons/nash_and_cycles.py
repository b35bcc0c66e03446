"""Lesson 7: the Dirac-GAN: a game whose players circle around the solution, and what R1 does."""

from __future__ import annotations

import cmath

import numpy as np
import streamlit as st

from gan_core.teaching import dirac
from ui.classroom.learn import drawing
from ui.classroom.learn.lesson import Experiment, Formula, Lesson, Question, Setting, register
from ui.classroom.shell.i18n import N_, _

REACH = 2.2  # of the figure, in both directions
STEPS = 200
LATTICE = np.linspace(-2, 2, 11)
WAYS = {"at_once": N_("Both at once"), "in_turn": N_("In turn")}
POINT = {"data": "drawn:gCAIFgA", "steps": "600"}  # two drawn points, very close together


def figure() -> None:
    """The field with a path, and the distance to the solution over the steps."""
    left, right = st.columns(2)
    with left:
        gamma: float = st.slider(_("Weight γ of R1"), 0.0, 2.0, 0.0, 0.1, key="dirac-gamma")
        ratio: float = st.slider(_("Rate of D, times that of G"), 0.5, 5.0, 1.0, 0.5, key="dirac-ratio")
    with right:
        rate: float = st.slider(_("Learning rate"), 0.05, 1.0, 0.3, 0.05, key="dirac-rate")
        way: str = st.segmented_control(
            _("Updates"), list(WAYS), default="at_once", format_func=lambda name: _(WAYS[name]), required=True,
            key="dirac-way",
        )  # fmt: skip
    path = dirac.play(STEPS, rate, gamma, way == "at_once", ratio)
    radius = np.linalg.norm(path, axis=1)
    _field(path, gamma, ratio)
    _radius(radius)
    drawing.numbers(
        {
            _("eigenvalues at 0"): _eigenvalues(gamma, ratio),
            _("distance after {steps} steps").format(steps=len(path) - 1): drawing.scientific(float(radius[-1])),
        }
    )


def _eigenvalues(gamma: float, ratio: float) -> str:
    first, second = dirac.eigenvalues(gamma, ratio)
    if first.imag:
        real = f"{drawing.signed(first.real, 2)} " if first.real else ""
        return f"{real}± {abs(first.imag):.2f} i"
    return f"{drawing.signed(first.real, 2)}, {drawing.signed(second.real, 2)}"


def _field(path: np.ndarray, gamma: float, ratio: float) -> None:
    plot = drawing.chart(_("θ: where G is"), _("ψ: the slope of D"), 380, hoverdistance=-1)
    _arrows(plot, gamma, ratio)
    drawing.line(plot, _("path"), "generator", path[:, 0], path[:, 1], line={"dash": "solid", "width": 2})
    drawing.points(plot, _("start"), "fake", path[:1, 0], path[:1, 1], marker={"size": 12})
    drawing.points(plot, _("solution"), "real", [0.0], [0.0], marker={"size": 12})
    plot.update_xaxes(range=[-REACH, REACH])
    plot.update_yaxes(range=[-REACH, REACH], scaleanchor="x")
    drawing.show(
        plot,
        "dirac-field",
        _("Arrows turn clockwise round the solution in the middle. The path from (1, 0) follows them."),
    )


def _arrows(plot: drawing.Plot, gamma: float, ratio: float) -> None:
    """Arrows of one length: a line and a head that is turned."""
    colour, tails, heads, angles = drawing.LOOKS["discriminator"][0], [], [], []
    for theta in LATTICE:
        for psi in LATTICE:
            by_theta, by_psi = dirac.field(theta, psi, gamma)
            turn = cmath.phase(complex(by_theta, ratio * by_psi))
            if by_theta or by_psi:
                tails.append((theta, psi))
                heads.append((theta + 0.26 * np.cos(turn), psi + 0.26 * np.sin(turn)))
                angles.append(90 - np.degrees(turn))
    x, y = [], []
    for tail, head in zip(tails, heads, strict=True):
        x += [tail[0], head[0], None]
        y += [tail[1], head[1], None]
    plot.add("scatter", x=x, y=y, mode="lines", line={"color": colour, "width": 1}, hoverinfo="skip", showlegend=False)
    plot.add(
        "scatter", x=[head[0] for head in heads], y=[head[1] for head in heads], mode="markers", hoverinfo="skip",
        name=_("field"), marker={"symbol": "arrow", "angle": angles, "size": 8, "color": colour},
    )  # fmt: skip


def _radius(radius: np.ndarray) -> None:
    plot = drawing.chart(_("step"), _("distance to the solution"), 200)
    drawing.line(
        plot, _("distance to the solution"), "generator", np.arange(len(radius)), radius, line={"dash": "solid"}
    )
    plot.update_yaxes(rangemode="tozero")
    drawing.show(plot, "dirac-radius", _("The distance from the path to the solution, step by step."))


register(
    Lesson(
        name="nash_and_cycles",
        number=7,
        title=N_("Nash and cycles"),
        about=N_("A game of two numbers that never converges, and the penalty that makes it converge."),
        minutes=10,
        body=(
            N_("Training looks for a **Nash equilibrium**: a pair $(G,D)$ where neither player alone can improve. "
               "Gradient descent finds minima; does it find equilibria? The smallest example is the **Dirac-GAN**: "
               "the data are the point 0, the generator makes the point $\\theta$, and $D(x)=\\sigma(\\psi x)$."),
            Formula(r"V(\theta,\psi)=-\log 2-\log(1+e^{\psi\theta})", (dirac.value,)),
            N_("The only equilibrium is $\\theta=\\psi=0$. Both players follow their gradients, $G$ down and $D$ up:"),
            Formula(
                r"\theta'=\psi\,\sigma(\psi\theta),\qquad \psi'=-\theta\,\sigma(\psi\theta)", (dirac.field,)
            ),
            N_("Then $\\theta\\theta'+\\psi\\psi'=0$: the distance to the solution **never changes**. The players "
               "circle for ever. With steps of finite size and both at once, it is worse: each step is a tangent "
               "and leads outwards."),
            Formula(
                r"\begin{aligned}\theta&\leftarrow\theta+h\,\theta'\\ \psi&\leftarrow\psi+h\,\psi'\end{aligned}"
                r"\quad\Rightarrow\quad r^2\leftarrow r^2\,(1+h^2\sigma(\psi\theta)^2)",
                (dirac.simultaneous, dirac.alternating),
            ),
            N_("**R1** punishes the slope of $D$ at real data, here $\\tfrac\\gamma2\\psi^2$, and so adds friction: "
               "$\\psi'=-\\theta\\,\\sigma-\\gamma\\psi$. If $D$ learns at $k$ times the rate of $G$, the "
               "eigenvalues of the linearised game at 0 are"),
            Formula(r"\lambda=\frac{-k\gamma\pm\sqrt{k^2\gamma^2-k}}{2}", (dirac.eigenvalues,)),
            N_("Imaginary for $\\gamma=0$: rotation. With a negative real part for every $\\gamma>0$: the game "
               "converges. With equal rates, $k=1$, it doesn't even oscillate for $\\gamma>1$, but is slow again."),
        ),
        figure=figure,
        explore=N_("Begin with $\\gamma=0$. Compare *both at once* with *in turn*. Then add a little R1, and find "
                   "the $\\gamma$ with the fastest convergence. Try also a faster $D$ (two time-scales)."),
        experiment=Experiment(
            N_("The same with real networks: the data are one small spot in the middle of the plane. 600 steps "
               "without a penalty (about 10 seconds), then the same seed with R1 of weight 1."),
            (
                Setting(N_("Without a penalty"), "playground", POINT),
                Setting(N_("With R1"), "playground", POINT | {"penalty": "r1", "penalty_weight": "1.0"}),
            ),
            N_("Without a penalty the cloud reaches the spot and then keeps swinging round it: in our run (seed 0) "
               "its centre had a standard deviation of 0.11 over the last 300 steps, more than the spot's own "
               "0.08. With R1 it was 0.02, and the sliced distance 0.03 instead of 0.09."),
        ),
        questions=(
            Question(
                N_("Where does the generator go when $\\theta>0$ and $\\psi<0$, and is that right?"),
                N_("$\\theta'=\\psi\\sigma<0$: to the left, towards the data, which is right. But $\\psi$ keeps "
                   "falling until $\\theta<0$; only then does $D$ begin to turn, and $G$ has passed the data."),
            ),
            Question(
                N_("With equal rates, for which $\\gamma$ does the game converge fastest near 0?"),
                N_("$\\gamma=1$: both eigenvalues are $-\\tfrac12$. With a smaller $\\gamma$ the real part is "
                   "$-\\gamma/2$; with a larger one the slower eigenvalue approaches 0."),
            ),
            Question(
                N_("Why does R1 penalise the slope at **real** data and not everywhere?"),
                N_("At the equilibrium the fakes lie on the real data, and there $D$ should be flat. Away from the "
                   "data a slope is needed, since it is what guides the generator."),
            ),
        ),
        teacher=N_("10 minutes. Draw the four quadrants on the board and let the class put in the arrows before "
                   "the figure is shown. Ask: what would friction on $\\theta$ instead of $\\psi$ do?"),
    )
)  # fmt: skip
