"""Code that both front ends share: languages, texts, the logo. `classroom/` belongs to the pages, `studio/` to the
tabs.

Doesn't import torch.
"""

from pathlib import Path

LOGO = Path(__file__).with_name("images") / "logo.svg"
ICON = Path(__file__).with_name("images") / "icon.svg"
