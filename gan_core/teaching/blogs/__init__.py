"""The code of tutorials: each file here is a script in plain PyTorch, equivalent to the preset of the same name.

    python -m gan_core.teaching.blogs.blog_mnist          trains it, and prints the losses

With the same seed, the first steps' losses are those of the preset, up to rounding; a test runs every script. Dropout
draws other units than the preset does.
"""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent


def names() -> list[str]:
    """The presets that have a script."""
    return sorted(path.stem for path in HERE.glob("blog_*.py"))


def code(preset: str) -> str:
    """The script of a preset; "" if it has none."""
    if preset not in names():
        return ""
    return (HERE / f"{preset}.py").read_text(encoding="utf-8").replace("  # fmt: skip", "")
