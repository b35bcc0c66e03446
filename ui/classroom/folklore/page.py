"""The page Folklore: every claim with its result, and links to train it with and without."""

from __future__ import annotations

from typing import Any

import streamlit as st

from gan_core.teaching.folklore import FALSE_ALARMS, Verdict
from ui.classroom.folklore import drawing, results
from ui.classroom.folklore.claims import BEDS, CLAIMS, FIGURES, SEEDS, Arm, Claim, link
from ui.classroom.folklore.results import Outcome
from ui.classroom.shell import style
from ui.classroom.shell.i18n import N_, STATE, _
from ui.texts import number, percent

PAGE_FILES = {"playground": "pages/playground.py", "train": "pages/train.py"}
ALL = "all"
FILTERS = {
    ALL: N_("All"),
    "confirmed": N_("Confirmed at least once"),
    "contrary": N_("The opposite at least once"),
    "unclear": N_("Nothing clear"),
}
SENTENCES: dict[Verdict, str] = {
    "helps": N_("**Helps.** {figure}: {effect} (95 % interval {low} to {high})."),
    "hurts": N_("**Hurts.** {figure}: {effect} (95 % interval {low} to {high})."),
    "unclear": N_("**No clear effect.** {figure}: {effect} (95 % interval {low} to {high})."),
}
BADGES: dict[Verdict, tuple[str, str]] = {
    "helps": ("green", "trending_up"), "hurts": ("orange", "trending_down"), "unclear": ("gray", "trending_flat"),
}  # fmt: skip
BEDS_IN_SHORT = {"points": N_("Points"), "digits": N_("Digits")}
LINKS = {  # whether with the claim's settings, and where
    (True, "points"): N_("Points, with"),
    (False, "points"): N_("Points, without"),
    (True, "digits"): N_("Digits, with"),
    (False, "digits"): N_("Digits, without"),
}


def show() -> None:
    """The whole page."""
    style.apply("folklore/folklore.css")
    st.title(_("Folklore, measured"), anchor=False)
    with st.container(key="lead"):
        words = _(
            "Tutorials repeat advice about training GANs. Here each piece is tested by training with it and without "
            "it, on points and on digits, with {seeds} seeds at equal cost. Where the result is inconclusive, the page "
            "says so. G is the generator, D the discriminator."
        )
        st.markdown(words.format(seeds=len(SEEDS)))
    _counts()
    wanted = st.segmented_control(
        _("Show"), list(FILTERS), default=ALL, format_func=lambda name: _(FILTERS[name]), key="folklore-filter",
        required=True, label_visibility="collapsed",
    )  # fmt: skip
    chosen = [claim for claim in CLAIMS if wanted in (None, ALL) or wanted in _kinds(claim)]
    if not chosen:
        st.info(_("No claim had this outcome."), icon=":material/info:")
    for claim in chosen:
        _card(claim)
    _method()


def _kinds(claim: Claim) -> set[str]:
    """The filters that a claim passes."""
    verdicts = {results.outcome(claim, bed).verdict for bed in BEDS}
    contrary = {"helps": "hurts", "hurts": "helps"}[claim.expected]
    kinds = {"confirmed"} if claim.expected in verdicts else set()
    if contrary in verdicts:
        kinds.add("contrary")
    return kinds or {"unclear"}


def _counts() -> None:
    """Shows how many comparisons have which verdict."""
    found = [(claim, results.outcome(claim, bed).verdict) for claim in CLAIMS for bed in BEDS]
    confirmed = sum(verdict == claim.expected for claim, verdict in found)
    unclear = sum(verdict == "unclear" for _claim, verdict in found)
    with st.container(horizontal=True, gap="large", key="folklore-counts"):
        st.metric(_("Comparisons"), number(len(found)), width="content")
        st.metric(_("Claim confirmed"), number(confirmed), width="content")
        st.metric(_("Opposite shown"), number(len(found) - confirmed - unclear), width="content")
        st.metric(_("Inconclusive"), number(unclear), width="content")


def _card(claim: Claim) -> None:
    with st.container(border=True, key=f"card-claim-{claim.name}"):
        st.markdown(f"#### {_(claim.said)}")
        st.markdown(_(claim.why))
        for column, bed in zip(st.columns(len(BEDS), gap="large"), BEDS, strict=True):
            with column:
                _result(claim, bed, results.outcome(claim, bed))
        with st.container(horizontal=True, vertical_alignment="center", key=f"claim-links-{claim.name}"):
            _links(claim)
            with st.popover(_("Each seed"), icon=":material/table:", type="tertiary"):
                _numbers(claim)


def _result(claim: Claim, bed: str, outcome: Outcome) -> None:
    """The verdict in a sentence, and the interval as a strip."""
    colour, icon = BADGES[outcome.verdict]
    st.markdown(f":{colour}-badge[:material/{icon}: {_(BEDS_IN_SHORT[bed])}] {verdict_words(claim, outcome)}")
    lower_is_better = FIGURES[claim.figure].lower_is_better
    st.html(drawing.strip(outcome, lower_is_better, _("hurts"), _("helps")))


def verdict_words(claim: Claim, outcome: Outcome) -> str:
    """The verdict of the rule, with the effect and its interval."""
    figure = _(FIGURES[claim.figure].title)
    return _(SENTENCES[outcome.verdict]).format(
        figure=figure[:1].upper() + figure[1:], effect=outcome.shown(outcome.effect), low=outcome.shown(outcome.low),
        high=outcome.shown(outcome.high),
    )  # fmt: skip


def _links(claim: Claim) -> None:
    """Links to run it; arms that differ only in what is read from a run share one link."""
    st.markdown(f"**{_('Run it:')}**", width="content")
    for (with_it, bed), label in LINKS.items():
        arm: Arm = claim.with_it if with_it else claim.without
        if claim.stopped and with_it:
            continue
        page, query = link(bed, arm.on(bed), results.steps(bed, arm))
        label = _(BEDS_IN_SHORT[bed]) if claim.stopped else _(label)
        st.page_link(
            PAGE_FILES[page], label=label, icon=":material/science:",
            query_params={**query, "lang": str(st.session_state.get(STATE, "en"))},
        )  # fmt: skip


def _numbers(claim: Claim) -> None:
    """The figure of every run, and what the runs cost."""
    st.markdown(f"**{_(FIGURES[claim.figure].title)}**")
    table: dict[str, list[Any]] = {_("seed"): [*map(str, SEEDS)]}
    for bed in BEDS:
        outcome = results.outcome(claim, bed)
        for arm, values in ((_("with"), outcome.with_it), (_("without"), outcome.without)):
            name = _("{name}: {value}").format(name=_(BEDS_IN_SHORT[bed]), value=arm)
            table[name] = [f"{value:.3g}" for value in values]
    st.table(table)
    for bed in BEDS:
        if claim.stopped:
            words = _("{bed}: the same runs, {steps} steps. With: at the measurement at which D is closest to 0.5.")
            steps = results.steps(bed, claim.without)
            st.caption(words.format(bed=_(BEDS_IN_SHORT[bed]), steps=number(steps)))
            continue
        words = _("{bed}: {with_steps} steps with, {without_steps} without.")
        with_it, without = (number(results.steps(bed, arm)) for arm in (claim.with_it, claim.without))
        st.caption(words.format(bed=_(BEDS_IN_SHORT[bed]), with_steps=with_it, without_steps=without))


def _method() -> None:
    st.subheader(_("How it was measured"), anchor=False)
    for bed in BEDS.values():
        st.markdown(
            f"**{_(bed.title)}** · "
            + _("Distance: {distance}. The usual settings train {steps} steps; the links hold all settings.").format(
                distance=_(bed.distance), steps=number(bed.steps)
            )
        )
    st.markdown(
        _("**Equal cost** means equal processor time: an arm whose steps cost twice as much trains half as many. "
          "**Effects** are paired by seed: each run that follows the claim is compared with the run that doesn't. "
          "**Intervals** are those of the bootstrap over the seeds, widened because the seeds are few. **Verdicts** "
          "follow a rule: clear only if the whole interval lies on one side of 0.")
    )  # fmt: skip
    comparisons = len(CLAIMS) * len(BEDS)
    st.markdown(
        _("**What this doesn't show.** These are small networks on simple data for seconds; larger ones may differ. An "
          "effect that five seeds don't show can exist. And a rule like this one finds an effect where there is none "
          "in about {share} of comparisons, here about {count} of {all}.").format(
            share=percent(FALSE_ALARMS), count=number(round(FALSE_ALARMS * comparisons)), all=number(comparisons)
        )
    )  # fmt: skip
    st.caption(_("Measured with `{command}` on: {machine}").format(
        command="python -m benchmarks.folklore", machine=results.measured()["machine"]
    ))  # fmt: skip
