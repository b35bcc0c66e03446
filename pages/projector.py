"""Projector: one run in full screen, for a class."""

from __future__ import annotations

import streamlit as st

from ui.classroom.live import projector
from ui.classroom.shell import entry, warm

entry.through_app()
projector.show(st.query_params.get("run"))
warm.start()
