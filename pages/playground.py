"""Playground: a GAN in the plane, with its networks, samples and gradients."""

from __future__ import annotations

from ui.classroom.playground import page
from ui.classroom.shell import entry, warm

entry.through_app()
page.show()
warm.start()
