"""Molecules: drawn by seed, with counts, explanations and interpolation."""

from __future__ import annotations

from ui.classroom.molecules import page
from ui.classroom.shell import entry, warm

entry.through_app()
page.show()
warm.start()
