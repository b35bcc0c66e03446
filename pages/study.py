"""Study: whether generated images help a classifier when data are few."""

from __future__ import annotations

from ui import entry, study_page, warm

entry.through_app()
study_page.show()
warm.start()
