"""Studio: the other app, with sliders for trained models, in its place."""

from __future__ import annotations

from ui import beside_page, entry

entry.through_app()
beside_page.show()
