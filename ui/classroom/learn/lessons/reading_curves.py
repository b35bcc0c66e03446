"""Lesson 10: what the curves of a run say, and what they don't."""

from __future__ import annotations

import streamlit as st

from gan_core.teaching import curves
from gan_core.teaching.curves import Scores
from gan_core.teaching.game import PLACES, bell, within
from ui.classroom.learn import drawing
from ui.classroom.learn.lesson import Experiment, Formula, Lesson, Question, Setting, register
from ui.classroom.shell.i18n import N_, _
from ui.texts import percent

WITHIN = within(-8, 8)
NAMES = {
    "non_saturating": N_("Non-saturating"),
    "least_squares": N_("Least squares"),
    "hinge": N_("Hinge"),
    "wasserstein": "Wasserstein",
}
CRITIC = {
    "data": "two_blobs", "steps": "120", "loss": "wasserstein", "penalty": "gradient_penalty", "penalty_weight": "1.0",
    "discriminator_steps": "10", "generator_rate": "0.0003", "discriminator_rate": "0.005", "beta1": "0.0",
}  # fmt: skip


def figure() -> None:
    """The scores of both kinds, and what a run's curves show for them."""
    loss: str = st.segmented_control(
        _("Loss"), list(NAMES), default="non_saturating", format_func=lambda name: _(NAMES[name]), required=True,
        key="curves-loss",
    )  # fmt: skip
    left, right = st.columns(2)
    with left:
        real: float = st.slider(_("Mean score of real images"), -5.0, 5.0, 1.0, 0.25, key="curves-real")
    with right:
        fake: float = st.slider(_("Mean score of fakes"), -5.0, 5.0, -1.0, 0.25, key="curves-fake")
    scores = Scores(real, fake)
    _scores(scores, curves.THRESHOLDS.get(loss))
    chance = curves.CHANCE[loss]
    values = {
        _("loss of D (at chance {value})").format(value=f"{chance[0]:.3g}"): curves.discriminator_loss(scores, loss),
        _("loss of G (at chance {value})").format(value=f"{chance[1]:.3g}"): curves.generator_loss(scores, loss),
    }
    if loss == "non_saturating":
        values |= {"D(x)": curves.belief(scores), "D(G(z))": curves.belief(scores, fake=True)}
    words = {name: drawing.signed(value, 2) for name, value in values.items()}
    threshold = curves.THRESHOLDS.get(loss)
    if threshold is not None:
        words[_("accuracy")] = percent(curves.accuracy(scores, threshold))
    drawing.numbers(words)
    st.markdown(_reading(scores, threshold))


def _scores(scores: Scores, threshold: float | None) -> None:
    plot = drawing.chart(_("score of D"), _("density"), 280)
    drawing.line(plot, _("real images"), "real", PLACES[WITHIN], bell(scores.real, scores.spread)[WITHIN])
    drawing.line(plot, _("fakes"), "fake", PLACES[WITHIN], bell(scores.fake, scores.spread)[WITHIN])
    if threshold is not None:
        drawing.line(plot, _("threshold"), "quiet", [threshold, threshold], [0, 0.42])
    drawing.show(plot, "curves-scores", _("Two bells: the scores of real images and those of fakes."))


def _reading(scores: Scores, threshold: float | None) -> str:
    """Explains the numbers in words."""
    if threshold is None:
        return _("**Reading** · Minus the loss of D estimates the distance. It should fall slowly; a common shift of "
                 "all scores changes nothing but G's loss.")  # fmt: skip
    share = curves.accuracy(scores, threshold)
    if share > 0.95:
        return _("**Reading** · D is nearly always right. If it stays so, G's gradients may vanish: slow D down, or "
                 "penalise its slope.")  # fmt: skip
    if share > 0.58:
        return _("**Reading** · D is right more often than not, and G still fools it: a healthy contest.")
    if share > 0.45:
        return _("**Reading** · D guesses. Either the fakes are as good as real, or D has learned nothing: look at the "
                 "samples.")  # fmt: skip
    return _("**Reading** · D is worse than a coin: G has outrun it, and D's gradient leads it astray.")


register(
    Lesson(
        name="reading_curves",
        number=10,
        title=N_("Reading curves"),
        about=N_("What D(x), D(G(z)), accuracy and a negative critic loss mean, and what no curve shows."),
        minutes=8,
        body=(
            N_("In most of machine learning a falling loss is good news. A GAN's losses are **relative to the "
               "opponent**: both can stay where they are while the samples improve. Read them in pairs."),
            Formula(
                r"D(x)=\mathbb{E}_{x\sim p}[\sigma(\ell(x))],\qquad D(G(z))=\mathbb{E}_z[\sigma(\ell(G(z)))]",
                (curves.belief, curves.accuracy),
            ),
            N_("$D(x)$ lies above $\\tfrac12$ and $D(G(z))$ below; the gap says how well $D$ tells them apart. A "
               "rule of thumb for the non-saturating loss, which good runs break too: accuracy between 60 and 80 "
               "%, $L_D$ (the sum of both halves) between 1.0 and 1.6, $L_G$ between 0.7 and 2. Where $D$ can't "
               "tell the two apart, the losses have fixed values:"),
            Formula(
                r"L_D=\log 4\approx 1.386,\qquad L_G=\log 2\approx 0.693",
                (curves.discriminator_loss, curves.generator_loss),
            ),
            N_("(least squares 0.25 and 0.125, hinge 2 and 0). These values with good samples are the equilibrium; "
               "with bad samples, $D$ has learned nothing. $L_D\\to 0$ and a growing $L_G$ mean a $D$ that is too "
               "strong."),
            N_("A **Wasserstein critic** is different: $L_D=\\mathbb{E}[f(G(z))]-\\mathbb{E}[f(x)]$ is negative in "
               "a healthy run, for $-L_D$ estimates the distance. It is large early on, then falls "
               "with the quality of the samples. $L_G=-\\mathbb{E}[f(G(z))]$ alone means nothing, since $f$ is "
               "known only up to a constant."),
            N_("No curve of losses shows **mode collapse**: a generator with one perfect mode can have healthy losses "
               "for a while. Look at the samples, and at coverage (lesson 6)."),
        ),
        figure=figure,
        explore=N_("Set the mean scores and read the numbers as a run would show them. Find a $D$ that is too "
                   "strong, one that guesses, and one that is worse than a coin. Then shift both scores alike "
                   "under Wasserstein."),
        experiment=Experiment(
            N_("Two runs with very different curves. First digits with the non-saturating loss (about 30 seconds), "
               "then a critic in the plane (less than a minute)."),
            (
                Setting(N_("Digits"), "train", {"recipe": "mlp_gan", "preset": "digits_30s"}),
                Setting(N_("A Wasserstein critic"), "playground", CRITIC),
            ),
            N_("**Digits**: in our run (seed 0) $D(x)$ and $D(G(z))$ were 0.51 and 0.50 at step 200, with noise "
               "for samples, and 0.54 and 0.47 at step 1,000, with $L_D=1.30$, $L_G=0.97$ and an accuracy of 63 %. "
               "At step 5,000 they were 0.71 and 0.29 and the accuracy was 93 %, though the digits are readable: "
               "the curves alone don't tell the quality. **Critic**: D's loss is negative from the first steps on "
               "and rises towards 0 while the points reach the data."),
        ),
        questions=(
            Question(
                N_("After 1,000 steps $L_D=0.05$ and $L_G=6$, non-saturating. What is going on, and what would you "
                   "try?"),
                N_("$D$ is nearly always right and the fakes are far off. Try a lower rate for $D$, an R1 or gradient "
                   "penalty, or instance noise."),
            ),
            Question(
                N_("A critic's loss goes from $-3$ to $-0.5$. Is that good or bad?"),
                N_("Usually good: $-L_D$ estimates the distance, which fell from 3 to 0.5. But check that the "
                   "critic is still trained well: a critic that has forgotten everything also reports 0."),
            ),
            Question(
                N_("Two runs, both with $L_D=1.386$ and $L_G=0.693$. Which one is better?"),
                N_("The losses can't say: both discriminators guess. Compare samples, coverage or a distance that "
                   "doesn't depend on $D$."),
            ),
        ),
        teacher=N_("8 minutes. Show a curve without its samples and let the class bet on the samples. Ask: which curve "
                   "would you stop a run for?"),
    )
)  # fmt: skip
