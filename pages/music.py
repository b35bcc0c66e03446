"""Music: passages for four voices, to hear, to see and to continue."""

from __future__ import annotations

from ui.classroom.music import page
from ui.classroom.shell import entry, warm

entry.through_app()
page.show()
warm.start()
