"""Search: which settings bring samples closer to the data?"""

from __future__ import annotations

from ui.classroom.search import page
from ui.classroom.shell import entry, warm

entry.through_app()
page.show()
warm.start()
