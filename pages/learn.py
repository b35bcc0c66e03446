"""Learn: the lessons."""

from __future__ import annotations

from ui.classroom.learn import page
from ui.classroom.shell import entry, warm

entry.through_app()
page.show()
warm.start()
