"""The pages of docs/gans agree with the code."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest
from babel.messages.pofile import read_po

from docs import literature
from docs.figure import figure, stages
from docs.pages import FOLDER, PROSE, all_pages, all_prose, paragraphs, prose
from gan_core.cli import recipe_index
from gan_core.gans import recipes
from gan_core.gans.describe import Layer


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {path.name: content for path, content in all_pages().items()}


def test_every_gan_has_its_page_in_both_languages(pages: dict[str, str]) -> None:
    stale = [name for name, content in pages.items() if _written(name) != content]
    assert not stale, "run python -m docs.pages"
    assert {path.name for path in FOLDER.iterdir()} == pages.keys()
    for recipe in recipes:
        assert f"[{recipe.title}]({recipe.name}.md)" in pages["README.md"]
        assert f"arxiv.org/abs/{recipe.paper}" in pages[f"{recipe.name}.md"]


def test_the_index_of_recipes_is_up_to_date() -> None:
    assert recipe_index.read() == recipe_index.imported(), "run python -m docs.pages"


def test_the_literature_is_what_the_registry_says() -> None:
    assert literature.FILE.read_text(encoding="utf-8") == literature.page(), "run python -m docs.pages"
    assert len(literature.PYTORCH_GAN) == 32
    known = {recipe.name: recipe for recipe in recipes}
    for work in (*literature.PYTORCH_GAN, *literature.ABSENT):
        assert bool(work.recipe) != bool(work.absent), work.name
        if work.recipe:
            assert (work.paper, work.year) == (known[work.recipe].paper, known[work.recipe].year), work.name
    listed = [work.recipe for work in literature.works() if work.recipe]
    assert sorted(listed) == sorted(known)  # each once


def _written(name: str) -> str:
    path = FOLDER / name
    return path.read_text(encoding="utf-8") if path.exists() else ""


def test_figures_are_valid_and_show_every_stage(pages: dict[str, str]) -> None:
    for name, content in pages.items():
        if name.endswith(".svg"):
            ElementTree.fromstring(content)
    layers = [Layer("a", "Conv2d", (8, 4, 4), 30), Layer("b", "ReLU", (8, 4, 4), 0), Layer("c", "Linear", (1,), 9)]
    assert [stage.parameters for stage in stages(layers)] == [30, 9]
    drawn = figure({"generator": layers})
    assert "8 × 4 × 4" in drawn
    assert "39 parameters" in drawn


def test_every_paragraph_is_listed_for_translation() -> None:
    with PROSE["zh"].open("rb") as file:
        listed = {message.id for message in read_po(file)}
    missing = [paragraph for paragraph in all_prose() if paragraph not in listed]
    assert not missing, "run python -m docs.pages"


@pytest.mark.slow
def test_every_paragraph_is_translated() -> None:
    missing = [paragraph for paragraph in all_prose() if paragraph not in prose("zh")]
    assert not missing, "translate them in docs/prose/zh.po"


def test_docstrings_become_paragraphs() -> None:
    assert paragraphs("One\nline.\n\n    an equation\n\nTwo.") == ["One line.", "    an equation", "Two."]
