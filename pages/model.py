"""Model: one model of the shelf, `?model=NAME`."""

from __future__ import annotations

import streamlit as st

from ui import entry, models_one, warm

entry.through_app()
if name := st.query_params.get("model"):
    models_one.show(name)
else:
    st.switch_page("pages/models.py")
warm.start()
