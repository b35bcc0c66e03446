"""`--help` of every command: what is written in the code is shown, with one default each."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import pytest
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from gan_core.cli import app
from tests.cli.commands import ok


def commands(group: TyperGroup, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], TyperCommand]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, (*words, name))
        elif isinstance(command, TyperCommand) and not command.hidden:
            yield (*words, name), command


ALL = dict(commands(get_group(app)))


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_a_help_is_shown_as_it_is_written(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    shown = ok(*words, "--help")
    for one in ALL[words].params:
        words_of = str(getattr(one, "help", None) or "").replace("`", "")
        assert words_of in " ".join(shown.split()), one.name
        assert "[default:" not in words_of or one.show_default is False or not one.default, one.name
    first = inspect.cleandoc(ALL[words].help or "").partition(" ")[0]
    assert not first.endswith("s") or first.endswith("ss"), f"{first}: a command says what to do"
