"""`ganscope models`, `pretrain`, `import`, `push` and `publish-space`: what comes on the shelf, and goes to the Hub."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from gan_core.cli.output import AsJson, emit, megabytes, say, show_facts, show_table
from gan_core.errors import BadValue, UnknownName, listed
from gan_core.metrics.pictures import LUMA, SSIM

NAMED = "A model's name, its folder, or hf://owner/name."

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
        say("There are no models yet. The quickest to make: `ganscope pretrain dcgan.digits`")
        return
    rows = [(card.name, card.title, f"{card.size} px", megabytes(card.bytes), card.licence) for card in cards]
    show_table(("NAME", "TITLE", "SIZE", "FILE", "LICENCE"), rows, flexible=("TITLE", "LICENCE"))


@app.command("show")
def show(name: Annotated[str, typer.Argument(help=NAMED)], as_json: AsJson = False) -> None:
    """One model's card."""
    from gan_core.models import listing

    card = dataclasses.asdict(listing.card(name))
    if as_json:
        emit(card)
        return
    hidden = {
        "hparams",
        "fields",
        "class_names",
        "format",
        "parameters",
        "metrics",
        "capabilities",
        "attributes",
        "pictures",
    }
    parameters = ", ".join(f"{network} {count:,}" for network, count in card["parameters"].items())
    known = {"classes": listed(card["class_names"])} if card["class_names"] else {}
    show_facts({key: value for key, value in card.items() if key not in hidden} | known | {"parameters": parameters})
    if card["metrics"]:
        rows = [(metric, f"{value:.4g}") for metric, value in card["metrics"].items()]
        show_table(("METRIC", "VALUE"), rows)
        say(f"Measured on pictures of {card['pictures']}.")
        for name, words in (("ssim", SSIM), ("psnr", LUMA)):
            if any(metric.removeprefix("back_").startswith(name) for metric in card["metrics"]):
                say(words)


def bring(
    files: Annotated[
        list[Path],
        typer.Argument(help="One file (.pth or .safetensors), or two: a to b, then b to a.", metavar="FILE..."),
    ],
    name: Annotated[str, typer.Option(help="What the model shall be called.")],
    title: Annotated[str, typer.Option(help="What it does, in words. [default: its name]")] = "",
    licence: Annotated[str, typer.Option(help="That of the weights.")] = "",
    learnt: Annotated[
        str, typer.Option("--data", help="The data set that it was trained on, such as horse2zebra, from A to B.")
    ] = "",
    backwards: Annotated[
        bool, typer.Option("--backwards", help="It leads from B to A of that set, as zebra2horse does.")
    ] = False,
    size: Annotated[
        int, typer.Option(help="Pixels of the pictures that it shall take. [default: 256, or its own]")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Puts generators of junyanz/pytorch-CycleGAN-and-pix2pix, or of CUT's code, on your shelf.

    Nothing in their files is run.
    """
    from gan_core.shelf.importing import Told, bring

    card = bring(files, name, Told(title, licence, learnt, backwards), size)
    if as_json:
        emit(dataclasses.asdict(card))
        return
    typer.echo(f"{card.name}: {card.recipe_title}, {card.size} px, {megabytes(card.bytes)}")
    typer.echo(f"  `ganscope translate {card.name} PICTURE -o OUT`, or the Studio's tab Translate")


def push(
    model: Annotated[str, typer.Argument(help="A model's name, or its folder.")],
    repository: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="Made on the Hub where it isn't there.")],
    private: Annotated[
        bool, typer.Option("--private", help="For you alone; refused where a public one is there.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Puts a model on the Hugging Face Hub, with its card as the page. Runs can't be pushed, only models."""
    from gan_core.models import hub
    from gan_core.models.push import push

    pushed = push(_folder(model), repository, private)
    if as_json:
        emit(dataclasses.asdict(pushed) | {"model": model})
        return
    seen = "private" if pushed.private else "public"
    typer.echo(f"{model} is at {pushed.url} ({seen}, commit {pushed.commit[:12]}).")
    typer.echo(f'Load it with gan_core.load("{hub.SCHEME}{repository}").')


def publish_space(
    repository: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="Made on the Hub where it isn't there.")],
    private: Annotated[
        bool, typer.Option("--private", help="For you alone; refused where a public one is there.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Puts the Studio on the Hugging Face Hub as a Space, with all bundled models. It starts there by itself."""
    from gan_core.models.space import publish

    published = publish(repository, private)
    if as_json:
        emit(dataclasses.asdict(published))
        return
    seen = "private" if published.private else "public"
    typer.echo(f"The Studio is at {published.url} ({seen}, commit {published.commit[:12]}).")
    typer.echo("The Hub builds it now; that takes some minutes.")


def _folder(model: str) -> Path:
    """The folder of a model that is on this machine; raises UnknownName, or BadValue for what is no such model."""
    from gan_core.models import hub, listing
    from gan_core.runs.store import RunStore

    if hub.is_address(model):
        raise BadValue("{model} is on the Hub already.", model=model)
    try:
        return listing.folder_of(model)
    except UnknownName:
        if any(model in (run.id, run.name) for run in RunStore().runs()):
            raise BadValue("{model} is a run, and only models can be pushed: `ganscope models`.", model=model) from None
        raise


def pretrain(
    name: Annotated[str, typer.Argument(help="A model of the table in gan_core/models/plans.py.")],
    device: Annotated[str, typer.Option(help="cpu, cuda or mps.")] = "cpu",
    budget: Annotated[float, typer.Option(help="Minutes of training, then a checkpoint; 0: until done.")] = 0.0,
    precision: Annotated[
        str, typer.Option(help="fp32, bf16, or auto: bf16 where a short trial finds it quicker.")
    ] = "fp32",
    compiled: Annotated[
        bool, typer.Option("--compile", help="Compile the networks first: half a minute, then quicker on CUDA.")
    ] = False,
    cost: Annotated[str, typer.Option(help="What the card says of the cost, and on which machine.")] = "",
    folder: Annotated[Path | None, typer.Option(help="Where the model is put. [default: pretrained/NAME]")] = None,
) -> None:
    """Trains a model of the shelf, goes on where it stopped before, and puts it into pretrained/."""
    from gan_core.cli.training import display
    from gan_core.runs.store import RunStore
    from gan_core.shelf import pretrain as making
    from gan_core.training.computation import asked_for

    computation = asked_for(precision, device, compiled)
    store = RunStore()
    run = making.run_of(store, name)
    with display(store, run) as show:
        show(run)  # one that is finished is published again
        code = making.make(store, name, cost, folder, budget, device, computation, show)
    if code:
        raise typer.Exit(code)
