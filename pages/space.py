"""Space: scenes that can be seen from any side."""

from __future__ import annotations

from ui.classroom.shell import entry, warm
from ui.classroom.space import page

entry.through_app()
page.show()
warm.start()
