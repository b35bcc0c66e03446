"""GANscope's classroom: `streamlit run app.py`. Contains only the list of pages and the navigation."""

from __future__ import annotations

import streamlit as st

from gan_core.cores import release_while_waiting
from ui import ICON, LOGO
from ui.classroom.shell import access, browser, entry, i18n, late, offline, style
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import _

release_while_waiting()
offline.keep()
late.keep()
st.set_page_config(page_title="GANscope", page_icon=str(ICON), layout="wide")
i18n.choose()
style.apply()
st.logo(str(LOGO), size="large", icon_image=str(ICON))

entry.show_navigation()
page = st.navigation(
    {
        "": [
            st.Page("pages/home.py", title=_("Home"), icon=":material/home:", default=True),
            st.Page("pages/model.py", title=_("Model"), url_path="model", visibility="hidden"),
            st.Page("pages/projector.py", title=_("Projector"), url_path="projector", visibility="hidden"),
        ],
        _("Understand"): [
            st.Page("pages/learn.py", title=_("Learn"), icon=":material/school:", url_path="learn"),
            st.Page(
                "pages/playground.py", title=_("Playground"), icon=":material/scatter_plot:", url_path="playground"
            ),
            st.Page("pages/folklore.py", title=_("Folklore"), icon=":material/fact_check:", url_path="folklore"),
        ],
        _("Experiment"): [
            st.Page("pages/train.py", title=_("Train"), icon=":material/model_training:", url_path="train"),
            st.Page("pages/runs.py", title=_("Runs"), icon=":material/history:", url_path="runs"),
            st.Page("pages/evaluate.py", title=_("Evaluate"), icon=":material/monitoring:", url_path="evaluate"),
            st.Page("pages/search.py", title=_("Search"), icon=":material/manage_search:", url_path="search"),
            st.Page("pages/study.py", title=_("Study"), icon=":material/biotech:", url_path="study"),
            st.Page("pages/labels.py", title=_("Few labels"), icon=":material/label:", url_path="labels"),
        ],
        _("Create"): [
            st.Page("pages/models.py", title=_("Models"), icon=":material/gallery_thumbnail:", url_path="models"),
            st.Page("pages/studio.py", title=_("Studio"), icon=":material/palette:", url_path="studio"),
        ],
        _("Beyond pictures"): [
            st.Page("pages/language.py", title=_("Text"), icon=":material/edit_note:", url_path="language"),
            st.Page("pages/sound.py", title=_("Sound"), icon=":material/graphic_eq:", url_path="sound"),
            st.Page("pages/music.py", title=_("Music"), icon=":material/music_note:", url_path="music"),
            st.Page("pages/molecules.py", title=_("Molecules"), icon=":material/hub:", url_path="molecules"),
            st.Page("pages/motion.py", title=_("Motion"), icon=":material/animation:", url_path="motion"),
            st.Page("pages/space.py", title=_("Space"), icon=":material/view_in_ar:", url_path="space"),
        ],
    },
    expanded=True,
)
i18n.write()
browser.keep()
with st.sidebar:
    i18n.switcher()
    access.unlock_box()
if page.url_path != "projector":  # it has its own shortcuts
    access.unlock_line()
with showing_errors():
    page.run()
