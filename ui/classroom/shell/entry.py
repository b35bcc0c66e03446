"""Every page is drawn through app.py, also when a link to one of them is the first thing that a fresh server sees."""

from __future__ import annotations

import streamlit as st
from streamlit import config
from streamlit.runtime.pages_manager import PagesManager


def through_app() -> None:
    """To be called first by a page.

    Until `st.navigation` has been called once, Streamlit takes `pages/` for its older kind of app and runs a page
    without app.py: without language, style, navigation and passphrase.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()


def show_navigation() -> None:
    """To be called by app.py before `st.navigation`.

    `config.toml` hides the sidebar's list, so that a fresh server doesn't show the names of files in it, as it would
    for an app of the older kind; from here on the list is app.py's own.
    """
    config.set_option("client.showSidebarNavigation", True)
