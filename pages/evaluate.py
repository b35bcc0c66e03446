"""Evaluate: metrics of models, runs and folders, with intervals, floors and notes on reliability."""

from __future__ import annotations

from ui.classroom.evaluate import page
from ui.classroom.shell import entry, warm

entry.through_app()
page.show()
warm.start()
