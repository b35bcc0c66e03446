"""Study: whether generated images help a classifier when data are few."""

from __future__ import annotations

from ui.classroom.shell import entry, warm
from ui.classroom.study import page

entry.through_app()
page.show()
warm.start()
