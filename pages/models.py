"""Models: the shelf as a gallery, or one model of it."""

from __future__ import annotations

import streamlit as st

from ui import entry, models_gallery, models_one, warm

entry.through_app()
if name := st.query_params.get("model"):
    models_one.show(name)
else:
    models_gallery.show()
warm.start()
