"""Runs every page through app.py, even if a fresh server is first opened at the link of another page."""

from __future__ import annotations

import streamlit as st
from streamlit import config
from streamlit.runtime.pages_manager import PagesManager


def through_app() -> None:
    """Must be called first by every page.

    Until `st.navigation` has been called once, Streamlit treats `pages/` as a classic multipage app and runs a page
    without app.py: without language, style, navigation and passphrase.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()


def show_navigation() -> None:
    """Must be called by app.py before `st.navigation`.

    `config.toml` hides the sidebar's page list, because a fresh server would show file names in it, as in a classic
    multipage app. From here on, app.py's own list is shown.
    """
    config.set_option("client.showSidebarNavigation", True)
