"""The classroom with security headers, for servers that strangers reach: `streamlit run classroom.py`.

Streamlit's server sends none by itself, and app.py, which shows the pages, runs only after the first page was sent.
"""

from __future__ import annotations

from starlette.middleware import Middleware
from streamlit.starlette import App

from ui.headers import SecurityHeaders

# the page Studio shows the Studio's own server, at another port, in a frame; no other site may frame the classroom
FRAMES = {"frame-src": "http: https: blob:", "frame-ancestors": "'self'"}

app = App("app.py", middleware=[Middleware(SecurityHeaders, changes=FRAMES)])
