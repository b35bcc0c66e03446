"""Remedies as buttons next to the text that suggests them, with a preview before they are applied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st

from gan_core.doctor.remedies import offered, remedies
from gan_core.hparams import TrainingHParams, rebuilt
from gan_core.knobs import changed, differences, knobs, to_dict
from gan_core.runs.store import Run
from ui.classroom.live import forks, panels
from ui.classroom.live.feed import Feed
from ui.classroom.shell import access, knob_widgets, sessions
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import _
from ui.classroom.shell.store import store
from ui.texts import number, remedy_words

ASKED = "remedy-asked"  # session state key: run and remedy
NEW = "remedy-new"  # set until the page has been rendered for it


def buttons(hparams: TrainingHParams | None, names: Iterable[str]) -> list[dict[str, str]]:
    """Returns the suggested remedies that apply to these settings; none until the recipe is loaded."""
    if hparams is None:
        return []
    return [{"name": name, "label": remedy_words(name, changes)} for name, changes in offered(names, hparams).items()]


def ask(run_id: str, name: str) -> None:
    """Makes the page show what the remedy does before it is applied."""
    st.session_state[ASKED], st.session_state[NEW] = (run_id, name), True


def just_asked() -> bool:
    """Whether the whole page must be rerun, because a fragment requested a remedy."""
    return bool(st.session_state.pop(NEW, False))


def show(watched: Feed) -> None:
    """Opens the dialog of a requested remedy."""
    st.session_state.pop(NEW, None)
    if st.session_state.get(ASKED, ("", ""))[0] == watched.id:
        st.dialog(_("Apply a remedy"), on_dismiss=_done)(_content)(watched, st.session_state[ASKED][1])


def _done() -> None:
    st.session_state.pop(ASKED, None)


def _content(watched: Feed, name: str) -> None:
    with showing_errors():
        run = watched.run(fresh=True)
        hparams = panels.settings_of(watched)
        if hparams is None or name not in (found := offered([name], hparams)):
            st.info(_("The settings have changed in the meantime, so this remedy no longer has any effect."))
            return
        changes = found[name]
        st.markdown(f"**{remedy_words(name, changes)}**")
        _values(hparams, changes)
        if run.is_active:
            _here(run, name, hparams, changes)
        if not remedies.get(name).back:
            _in_a_fork(run, name, hparams, changes)
            _from_the_start(run, hparams, changes)


def _values(hparams: TrainingHParams, changes: Mapping[str, Any]) -> None:
    """Shows the values before and after as a table."""
    lines = [f"| {_('Setting')} | {_('Now')} | {_('After')} |", "|---|---|---|"]
    for name, value in differences(hparams, changed(hparams, changes)).items():
        before = knob_widgets.value_word(getattr(hparams, name))
        lines.append(f"| {_(knobs(hparams)[name].label)} | {before} | {knob_widgets.value_word(value)} |")
    st.markdown("\n".join(lines))


def _here(run: Run, name: str, hparams: TrainingHParams, changes: Mapping[str, Any]) -> None:
    needed = rebuilt(hparams, changed(hparams, changes))
    if needed:
        st.markdown(_("This run can't apply it while training, because it changes how the discriminator is built."))
        return
    described = [_("In this run it takes effect at the next step.")]
    if remedies.get(name).back:
        described = [_("The run rolls back to its last good checkpoint, applies the new values and pauses there.")]
    if run.spec.steps:
        described.append(_("{steps} steps are left.").format(steps=number(max(0, run.spec.steps - run.step))))
    st.markdown(" ".join(described))
    if _button(_("Apply in this run"), "remedy-here"):
        with showing_errors():
            sessions.treat(run.id, name)
            _done()
            st.rerun()


def _in_a_fork(run: Run, name: str, hparams: TrainingHParams, changes: Mapping[str, Any]) -> None:
    from gan_core.training.forking import start_of

    described = [forks.starts(start_of(store(), run, changed(hparams, changes)), hparams, run)]
    described.append(_("Its learning rate schedule starts over."))
    if run.is_active:
        described.append(_("This run is paused so that the fork can start."))
    st.markdown(" ".join(described))
    if _button(_("Apply in a fork"), "remedy-fork"):
        with showing_errors(), st.spinner(_("Starting …")):
            forked = sessions.fork_with(run.id, name)
            _done()
            panels.open_run(forked.id)


def _from_the_start(run: Run, hparams: TrainingHParams, changes: Mapping[str, Any]) -> None:
    st.markdown(
        _("Or start a new run with it from step 0 and otherwise the same settings. This is the safest choice after "
          "a collapse, because the generator's weights are damaged.")
    )  # fmt: skip
    if _button(_("Apply in a new run"), "remedy-anew"):
        with showing_errors(), st.spinner(_("Starting …")):
            if run.is_active:
                sessions.pause(run.id)
            spec = run.spec.with_hparams(to_dict(changed(hparams, changes)))
            _done()
            panels.open_run(sessions.start(spec).id)


def _button(label: str, key: str) -> bool:
    return st.button(label, key=key, disabled=not access.may_steer(), help=access.why_locked())
