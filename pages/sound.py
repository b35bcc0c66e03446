"""Sound: generated sounds to see and to hear, what lies between two of them, and their nearest real ones."""

from __future__ import annotations

from ui.classroom.shell import entry, warm
from ui.classroom.sound import page

entry.through_app()
page.show()
warm.start()
