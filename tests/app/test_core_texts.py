"""Sentences that the library has already filled in are recognised by their templates, in both languages."""

from __future__ import annotations

import ast
import copy
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from gan_core.data import load, sources
from gan_core.errors import BadData, UnknownName, plain_values
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import RunState, RunStore
from tests.app.messages import ROOT
from ui.classroom.shell.i18n import using
from ui.core_texts import TEMPLATES, filled
from ui.texts import error_sentence, run_message

CORE = sorted((ROOT / "gan_core").rglob("*.py"))
REASONS = {"_not_followed", "_reason"}  # functions that return one


def reasons() -> Iterator[str]:
    """Every reason for which a file is left out, with each value replaced by a 7."""
    for path in CORE:
        code = path.read_text(encoding="utf-8")
        if not any(name in code for name in ("Unusable", *REASONS)):
            continue
        tree = ast.parse(code)
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "Unusable"
                and node.args
            ):
                yield example(node.args[0])
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name in REASONS:
                returned = [part.value for part in ast.walk(node) if isinstance(part, ast.Return) and part.value]
                for value in returned:
                    for part in [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]:
                        yield example(part)


def example(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in node.values)
    return str(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


REASONS_FOUND = sorted({text for text in reasons() if text})


def test_reasons_are_found_in_the_sources() -> None:
    assert len(REASONS_FOUND) >= 15
    assert "empty" in REASONS_FOUND


@pytest.mark.parametrize("text", REASONS_FOUND)
def test_every_reason_is_translated(text: str) -> None:
    with using("en"):
        assert filled(text) == text
    with using("zh"):
        assert any("\u4e00" <= letter <= "\u9fff" for letter in filled(text)), text


def test_what_is_needed_for_a_data_set_is_translated() -> None:
    with using("zh"):
        for source in sources:
            if " " in source.needs and not source.needs.startswith("pip "):
                assert "\u8bf7\u628a GANSCOPE_DATA" in filled(source.needs), source.needs


def test_values_stay_as_they_are() -> None:
    with using("zh"):
        assert "truncated (12 bytes)" in filled("broken or cut off (truncated (12 bytes))")
        assert "12x4" in filled("12x4 pixels, smaller than 8")
        assert filled("a name of a user's own") == "a name of a user's own"
    assert len(set(TEMPLATES)) == len(TEMPLATES)


def test_a_folder_reports_what_it_left_out(tmp_path: Path) -> None:
    import numpy as np
    from PIL import Image

    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(tmp_path / "good.png")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("no picture")
    loaded = load(f"folder:{tmp_path}", 16)
    assert [name for name, _reason in loaded.skipped] == ["empty.png", "text.png"]
    with using("zh"):
        assert all(filled(reason) != reason for _name, reason in loaded.skipped)


def test_notes_on_classes_and_pairs_are_translated(tmp_path: Path) -> None:
    """Each sentence is produced by real data."""
    import json

    from PIL import Image

    def put(root: Path, *names: str) -> str:
        for place, name in enumerate(names):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (16, 16), (place, 90, 0)).save(root / name)
        return f"folder:{root}"

    def labelled(name: str, content: object) -> str:
        root = put(tmp_path / name, "a.png", "b.png", "c.png")
        (tmp_path / name / "dataset.json").write_text(json.dumps(content))
        return root

    pairs = tmp_path / "pairs"
    put(pairs, *(f"train{side}/{number}.png" for side in "AB" for number in range(4)))
    (pairs / "trainB" / "1.png").write_bytes(b"")
    (pairs / "trainB" / "2.png").unlink()
    Image.new("RGB", (20, 16)).save(pairs / "trainB" / "3.png")
    Image.new("RGB", (16, 16)).save(pairs / "trainA" / "5.png")
    halves = put(tmp_path / "halves", "1.png").replace("folder:", "paired:")
    Image.new("RGB", (15, 16)).save(tmp_path / "halves" / "2.png")
    found = [
        load(put(tmp_path / "stray", "cat/1.png", "dog/2.png", "3.png"), 16),
        load(put(tmp_path / "many", "cat/1.png", "dog/2.png", "3.png", "4.png"), 16),
        load(put(tmp_path / "parts", "train/1.png", "val/2.png"), 16),
        load(labelled("given", {"labels": [["a.png", 0], ["b.png", 1], ["c.png", None]]}), 16),
        load(labelled("few", {"labels": [["a.png", 0], ["b.png", 1]]}), 16),
        load(labelled("half", {"labels": [["a.png", 0], ["b.png", 1], ["d.png", 1]]}), 16),
        load(labelled("none", {"labels": None}), 16),
        load(labelled("vectors", {"labels": [["a.png", [0.5, 0.5]]]}), 16),
        load(labelled("other", {}), 16),
        load(f"paired:{pairs}", 16),
        load(halves, 16),
    ]
    said = {text for one in found for text in (*one.notes, *(reason for _name, reason in one.skipped))}
    assert len(said) >= 11, said
    with using("zh"):
        assert [text for text in said if filled(text) == text] == []


def test_an_error_within_a_runs_message_is_shown_in_the_visitors_language(tmp_path: Path) -> None:
    inner = UnknownName("recipe", "gam", [])
    error = BadData("The picture can't be used: {reason}.", reason=inner, size=(2, 3))
    store = RunStore(tmp_path)
    run = store.create(RunSpec("dcgan", "digits", 16, 10))
    store.set_state(run.id, store.claim(run.id), RunState.FAILED, error.message, plain_values(error.values))
    stored = store.get(run.id)
    assert stored.sentence == f"The picture can't be used: {inner}"  # which ends with a stop
    with using("zh"):
        assert error_sentence(inner) in run_message(stored)
        assert error_sentence(inner) != str(inner)
    for again in (copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert (type(again), str(again), again.values["size"]) == (BadData, str(error), (2, 3))
        assert isinstance(again.values["reason"], UnknownName)
