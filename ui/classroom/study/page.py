"""The results of `ganscope augment-study`: charts, conclusion and images. Rendered without torch."""

from __future__ import annotations

import math

import streamlit as st

from gan_core.errors import StoreError
from gan_core.study import results
from gan_core.study.plan import ARMS, RATIO, Setting, StudyPlan
from gan_core.study.results import Background, StudyFolder
from gan_core.study.summary import Comparison, Estimate, Summary, summarise
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.grids import picture
from ui.classroom.shell.i18n import N_, _
from ui.classroom.study import start
from ui.classroom.study.chart import chart
from ui.classroom.study.words import ARM_NAMES
from ui.texts import data_title, joined, number, plain

ARM_WORDS = {
    "real": N_("the few real images, unchanged."),
    "classical": N_("the real images, randomly rotated, sheared, scaled and shifted each time: standard augmentation."),
    "gan": N_("the real images and as many from a GAN that was trained on the same real images only."),
    "both": N_("real and GAN images, all augmented."),
}
MEASURE_NAMES = {"auc": N_("AUC"), "accuracy": N_("Accuracy")}
VERDICTS = {
    "better": (":green-badge[", N_("better")),
    "worse": (":red-badge[", N_("worse")),
    "unclear": (":gray-badge[", N_("no clear difference")),
}
ASKED = (("gan", "real"), ("both", "classical"))  # the comparisons that answer the study's question
COMMAND = "ganscope augment-study --data pneumonia"
SMALL = "ganscope augment-study --data digits --k 20 --unbalanced 0 --seeds 2 --steps 100 --gan-steps 200"


def show() -> None:
    """Renders the page."""
    st.title(_("Study: do GAN images help?"), anchor=False)
    st.markdown(
        _("A classifier needs many examples, and in medicine there are often few. Can a GAN trained on the same "
          "few images supply the rest? Here small classifiers are trained in up to four ways and tested on the "
          "same held-out real images.")
    )  # fmt: skip
    with showing_errors():
        start.show()
        found = results.found()
        if not found:
            _empty()
            return
        folder = _choice(found)
        plan, background = folder.plan()
        summary = summarise(folder, plan)
        if not start.runs_in(folder):
            _progress(summary)
        if summary.rows:
            _answer(summary)
            _charts(summary, plan)
            _comparisons(summary)
        _pictures(folder, plan, background)
        _explained(plan, background)


def _empty() -> None:
    st.info(
        _("There is no study yet. Start one above; its charts appear here while it runs."), icon=":material/biotech:"
    )
    with st.expander(_("On the command line"), icon=":material/terminal:"):
        st.markdown(_("The full study on chest X-rays, about an hour on two processor cores:"))
        st.code(COMMAND, language="bash")
        st.markdown(_("A small study on digits, about a minute:"))
        st.code(SMALL, language="bash")


def _choice(found: list[StudyFolder]) -> StudyFolder:
    """Returns the newest study, or the one selected."""
    if len(found) == 1:
        return found[0]
    places = {folder.path.name: folder for folder in found}
    return places[
        st.selectbox(_("Study"), list(places), format_func=lambda name: _title(places[name]), key="study", width=520)
    ]


def _title(folder: StudyFolder) -> str:
    """Returns the title of a study in the list; its folder if the plan can't be read."""
    try:
        plan, _background = folder.plan()
    except StoreError:
        return folder.path.name
    steps = _("{steps} classifier steps, {gan_steps} GAN steps").format(
        steps=number(plan.steps), gan_steps=number(plan.gan_steps)
    )
    return joined(data_title(plan.data), _("{size} pixels").format(size=plan.size), steps)


def _progress(summary: Summary) -> None:
    if summary.done < summary.planned:
        words = _("{done} of {planned} classifiers are done. To continue, start again with the same settings.")
        st.progress(summary.done / summary.planned, words.format(done=summary.done, planned=summary.planned))


def _answer(summary: Summary) -> None:
    """States the result, as plainly for a failure as for a success."""
    asked = [one for one in summary.comparisons if (one.arm, one.against) in ASKED and one.measure == "auc"]
    if not asked:
        return
    asked = [one for one in asked if not math.isnan(one.difference.half)]
    if not asked:
        st.info(_("A single repetition can't rule out chance: use two or more."), icon=":material/casino:")
        return
    count = {verdict: sum(one.difference.verdict == verdict for one in asked) for verdict in VERDICTS}
    heading = (
        _("GAN images didn't help in this study.") if not count["better"]
        else _("GAN images helped in every comparison.") if count["better"] == len(asked)
        else _("GAN images helped in some comparisons, but not in all.")
    )  # fmt: skip
    counts = _(
        "{all} comparisons by AUC, with and without GAN images: {better} better, {worse} worse, {unclear} without "
        "a clear difference."
    ).format(all=len(asked), **count)
    st.info(f"**{heading}** {counts}", icon=":material/fact_check:")


def _charts(summary: Summary, plan: StudyPlan) -> None:
    arms = {arm: _(name) for arm, name in ARM_NAMES.items()}
    settings = {setting.name: setting_name(setting) for setting in plan.settings}
    for tab, (measure, name) in zip(
        st.tabs([_(name) for name in MEASURE_NAMES.values()]), MEASURE_NAMES.items(), strict=True
    ):
        with tab:
            figure = chart(summary, plan, measure, arms, settings)
            st.plotly_chart(figure, key=f"study-{measure}", config={"displayModeBar": False}, alt=_(name))
    st.caption(
        _("Each mark is the mean of {seeds} repetitions, each with different images, GAN and classifier. Bars are "
          "95 % confidence intervals (Student's t over the repetitions).").format(seeds=plan.seeds)
    )  # fmt: skip


def setting_name(setting: Setting) -> str:
    """Describes the training set in a few words."""
    if setting.common == setting.rare:
        return _("{count} per class").format(count=setting.common)
    return _("{common} per class, {rare} of the last").format(common=setting.common, rare=setting.rare)


def _comparisons(summary: Summary) -> None:
    """Shows the differences as a table."""
    if not summary.comparisons:
        return
    st.subheader(_("Paired differences"), anchor=False)
    head = [_("real images"), _("comparison"), _("difference in AUC"), _("difference in accuracy"), _("by AUC")]
    by_place: dict[tuple[str, str, str], dict[str, Comparison]] = {}
    for one in summary.comparisons:
        by_place.setdefault((one.setting.name, one.arm, one.against), {})[one.measure] = one
    lines = ["|".join(["", *head, ""]), "|".join(["", *["---"] * len(head), ""])]
    for pair in by_place.values():
        auc = pair["auc"]
        compared = _("{first} vs. {second}").format(first=_(ARM_NAMES[auc.arm]), second=_(ARM_NAMES[auc.against]))
        colour, word = VERDICTS[auc.difference.verdict]
        differences = (difference_words(pair[measure].difference) for measure in ("auc", "accuracy"))
        cells = [setting_name(auc.setting), compared, *differences]
        lines.append("|".join(["", *cells, f"{colour}{_(word)}]", ""]))
    st.markdown("\n".join(lines))
    st.caption(_("Better or worse: the 95 % interval excludes zero. About one comparison in twenty does so by chance."))


def difference_words(difference: Estimate) -> str:
    """Formats a difference with its interval."""
    mean = f"{difference.mean:+.3f}".replace("-", "−")
    return mean if math.isnan(difference.half) else f"{mean} ± {difference.half:.3f}"


def _pictures(folder: StudyFolder, plan: StudyPlan, background: Background) -> None:
    """Shows real and generated images of the first repetition."""
    there = {one.name: one for one in plan.settings if folder.picture(one, "generated")}
    if not there:
        return
    st.subheader(_("Images generated by the GAN"), anchor=False)
    chosen = st.segmented_control(
        _("real images"), list(there), format_func=lambda name: setting_name(there[name]), default=next(iter(there)),
        required=True, key=f"study-setting-{folder.path.name}",
    )  # fmt: skip
    setting = there[chosen]
    rows = _("One row per class: {names}.").format(names=", ".join(map(plain, background.class_names)))
    for column, kind, words in zip(st.columns(2), ("real", "generated"), (_("Real"), _("Generated")), strict=True):
        if path := folder.picture(setting, kind):
            with column:
                st.markdown(f"**{words}**")
                picture(path, alt=f"{words}. {rows}")
    st.caption(rows)


def _explained(plan: StudyPlan, background: Background) -> None:
    st.subheader(_("Method"), anchor=False)
    words = _("{attribute}: {value}")
    arms = [
        words.format(attribute=f"**{_(ARM_NAMES[arm])}**", value=_(ARM_WORDS[arm])) for arm in ARMS if arm in plan.arms
    ]
    st.markdown("\n".join(f"- {one}" for one in arms))
    test = (
        _("{count} test images from the published test set")
        if background.test_part == "published"
        else _("{count} test images: every tenth image, because the data set has no test part")
    ).format(count=number(background.test_items))
    facts = _(
        "Data: {data}, {size} pixels. Tested on {test}. Each classifier (recipe feature_net) trains for {steps} "
        "steps and each GAN (recipe cgan with DiffAugment) for {gan_steps}. Nothing was tuned on the test images."
    )
    st.markdown(
        facts.format(data=plain(data_title(plan.data)), size=plan.size, test=test, steps=number(plan.steps),
                     gan_steps=number(plan.gan_steps))
    )  # fmt: skip
    if plan.unbalanced:
        words = _("In the unbalanced set the last class, {name}, has one image for every {ratio} of each other class.")
        st.markdown(words.format(name=plain(background.class_names[-1]), ratio=RATIO))
    st.markdown(
        _("In every arm all classes are shown equally often, by repeating rare images, and classifiers train for "
          "the same number of steps. GAN images can therefore help only through their content. AUC is the "
          "probability that the classifier ranks an image of a class above one of another class, such as an ill child "
          "above a healthy one; 0.5 is chance. A study on small images says nothing about diagnosis.")
    )  # fmt: skip
