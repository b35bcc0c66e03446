"""Home: what this is, what to do first, what runs now."""

from __future__ import annotations

from ui import home_page

home_page.show()
