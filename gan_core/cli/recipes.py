"""`ganscope recipes`: the GANs that can be trained, and their knobs."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import typer

from gan_core.cli.output import AsJson, emit, show_facts, show_table
from gan_core.knobs import Knob, knob_type, knobs, to_dict

app = typer.Typer(help="List the GANs, or show one with its knobs and presets.", invoke_without_command=True)


@app.callback()
def default(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_recipes(as_json=False)


@app.command("list")
def list_recipes(as_json: AsJson = False) -> None:
    """All recipes, with paper, year and the image sizes they can make."""
    from gan_core.gans import recipes

    if as_json:
        emit([_facts(recipe) for recipe in recipes])
        return
    rows = [
        (recipe.name, recipe.title, recipe.year, f"arXiv:{recipe.paper}", _sizes(recipe), recipe.data)
        for recipe in recipes
    ]
    show_table(("NAME", "TITLE", "YEAR", "PAPER", "SIZES", "DATA"), rows, flexible=("TITLE", "SIZES"))


@app.command("show")
def show(name: Annotated[str, typer.Argument(help="A recipe's name.")], as_json: AsJson = False) -> None:
    """One recipe: its knobs with ranges, defaults and help, and its presets."""
    from gan_core.gans import recipes

    recipe = recipes.get(name)
    if as_json:
        emit(_facts(recipe) | {"knobs": _knobs(recipe), "presets": [_preset(preset) for preset in recipe.presets]})
        return
    show_facts(
        {
            "name": recipe.name,
            "title": recipe.title,
            "paper": f"arXiv:{recipe.paper} ({recipe.year})",
            "task": recipe.task,
            "sizes": _sizes(recipe),
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


def _facts(recipe: Any) -> dict[str, Any]:
    return {
        "name": recipe.name,
        "title": recipe.title,
        "task": recipe.task,
        "paper": recipe.paper,
        "year": recipe.year,
        "sizes": list(recipe.sizes),
        "data": recipe.data,
        "capabilities": sorted(recipe.capabilities),
    }


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


def _sizes(recipe: Any) -> str:
    return ", ".join(map(str, recipe.sizes)) or "any"


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
