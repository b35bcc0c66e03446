"""Every English text that a page can show, gathered from the sources and the catalogues of the library."""

from __future__ import annotations

import ast
import io
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path

from gan_core import errors
from gan_core.data import sources
from gan_core.data.environments import environments
from gan_core.doctor.remedies import remedies
from gan_core.files import write_atomically
from gan_core.gans import recipes
from gan_core.knobs import knobs
from gan_core.models.plans import plans

ROOT = Path(__file__).parents[2]
FRONT = [
    *(ROOT / name for name in ("app.py", "gradio_app.py")),
    *(path for folder in ("pages", "tabs", "ui") for path in sorted((ROOT / folder).rglob("*.py"))),
]
CORE = sorted((ROOT / "gan_core").rglob("*.py"))
ERRORS = {
    name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.GanscopeError)
} - {"UnknownName"}
STATES = {"_set_state", "set_state", "_pause"}  # calls whose first or second text is a message of a run


@cache
def all_messages() -> frozenset[str]:
    """Collected once per process, because it takes seconds."""
    return frozenset(text for text in (*of_front(), *of_core(), *of_catalogues()) if text)


def of_front() -> Iterator[str]:
    """The texts in `_("...")` and `N_("...")`, and the errors that pages raise."""
    for path in FRONT:
        for call in _calls(path):
            if _name(call) in {"_", "N_"}:
                assert call.args, path
                assert _text(call.args[0]) or not isinstance(call.args[0], ast.JoinedStr), (path, call.lineno)
                yield _text(call.args[0])
            elif _name(call) in ERRORS | {"NotAllowed", "StudioError"} and call.args:
                yield _text(call.args[0])


def of_core() -> Iterator[str]:
    """Templates of errors, of the states of runs and of progress."""
    for path in CORE:
        if "cli" in path.relative_to(ROOT).parts:
            continue
        yield from _constants(path)
        for call in _calls(path):
            if _is_error(call):
                yield _text(call.args[0])
            elif _name(call) in STATES:
                yield from (_text(argument) for argument in call.args[:2] if " " in _text(argument))
            elif _name(call) in {"tracked", "progress"}:
                yield _text(call.args[-1])
    yield "There is no {kind} named '{name}'. Valid: {valid}."
    yield "There is no {kind} named '{name}'; none exists yet."


def of_catalogues() -> Iterator[str]:
    """Knobs, recipes, presets, data sets, models, notes, findings."""
    for recipe in recipes:
        yield from (recipe.title, recipe.about, *recipe.compared)
        for knob in knobs(recipe.hparams).values():
            yield from (knob.label, knob.help, knob.unit)
        for preset in recipe.presets:
            yield from (preset.title, preset.look_for)
    for source in sources:
        yield from (source.title, source.about, source.licence, *source.domains)
    yield from (environment.title for environment in environments)
    for plan in plans.values():
        yield from (plan.title, plan.limits)
    for remedy in remedies:
        yield remedy.words
    for path in sorted((ROOT / "gan_core" / "doctor").rglob("*.py")):
        for call in _calls(path):
            if _name(call) == "Finding":
                yield from (_text(argument) for argument in call.args[2:5])


def _constants(path: Path) -> Iterator[str]:
    """Texts that a module names `N_SOMETHING`: notes, and reasons to refuse settings."""
    for node in _tree(path).body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id[:2] == "N_" for t in node.targets):
            yield _text(node.value)


@lru_cache(maxsize=1)  # both readers use the same file one after the other
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(_tree(path)) if isinstance(node, ast.Call))


def _name(call: ast.Call) -> str:
    return (
        call.func.id
        if isinstance(call.func, ast.Name)
        else call.func.attr
        if isinstance(call.func, ast.Attribute)
        else ""
    )


def _is_error(call: ast.Call) -> bool:
    """Whether an error is made with a template, or by an error's own `super().__init__`."""
    if not call.args:
        return False
    if _name(call) != "__init__" or not isinstance(call.func, ast.Attribute):
        return _name(call) in ERRORS
    base = call.func.value
    return isinstance(base, ast.Call) and _name(base) == "super" and " " in _text(call.args[0])


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def update(path: Path) -> list[str]:
    """Updates a catalogue: adds new texts without translation, removes unused ones. Returns untranslated texts."""
    from babel.messages.catalog import Catalog
    from babel.messages.pofile import read_po, write_po

    known = {}
    if path.exists():
        with path.open("rb") as file:
            known = {message.id: message.string for message in read_po(file) if message.id}
    catalog = Catalog(locale="zh_CN", project="GANscope", charset="utf-8", fuzzy=False)
    catalog.header_comment = "# GANscope in Simplified Chinese. Update: python -m tests.app.messages"
    for text in sorted(all_messages()):
        catalog.add(text, known.get(text, ""))
    content = io.BytesIO()
    write_po(content, catalog, width=110, sort_output=True, omit_header=False)
    write_atomically(path, content.getvalue())
    return [text for text in sorted(all_messages()) if not known.get(text)]


if __name__ == "__main__":
    for text in update(ROOT / "ui" / "locale" / "zh_CN.po"):
        print("untranslated:", text)
