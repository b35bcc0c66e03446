"""Few labels: what adversarial learning makes of ten labelled pictures, and of a domain without labels."""

from __future__ import annotations

from ui.classroom.labels import page
from ui.classroom.shell import entry, warm

entry.through_app()
page.show()
warm.start()
