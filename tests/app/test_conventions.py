"""What holds for all pages: pictures have a description, and numbers one style."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from gan_core.errors import UnknownName
from ui.languages import using
from ui.texts import error_sentence, number, paragraph, percent

ROOT = Path(__file__).parents[2]
SOURCES = [
    path for folder in ("pages", "tabs", "ui/classroom", "ui/studio") for path in sorted((ROOT / folder).rglob("*.py"))
]


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


def test_numbers_have_one_style() -> None:
    """Thousands have a comma and percentages a space: `texts.number`, `texts.percent`; Plotly's axes have a suffix."""
    other = re.compile(r"(?<!%)\{[^{}%]*(:,(\.\d+f)?|:\.\d+%)\}|:\.\d+%\}|tickformat=\"\.\d+%\"")
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in [*SOURCES, *sorted((ROOT / "ui").glob("*.py"))]
        for line in path.read_text(encoding="utf-8").splitlines()
        if other.search(line) and path.name != "texts.py"
    ]
    assert not found
    assert (number(12_300), percent(0.9861, 1), percent(0.5)) == ("12,300", "98.6 %", "50 %")


def test_sentences_are_joined_as_the_language_does() -> None:
    assert paragraph("One.", "", "Two.") == "One. Two."
    with using("zh"):
        assert paragraph("一。", "二。") == "一。二。"


def test_links_to_what_does_not_exist_list_no_identifiers() -> None:
    runs = [f"20261130-1300{second}-1745" for second in range(10, 40)]
    assert error_sentence(UnknownName("run", "nope", runs)) == "There is no run named 'nope'."
    assert "Valid: 2026" in error_sentence(UnknownName("run", "nope", runs), all_names=True)  # for clients of an API
    near = error_sentence(UnknownName("lesson", "saturaton", ["saturation", "translation"]))
    assert near == "There is no lesson named 'saturaton'. Similar: saturation, translation."
    assert "Valid: beta1, seed" in error_sentence(UnknownName("knob", "x", ["seed", "beta1"]))  # typed by hand
