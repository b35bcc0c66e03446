"""Lesson 3: log(1 - D) saturates where the generator needs it most; -log D doesn't."""

from __future__ import annotations

import numpy as np
import streamlit as st

from gan_core.teaching import saturation
from gan_core.teaching.game import sigmoid
from ui.classroom.learn import drawing
from ui.classroom.learn.lesson import Experiment, Formula, Lesson, Question, Setting, register
from ui.classroom.shell.i18n import N_, _

BELIEFS = np.linspace(0.005, 0.995, 199)
DISTANCES = np.linspace(0, 8, 81)
COMPARED = {"data": "ring8", "steps": "500", "discriminator_steps": "5", "show": "d,line,real,fake,both"}


def figure() -> None:
    """The losses over D, and the mean gradient at a fake over the distance of the two clouds."""
    distance: float = st.slider(
        _("Distance between data and fakes, in standard deviations"), 0.0, 8.0, 1.0, 0.1, key="saturation-distance"
    )
    _losses(distance)
    _gradients(distance)
    flat, steep = saturation.pulls(distance)
    drawing.numbers(
        {
            _("D at a typical fake"): drawing.scientific(_typical(distance)),
            _("gradient of log(1 − D)"): drawing.scientific(flat),
            _("gradient of −log D"): drawing.scientific(steep),
        }
    )


def _typical(distance: float) -> float:
    """D at the middle of the fakes."""
    return float(sigmoid(np.array(-(distance**2) / 2)))


def _losses(distance: float) -> None:
    plot = drawing.chart(_("D(G(z)): how real a fake looks"), _("loss of G"), 250)
    drawing.line(plot, "log(1 − D)", "discriminator", BELIEFS, saturation.saturating(BELIEFS))
    drawing.line(plot, "−log D", "generator", BELIEFS, saturation.non_saturating(BELIEFS))
    here = np.array([max(_typical(distance), BELIEFS[0])])
    values = [float(loss(here)[0]) for loss in (saturation.saturating, saturation.non_saturating)]
    drawing.points(plot, _("a typical fake"), "fake", [here[0], here[0]], values)
    plot.update_yaxes(range=[-5.5, 5.7])
    drawing.show(
        plot,
        "saturation-losses",
        _("At D near 0 the curve of log(1 − D) is nearly flat, and that of −log D is steep."),
    )


def _gradients(distance: float) -> None:
    plot = drawing.chart(_("distance"), _("mean gradient at a fake"), 250)
    pulls = np.array([saturation.pulls(place) for place in DISTANCES])
    drawing.line(plot, "log(1 − D)", "discriminator", DISTANCES, pulls[:, 0])
    drawing.line(plot, "−log D", "generator", DISTANCES, pulls[:, 1])
    drawing.points(plot, _("now"), "fake", [distance, distance], saturation.pulls(distance))
    drawing.show(
        plot,
        "saturation-gradients",
        _(
            "The gradient of −log D grows with the distance; that of log(1 − D) rises up to a distance of 1.6 and "
            "vanishes beyond 6."
        ),
    )


register(
    Lesson(
        name="saturation",
        number=3,
        title=N_("Saturation"),
        about=N_("Why nobody trains with the original loss of the generator, measured by its gradients."),
        minutes=8,
        body=(
            N_("Early in training the fakes are poor and $D$ is sure of them: $D(G(z))\\approx 0$. The minimax "
               "generator minimises"),
            Formula(r"L_G=\mathbb{E}_z[\log(1-D(G(z)))]", (saturation.saturating,)),
            N_("Write $D=\\sigma(\\ell)$: the network computes the logit $\\ell$, and the sigmoid $\\sigma$ turns it "
               "into a probability. Then"),
            Formula(
                r"\frac{d}{d\ell}\log(1-\sigma(\ell))=-\sigma(\ell)=-D", (saturation.saturating_slope,)
            ),
            N_("which is close to 0 exactly where the generator is worst. The loss is flat, or **saturated**, and the "
               "generator hardly learns. Goodfellow's remedy keeps the aim (a large $D(G(z))$) and changes the loss:"),
            Formula(
                r"\begin{aligned}L_G&=-\mathbb{E}_z[\log D(G(z))]\\ \frac{d}{d\ell}(-\log\sigma(\ell))"
                r"&=-(1-D)\end{aligned}",
                (saturation.non_saturating, saturation.non_saturating_slope),
            ),
            N_("At $D=0.01$ the first slope is $-0.01$, the second $-0.99$: 99 times as large. At $D=\\tfrac12$ both "
               "are equal. Both losses have the same equilibrium; they differ in how fast you get there. The "
               "gradient at a sample $x=G(z)$ is this factor times the slope of the logit. Its size is, for either "
               "loss:"),
            Formula(
                r"D\,|\ell'(x)|,\qquad(1-D)\,|\ell'(x)|",
                (saturation.pulls,),
            ),
        ),
        figure=figure,
        explore=N_("Two bell curves at a distance, judged by the best discriminator. Increase the distance: the "
                   "marks in the upper figure move to the left, and the two curves of the lower figure move apart."),
        experiment=Experiment(
            N_("Eight narrow modes and a strong discriminator (five updates per step): run both losses for 500 "
               "steps from the same seed, one after the other, and compare. Both kinds of arrows are shown."),
            (
                Setting("log(1 − D)", "playground", COMPARED | {"loss": "minimax"}),
                Setting("−log D", "playground", COMPARED),
            ),
            N_("In places where D is sure of a fake, only the arrows of $-\\log D$ are long. In our runs (seed 0) "
               "$-\\log D$ had all 8 modes before step 500 and then a JS divergence of about 0.1 bit; "
               "$\\log(1-D)$ had none at 500 and a JS of about 0.5 bit. Compare the charts of modes and divergences."),
        ),
        questions=(
            Question(
                N_("$D(G(z))=0.001$. What are the two slopes, and what is their ratio?"),
                N_("$-0.001$ and $-0.999$: a ratio of 999, in general $(1-D)/D$."),
            ),
            Question(
                N_("In the lower figure the gradient of $-\\log D$ keeps growing with the distance. Why is that no "
                   "proof that the non-saturating loss is harmless?"),
                N_("Here $D$ is the ideal one and its logit has the slope *distance* everywhere. A trained network "
                   "may be flat far from the data or steep in odd places: then $|\\ell'(x)|$ is 0 or huge, whatever "
                   "the factor in front. Penalties on the slope (lesson 5) are about that second factor."),
            ),
            Question(
                N_("Is the game with $-\\log D$ still a zero-sum game?"),
                N_("No. $L_G$ is no longer $-L_D$, so the sum of both losses isn't constant, and the argument with "
                   "the JS divergence doesn't hold for it any more. It is used because its gradients are useful."),
            ),
        ),
        teacher=N_("8 minutes. Ask before the figure is shown: if the detective is perfect, what can the forger learn "
                   "from the verdict \"fake\" alone? Then let the class predict the two curves of the lower figure."),
    )
)  # fmt: skip
