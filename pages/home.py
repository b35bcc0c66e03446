"""Home: what this is, what to do first, what runs now."""

from __future__ import annotations

from ui.classroom import home

home.show()
