"""Text: how a generator writes, token by token."""

from __future__ import annotations

from ui.classroom.language import page
from ui.classroom.shell import entry, warm

entry.through_app()
page.show()
warm.start()
