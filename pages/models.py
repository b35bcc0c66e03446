"""Models: the shelf as a gallery."""

from __future__ import annotations

from ui import entry, models_gallery, warm

entry.through_app()
models_gallery.show()
warm.start()
