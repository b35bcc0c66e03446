"""`ganscope recipes`: the GANs that can be trained, and their knobs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from gan_core.cli.output import AsJson, emit, lists_when_bare, show_facts, show_table
from gan_core.cli.recipe_index import all_facts, facts_of
from gan_core.knobs import Knob, knob_type, knobs, to_dict

app = typer.Typer(help="List the recipes, or show one with its knobs and presets.", invoke_without_command=True)


@app.command("list")
def list_recipes(as_json: AsJson = False) -> None:
    """List the recipes, with paper, year and supported image sizes."""
    facts = all_facts()
    if as_json:
        emit(facts)
        return
    rows = [
        (one["name"], one["title"], one["year"], f"arXiv:{one['paper']}", _sizes(one["sizes"]), one["data"])
        for one in facts
    ]
    show_table(("NAME", "TITLE", "YEAR", "PAPER", "SIZES", "DATA"), rows, flexible=("TITLE", "SIZES"))


lists_when_bare(app, list_recipes)


@app.command("show")
def show(name: Annotated[str, typer.Argument(help="Name of a recipe.")], as_json: AsJson = False) -> None:
    """Show a recipe: its knobs with ranges, defaults and help, and its presets."""
    from gan_core.gans import recipes

    recipe = recipes.get(name)
    if as_json:
        emit(facts_of(recipe) | {"knobs": _knobs(recipe), "presets": [_preset(preset) for preset in recipe.presets]})
        return
    show_facts(
        {
            "name": recipe.name,
            "title": recipe.title,
            "paper": f"arXiv:{recipe.paper} ({recipe.year})",
            "task": recipe.task,
            "sizes": _sizes(recipe.sizes),
            "data": recipe.data,
            "can": ", ".join(sorted(recipe.capabilities)) or "-",
        }
    )
    defaults = to_dict(recipe.hparams)
    rows = [
        (name, _value(defaults[name]), _range(described), described.change, described.help)
        for name, described in knobs(recipe.hparams).items()
    ]
    typer.echo()
    show_table(("KNOB", "DEFAULT", "RANGE", "CHANGE", "HELP"), rows, flexible=("HELP", "RANGE"))
    for preset in recipe.presets:
        settings = " ".join(f"{name}={_value(value)}" for name, value in preset.hparams.items())
        typer.echo(f"\nPreset {preset.name}: {preset.title}")
        typer.echo(f"  {preset.data} at {preset.size} px, {preset.steps:,} steps, about {preset.seconds:g} s")
        typer.echo(f"  {preset.look_for}")
        if settings:
            typer.echo(f"  {settings}")


def _knobs(recipe: Any) -> dict[str, Any]:
    defaults = to_dict(recipe.hparams)
    return {
        name: {"default": defaults[name], "type": _type(knob_type(type(recipe.hparams), name))}
        | dataclasses.asdict(described)
        for name, described in knobs(recipe.hparams).items()
    }


def _preset(preset: Any) -> dict[str, Any]:
    return {field.name: getattr(preset, field.name) for field in dataclasses.fields(preset)}


def _type(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else "list of int"


def _sizes(sizes: Iterable[int]) -> str:
    return ", ".join(map(str, sizes)) or "any"


def _range(described: Knob) -> str:
    if described.choices:
        return " | ".join(described.choices)
    if described.low is None and described.high is None:
        return "-"
    return f"{_value(described.low)} to {_value(described.high)} {described.unit}".strip()


def _value(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) and value < 1e6 else str(value)
