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
from ui.classroom.shell.i18n import STATE, _
from ui.classroom.shell.store import store
from ui.texts import number, remedy_words

ASKED = "remedy-asked"  # session state key: run and remedy
BACK = "remedy-back"  # session state key: run and the step of a checkpoint
NEW = "remedy-new"  # set until the page has been rendered for it


def buttons(hparams: TrainingHParams | None, names: Iterable[str]) -> list[dict[str, str]]:
    """Returns the suggested remedies that apply to these settings; none until the recipe is loaded."""
    if hparams is None:
        return []
    return [{"name": name, "label": remedy_words(name, changes)} for name, changes in offered(names, hparams).items()]


def ask(run_id: str, name: str) -> None:
    """Makes the page show what the remedy does before it is applied."""
    st.session_state[ASKED], st.session_state[NEW] = (run_id, name), True


def ask_back(run_id: str, step: int) -> None:
    """Makes the page ask whether to return to a checkpoint."""
    st.session_state[BACK], st.session_state[NEW] = (run_id, step), True


def checkpoint_before(watched: Feed, kind: str) -> int | None:
    """Returns the step of the newest checkpoint before a present alarm was raised; None where there is none."""
    since = watched.since(kind)
    steps = [checkpoint.step for checkpoint in store().checkpoints(watched.id)]
    return max((step for step in steps if since is not None and step < since), default=None)


def just_asked() -> bool:
    """Whether the whole page must be rerun, because a fragment requested a remedy."""
    return bool(st.session_state.pop(NEW, False))


def show(watched: Feed) -> None:
    """Opens the dialog of a requested remedy."""
    st.session_state.pop(NEW, None)
    if st.session_state.get(ASKED, ("", ""))[0] == watched.id:
        st.dialog(_("Apply a remedy"), on_dismiss=_done)(_content)(watched, st.session_state[ASKED][1])

    elif st.session_state.get(BACK, ("", 0))[0] == watched.id:
        st.dialog(_("Back to before the failure"), on_dismiss=_done)(_backwards)(watched, st.session_state[BACK][1])


def _done() -> None:
    st.session_state.pop(ASKED, None)
    st.session_state.pop(BACK, None)


def _backwards(watched: Feed, step: int) -> None:
    with showing_errors():
        run = watched.run(fresh=True)
        st.markdown(
            _("The run returns to its checkpoint at step {step}, with the settings of that time, and pauses there. The "
              "{count} steps after it are discarded.").format(step=number(step), count=number(run.step - step))
        )  # fmt: skip
        if _button(_("Back to step {step}").format(step=number(step)), "remedy-back"):
            sessions.rollback(watched.id, step)
            _done()
            st.rerun()


def undo(run: Run) -> None:
    """Offers to undo the remedy that was applied last."""
    from gan_core.training.control import applied

    found = applied(store(), run) if run.is_active else None
    if found is None:
        return
    words = _("Undo the remedy of step {step}").format(step=number(found[1]))
    tip = _("Returns to the checkpoint that was written before it, and pauses there.")
    if st.button(
        words, icon=":material/undo:", key="undo-remedy", disabled=not access.may_steer(),
        help=access.why_locked() or tip,
    ):  # fmt: skip
        with showing_errors():
            sessions.rollback(run.id, found[1])
            st.rerun()


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
    described.append(_("Both runs are then shown side by side."))
    st.markdown(" ".join(described))
    if _button(_("Try on a fork"), "remedy-fork"):
        with showing_errors(), st.spinner(_("Starting …")):
            forked = sessions.fork_with(run.id, name)
            _done()
            st.switch_page(
                "pages/runs.py",
                query_params={"compare": f"{run.id},{forked.id}", "lang": st.session_state.get(STATE, "en")},
            )


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
