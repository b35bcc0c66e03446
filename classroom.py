"""The classroom with security headers: `streamlit run classroom.py`. app.py is the same without them.

Streamlit's server sends no such headers by itself, and app.py runs only after the first page was sent.
"""

from __future__ import annotations

from starlette.middleware import Middleware
from streamlit.starlette import App

from ui.headers import SecurityHeaders

# the page Studio shows the Studio's own server in a frame; a browser that isn't asked for the page frames it nowhere
app = App(
    "app.py",
    middleware=[Middleware(SecurityHeaders, changes={"frame-src": "http: https: blob:", "frame-ancestors": "'self'"})],
)
