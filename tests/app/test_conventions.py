"""What holds for all pages: pictures have a description, and numbers one style."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = [path for folder in ("pages", "ui/classroom") for path in sorted((ROOT / folder).rglob("*.py"))]


def test_pictures_and_charts_have_alternative_texts() -> None:
    """Streamlit never makes a caption one; `st.image` and the like without `alt` are silent for screen readers."""
    found, silent = 0, []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr in ("image", "plotly_chart"):
                found += 1
                if not {"alt", None} & {keyword.arg for keyword in node.keywords}:
                    silent.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert found > 15
    assert not silent
