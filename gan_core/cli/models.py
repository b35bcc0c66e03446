"""`ganscope models` and `ganscope pretrain`: the shelf."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from gan_core.cli.output import AsJson, emit, megabytes, say, show_facts, show_table

app = typer.Typer(help="List the models on the shelf, or show one's card.", invoke_without_command=True)


@app.callback()
def default(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_models(as_json=False)


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """All models: those that come with GANscope, and your own."""
    from gan_core.models import listing

    found, damaged = listing.survey()
    cards = list(found.values())
    for one in damaged:
        say(f"{one.name}: {one.reason}")
    if as_json:
        emit([dataclasses.asdict(card) for card in cards])
        return
    if not cards and not damaged:
        say("There are no models yet: ganscope pretrain NAME makes one.")
        return
    rows = [(card.name, card.title, f"{card.size} px", megabytes(card.bytes), card.licence) for card in cards]
    show_table(("NAME", "TITLE", "SIZE", "FILE", "LICENCE"), rows, flexible=("TITLE", "LICENCE"))


@app.command("show")
def show(name: Annotated[str, typer.Argument(help="A model's name, or its folder.")], as_json: AsJson = False) -> None:
    """One model's card."""
    from gan_core.models import listing

    card = dataclasses.asdict(listing.card(name))
    if as_json:
        emit(card)
        return
    hidden = {"hparams", "fields", "class_names", "format", "parameters", "metrics", "capabilities"}
    parameters = ", ".join(f"{network} {count:,}" for network, count in card["parameters"].items())
    show_facts({key: value for key, value in card.items() if key not in hidden} | {"parameters": parameters})
    if card["metrics"]:
        rows = [(metric, f"{value:.4g}") for metric, value in card["metrics"].items()]
        show_table(("METRIC", "VALUE"), rows)


def pretrain(
    name: Annotated[str, typer.Argument(help="A model of the table in gan_core/plans.py.")],
    device: Annotated[str, typer.Option(help="cpu, cuda or mps.")] = "cpu",
    budget: Annotated[float, typer.Option(help="Minutes of training, then a checkpoint; 0: until done.")] = 0.0,
    cost: Annotated[str, typer.Option(help="What the card says of the cost, and on which machine.")] = "",
) -> None:
    """Trains a model of the shelf, goes on where it stopped before, and puts it into pretrained/."""
    from gan_core.pretrain import main

    arguments = [name, "--device", device, "--budget", str(budget), "--cost", cost]
    if code := main(arguments):
        raise typer.Exit(code)
