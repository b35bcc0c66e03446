"""Train: set up a run, then watch and steer it."""

from __future__ import annotations

import streamlit as st

from ui.classroom import home
from ui.classroom.live import page
from ui.classroom.shell import entry, warm
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import _

entry.through_app()
if run_id := st.query_params.get("run"):
    page.show(run_id)
else:
    st.title(_("Train a GAN"), anchor=False)
    if not warm.is_ready():
        with st.spinner(_("Loading PyTorch, once per start …")):
            warm.now()
    from ui.classroom.train import page

    wanted = st.session_state.pop(home.START, None)
    if wanted:
        with showing_errors():
            page.launch(page.from_query(wanted)[0])
    page.show()
