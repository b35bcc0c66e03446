"""Motion: films, control, and a simulated game."""

from __future__ import annotations

from ui.classroom.motion import page
from ui.classroom.shell import entry, warm

entry.through_app()
page.show()
warm.start()
