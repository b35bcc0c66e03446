"""Music: passages for four voices, to play, view and continue."""

from __future__ import annotations

from ui.classroom.music import page
from ui.classroom.shell import entry, warm

entry.through_app()
page.show()
warm.start()
