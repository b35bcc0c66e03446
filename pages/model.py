"""Model: one model, `?model=NAME`."""

from __future__ import annotations

import streamlit as st

from ui.classroom.models import one
from ui.classroom.shell import entry, warm

entry.through_app()
if name := st.query_params.get("model"):
    one.show(name)
else:
    st.switch_page("pages/models.py")
warm.start()
