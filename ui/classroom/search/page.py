"""Searches: the best settings so far, what each knob explains, and all trials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from gan_core.search import plan as plans
from gan_core.search.plan import SearchPlan
from ui.classroom.search import by_eye, start
from ui.classroom.shell import warm
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import N_, _, language
from ui.classroom.shell.run_titles import recipe_title
from ui.core_texts import filled
from ui.texts import data_title, joined, number, paragraph, percent, plain, sentence

if TYPE_CHECKING:
    from optuna import Study

    from gan_core.search.results import TrialResult

CONFIG = {"displayModeBar": False, "scrollZoom": False}
COMPARED = 4  # runs of the link
STATES = {
    "finished": N_("finished"), "ended early": N_("ended early"), "failed": N_("failed"), "running": N_("running"),
    "waiting": N_("waiting"),
}  # fmt: skip


def show() -> None:
    """Renders the page."""
    st.title(_("Search: which settings are best?"), anchor=False)
    st.markdown(
        _("Each trial is an ordinary run with other settings, chosen by what earlier trials showed (Optuna's TPE), and "
          "judged by the distance of its samples to real ones. Poor trials end early. Or judge by eye: of four trials, "
          "click the worst.")
    )  # fmt: skip
    with showing_errors():
        names = plans.names()
        name = _choice(names)
        runs_here = start.watch(name)
        start.form(expanded=not names)
        if name:
            _results(plans.read(name), runs_here)


def _choice(names: Sequence[str]) -> str:
    if not names:
        return ""
    if st.session_state.get("search") not in names:
        st.session_state["search"] = names[0]
    if len(names) > 1:
        st.session_state["search-chosen"] = st.session_state["search"]  # a search just started is selected, too
        st.selectbox(_("Search"), names, key="search-chosen", width=420,
                     on_change=lambda: st.session_state.update(search=st.session_state["search-chosen"]))  # fmt: skip
    return str(st.session_state["search"])


def _results(plan: SearchPlan, runs_here: bool) -> None:
    with st.spinner(_("Reading the trials …")):
        warm.now()
        from gan_core.search import results
        from gan_core.search.storage import open_study

        study = open_study(plan)
        found = results.trials(study)
        shares = {} if plan.by_eye else results.importances(study)
    st.subheader(plan.name, anchor=False)
    st.caption(joined(recipe_title(plan.base.recipe), data_title(plan.base.data), _("{steps} steps").format(
        steps=number(plan.base.steps)), *start.range_words(plan)))  # fmt: skip
    if plan.by_eye:
        _by_eye(plan, study, found, runs_here)
        return
    ranked = results.ranked(found)
    if ranked:
        _best(plan, found, ranked)
        _figures(plan, found, shares)
        _table(plan, found)
    else:
        st.info(_("No trial has finished yet."), icon=":material/hourglass_empty:")
    if not runs_here:
        start.go_on(plan, results.ended(found))


def _by_eye(plan: SearchPlan, study: Study, found: Sequence[TrialResult], runs_here: bool) -> None:
    by_eye.show(plan, study, found, runs_here)
    if order := by_eye.best(plan, study, found):
        _links(plan, order)
    if found:
        _table(plan, found)


def _best(plan: SearchPlan, found: Sequence[TrialResult], ranked: Sequence[TrialResult]) -> None:
    from gan_core.search import results

    best = ranked[0]
    first = results.start(found)
    settings = start.settings_words(plan, best.settings)
    words = _("Best: trial {number}, distance {value:.4g} ({low:.4g} to {high:.4g}). {settings}.").format(
        number=best.number, value=best.value, low=best.low, high=best.high, settings=settings
    )
    seeds = results.over_seeds(found, best)
    if len(seeds) > 1:
        others = _("With {count} other seeds: {values}.").format(
            count=len(seeds) - 1, values=", ".join(f"{value:.4g}" for value in seeds[1:])
        )
        words = paragraph(words, others)
    ratio = results.against_start(found, best)
    if ratio and ratio.seeds > 2:
        share = _(
            "This is {share} of the distance of the settings it started from, over {count} seeds "
            "(95 %: {low} to {high})."
        ).format(share=percent(ratio.value), count=ratio.seeds, low=percent(ratio.low), high=percent(ratio.high))
        sure = "" if ratio.high < 1 else _("The difference may be luck: confirm it with more seeds.")
        words = paragraph(words, share, sure)
    elif best is first and len(seeds) > 1:
        words = paragraph(words, _("These are the settings it started from: no others were better."))
    elif first and first is not best:
        share = _("This is {share} of the distance of the settings it started from ({value:.4g}).").format(
            share=percent(best.value / first.value), value=first.value
        )
        apart = best.high < first.low
        sure = _("The intervals don't overlap.") if apart else _("The intervals overlap: repeat with other seeds.")
        words = paragraph(words, share, sure)
    st.success(plain(words), icon=":material/trophy:")
    _links(plan, ranked)


def _links(plan: SearchPlan, ranked: Sequence[TrialResult]) -> None:
    """Links to train the best for longer, and to compare the best runs."""
    from gan_core.gans import recipes
    from gan_core.knobs import knobs
    from ui.classroom.train.setup import of_run, to_query

    best, described = ranked[0], knobs(recipes.get(plan.base.recipe).hparams)
    settings_of = recipes.get(plan.base.recipe).settings({**dict(plan.base.hparams), **best.settings})
    longer = of_run(plan.base, {name: getattr(settings_of, name) for name in described})
    with st.container(horizontal=True):
        st.page_link("pages/train.py", label=_("Train these settings for longer"), icon=":material/model_training:",
                     query_params=to_query(longer))  # fmt: skip
        several = ",".join(one.run for one in ranked[:COMPARED] if one.run)
        st.page_link("pages/runs.py", label=_("Compare the best runs"), icon=":material/compare:",
                     query_params={"compare": several})  # fmt: skip


def _figures(plan: SearchPlan, found: Sequence[TrialResult], shares: dict[str, float]) -> None:
    from ui.classroom.search import figures

    labels = start.labels_of(plan)
    st.plotly_chart(figures.course(found), key="search-course", config=CONFIG,
                    alt=_("Distance of each trial, and the best so far."))  # fmt: skip
    if shares:
        st.markdown(f"**{_('What matters')}**")
        st.plotly_chart(figures.shares(shares, labels), key="search-shares", config=CONFIG,
                        alt=_("How much of the differences each setting explains."))  # fmt: skip
        st.caption(_("Functional ANOVA of a random forest (Hutter et al., 2014). With few trials it is a rough guess."))
    grid = st.grid("auto", min_column_width=280, gap="small", key="search-slices")
    for name, label in labels.items():
        with grid.cell():
            st.plotly_chart(figures.slices(plan, found, name, label), key=f"search-slice-{name}", config=CONFIG,
                            alt=_("Distances over {knob}.").format(knob=label))  # fmt: skip


def _table(plan: SearchPlan, found: Sequence[TrialResult]) -> None:
    with st.expander(_("All trials ({count})").format(count=len(found)), icon=":material/list:"):
        head = [_("Trial"), _("State"), _("Distance"), *map(plain, start.labels_of(plan).values()), _("Run")]
        lines = ["| " + " | ".join(head) + " |", "| --: | :-- | --: |" + " --: |" * len(plan.ranges) + " :-- |"]
        for one in found:
            distance = f"{one.value:.4g}" if one.state == "finished" else "–"
            values = [
                start.value_words(one.settings[each.knob]) if each.knob in one.settings else "–" for each in plan.ranges
            ]
            run = f"[{one.run}]({_run_link(one.run)})" if one.run else "–"
            reason = sentence(*one.error) or filled(one.reason)  # searches of older versions keep no template
            state = plain(_(STATES[one.state]) + (f": {reason}" if reason else ""))
            lines.append("| " + " | ".join([str(one.number), state, distance, *values, run]) + " |")
        st.markdown("\n".join(lines))


def _run_link(run: str) -> str:
    """A run's page, in the visitor's language also in the session that a link in markdown opens."""
    base = str(st.get_option("server.baseUrlPath")).strip("/")
    return f"{f'/{base}' if base else ''}/train?run={run}&lang={language()}"
