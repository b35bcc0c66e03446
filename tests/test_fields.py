"""Every value typed for a knob is used as typed, or refused with a sentence: every knob of every recipe."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

import pytest
from typer.testing import CliRunner

from gan_core.cli import app
from gan_core.cli.output import parse_settings
from gan_core.errors import BadValue
from gan_core.gans import recipes
from gan_core.gans.recipe import Recipe
from gan_core.knobs import Named, changed, faults, knob_type, knobs
from gan_core.runs.store import RunStore
from ui.classroom.shell.knob_widgets import typed

TYPED = (
    "", " ", "abc", "12abc", "1e", "--5", "-1", "0", "1", "2", "3.5", "0,5", "1,000", "1 000", "1e12", "1e3", "6.4e1",
    "64.0", "nan", "inf", "-inf", "1e999", "1e-999", "9" * 60, "9" * 5000, "0x10", "６４", "½", "256,512", "256, -512",
    "-64", "64--32", "64-32", "64，32", "64,,32", "64.5,32", "64,", ",64", "none", "True", "false", "on", "<b>1</b>",
    "{x}",
)  # fmt: skip
DISTINCT = {
    (name, type(recipe.hparams)): recipe for recipe in recipes for name in knobs(recipe.hparams)
}  # each knob in each set of knobs


def asked(kind: Any, text: str) -> Any:
    """The value that a reader would expect for the text; None if there is none."""
    if kind is bool:
        return {"true": True, "false": False, "on": True, "1": True, "0": False}.get(text.strip().lower())
    if kind is str:
        return text
    if kind not in (int, float):
        parts = text.replace("，", ",").rstrip(",").replace("-", ",").split(",")
        return tuple(map(int, parts)) if all(part.strip().isdecimal() for part in parts) else None
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        return None


@pytest.mark.parametrize("recipe", recipes, ids=lambda recipe: recipe.name)
def test_what_is_typed_is_used_as_typed_or_refused(recipe: Recipe) -> None:
    for name, knob in knobs(recipe.hparams).items():
        if DISTINCT[name, type(recipe.hparams)] is not recipe:
            continue
        kind = knob_type(type(recipe.hparams), name)
        for text in TYPED:
            found = faults(recipe.hparams, {name: text})
            if found:
                named = found[name].values["name"]
                assert isinstance(named, Named)
                assert named.parts == ((knob.label, None),)
                assert str(found[name]).startswith(f"{name} ")
                assert len(str(found[name])) < 300
                continue
            try:
                value = getattr(changed(recipe.hparams, {name: text}), name)
            except BadValue:  # it contradicts other settings, which is also reported
                continue
            meant = asked(kind, text)
            assert meant is not None, (name, text)
            assert value == (float(meant) if kind is float else meant), (name, text)


@pytest.mark.parametrize("recipe", recipes, ids=lambda recipe: recipe.name)
def test_a_field_shows_what_would_be_read_again(recipe: Recipe) -> None:
    for hparams in (recipe.hparams, recipe.tiny):
        for name in knobs(hparams):
            value = getattr(hparams, name)
            if not isinstance(value, (bool, str)):
                assert getattr(changed(hparams, {name: typed(value)}), name) == value


@pytest.mark.parametrize("text", ["1e12", "-1", "0,5", "abc", ""])
def test_the_command_line_refuses_the_same(text: str, home: object) -> None:
    settings = parse_settings([f"batch_size={text}"])
    with pytest.raises(BadValue, match="batch_size must"):
        changed(recipes.get("mlp_gan").hparams, settings)
    answer = CliRunner().invoke(app, ["train", "mlp_gan", "--data", "digits", "--set", f"batch_size={text}"])
    assert answer.exit_code != 0
    assert "batch_size must" in f"{answer.output} {answer.exception}"
    assert not RunStore().runs()
