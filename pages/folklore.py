"""Folklore: claims of tutorials, measured."""

from __future__ import annotations

from ui.classroom.folklore import page
from ui.classroom.shell import entry, warm

entry.through_app()
page.show()
warm.start()
