"""The user's uploaded sets on the setup page: select or delete them."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from gan_core.data.user.uploads import Upload, delete, refers_to, uploads
from gan_core.errors import BadData
from gan_core.runs.store import Run, RunStore
from ui.classroom.shell import access
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import _
from ui.classroom.shell.store import store
from ui.texts import ago, bytes_size, joined, paragraph, plain

ASKED = "own-sets-asked"  # session state key: the file to be deleted


def show(task: str, chosen: str, use: Callable[[str], None]) -> None:
    """Lists the uploads for a task; `use` gets the reference of the selected one and doesn't return."""
    if not access.may_steer() or not (found := uploads(task)):
        return
    st.caption(_("Your uploads"))
    for one in found:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"own-{one.file}"):
            facts = joined(bytes_size(one.bytes), ago(one.since))
            st.markdown(f"**{plain(one.title)}**  \n:small[{plain(facts)}]", width="stretch")
            used = one.reference(task) == chosen
            if st.button(_("In use") if used else _("Use"), key=f"use-{one.file}", disabled=used):
                use(one.reference(task))
            if st.button("", key=f"delete-{one.file}", icon=":material/delete:", type="tertiary", help=_("Delete")):
                st.session_state[ASKED] = one.file
    asked = [one for one in found if one.file == st.session_state.get(ASKED)]
    if asked:
        _ask(asked[0])


def _ask(one: Upload) -> None:
    """Explains the consequences of deleting and asks for confirmation."""
    runs = learnt_from(store(), one.file)
    words = _("Delete **{name}**? This can't be undone.").format(name=plain(one.title))
    if runs:
        kept = _("Runs trained on it keep their results but can't be resumed: {count}.")
        words = paragraph(words, kept.format(count=len(runs)))
    st.warning(words, icon=":material/delete:")
    with st.container(horizontal=True):
        if st.button(_("Delete"), key="own-delete", type="primary"):
            with showing_errors():
                remove(store(), one.file)
                st.session_state.pop(ASKED, None)
                st.rerun()
        if st.button(_("Keep it"), key="own-keep"):
            st.session_state.pop(ASKED, None)
            st.rerun()


def learnt_from(store: RunStore, file: str) -> list[Run]:
    """Returns the runs that were trained on this upload."""
    return [run for run in store.runs() if refers_to(run.spec.data, file)]


def remove(store: RunStore, file: str) -> None:
    """Deletes an upload, if permitted; raises BadData if an active run trains on it."""
    access.require_steering()
    active = [run for run in learnt_from(store, file) if run.is_active]
    if active:
        raise BadData(
            "Can't delete '{name}': the run {run} is training on it. Stop the run first.",
            name=file, run=active[0].name or active[0].id,
        )  # fmt: skip
    delete(file)
