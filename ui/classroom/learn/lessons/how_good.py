"""Lesson 11: scores of samples that can be seen: Inception Score, Mode Score, FID, precision and recall."""

from __future__ import annotations

import streamlit as st

from gan_core.teaching import scores
from gan_core.teaching.scores import BELLS, CENTRES, CLOUD, DATA, SPREAD, Maker, Scores
from ui.classroom.learn import drawing
from ui.classroom.learn.lesson import Experiment, Formula, Lesson, Question, Setting, register
from ui.classroom.shell.i18n import N_, _
from ui.texts import percent

KINDS = {BELLS: N_("Bells"), CLOUD: N_("One cloud")}
SPREADS = (0.02, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5)
COUNTS = (50, 100, 200, 500)
SHOWN = 200  # points of each kind in the figure
ANOTHER = 1  # seed of a generator's samples; the data are of seed 0


def figure() -> None:
    """Points of the data and of a generator, and all scores."""
    kind: str = st.segmented_control(
        _("G draws"), list(KINDS), default=BELLS, format_func=lambda name: _(KINDS[name]), required=True,
        key="scores-kind",
    )  # fmt: skip
    left, right = st.columns(2)
    with left:
        count: int = st.select_slider(_("Samples"), COUNTS, COUNTS[-1], lambda value: f"{value:g}", key="scores-count")
    maker = Maker(cloud=True)
    if kind == BELLS:
        with right:
            classes: int = st.slider(_("Classes that G makes"), 1, len(CENTRES), 4, key="scores-classes")
        left, right = st.columns(2)
        with left:
            spread: float = st.select_slider(
                _("Spread of each bell"), SPREADS, SPREAD, lambda value: f"{value:g}", key="scores-spread"
            )
        with right:
            outwards: float = st.slider(_("Pushed outwards"), 0.5, 2.0, 1.0, 0.1, key="scores-outwards")
        maker = Maker(classes, spread, outwards)
    _points(maker, count)
    _numbers(scores.scores(maker, count, ANOTHER), scores.scores(DATA, count, ANOTHER))


def _points(maker: Maker, count: int) -> None:
    plot = drawing.chart(_("feature x"), _("feature y"), 340, hoverdistance=-1)
    real, made = DATA.draw(count)[:SHOWN], maker.draw(count, ANOTHER)[:SHOWN]
    drawing.points(plot, _("real points"), "real", real[:, 0], real[:, 1], marker={"size": 8, "opacity": 0.6})
    drawing.points(plot, _("generated points"), "fake", made[:, 0], made[:, 1], marker={"size": 5})
    plot.update_xaxes(range=[-6, 6])
    plot.update_yaxes(range=[-4.7, 4.7], scaleanchor="x")
    drawing.show(plot, "scores-points", _("Four bells of real points, one for each class, and generated points."))


def _numbers(found: Scores, floor: Scores) -> None:
    """Shows each score, followed in brackets by that of another sample of the data."""
    drawing.numbers(
        {
            _("IS = Mode Score"): f"{found.inception:.3f} ({floor.inception:.3f})",
            _("KL of the classes"): f"{abs(found.divergence):.2f} ({abs(floor.divergence):.2f})",
            "FID": f"{found.frechet:.3f} ({floor.frechet:.3f})",
            _("precision"): f"{percent(found.precision)} ({percent(floor.precision)})",
            _("recall"): f"{percent(found.recall)} ({percent(floor.recall)})",
        }
    )


register(
    Lesson(
        name="how_good",
        number=11,
        title=N_("How good is it?"),
        about=N_("Inception Score, FID, precision and recall, and a generator that fools each of them."),
        minutes=12,
        body=(
            N_("A GAN has no test accuracy. Two questions must be asked: is each sample **good**, and are the samples "
               "as **various** as the data? For images, the usual scores ask a trained network: for the probability "
               "$p(y|x)$ of each class $y$, or for its *features*, the numbers of its last hidden layer. The "
               "**Inception Score** wants a clear class for each sample, and all classes among the samples. $p^*(y)$ "
               "is the mean of all $p(y|x)$, and KL says how far two distributions are apart:"),
            Formula(
                r"\mathrm{IS}=\exp\,\mathbb{E}_x\,\mathrm{KL}\big(p(y|x)\,\|\,p^*(y)\big)",
                (scores.inception_score, scores.kl),
            ),
            N_("It lies between 1 and the number of classes, and it never looks at real data. The **Mode Score** was "
               "meant to compare the classes with their shares $p(y)$ in the data:"),
            Formula(
                r"\begin{aligned}\log\mathrm{MS}=\;&\mathbb{E}_x\,\mathrm{KL}(p(y|x)\,\|\,p(y))\\"
                r"&-\mathrm{KL}(p^*(y)\,\|\,p(y))\end{aligned}",
                (scores.mode_score, scores.class_divergence),
            ),
            N_("Write the logarithms out: $p(y)$ cancels, and MS **equals** IS. What does show missing classes is the "
               "last term alone, $\\mathrm{KL}(p^*\\|p)$. The **Fréchet distance** (FID, where the features are those "
               "of the Inception network) describes real and generated features by mean $m$ and covariance $C$:"),
            Formula(
                r"d^2=|m_p-m_q|^2+\mathrm{tr}\big(C_p+C_q-2(C_pC_q)^{1/2}\big)",
                (scores.frechet,),
            ),
            N_("**Precision** is the share of samples that lie among the data, **recall** the share of the data that "
               "lies among the samples. *Among* means in a ball $B$ around one of the points that reaches to its fifth "
               "nearest neighbour:"),
            Formula(
                r"\begin{aligned}P&=\Pr_{y\sim q}\big[y\in\textstyle\bigcup_x B(x)\big]\\"
                r"R&=\Pr_{x\sim p}\big[x\in\textstyle\bigcup_y B(y)\big]\end{aligned}",
                (scores.precision, scores.recall, scores.within_reach),
            ),
            N_("All depend on the **number of samples**: with few, FID is too large. Compare only values of the same "
               "number and the same network, beside those of real data against real data."),
        ),
        figure=figure,
        explore=N_("The features are $x$ and $y$; the classes are the four bells. In brackets: another sample of the "
                   "data itself. Make the generator lose a class, repeat itself (a small spread), move outwards, or "
                   "draw one cloud. Which score notices?"),
        experiment=Experiment(
            N_("Be the judge of three trained models that come with GANscope. On each page set *Number* to 64, look "
               "for ten seconds and don't scroll. Rank the three, best first. Then read *Fréchet distance* and "
               "*Recognisable* below their cards."),
            (
                Setting("mlp_gan.mnist", "model", {"model": "mlp_gan.mnist"}),
                Setting("wgan_gp.mnist", "model", {"model": "wgan_gp.mnist"}),
                Setting("infogan.mnist", "model", {"model": "infogan.mnist"}),
            ),
            N_("The Fréchet distances are 1.24, 0.56 and 0.36 (real against real: 0.27), in features of a network that "
               "reads MNIST. A classifier is sure of 91.3 %, 91.0 % and 92.8 % of the samples. So the distance sees "
               "the noisy pixels of the first model, which its card names as its limit, and the share of sure digits "
               "hardly does. Does your ranking agree with one of them?"),
        ),
        questions=(
            Question(
                N_("Four classes, a spread of 0.02, 500 samples: which score is right?"),
                N_("Recall: 1 %. The generator repeats four points. But each has a clear class (IS 4.000), lies among "
                   "the data (precision 100 %), and the four are so far apart that mean and covariance nearly fit (FID "
                   "0.006; real data 0.002)."),
            ),
            Question(
                N_("Let it draw *one cloud*. Why is FID so small?"),
                N_("The cloud has the mean and the covariance of the data, and the Fréchet distance looks at nothing "
                   "else: 0.033, against 12.9 for a generator that makes one class. Precision shows that only 52 % of "
                   "the samples lie among the data, and IS falls from 3.996 to 3.638."),
            ),
            Question(
                N_("Push the samples outwards to 1.5. Why does the Inception Score rise?"),
                N_("Further out the classifier is even surer: 4.000 instead of 3.996. IS never sees the data, so it "
                   "can't know that nothing lies there. FID rises to 1.98, and precision falls to 80 %."),
            ),
        ),
        teacher=N_("12 minutes. Give each group one score and let it build, with the sliders, the worst generator that "
                   "its score still likes. Each group shows its cheat; the class says which other score exposes it."),
    )
)  # fmt: skip
