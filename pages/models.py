"""Models: the shelf as a gallery."""

from __future__ import annotations

from ui.classroom.models import gallery
from ui.classroom.shell import entry, warm

entry.through_app()
gallery.show()
warm.start()
