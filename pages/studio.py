"""Studio: the other app, with sliders for trained models, in its place."""

from __future__ import annotations

from ui.classroom.shell import entry, studio_page

entry.through_app()
studio_page.show()
