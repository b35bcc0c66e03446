"""Lesson 11: scores of samples that one can see: Inception Score, Mode Score, FID, precision and recall."""

from __future__ import annotations

import streamlit as st

from gan_core.teaching import scores
from gan_core.teaching.scores import BELLS, CENTRES, CLOUD, DATA, SPREAD, Maker, Scores
from ui.classroom.learn import drawing
from ui.classroom.learn.lesson import Experiment, Formula, Lesson, Question, Setting, register
from ui.classroom.shell.i18n import N_, _

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
    plot.update_yaxes(range=[-5, 5], scaleanchor="x")
    drawing.show(plot, "scores-points", _("Four bells of real points, one for each class, and generated points."))


def _numbers(found: Scores, floor: Scores) -> None:
    """Each score, and in brackets that of another sample of the data."""
    drawing.numbers(
        {
            _("IS = Mode Score"): f"{found.inception:.2f} ({floor.inception:.2f})",
            _("KL of the classes"): f"{abs(found.divergence):.2f} ({abs(floor.divergence):.2f})",
            "FID": f"{found.frechet:.3f} ({floor.frechet:.3f})",
            _("precision"): f"{found.precision:.0%} ({floor.precision:.0%})",
            _("recall"): f"{found.recall:.0%} ({floor.recall:.0%})",
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
               "as **various** as the data? For images, the usual scores look through a trained network: at its class "
               "probabilities $p(y|x)$, or at its features. The **Inception Score** asks that each sample has a clear "
               "class and that all classes occur; $p^*(y)$ is the mean of all $p(y|x)$:"),
            Formula(
                r"\mathrm{IS}=\exp\,\mathbb{E}_x\,\mathrm{KL}\big(p(y|x)\,\|\,p^*(y)\big)",
                (scores.inception_score, scores.kl),
            ),
            N_("It lies between 1 and the number of classes, and it never looks at real data. The **Mode Score** was "
               "meant to compare the classes with their shares $p(y)$ in the data:"),
            Formula(
                r"\mathrm{MS}=\exp\big(\mathbb{E}_x\,\mathrm{KL}(p(y|x)\|p(y))-\mathrm{KL}(p^*(y)\|p(y))\big)",
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
               "lies among the samples. *Among* means in a ball $B$ around one of the points that reaches to its "
               "fifth nearest neighbour:"),
            Formula(
                r"P=\Pr_{y\sim q}\big[y\in\textstyle\bigcup_x B(x)\big],\quad "
                r"R=\Pr_{x\sim p}\big[x\in\textstyle\bigcup_y B(y)\big]",
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
            N_("Be the judge of three models of the shelf. On each page set *Number* to 64, look for ten seconds and "
               "don't scroll. Rank the three, best first. Then read *Fréchet distance* and *Recognisable* below their "
               "cards."),
            (
                Setting("mlp_gan.mnist", "model", {"model": "mlp_gan.mnist"}),
                Setting("wgan_gp.mnist", "model", {"model": "wgan_gp.mnist"}),
                Setting("infogan.mnist", "model", {"model": "infogan.mnist"}),
            ),
            N_("The Fréchet distances are 1.24, 0.56 and 0.36 (real against real: 0.27), in features of a network that "
               "reads MNIST. A classifier is sure of 91.3 %, 91.0 % and 92.8 % of the samples. So the distance sees the "
               "noisy pixels of the first model, and the share of sure digits doesn't. Most people rank "
               "the first model last, and disagree about the other two."),
        ),
        questions=(
            Question(N_("Four classes, a spread of 0.02, 500 samples: which score is right?"), "TBD"),
            Question(N_("Let it draw *one cloud*. Why is FID so small?"), "TBD"),
            Question(N_("Push the samples outwards to 1.5. Why does the Inception Score rise?"), "TBD"),
        ),
        teacher=N_("12 minutes. Give each group one score and let it build, with the sliders, the worst generator that "
                   "its score still likes. Each group shows its cheat; the class says which other score exposes it."),
    )
)  # fmt: skip
