"""`ganscope models`, `pretrain`, `import`, `push` and `publish-space`: trained models, and the Hugging Face Hub."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gan_core.cli.output import (
    AsJson,
    RunName,
    command,
    emit,
    find_run,
    lists_when_bare,
    megabytes,
    say,
    show_facts,
    show_table,
)
from gan_core.data import size_word
from gan_core.errors import BadValue, UnknownName, listed
from gan_core.metrics.pictures import LUMA, SSIM

if TYPE_CHECKING:
    from gan_core.models.card import Card

NAMED = "Name of a model, its folder, or hf://owner/name."

app = typer.Typer(help="List the models, show a model card, or publish a run as a model.", invoke_without_command=True)


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List the models: the bundled ones, your own, and those downloaded from the Hub."""
    from gan_core.models import hub, listing

    found, damaged = listing.survey(listing.folders() | hub.folders())
    cards = [dataclasses.replace(card, name=name) for name, card in found.items()]
    for one in damaged:
        say(f"{one.name}: {one.reason}")
    if as_json:
        emit([card_facts(card) for card in cards])
        return
    if not cards and not damaged:
        say("There are no models yet. The quickest one to train: `ganscope pretrain dcgan.digits`")
        return
    rows = [
        (card.name, card.title, size_word(card.data, card.size) or "-", megabytes(card.bytes), card.licence)
        for card in cards
    ]
    show_table(("NAME", "TITLE", "SIZE", "FILE", "LICENCE"), rows, flexible=("TITLE", "LICENCE"))


lists_when_bare(app, list_models)


@app.command("show")
def show(name: Annotated[str, typer.Argument(help=NAMED)], as_json: AsJson = False) -> None:
    """Show a model card."""
    from gan_core.models import listing

    found = listing.card(name)
    if as_json:
        emit(card_facts(found))
        return
    card = dataclasses.asdict(found)
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
        say(f"Measured on images of {card['pictures']}.")
        for name, words in (("ssim", SSIM), ("psnr", LUMA)):
            if any(metric.removeprefix("back_").startswith(name) for metric in card["metrics"]):
                say(words)


@app.command("publish")
def publish(
    run: RunName,
    name: Annotated[str, typer.Option(help="Name of the model. [default: the run's name, or its recipe and id]")] = "",
    title: Annotated[
        str, typer.Option(help="Title shown in the gallery. [default: the run's name, or recipe and data]")
    ] = "",
    licence: Annotated[str, typer.Option(help="Licence of the weights. [default: that of the data]")] = "",
    limits: Annotated[str, typer.Option(help="What the model can't do, for its card.")] = "",
    half: Annotated[bool, typer.Option("--half", help="Store the weights in half precision.")] = False,
    as_json: AsJson = False,
) -> None:
    """Publish a run's newest checkpoint as a model of your own: card, weights and samples."""
    from gan_core.models import listing
    from gan_core.runs.store import RunStore

    store = RunStore()
    found = find_run(store, run)  # before PyTorch is imported
    from gan_core.shelf.own import Description, publish_run

    card = publish_run(store, found, Description(name, title, licence, limits), half)
    if as_json:
        emit(card_facts(card) | {"run": found.id, "folder": listing.standing(card.name)})
        return
    typer.echo(f"{card.name}: {card.recipe_title}, step {card.steps:,}, {megabytes(card.bytes)}")
    typer.echo(f"  `{command('models', 'show', card.name)}`, or the page Models")


@app.command("remove")
def remove(
    names: Annotated[
        list[str],
        typer.Argument(help="Names of your own models, or hf://owner/name of downloaded ones.", metavar="MODEL..."),
    ],
    as_json: AsJson = False,
) -> None:
    """Remove your own models and those downloaded from the Hub. Bundled models can't be removed."""
    from gan_core.models import removing

    names = list(dict.fromkeys(names))
    freed = removing.remove(names)
    if as_json:
        emit({"removed": names, "bytes": freed})
        return
    typer.echo(f"Removed {listed(names)}: {megabytes(freed)} freed.")


def card_facts(card: Card) -> dict[str, Any]:
    """A model card as JSON, with the same keys as in other answers."""
    facts = dataclasses.asdict(card)
    shared = {"model": card.name, "classes": facts.pop("class_names"), "images_seen": facts.pop("images")}
    return shared | facts


def import_model(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="One file (.pth, .safetensors; .keras or .h5), or two: A to B, then B to A.", metavar="FILE..."
        ),
    ],
    name: Annotated[str, typer.Option(help="Name of the model.")],
    title: Annotated[str, typer.Option(help="Title shown in the gallery. [default: the name]")] = "",
    licence: Annotated[str, typer.Option(help="Licence of the weights.")] = "",
    learnt: Annotated[
        str, typer.Option("--data", help="Data set it was trained on, such as horse2zebra; the direction is A to B.")
    ] = "",
    backwards: Annotated[
        bool, typer.Option("--backwards", help="The direction is B to A of that data set, as for zebra2horse.")
    ] = False,
    size: Annotated[
        int, typer.Option(show_default=False, help="Image size in pixels. [default: 256, or what the network needs]")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Import generators trained with junyanz/pytorch-CycleGAN-and-pix2pix, CUT or Keras (Sequential) as models.

    No code in the files is executed.
    """
    from gan_core.models.weight_files import KERAS
    from gan_core.shelf.importing import Provenance, import_generators, import_keras

    stated = Provenance(title, licence, learnt, backwards)
    of_keras = len(files) == 1 and files[0].suffix.lower() in KERAS
    if of_keras and size:
        raise BadValue("The layers of a Keras generator decide the size of its images: leave out --size.")
    card = import_keras(files[0], name, stated) if of_keras else import_generators(files, name, stated, size)
    if as_json:
        emit(card_facts(card))
        return
    typer.echo(f"{card.name}: {card.recipe_title}, {card.size} px, {megabytes(card.bytes)}")
    if of_keras:
        typer.echo(f"  `ganscope sample {card.name} -o OUT`, or the Studio's tab Explore")
    else:
        typer.echo(f"  `ganscope translate {card.name} PICTURE -o OUT`, or the Studio's tab Translate")


def push(
    model: Annotated[str, typer.Argument(help="Name of a model, or its folder.")],
    repository: Annotated[
        str, typer.Argument(metavar="OWNER/NAME", help="Repository on the Hub; created if it doesn't exist.")
    ],
    private: Annotated[
        bool, typer.Option("--private", help="Create it as private. Refused if it already exists and is public.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Push a model to the Hugging Face Hub, with its card as the model page. Only models can be pushed, not runs."""
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
    repository: Annotated[
        str, typer.Argument(metavar="OWNER/NAME", help="Repository on the Hub; created if it doesn't exist.")
    ],
    private: Annotated[
        bool, typer.Option("--private", help="Create it as private. Refused if it already exists and is public.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Publish the Studio with all bundled models as a Space on the Hugging Face Hub, where it starts by itself."""
    from gan_core.models.space import publish

    published = publish(repository, private)
    if as_json:
        emit(dataclasses.asdict(published))
        return
    seen = "private" if published.private else "public"
    typer.echo(f"The Studio is at {published.url} ({seen}, commit {published.commit[:12]}).")
    typer.echo("The Hub is building it now, which takes a few minutes.")


def _folder(model: str) -> Path:
    """The folder of a local model; raises UnknownName, or BadValue for a run or a model on the Hub."""
    from gan_core.models import hub, listing
    from gan_core.runs.store import RunStore

    if hub.is_address(model):
        raise BadValue("{model} is already on the Hub.", model=model)
    try:
        return listing.folder_of(model)
    except UnknownName:
        if any(model in (run.id, run.name) for run in RunStore().runs()):
            raise BadValue(
                "{model} is a run, and only models can be pushed. Publish it as a model first: `{command}`",
                model=model, command=command("models", "publish", model),
            ) from None  # fmt: skip
        raise


def pretrain(
    name: Annotated[str, typer.Argument(help="Name of a model in gan_core/models/plans.py.")],
    device: Annotated[str, typer.Option(help="Device: cpu, cuda or mps.")] = "cpu",
    budget: Annotated[
        float, typer.Option(help="Minutes of training before a checkpoint is saved and training stops. 0: until done.")
    ] = 0.0,
    precision: Annotated[
        str, typer.Option(help="fp32, bf16, fp16 (CUDA only), or auto (bf16 if a short benchmark finds it faster).")
    ] = "fp32",
    compiled: Annotated[
        bool,
        typer.Option(
            "--compile",
            help="Compile the networks with torch.compile: takes about half a minute, then trains faster on CUDA.",
        ),
    ] = False,
    cost: Annotated[str, typer.Option(help="Training cost and machine, as stated on the model card.")] = "",
    folder: Annotated[Path | None, typer.Option(help="Output folder. [default: pretrained/NAME]")] = None,
) -> None:
    """Train a model of the table, resuming an earlier attempt, and save it to pretrained/."""
    from gan_core.cli.training import display
    from gan_core.runs.store import RunStore
    from gan_core.shelf import pretrain as making
    from gan_core.training.computation import asked_for

    making.check_budget(budget)
    computation = asked_for(precision, device, compiled)
    store = RunStore()
    run = making.run_of(store, name)
    with display(store, run) as show:
        show(run)  # a finished run is published again
        code = making.make(store, name, cost, folder, budget, device, computation, show)
    if code:
        raise typer.Exit(code)
