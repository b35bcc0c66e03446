"""Writes a page for each GAN, in English and Chinese: from docstring, recipe, networks and what was measured.

    python -m docs.pages

The pages are docs/gans/NAME.md and NAME.zh.md, the figures docs/gans/NAME.svg, the table of all GANs by year
docs/gans/README.md; docs/literature.md lists them among those of the literature. gan_core/gans/index.json is written
too, from which `ganscope recipes` answers. Docstrings are translated in docs/prose/zh.po, to which new paragraphs are
added. Numbers come from docs/architectures.json (`python -m benchmarks.architectures --save docs/architectures.json`).
"""

from __future__ import annotations

import inspect
import io
import json
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.pofile import read_po, write_po

from docs.figure import figure
from gan_core import data
from gan_core.cli import recipe_index
from gan_core.data.base import DataSpec
from gan_core.files import write_atomically
from gan_core.gans import Recipe, recipes
from gan_core.gans.describe import Layer, describe
from gan_core.hparams import AdversarialHParams, TrainingHParams
from gan_core.knobs import Knob, knobs, to_dict
from ui.classroom.shell.i18n import _, language, using
from ui.classroom.shell.knob_widgets import GROUPS, value_word
from ui.texts import duration

HERE = Path(__file__).parent
FOLDER = HERE / "gans"
MEASURED = HERE / "architectures.json"
ENDINGS = {"en": ".md", "zh": ".zh.md"}
PROSE = {"zh": HERE / "prose" / "zh.po"}


def all_pages() -> dict[Path, str]:
    """Every file with its content."""
    measured = (
        json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.exists() else {"machine": "", "measured": []}
    )
    pages: dict[Path, str] = {}
    for recipe in recipes:
        layers = describe(recipe, recipe.hparams, spec_of(recipe))
        pages[FOLDER / f"{recipe.name}.svg"] = figure(layers)
        for wanted, ending in ENDINGS.items():
            with using(wanted):
                pages[FOLDER / f"{recipe.name}{ending}"] = page(recipe, layers, measured, ending)
    for wanted, ending in ENDINGS.items():
        with using(wanted):
            pages[FOLDER / f"README{ending}"] = table(ending)
            pages[FOLDER / f"knobs{ending}"] = common_knobs()
    return pages


def spec_of(recipe: Recipe) -> DataSpec:
    """What the figure's networks are built for: the largest preset's data, else the default's."""
    largest = max(recipe.presets, key=lambda preset: preset.size, default=None)
    source = data.source(largest.data if largest else recipe.data)
    size = largest.size if largest else recipe.fit_size(source.size)
    return source.spec(size)


def about(recipe: Recipe) -> str:
    """What the recipe tells of itself, or the docstring of its file."""
    return inspect.cleandoc(recipe.about or inspect.getdoc(inspect.getmodule(recipe.networks)) or "")


def paragraphs(text: str) -> list[str]:
    """Paragraphs on one line each; what is indented or a list stays as it is."""
    found = []
    for block in re.split(r"\n\s*\n", text):
        kept = block.startswith((" ", "-", "*"))
        found.append(block.strip("\n") if kept else " ".join(block.split()))
    return found


def page(recipe: Recipe, layers: dict[str, list[Layer]], measured: dict[str, Any], ending: str) -> str:
    """One GAN in the language of the moment."""
    parts = [
        f"# {_(recipe.title)}",
        f"{recipe.year} · [arXiv {recipe.paper}](https://arxiv.org/abs/{recipe.paper}) · `ganscope train {recipe.name}`"
        f" · [{_('All GANs')}](README{ending})",
        *(_prose(block) for block in paragraphs(about(recipe))),
    ]
    if recipe.equation:
        parts += [f"## {_('Equation')}", f"$$\n{recipe.equation(recipe.hparams)}\n$$"]
    parts += [f"## {_('Networks')}", f"![{_('The networks, layer by layer')}]({recipe.name}.svg)", _sizes(layers)]
    if recipe.presets:
        parts += [f"## {_('What to watch')}", *_presets(recipe)]
    numbers = [row for row in measured["measured"] if row["recipe"] == recipe.name]
    if numbers:
        parts += [f"## {_('Measured')}", _numbers(numbers), measured["machine"]]
    parts += [f"## {_('Knobs')}", *_knobs(recipe, ending)]
    return "\n\n".join(parts) + "\n"


def _prose(block: str) -> str:
    if block.startswith("    "):
        return f"```text\n{inspect.cleandoc(block)}\n```"
    return translated(block)


def translated(paragraph: str) -> str:
    """A docstring's paragraph in the language of the moment; English where the catalogue lacks it."""
    return prose(language()).get(paragraph, paragraph)


@cache
def prose(wanted: str) -> Mapping[str, str]:
    """The paragraphs of docstrings in a language; they are too long for the catalogue of the app's texts."""
    if wanted not in PROSE:
        return {}
    with PROSE[wanted].open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file) if message.id and message.string}


def all_prose() -> list[str]:
    """Every paragraph that a translation needs."""
    found = dict.fromkeys(block for recipe in recipes for block in paragraphs(about(recipe)))
    return [block for block in found if not block.startswith("    ")]


def update_prose(path: Path) -> None:
    """Brings a catalogue of paragraphs up to date: new ones come in without a translation, unused ones go."""
    with path.open("rb") as file:
        catalogue = read_po(file)
    wanted = all_prose()
    for known in [message.id for message in catalogue if message.id and message.id not in wanted]:
        catalogue.delete(known)
    for paragraph in wanted:
        if paragraph not in catalogue:
            catalogue.add(paragraph)
    content = io.BytesIO()
    write_po(content, catalogue, width=0)
    write_atomically(path, content.getvalue())


def _sizes(layers: dict[str, list[Layer]]) -> str:
    counts = (f"{name} {sum(layer.parameters for layer in rows):,}" for name, rows in layers.items())
    return _("Parameters at the default size: {counts}.").format(counts=", ".join(counts))


def _presets(recipe: Recipe) -> Iterator[str]:
    for preset in recipe.presets:
        title = data.source(preset.data).title
        where = _("{data}, {size} px, about {time} on two cores").format(
            data=_(title), size=preset.size, time=duration(preset.seconds)
        )
        if recipe.task == "points":
            where = _("{data}, about {time} on two cores").format(data=_(title), time=duration(preset.seconds))
        yield f"- **{_(preset.title)}** (`--preset {preset.name}`; {where}): {_(preset.look_for)}"


def _numbers(rows: list[dict[str, Any]]) -> str:
    head = (_("Size"), _("Pixels"), _("Images per second, training"), _("One image"), _("Memory"))
    words = {"tiny": _("tiny"), "default": _("default")}
    lines = [_row(head), _row(["---"] * len(head))]
    for row in rows:
        image = "–" if row["one_image_ms"] is None else f"{row['one_image_ms']:.1f} ms"
        cells = (
            words[row["size"]],
            row["pixels"],
            f"{row['images_per_second']:.0f}",
            image,
            f"{row['peak_mib']:.0f} MiB",
        )
        lines.append(_row(cells))
    return "\n".join(lines)


def _knobs(recipe: Recipe, ending: str) -> Iterator[str]:
    """The recipe's own knobs, and the common ones that it sets otherwise."""
    usual = to_dict(_common(recipe)())
    own = {
        name: knob
        for name, knob in knobs(recipe.hparams).items()
        if name not in usual or to_dict(recipe.hparams)[name] != usual[name]
    }
    yield _knob_table(own, to_dict(recipe.hparams))
    yield f"[{_('The knobs that every GAN has')}](knobs{ending})"


def _common(recipe: Recipe) -> type[TrainingHParams]:
    return AdversarialHParams if isinstance(recipe.hparams, AdversarialHParams) else TrainingHParams


def common_knobs() -> str:
    """The page of the knobs that recipes share."""
    groups: dict[str, dict[str, Knob]] = {}
    for name, knob in knobs(AdversarialHParams).items():
        groups.setdefault(knob.group, {})[name] = knob
    parts = [f"# {_('The knobs that every GAN has')}"]
    for group, members in groups.items():
        parts += [f"## {_(GROUPS.get(group, group.capitalize()))}", _knob_table(members, to_dict(AdversarialHParams()))]
    return "\n\n".join(parts) + "\n"


def _knob_table(members: dict[str, Knob], defaults: dict[str, Any]) -> str:
    head = (_("Knob"), _("Name"), _("Default"), _("Range"), _("What it does"))
    lines = [_row(head), _row(["---"] * len(head))]
    for name, knob in members.items():
        value = value_word(defaults[name]) if not isinstance(defaults[name], str) else f"`{defaults[name]}`"
        lines.append(_row((_(knob.label), f"`{name}`", value, _range(knob), _(knob.help))))
    return "\n".join(lines)


def _range(knob: Knob) -> str:
    if knob.choices:
        return ", ".join(f"`{choice}`" for choice in knob.choices)
    return "" if knob.low is None else f"{knob.low:g} – {knob.high:g}"


def _row(cells: Any) -> str:
    return f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in cells)} |"


def table(ending: str) -> str:
    """All GANs by year."""
    head = (_("Year"), _("GAN"), _("Name"), _("Paper"), _("In short"))
    lines = [_row(head), _row(["---"] * len(head))]
    for recipe in sorted(recipes, key=lambda recipe: (recipe.year, recipe.paper)):
        link = f"[{_(recipe.title)}]({recipe.name}{ending})"
        paper = f"[{recipe.paper}](https://arxiv.org/abs/{recipe.paper})"
        lines.append(_row((recipe.year, link, f"`{recipe.name}`", paper, translated(paragraphs(about(recipe))[0]))))
    intro = _("Every GAN of the library, one file each. The pages are written by `python -m docs.pages`.")
    return "\n\n".join([f"# {_('All GANs')}", intro, "\n".join(lines)]) + "\n"


def write() -> None:
    """Writes all pages and removes those of recipes that are gone."""
    from docs import literature  # which is made of what stands here

    pages = all_pages()
    FOLDER.mkdir(exist_ok=True)
    for old in set(FOLDER.iterdir()) - pages.keys():
        old.unlink()
    for path, content in pages.items():
        path.write_text(content, encoding="utf-8")
    recipe_index.write()
    literature.write()
    for path in PROSE.values():
        update_prose(path)
    print(f"{len(pages)} files in {FOLDER.relative_to(HERE.parent)}", file=sys.stderr)


if __name__ == "__main__":
    write()
