"""Few labels: adversarial learning from ten labelled pictures, and for a domain without labels."""

from __future__ import annotations

from ui.classroom.labels import page
from ui.classroom.shell import entry, warm

entry.through_app()
page.show()
warm.start()
