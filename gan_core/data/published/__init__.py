"""Downloads of data sets: from GitHub at a fixed commit or by checksum, converted to the form we read; by torchvision.

The sets themselves are in `gan_core/data/sets`.
"""

from gan_core.data.published.catalogue import Published, published
from gan_core.data.published.getting import Got, get

__all__ = ["Got", "Published", "get", "published"]
