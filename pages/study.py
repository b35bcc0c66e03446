"""Study: do generated images help a classifier when data are scarce?"""

from __future__ import annotations

from ui.classroom.shell import entry, warm
from ui.classroom.study import page

entry.through_app()
page.show()
warm.start()
