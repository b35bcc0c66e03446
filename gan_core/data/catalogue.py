"""Every data set that comes by name. A new one is a Source in a module of its family, and is added here."""

from __future__ import annotations

from gan_core.data import digits, drawn, shared_sets, vision_sets
from gan_core.data.base import sources

for _source in (digits.SOURCE, drawn.SOURCE, *vision_sets.SOURCES, *shared_sets.SOURCES):
    sources.register(_source.name, _source)
