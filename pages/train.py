"""Train: set a run up, then watch and steer it."""

from __future__ import annotations

import streamlit as st

from ui import entry, home_page, live_page, warm
from ui.errors import shown
from ui.i18n import _

entry.through_app()
if run_id := st.query_params.get("run"):
    live_page.show(run_id)
else:
    st.title(_("Train a GAN"), anchor=False)
    if not warm.is_ready():
        with st.spinner(_("Loading PyTorch, once after each start …")):
            warm.now()
    from ui import setup_page

    wanted = st.session_state.pop(home_page.START, None)
    if wanted:
        with shown():
            setup_page.launch(setup_page.from_query(wanted)[0])
    setup_page.show()
