"""Molecules: drawn by seed, counted, explained, and one turned into another."""

from __future__ import annotations

from ui.classroom.molecules import page
from ui.classroom.shell import entry, warm

entry.through_app()
page.show()
warm.start()
