"""Lesson 9: class-conditional generators, and whether their samples show the requested class."""

from __future__ import annotations

import streamlit as st

from gan_core.teaching import conditioning
from gan_core.teaching.conditioning import BLIND, CLASSES, NONE, REAL, SEEDS, SEEING, SHELF, STEPS, Seen
from ui.classroom.learn import drawing
from ui.classroom.learn.lesson import Experiment, Formula, Lesson, Question, Setting, register
from ui.classroom.shell import warm
from ui.classroom.shell.i18n import N_, _
from ui.classroom.shell.store import store
from ui.texts import percent

OWN = "own"  # the visitor's newest run, where there is one
WHO = {
    SEEING: N_("D sees the class"), BLIND: N_("D doesn't see it"), SHELF: "cgan.mnist", REAL: N_("Real digits"),
    OWN: N_("Newest run"),
}  # fmt: skip
NAMED = 0.05  # shares above it are written into the matrix


def figure() -> None:
    """The matrix of a generator, and some of its samples."""
    own = conditioning.newest_run(store())
    who: str = st.segmented_control(
        _("Who draws"), [name for name in WHO if name != OWN or own], default=SEEING, required=True,
        format_func=lambda name: _(WHO[name]), key="conditioning-who",
    )  # fmt: skip
    if who in (SEEING, BLIND):
        left, right = st.columns(2)
        with left:
            step: int = st.select_slider(
                _("Training steps"), STEPS, STEPS[-1], lambda value: f"{value:g}", key="conditioning-step"
            )
        start = 1
        if who == BLIND:
            with right:
                start = st.slider(_("Start (first weights)"), 1, len(SEEDS[BLIND]), 1, key="conditioning-start")
        seen = conditioning.kept(who, step, SEEDS[who][start - 1])
    elif who == OWN:
        with st.spinner(_("Drawing 2,000 samples and recognising them …")):
            seen = _measured(own, store().checkpoints(own)[-1].step)
    else:
        seen = conditioning.kept(who)
    _matrix(seen)
    _samples(seen)
    _numbers(seen)


@st.cache_data(show_spinner=False, max_entries=4)
def _measured(run: str, step: int) -> Seen:
    """Measures the samples of a run's checkpoint at this step."""
    warm.now()
    from gan_core.models import loading

    return conditioning.measured(loading.from_run(store(), run))


def _matrix(seen: Seen) -> None:
    plot = drawing.chart(_("recognised as"), _("asked for"), 340, hoverdistance=-1)
    shares = seen.matrix if seen.rejects else seen.matrix[:, :NONE]
    names = [str(digit) for digit in range(CLASSES)] + ([_("none")] if seen.rejects else [])
    plot.add(
        "heatmap", z=100 * shares, x=names, y=names[:CLASSES], zmin=0, zmax=100, showscale=False,
        colorscale=drawing.scale("Cividis"),
        text=[[f"{100 * share:.0f}" if share >= NAMED else "" for share in row] for row in shares],
        texttemplate="%{text}", hovertemplate=_("asked for %{y}, recognised as %{x}: %{z:.1f} %") + "<extra></extra>",
    )  # fmt: skip
    plot.update_xaxes(type="category", constrain="domain")
    plot.update_yaxes(type="category", autorange="reversed", constrain="domain")
    drawing.show(
        plot,
        "conditioning-matrix",
        _("A matrix: for each digit that was asked for, the percentages of the digits that were recognised. The "
          "generator obeys where the diagonal is bright."),
    )  # fmt: skip


def _samples(seen: Seen) -> None:
    names = [str(digit) for digit in range(CLASSES)]
    plot = drawing.pictures(seen.samples.swapaxes(0, 1), names, 240)  # (classes, shown, ...) -> (shown, classes, ...)
    drawing.show(plot, "conditioning-samples", _("Samples: each column was asked for one digit."))


def _numbers(seen: Seen) -> None:
    diagonal = seen.matrix.diagonal()
    worst = int(diagonal.argmin())
    words = {_("obedience"): percent(conditioning.obedience(seen.matrix), 1)}
    if seen.rejects:
        words[_("recognised as a digit")] = percent(conditioning.digits_made(seen.matrix), 1)
    words[_("least obeyed")] = _("{digit}: {share}").format(digit=worst, share=percent(diagonal[worst]))
    drawing.numbers(words)


register(
    Lesson(
        name="conditioning",
        number=9,
        title=N_("Conditioning"),
        about=N_("Ask a generator for a 7, and measure whether you get one."),
        minutes=10,
        body=(
            N_("So far $G$ chose what to draw. In a **conditional GAN** (2014) a class $y$, such as the digit 7, is an "
               "input of **both** networks: $G$ gets it beside the noise, $D$ gets it beside the image. $D$ is then "
               "asked whether $x$ is a real *seven*:"),
            Formula(
                r"\begin{aligned}\min_G\max_D\;V=\;&\mathbb{E}_{x,y}[\log D(x|y)]\\"
                r"&+\mathbb{E}_{z,y}[\log(1-D(G(z|y)|y))]\end{aligned}",
                (conditioning.value,),
            ),
            N_("It is the game of lesson 1, played once for each class. With the best $D$, its value is"),
            Formula(
                r"\max_D V=-\log 4+2\,\mathbb{E}_y\big[\mathrm{JS}(p(x|y),\,q(x|y))\big]",
                (conditioning.best, conditioning.best_value),
            ),
            N_("where $p$ is the data's distribution and $q$ the generator's. It is least where **each** class is "
               "right. Why must $D$ see $y$? Without it, $D$ compares the mixtures of all classes only. A generator "
               "that draws a 3 when it is asked for a 7 then loses nothing, as long as all digits occur often enough."),
            N_("Whether a trained generator obeys can be measured. Ask for each class many times and let a classifier "
               "$c$, which has nothing to do with the GAN, read the samples:"),
            Formula(
                r"\begin{gathered}M_{ij}=\Pr_z\big[c(G(z|i))=j\big]\\"
                r"\text{obedience}=\tfrac1n\textstyle\sum_i M_{ii}\end{gathered}",
                (conditioning.obedience_matrix, conditioning.obedience),
            ),
            N_("With ten classes, chance gives 10 %. The classifier makes mistakes too, so look at its matrix of real "
               "digits as well. And obedience isn't variety: a generator with one picture for each class would reach "
               "100 %."),
        ),
        figure=figure,
        explore=N_("Each row is a digit that was asked for, each column what a classifier read. Move through the "
                   "training, then take the class away from $D$. *cgan.mnist* is a trained model that comes with "
                   "GANscope. The run of the experiment below appears here as *Newest run*."),
        experiment=Experiment(
            N_("Train a conditional GAN on small digits (4,000 steps, about 25 seconds). Each column of its samples "
               "was asked for one digit. Come back to this page afterwards and choose *Newest run*. Then ask the "
               "larger model for one class of your choice."),
            (
                Setting(N_("Digits by class"), "train", {"recipe": "cgan", "preset": "digits"}),
                Setting(N_("The model cgan.mnist"), "model", {"model": "cgan.mnist"}),
            ),
            N_("In our run (seed 0) obedience was 86 % at step 50, 91 % at step 200 and 99.5 % at the end. "
               "*cgan.mnist* reaches 98.5 %; its classifier reads 99.5 % of real digits as they are labelled. Look at "
               "twenty samples of one class, too: are they written differently?"),
        ),
        questions=(
            Question(
                N_("Choose *D doesn't see it* and compare the three starts. The rows still have bright cells. What "
                   "does the generator use the class for?"),
                N_("As more noise. Each class leads to a digit of the generator's own choice: in start 1 every 5 that "
                   "is asked for becomes a 0, in start 2 a 6, in start 3 mostly a 7. All ten digits occur and are "
                   "drawn well, so this $D$ is content. Where $G$ obeys, it is by luck: 41 %, 10 % and 36 %."),
            ),
            Question(
                N_("A generator draws perfect digits, but a 3 whenever it is asked for a 7 and a 7 for a 3. What is "
                   "$\\max_D V$ if $D$ sees the class, and if it doesn't?"),
                N_("For two of ten classes, nothing that is drawn is what was asked for: "
                   "$\\mathbb{E}_y[\\mathrm{JS}]=0.2\\log 2$ and $V=-1.386+0.277=-1.109$: $D$ notices, and $G$ is "
                   "pushed to obey. Without the class the mixtures are equal and $V=-1.386$: for such a $D$ the "
                   "generator is perfect."),
            ),
            Question(
                N_("A paper reports an obedience of 100 %. What else would you ask for?"),
                N_("Variety within a class (recall, or simply twenty samples of one class), the same matrix of real "
                   "images, and which classifier read them: one that was trained together with the generator may have "
                   "agreed with it on a code of their own."),
            ),
        ),
        teacher=N_("10 minutes. Let the class write down what the matrix of a generator looks like that ignores the "
                   "class, before the figure shows it. Ask: who could cheat in this game if only one of the two "
                   "networks knew the class?"),
    )
)  # fmt: skip
