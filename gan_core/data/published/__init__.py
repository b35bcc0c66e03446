"""Data sets from their published sources, each at a fixed commit, checked and converted to the form we read."""

from gan_core.data.published.catalogue import Published, published
from gan_core.data.published.getting import Got, get

__all__ = ["Got", "Published", "get", "published"]
