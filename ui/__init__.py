"""What both front ends share: languages, texts, the logo. `classroom/` is what the pages draw with, `studio/` the tabs.

No torch at import.
"""

from pathlib import Path

LOGO = Path(__file__).with_name("logo.svg")
ICON = Path(__file__).with_name("icon.svg")
