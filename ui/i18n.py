"""The visitor's language in Streamlit: a part of the URL (`?lang=zh`), so that a link keeps it; else the browser's."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ui import languages
from ui.languages import CATALOGUES, DEFAULT, LANGUAGES, N_, _, language, translations, using

__all__ = ["CATALOGUES", "LANGUAGES", "N_", "STATE", "_", "choose", "language", "switch", "translations", "using"]

STATE = "language"  # key of the session's state


def _of_session() -> str:
    if get_script_run_ctx(suppress_warning=True) is None:
        return DEFAULT
    return str(st.session_state.get(STATE, DEFAULT))


languages.asked[:] = [_of_session]


def choose() -> str:
    """Settles the visitor's language from the URL, an earlier choice or the browser, and writes it to the URL."""
    asked = st.query_params.get("lang")
    if asked in LANGUAGES:
        st.session_state[STATE] = asked
    elif STATE not in st.session_state:
        locale = (st.context.locale or DEFAULT).lower()
        st.session_state[STATE] = "zh" if locale.startswith("zh") else DEFAULT
    chosen = str(st.session_state[STATE])
    if asked != chosen:
        st.query_params["lang"] = chosen
    return chosen


def switch(chosen: str) -> None:
    """The visitor picks a language."""
    st.session_state[STATE] = chosen
    st.query_params["lang"] = chosen
