"""Lesson 13: why the squared error blurs: many large pictures match a small one, and their mean has the least error."""

from __future__ import annotations

import numpy as np
import streamlit as st

from gan_core.teaching import blur
from gan_core.teaching.blur import FACTORS
from ui.classroom.learn import drawing
from ui.classroom.learn.lesson import Experiment, Formula, Lesson, Question, Setting, register
from ui.classroom.shell.i18n import N_, _

PLACES = (3, 4, 7, 8, 10, 25)  # digits that a visitor can choose
COUNT = 40  # possible answers
SQUARES = {"recipe": "srgan", "preset": "squares", "steps": "600"}
JUDGED = SQUARES | {"preset": "squares_judged", "warm_up": "7.2"}  # thousand faces: D starts at step 450


def figure() -> None:
    """A small digit, its possible originals, and three guesses."""
    factor: int = st.segmented_control(
        _("The side is divided by"), FACTORS, default=4, format_func=lambda value: f"{value:g}", required=True,
        key="blur-factor",
    )  # fmt: skip
    left, right = st.columns(2)
    with left:
        which: int = st.slider(_("Digit"), 1, len(PLACES), 1, key="blur-digit")
    with right:
        count: int = st.slider(_("Possible answers"), 2, COUNT, COUNT, key="blur-count")
    answers = blur.possible(PLACES[which - 1], factor, count)
    _pictures(answers, factor)
    _trade(answers)
    mean, drawn = blur.spread(answers), blur.error_of_a_draw(answers)
    drawing.numbers(
        {
            _("error of the mean"): _error(mean),
            _("error of one of them, on average"): _error(drawn),
            _("ratio"): f"{drawn / mean:.2f}",
        }
    )


def _error(value: float) -> str:
    return f"{value:.3f} ({blur.psnr(value):.1f} dB)"


def _pictures(answers: np.ndarray, factor: int) -> None:
    small = blur.smaller(answers[0], factor).repeat(factor, 0).repeat(factor, 1)
    mean, median = blur.mean_answer(answers), blur.median_answer(answers)
    shown = np.stack([small, answers[0], answers[1], answers[-1], median, mean])
    names = [_("small x"), _("truth"), _("possible"), _("possible"), _("median"), _("mean")]
    plot = drawing.pictures(np.rint(255 * shown).astype(np.uint8)[None], names, 150)
    drawing.show(
        plot,
        "blur-pictures",
        _("The small picture, the truth, two other pictures that fit it, the median and the blurred mean of all."),
    )


def _trade(answers: np.ndarray) -> None:
    plot = drawing.chart(_("squared error, on average over the answers"), _("sharpness"), 250)
    plot.update_layout(hovermode="closest")
    guesses = {
        _("each possible answer"): ("real", answers),
        _("median"): ("discriminator", blur.median_answer(answers)[None]),
        _("mean"): ("fake", blur.mean_answer(answers)[None]),
    }
    for name, (look, pictures) in guesses.items():
        errors = [blur.squared_error(picture, answers) for picture in pictures]
        size = 8 if len(pictures) > 1 else 13
        drawing.points(plot, name, look, errors, [blur.sharpness(one) for one in pictures], marker={"size": size})
    plot.update_xaxes(rangemode="tozero")
    plot.update_yaxes(rangemode="tozero")
    drawing.show(
        plot,
        "blur-trade",
        _("Each guess by its error and its sharpness: the mean has the smallest error and is the least sharp."),
    )


register(
    Lesson(
        name="super_resolution",
        number=13,
        title=N_("Super-resolution"),
        about=N_("Why the squared error blurs, and what a discriminator changes."),
        minutes=10,
        body=(
            N_("Shrink a picture, and detail is lost: **many** large pictures $y$ become the same small picture $x$. A "
               "network that enlarges sees $x$ and has to answer with one picture $g$. Trained with the squared error, "
               "it minimises for each $x$"),
            Formula(
                r"\begin{gathered}\mathbb{E}|y-g|^2=\mathbb{E}|y-m|^2+|g-m|^2\\"
                r"m=\mathbb{E}[y\,|\,x]\end{gathered}",
                (blur.squared_error, blur.spread, blur.mean_answer),
            ),
            N_("The first term doesn't depend on $g$, so the best answer is $g=m$: the **mean of all possible "
               "answers**. Strokes that may lie here or there become a grey smear. The network isn't too weak: the "
               "blur is the right answer to the question. With the absolute error it is the median of each pixel, "
               "which is only a little sharper:"),
            Formula(
                r"\arg\min_g\mathbb{E}|y-g|=\mathrm{median}(y\,|\,x)",
                (blur.absolute_error, blur.median_answer),
            ),
            N_("Now draw one of the possible answers $y'$ at random. It is sharp, and looks real. But its squared "
               "error is **twice** as large, which is 3 dB of PSNR:"),
            Formula(
                r"\begin{aligned}\mathbb{E}|y-y'|^2&=2\,\mathbb{E}|y-m|^2\\"
                r"\mathrm{PSNR}&=-10\log_{10}\mathbb{E}|y-g|^2\end{aligned}",
                (blur.error_of_a_draw, blur.psnr),
            ),
            N_("So PSNR prefers blur. A discriminator rejects it, because no real picture looks like $m$. **SRGAN** "
               "(2016) adds a small adversarial loss to the error: the answer moves from the mean towards one possible "
               "picture. Its detail is plausible, **not recovered**. Nobody can read a number plate off pixels that "
               "aren't there."),
        ),
        figure=figure,
        explore=N_("The possible answers are those of 1,797 handwritten digits whose small pictures are most alike. "
                   "Divide by 2, 4 and 8 and watch the mean. In the chart, nothing lies to the left of the mean."),
        experiment=Experiment(
            N_("Enlarge faces from 16 to 64 pixels: 600 steps with the squared error alone, then the same with a "
               "discriminator that starts at step 450 (less than a minute each). Compare the lines of eyes and "
               "glasses. The last two buttons show trained models that enlarge photos."),
            (
                Setting(N_("Squared error"), "train", SQUARES),
                Setting(N_("With a discriminator"), "train", JUDGED),
                Setting("srresnet.bsds_x4", "model", {"model": "srresnet.bsds_x4"}),
                Setting("srgan.bsds_x4", "model", {"model": "srgan.bsds_x4"}),
            ),
            N_("Measured on twelve faces that weren't trained on (seed 0): with the squared error 23.5 dB and 0.84 "
               "times the sharpness of the truth; with the discriminator 23.2 dB and 0.96 times (bicubic enlargement: "
               "21.4 dB). So the pictures are crisper **and** farther from the truth: part of the new detail is "
               "invented. On photos, too, the model with texture looks sharper and has 26.5 dB instead of 27.1."),
        ),
        questions=(
            Question(
                N_("Digit 1: how large is the error of the mean after dividing by 2, 4 and 8, and why?"),
                N_("0.033, 0.046 and 0.070 (14.8, 13.4 and 11.6 dB). A smaller picture leaves more possible answers, "
                   "and they differ more. The sharpness of the mean falls from 0.20 to 0.17 and 0.12; the true digit "
                   "has 0.23."),
            ),
            Question(
                N_("Two networks, 27.1 dB and 26.5 dB. Which one do you take to enlarge holiday photos, and which one "
                   "to measure distances in microscope pictures?"),
                N_("For photos perhaps the one with 26.5 dB (with texture): it looks real. For measuring the "
                   "one with 27.1 dB (without texture): its error is smaller and it invents less. PSNR alone "
                   "doesn't decide; the purpose does."),
            ),
            Question(
                N_("Could a generator have the least squared error **and** look real?"),
                N_("Only where a single answer is possible, so that mean and answer are the same. Otherwise the mean "
                   "is the only picture with the least error, and it is blurred. If all you ask is that pictures look "
                   "real, you pay at most a factor of 2, by drawing one of the possible answers."),
            ),
        ),
        teacher=N_("10 minutes. Everybody writes a digit on a small card; lay four cards on top of each other against "
                   "a window: that is the mean. Ask which of the two networks a court should accept."),
    )
)  # fmt: skip
