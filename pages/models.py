"""Models: a gallery of the available models."""

from __future__ import annotations

from ui.classroom.models import gallery
from ui.classroom.shell import entry, warm

entry.through_app()
gallery.show()
warm.start()
