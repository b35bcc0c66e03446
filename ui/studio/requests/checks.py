"""Checks the values of a call before Gradio sees them: numbers, choices, texts and files, each against its control.

Errors are sentences in the page's language.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from decimal import Decimal
from typing import Any, NoReturn

import gradio as gr
from gradio_client.utils import is_valid_file

from gan_core.errors import BadData, BadValue
from ui.languages import N_
from ui.texts import number

MOST_LETTERS = 3_000_000  # characters of a picture's `data:` address
MOST_TEXT = 20_000  # characters of other texts
MOST_DEEP = 20  # nesting depth of lists and objects
SEEN = 40  # characters of an invalid value shown in an error
CHOICES = 12  # number of choices listed in an error

MOST = 1e12  # limit of numbers without bounds
KINDS = {"image": "PNG, JPEG, WebP, GIF, BMP"}  # classes of files in Gradio's terms
WORDS = (N_("a text"), N_("a file that was uploaded here"), N_("files that were uploaded here"))  # fill "{kind}"

Owns = Callable[[object], bool]  # whether a file belongs to the visitor


def counted(given: Sequence[Any], wanted: Sequence[Any]) -> None:
    """Raises BadValue if a call has too few or too many values."""
    if len(given) != len(wanted):
        raise BadValue("This call takes {wanted} values, not {given}.", wanted=len(wanted), given=len(given))


def files_in(value: Any, owns: Owns, deep: int = 0) -> list[str]:
    """Returns the paths of all files in a value, however nested; raises BadData for files of other visitors."""
    if deep > MOST_DEEP:
        raise BadData("Values may be nested at most {most} levels deep.", most=MOST_DEEP)
    if isinstance(value, dict):
        found = []
        if "path" in value or "meta" in value:
            if not owns(value.get("path")) or not isinstance(value.get("meta", {}), dict):
                raise BadData("Only files that you uploaded in this session can be read. Upload the file again.")
            found.append(value["path"])
        return [*found, *(path for one in value.values() for path in files_in(one, owns, deep + 1))]
    if isinstance(value, list | tuple):
        return [path for one in value for path in files_in(one, owns, deep + 1)]
    return []


def checked(block: Any, value: Any, name: str, empty: bool) -> Any:
    """Returns the value for the callback; raises BadValue or BadData.

    `block` is the current control, `name` its label, `empty` whether the value may be missing.
    """
    if isinstance(block, gr.Slider):
        return _number(value, name, block.minimum, block.maximum)
    if isinstance(block, gr.Number):  # a cleared field is None; callbacks treat that as the default
        return None if value is None else _number(value, name, block.minimum, block.maximum, block.precision == 0)
    if isinstance(block, gr.Checkbox):
        return value if isinstance(value, bool) else _refuse(value, name, "true or false")
    if isinstance(block, gr.Dropdown | gr.Radio):
        choices = [choice for _words, choice in block.choices]
        any_other = isinstance(block, gr.Dropdown) and block.allow_custom_value
        return None if value is None and empty else _choice(value, name, None if any_other else choices)
    if isinstance(block, gr.Textbox):
        return _text(value, name)
    if isinstance(block, gr.File):
        return _files(value, name, block)
    return value


def _refuse(value: object, name: str, kind: str) -> NoReturn:
    raise BadValue("{name} must be {kind}, not {value!r}.", name=name, kind=kind, value=_shown(value))


def _shown(value: object) -> object:
    """Formats an invalid value for an error: plain values as they are, and shortened."""
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 10**SEEN):
        return value
    words = " ".join(str(value)[: 2 * SEEN].split()) if not isinstance(value, int) else f"{Decimal(value):.3e}"
    return words if len(words) <= SEEN else words[:SEEN] + " …"


def _number(value: Any, name: str, low: float | None, high: float | None, whole: bool = False) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        _refuse(value, name, "a number")
    lowest, highest = (-MOST if low is None else low), (MOST if high is None else high)
    if not lowest <= value <= highest:
        raise BadValue("{name} must be between {low} and {high}, got {value}.",
                       name=name, low=f"{lowest:.10g}", high=f"{highest:.10g}", value=_shown(value))  # fmt: skip
    if whole and value != int(value):
        _refuse(value, name, "a whole number")
    return value


def _choice(value: Any, name: str, choices: Collection[Any] | None) -> Any:
    """Checks a choice; accepts anything if there is no list, because the callback checks it."""
    plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    if not plain or (choices is not None and value not in choices):
        valid = [str(_shown(choice)) for choice in choices or ()]
        listed = ", ".join(valid[:CHOICES]) + (" …" if len(valid) > CHOICES else "")
        raise BadValue(
            "{name} can't be '{value}'. Valid: {valid}.", name=name, value=_shown(value), valid=listed or "–"
        )
    return _text(value, name) if isinstance(value, str) else value


def _text(value: Any, name: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        _refuse(value, name, "a text")
    most = MOST_LETTERS if value.startswith("data:image/") else MOST_TEXT
    if len(value) > most:
        raise BadValue(
            "{name} may have at most {most} characters, not {count}.",
            name=name,
            most=number(most),
            count=number(len(value)),
        )
    return value


def _files(value: Any, name: str, block: gr.File) -> Any:
    """Checks one or more files; their owner has been checked before."""
    if value is None or value == []:
        return None
    several = block.file_count != "single"
    found = value if isinstance(value, list) and several else [value]
    if not all(isinstance(one, dict) and "path" in one and "meta" in one for one in found):
        _refuse(value, name, "files that were uploaded here" if several else "a file that was uploaded here")
    for one in found:
        if block.file_types and not is_valid_file(one["path"], block.file_types):
            raise BadData("This isn't a picture in an accepted format ({formats}).", formats=_endings(block.file_types))
    return value


def _endings(kinds: Sequence[str]) -> str:
    return ", ".join(KINDS.get(kind, kind) for kind in kinds)
