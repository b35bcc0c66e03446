"""The page Molecules, without a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.app.pages import page

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.classroom.shell.warm.start", lambda: None)
    monkeypatch.setattr("gan_core.models.explaining.SEEDS", 2)


def texts(test: AppTest) -> str:
    return "\n".join(element.value for kind in (test.markdown, test.caption, test.info, test.subheader, test.error)
                     for element in kind)  # fmt: skip


def test_molecules_are_drawn_counted_and_explained() -> None:
    test = page("molecules")
    assert not test.error, [one.value for one in test.error]
    assert [metric.label for metric in test.metric] == ["Valid", "Different", "New"]
    assert test.metric[0].value.endswith("/ 12")
    test.button(key="why-0").click().run()
    assert not test.exception
    assert not test.error, [one.value for one in test.error]
    said = texts(test)
    assert "Why is molecule 1 fake?" in said
    assert "better than chance" in said
    assert "explain_node" in said
    first = test.metric[0].value
    test.number_input(key="molecules-seed").set_value(5).run()
    assert "Why is molecule 1 fake?" not in texts(test)
    assert first


def test_without_the_extra_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from gan_core.data import chemistry

    chemistry.rdkit.cache_clear()
    monkeypatch.setitem(sys.modules, "rdkit", None)
    test = page("molecules")
    assert "ganscope[graphs]" in test.error[0].value.replace("\\", "")
