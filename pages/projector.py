"""Projector: one run on the whole screen, for a class."""

from __future__ import annotations

import streamlit as st

from ui import entry, projector_page, warm

entry.through_app()
projector_page.show(st.query_params.get("run"))
warm.start()
