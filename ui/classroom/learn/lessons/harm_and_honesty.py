"""Lesson 15: deepfakes, bias, marks in generated pictures, and augmentation that did not help."""

from __future__ import annotations

import numpy as np
import streamlit as st

from gan_core.data.user import drawn_points
from gan_core.teaching import conditioning, honesty
from ui.classroom.learn import drawing
from ui.classroom.learn.lesson import Experiment, Formula, Lesson, Question, Setting, register
from ui.classroom.shell.i18n import N_, _
from ui.texts import number, percent

DETECTOR, MARKS, STUDY = "detector", "marks", "study"
VIEWS = {DETECTOR: N_("A detector"), MARKS: N_("Marks"), STUDY: N_("GAN images as data")}
SHARES = (0.0001, 0.001, 0.01, 0.1, 0.5)  # of fake pictures
PICTURES = 100_000
ENLARGED = 4  # the digit that is marked
RANGE = (24, 231)  # levels, so that a pattern isn't cut off at black
AFTER = {
    "copied": N_("copied"), "screenshot": N_("screenshot"), "jpeg": N_("as JPEG"), "halved": N_("made smaller"),
    "moved": N_("cropped"),
}  # fmt: skip
ARMS = {
    "real": (N_("real images"), "real"), "gan": (N_("real and GAN images"), "generator"),
    "classical": (N_("real images, altered"), "discriminator"), "both": (N_("real and GAN images, altered"), "fake"),
}  # fmt: skip


def points(large: int, small: int) -> str:
    """Returns the reference of a set of two groups with these numbers of points."""
    random = np.random.default_rng(0)
    groups = [(-1.5, large), (1.5, small)]
    return drawn_points.reference(
        np.concatenate([[x, 0.0] + 0.3 * random.standard_normal((count, 2)) for x, count in groups])
    )


def figure() -> None:
    """One of three views."""
    view: str = st.segmented_control(
        _("What to look at"), list(VIEWS), default=DETECTOR, format_func=lambda name: _(VIEWS[name]), required=True,
        key="honesty-view",
    )  # fmt: skip
    {DETECTOR: _detector, MARKS: _marks, STUDY: _study}[view]()


def _detector() -> None:
    share: float = st.select_slider(
        _("Share of fake pictures"), SHARES, 0.001, lambda value: f"{value:g}", key="honesty-share"
    )
    left, right = st.columns(2)
    with left:
        caught: float = st.slider(_("Fakes that it catches, %"), 50.0, 99.9, 99.0, 0.1, key="honesty-caught")
    with right:
        wrong: float = st.slider(_("Real pictures that it flags, %"), 0.1, 20.0, 1.0, 0.1, key="honesty-wrong")
    counts = honesty.of_pictures(PICTURES, share, caught / 100, wrong / 100)
    plot = drawing.chart(_("pictures"), "", 190, barmode="stack")
    for name, key, look, shape in (
        (_("fake"), "caught", "fake", "/"), (_("real"), "wrong", "real", ""),
    ):  # fmt: skip
        marker = {"color": drawing.LOOKS[look][0], "pattern": {"shape": shape}}
        plot.add("bar", y=[_("flagged")], x=[counts[key]], name=name, orientation="h", marker=marker,
                     hovertemplate="%{x:,.0f}")  # fmt: skip
    plot.update_layout(hovermode="closest")
    drawing.show(
        plot, "honesty-detector", _("A bar: of the pictures that are flagged, how many are fake and how many real.")
    )
    fake = honesty.flagged_and_fake(share, caught / 100, wrong / 100)
    drawing.numbers(
        {
            _("flagged, of {all}").format(all=number(PICTURES)): number(counts["caught"] + counts["wrong"]),
            _("of these are fake"): percent(fake, 1),
            _("fakes that it misses"): number(counts["missed"]),
        }
    )


def plain_digit() -> np.ndarray:
    """An 8 that cgan.mnist has drawn, uint8 (112, 112)."""
    low, high = RANGE
    digit = conditioning.kept(conditioning.SHELF).samples[8, 0]
    levels: np.ndarray = np.rint(low + digit / 255.0 * (high - low)).astype(np.uint8)
    return levels.repeat(ENLARGED, 0).repeat(ENLARGED, 1)


def _marks() -> None:
    strength: int = st.slider(_("Strength of the pattern, levels of 255"), 0, 8, 3, key="honesty-strength")
    plain = plain_digit()
    marked = honesty.with_pattern(plain, strength)
    content = honesty.written(marked)
    plot = drawing.pictures(np.stack([plain, marked])[None], [_("without the pattern"), _("with it")], 240)
    drawing.show(plot, "honesty-pictures", _("A generated digit, without and with the pattern in its pixels."))
    found = {name: honesty.opened(after(content)) for name, after in honesty.AFTER.items()}
    head = [_("what happened to the file"), _("text in the file"), _("pattern: z")]
    lines = ["|".join(["", *head, ""]), "| --- | --- | --: |"]
    for name, (levels, text) in found.items():
        z = honesty.evidence(levels)
        seen = f"**{z:.1f}**" if z > honesty.SURE else drawing.signed(z, 1)
        lines.append("|".join(["", _(AFTER[name]), f"**{_('found')}**" if text else _("lost"), seen, ""]))
    st.markdown("\n".join(lines))
    st.caption(_("Above z = {sure:g} the pattern counts as found: chance reaches it once in 30,000 pictures.").format(
        sure=honesty.SURE))  # fmt: skip


def _study() -> None:
    plot = drawing.chart(_("real training images"), _("area under the ROC curve (0.5: chance)"), 330)
    plot.update_layout(hovermode="closest")
    for place, (arm, (name, look)) in enumerate(ARMS.items()):
        colour, _dash, symbol = drawing.LOOKS[look]
        rows = [arms[arm] for arms in honesty.STUDY.values()]
        plot.add(
            "scatter", x=[number + 0.15 * (place - 1.5) for number in range(len(rows))],
            y=[mean for mean, _half in rows],
            error_y={"array": [half for _mean, half in rows], "thickness": 1.5, "width": 3}, name=_(name),
            mode="markers", marker={"color": colour, "symbol": symbol, "size": 9}, hovertemplate="%{y:.3f}",
        )  # fmt: skip
    names = [
        _("{count} per class").format(count=common) if common == rare
        else _("{common} and {rare}").format(common=common, rare=rare)
        for common, rare in honesty.STUDY
    ]  # fmt: skip
    plot.update_xaxes(tickvals=list(range(len(names))), ticktext=names)
    drawing.show(
        plot,
        "honesty-study",
        _("How well classifiers tell ill from healthy, with and without GAN images, and with and without altered "
          "images. The intervals with and without GAN images overlap everywhere."),
    )  # fmt: skip


register(
    Lesson(
        name="harm_and_honesty",
        number=15,
        title=N_("Harm and honesty"),
        about=N_("Deepfakes, bias, marks in generated pictures, and data that didn't help."),
        minutes=15,
        body=(
            N_("**Deepfakes.** A model that draws any face can draw *your* face. A count of 2019 found 14,678 "
               "deepfake videos online; 96 % were pornography made without consent (Deeptrace, *The State of "
               "Deepfakes*). Never make pictures of real people without their consent. Can a detector sort them out? "
               "Let a share $\\pi$ of all pictures be fake; it flags a share $s$ of the fakes and $a$ of the real "
               "ones. Then"),
            Formula(
                r"\Pr[\text{fake}\,|\,\text{flagged}]=\frac{\pi s}{\pi s+(1-\pi)\,a}",
                (honesty.flagged_and_fake,),
            ),
            N_("With $\\pi=0.1$ %, $s=99$ % and $a=1$ %, only 9 % of what is flagged is fake. The other 91 % are "
               "real pictures of real people, falsely called fake."),
            N_("**Marks** help more than guessing: whoever generates a picture labels it. The Studio and the service "
               "of GANscope write \"generated by GANscope\" into each picture file. The EU's AI Act (Article 50) and "
               "China's labelling rules of 2025 ask for such marks. But a text in a file is lost in a screenshot; a "
               "faint pattern in the pixels survives more, and nothing survives everything. **A missing mark proves "
               "nothing.**"),
            N_("**Bias.** A GAN repeats the gaps of its data, and can widen them. What does it cost a perfect "
               "generator to leave out a group with the share $r$ of the data?"),
            Formula(
                r"\mathrm{JS}=\tfrac12\Big[(1-r)\log_2\tfrac{1-r}{1-r/2}+r-\log_2(1-\tfrac r2)\Big]",
                (honesty.js_of_dropping, honesty.batches_without),
            ),
            N_("For $r=1$ % it is 0.005 bit (of at most 1), and 53 % of $D$'s batches of 64 hold nobody of the group. "
               "PULSE (2020) enlarged blurred faces with a GAN; its authors had to add that it makes white faces far "
               "more often than others. Count the groups in your data and in your samples."),
            N_("**Honest results.** Do GAN images help where data are rare? In our study of chest X-rays they "
               "didn't: in ten comparisons no difference could be distinguished from chance. Simply turning and "
               "shifting the real images did help, with 50, 100 and 500 of each class (by 0.015 to 0.025 of the area "
               "under the ROC curve). A GAN knows only what its training images say."),
        ),
        figure=figure,
        explore=N_("Three views. Find a share of fakes at which the detector is right half of the time. Find the "
                   "weakest pattern that survives JPEG, and see what removes it. In the study, compare what was "
                   "trained with GAN images with what was trained without."),
        experiment=Experiment(
            N_("A small group: of 40 points, two lie on the right (5 %). Train for 1,500 steps (about 15 seconds) and "
               "count: how many of the generated points reach the small group? Then give both groups 20 points. The "
               "last button shows a model of X-rays with its limits."),
            (
                Setting(N_("5 % on the right"), "playground", {"data": points(38, 2), "steps": "1500"}),
                Setting(N_("Half on each side"), "playground", {"data": points(20, 20), "steps": "1500"}),
                Setting(N_("The X-ray model and its card"), "model", {"model": "cgan.pneumonia"}),
            ),
            N_("In our runs (seeds 0 to 2) **none** of 2,500 generated points lay in the small group. The loss hardly "
               "misses it: leaving out 5 % costs 0.025 bit. With 20 points in each group, 45 %, 48 % and 53 % of the "
               "points lay on the right. The card of the X-ray model says what it isn't good for; cards are part of an "
               "honest result."),
        ),
        questions=(
            Question(
                N_("The detector of the text looks at a folder in which half of all pictures are fake. What share of "
                   "what it flags is fake, and what changed?"),
                N_("99 %. The detector is the same; only the share of fakes went from 0.1 % to 50 %. A detector's "
                   "accuracy says little until one knows how rare the fakes are."),
            ),
            Question(
                N_("Why does cropping remove the pattern, and why doesn't that end the use of patterns?"),
                N_("The detector expects each sign at its place. After cropping, the blocks meet the wrong signs, and "
                   "$z$ is near 0 (−0.5 at strength 3). Shifted back by the 6 pixels that were cut off, the pattern is "
                   "found again ($z=10.3$). A better detector tries all shifts, and then asks for a larger $z$, "
                   "because chance gets more tries too."),
            ),
            Question(
                N_("Why can't a GAN that was trained on 20 X-rays of each class show a classifier more than these 20 "
                   "contain? When could generated images help all the same?"),
                N_("It has seen nothing else: at best it draws new pictures between the known ones, at worst its own "
                   "mistakes, which the classifier learns. It could help where the generator knows more than the "
                   "classifier's data, such as one trained on many unlabelled images, or where the real images may not "
                   "be passed on. Measure it, with several repetitions, and report it also where it fails."),
            ),
        ),
        teacher=N_("15 minutes. Begin with a picture that the class knows and ask how they would find out whether it "
                   "is generated. Don't show real deepfakes of people. Let each group write a rule for this class: "
                   "what may be generated, and how it is marked."),
    )
)  # fmt: skip
