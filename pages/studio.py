"""Studio: the Gradio app with sliders for trained models, embedded in this page."""

from __future__ import annotations

from ui.classroom.shell import entry, studio_page

entry.through_app()
studio_page.show()
