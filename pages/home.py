"""Home: what GANscope is, where to start, and which runs are active."""

from __future__ import annotations

from ui.classroom import home

home.show()
