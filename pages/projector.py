"""Projector: one run on the whole screen, for a class."""

from __future__ import annotations

import streamlit as st

from ui import projector_page

projector_page.show(st.query_params.get("run"))
