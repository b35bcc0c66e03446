"""Sound: generated sounds to view and play, interpolation, and their nearest real ones."""

from __future__ import annotations

from ui.classroom.shell import entry, warm
from ui.classroom.sound import page

entry.through_app()
page.show()
warm.start()
