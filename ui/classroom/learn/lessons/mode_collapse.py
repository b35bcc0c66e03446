"""Lesson 6: a generator that makes a few modes only: why, how it is measured, what helps."""

from __future__ import annotations

import numpy as np
import streamlit as st

from gan_core.teaching import collapse
from ui.classroom.learn import drawing
from ui.classroom.learn.lesson import Experiment, Formula, Lesson, Question, Setting, register
from ui.classroom.shell.i18n import N_, _
from ui.texts import percent

MODES = len(collapse.RING.centres)
SHOWN = 400  # points of each kind in the figure
BLURS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.3)
PRESET = {"recipe": "points", "preset": "collapses"}


def figure() -> None:
    """Samples on a ring, their shares by mode, and what the measures say."""
    left, right = st.columns(2)
    with left:
        kept: int = st.slider(_("Modes that G makes"), 1, MODES, 3, key="collapse-kept")
    with right:
        blur: float = st.select_slider(
            _("Blur of its samples"), BLURS, 0.02, lambda value: f"{value:g}", key="collapse-blur"
        )
    points = collapse.samples(kept, blur)
    _ring(points)
    _shares(points)
    drawing.numbers(
        {
            _("modes covered"): _("{count} of {all}").format(count=collapse.covered(points), all=MODES),
            _("close to a mode"): percent(collapse.shares(points).sum()),
            _("JS of the modes, bits"): drawing.signed(collapse.js_of_modes(kept, MODES)),
        }
    )


def _ring(points: np.ndarray) -> None:
    plot = drawing.chart("", "", 330, hoverdistance=-1)
    real = collapse.RING.draw(np.random.default_rng(1), SHOWN)
    drawing.points(plot, _("real points"), "real", real[:, 0], real[:, 1], marker={"size": 11, "opacity": 0.6})
    made = points[:SHOWN]
    drawing.points(plot, _("generated points"), "fake", made[:, 0], made[:, 1], marker={"size": 5})
    plot.update_xaxes(range=[-2.9, 2.9])
    plot.update_yaxes(range=[-2.6, 2.6], scaleanchor="x")
    drawing.show(plot, "collapse-ring", _("Eight real modes on a ring, and generated points on some of them."))


def _shares(points: np.ndarray) -> None:
    plot = drawing.chart(_("mode"), _("share of samples"), 200)
    names = [str(place + 1) for place in range(MODES)]
    marker = {"color": drawing.LOOKS["fake"][0], "pattern": {"shape": "/"}}
    plot.add("bar", x=names, y=100 * collapse.shares(points), name=_("generated"), marker=marker)
    drawing.line(plot, _("data: 1/8 each"), "real", names, [100 / MODES] * MODES)
    plot.update_xaxes(type="category")
    plot.update_yaxes(ticksuffix=" %")
    drawing.show(plot, "collapse-shares", _("The share of samples close to each mode; data have an eighth on each."))


register(
    Lesson(
        name="mode_collapse",
        number=6,
        title=N_("Mode collapse"),
        about=N_("Cause mode collapse, measure it, prevent it: samples that are sharp but all alike."),
        minutes=12,
        body=(
            N_("Real data have several **modes**, places where samples are dense: ten digits, eight spots on a ring. "
               "A generator that makes only some of them has **collapsed**. Its samples may be perfect, so looking "
               "at one doesn't show it. Why does it happen? If $D$ holds still, nothing rewards variety:"),
            Formula(r"\max_G\;\mathbb{E}_z[D(G(z))]=\max_x D(x)", (collapse.best_response,)),
            N_("The best answer to a fixed $D$ is **one point**, wherever $D$ is largest. $D$ judges each sample "
               "alone and doesn't know the others. It can only lower that spot afterwards; then "
               "all samples move on together. Only if $D$ answers quickly and smoothly does the cloud spread."),
            N_("Two measures belong together: the number of modes covered, and the share of samples close to a mode. "
               "*Close* is within three standard deviations ($3\\sigma$) of its centre, and a mode is *covered* if at "
               "least 20 of 2,500 samples are close to it. For a generator that makes $m$ of $n$ equal modes "
               "perfectly,"),
            Formula(
                r"\mathrm{KL}(q\,|\,p)=\log_2\tfrac nm,\qquad \mathrm{KL}(p\,|\,q)=\infty\ \ (m<n)",
                (collapse.kl_of_modes, collapse.js_of_modes),
            ),
            N_("The first is cheap: to make one mode of eight costs 3 bits. The second counts what is **missing**: "
               "one missed mode makes it infinite. The JS divergence lies between: a GAN pays little for the last "
               "missing modes."),
            N_("**Remedies**, applied from the start. *Instance noise* on $D$'s inputs joins the modes into one "
               "cloud and fades. A *gradient penalty* or *R1* keeps $D$ smooth. *Minibatch discrimination* lets "
               "$D$ compare samples within a batch; *feature matching* gives $G$ an average as its goal; "
               "*unrolling* lets $G$ look ahead at $D$'s answer."),
        ),
        figure=figure,
        explore=N_("Make the generator collapse. Which of the three numbers notices a missing mode, which one "
                   "blur, and which can you fool?"),
        experiment=Experiment(
            N_("Make a collapse: a ReLU generator with 256 latent dimensions, a discriminator three times as fast, "
               "5,000 steps (about 20 seconds). Then train anew with a remedy from the start, and compare the runs."),
            (
                Setting(N_("Cause a collapse"), "train", PRESET),
                Setting(
                    N_("With instance noise"), "train",
                    PRESET | {"instance_noise": "0.7", "instance_noise_steps": "2500"},
                ),
                Setting(
                    N_("With a gradient penalty"), "train",
                    PRESET | {"penalty": "gradient_penalty", "penalty_weight": "1.0"},
                ),
                Setting(N_("With R1"), "train", PRESET | {"penalty": "r1", "penalty_weight": "0.1"}),
            ),
            N_("Measured over seeds 0 to 2, modes covered of 8: no remedy 1.3, instance noise 7.7, gradient penalty "
               "8.0, R1 of weight 0.1 only 2.3 (all eight have a sample close to them, but only 8 % of the samples "
               "are close to a mode). Limits: a run that **has** collapsed isn't reliably mended by switching a "
               "remedy on; begin again or go back. In an earlier, milder setting unrolling kept 1.0 and minibatch "
               "discrimination 3.8 of 8."),
        ),
        questions=(
            Question(
                N_("Set one mode and a blur of 0.005. What do the three numbers say, and which would you report?"),
                N_("1 of 8 modes, 100 % close, JS 0.717 bit. The share alone looks perfect, better even than real data "
                   "(98.9 %, for the tails of a bell lie outside $3\\sigma$). Report coverage **and** quality."),
            ),
            Question(
                N_("How much does JS fall from 1 to 2 modes, and how much from 7 to 8?"),
                N_("From 0.717 to 0.549 bit, and from 0.066 to 0. The last mode is worth 0.07 bit: the loss "
                   "hardly notices that it is missing."),
            ),
            Question(
                N_("Why does noise on the discriminator's inputs help, though it makes the data blurred?"),
                N_("Real and fake points overlap under noise, so $D$ has a slope everywhere that leads to the missing "
                   "modes. The cloud first covers the blurred ring; as the noise fades it falls into all eight modes."),
            ),
        ),
        teacher=N_("12 minutes. Give half of the class the sentence \"100 % of my samples are perfect\" and let "
                   "the other half ask for one number that exposes it. Start the collapse while they discuss."),
    )
)  # fmt: skip
