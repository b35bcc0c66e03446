"""`ganscope data`: list, show, download and prepare data sets."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gan_core.cli.output import (
    AsJson,
    class_words,
    data_name,
    data_sources,
    emit,
    lists_when_bare,
    megabytes,
    reporting,
    say,
    show_facts,
    show_table,
)
from gan_core.data.base import OF_PICTURES, Source
from gan_core.training.watching import ITEMS

AXES = {  # names of the axes of an item's shape, by task
    "images": "channels x height x width", "points": "coordinates", "audio": "values", "sequence": "tokens",
    "music": "voices x steps", "graph": "atoms x atoms", "video": "channels x frames x height x width",
    "control": "steps x values",
}  # fmt: skip

app = typer.Typer(help="List, show, download and prepare data sets.", invoke_without_command=True)


@app.command("list")
def list_sources(as_json: AsJson = False) -> None:
    """List the data sets. Your own images: folder:PATH or zip:PATH; for translation, paired:PATH or unpaired:PATH.

    Your own recordings: sounds:PATH, a folder or zip; a text: text:PATH, a file; molecules: smiles:PATH, a file.

    Images that don't fit on the disk: shards:PATTERN, tars as WebDataset writes them, such as
    shards:/data/faces-{000..099}.tar or shards:https://example.org/faces-{000..099}.tar, streamed while a run trains.

    Pairs and domains are read from folders trainA and trainB, or from images with both halves side by side, also in a
    zip. Images are cropped to the centre square. folder+stretch:PATH stretches them to a square instead, and
    folder+pad:PATH pads them by mirroring; likewise zip+pad, paired+stretch and so on.

    One subfolder per class, or StyleGAN's dataset.json, gives class labels. Of subfolders named train, val and test,
    train is used for training, and test:folder:PATH are the others (every tenth image if there are none).
    """
    sources = data_sources()
    if as_json:
        emit([_facts(source) for source in sources])
        return
    rows = [
        (
            source.name,
            source.title,
            _items(source),
            f"{source.size} px" if _pictured(source) else "-",
            ("colour" if source.channels == 3 else "grey") if _pictured(source) else "-",
            len(source.class_names) or "-",
            "here" if source.available() else source.needs,
        )
        for source in sources
    ]
    show_table(("NAME", "TITLE", "ITEMS", "SIZE", "KIND", "CLASSES", "AVAILABLE"), rows, flexible=("AVAILABLE",))
    say(
        "Your own: folder:PATH, zip:PATH, paired:PATH, unpaired:PATH, sounds:PATH, text:PATH, smiles:PATH or "
        "shards:PATTERN. "
        "See `ganscope data list --help`."
    )


lists_when_bare(app, list_sources)


@app.command("show")
def show(name: Annotated[str, typer.Argument(help="Name of a data set.")], as_json: AsJson = False) -> None:
    """Show a data set: contents, licence, and how to get it."""
    from gan_core.data import source

    found = source(name)
    facts = _facts(found)
    if as_json:
        emit(facts)
        return
    if not _pictured(found):
        facts = {key: value for key, value in facts.items() if key not in ("size", "channels", "images")}
        facts["items"] = _items(found)
    show_facts(facts | {"classes": ", ".join(facts["classes"]) or "none", "available": _yes(facts["available"])})


@app.command("load")
def load(
    name: Annotated[
        str, typer.Argument(help="Name of a data set, or your own files: see `ganscope data list --help`.")
    ],
    size: Annotated[int | None, typer.Option(help="Height and width in pixels. [default: native size]")] = None,
    as_json: AsJson = False,
) -> None:
    """Download a data set if needed, and resize it once for later training."""
    from gan_core.data import load

    with reporting(not as_json) as progress:
        data_set = load(data_name(name), size, progress)
    facts = {
        "data": data_set.name,
        "name": data_set.name,
        "images": len(data_set),
        "shape": list(data_set.spec.shape),
        "classes": list(data_set.class_names),
        "skipped": [list(pair) for pair in data_set.skipped],
        "notes": list(data_set.notes),
    }
    if as_json:
        emit(facts)
        return
    task = data_set.spec.task
    shape = " x ".join(map(str, data_set.spec.shape))
    typer.echo(f"{data_set.name}: {len(data_set):,} {_noun(task)} of {shape} ({AXES.get(task, AXES['images'])})")
    if task == "images":
        typer.echo(f"  {class_words(data_set.class_names)}")
    for note in data_set.notes:
        typer.echo(f"  {note}")
    for file, reason in data_set.skipped:
        typer.echo(f"  skipped {file}: {reason}")


@app.command("get")
def get(
    name: Annotated[
        str | None, typer.Argument(help="Name of a data set. Without it, all that can be downloaded are listed.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Download a data set from its published source, check and convert it. An interrupted download is resumed."""
    if name is None:
        _list_published(as_json)
        return
    from gan_core.data import published, source

    if name not in published.published:
        _get_by_loading(source(name), as_json)
        return
    wanted = published.published.get(name)
    say(f"{wanted.title}. Licence: {wanted.licence}")
    for place, version in (origin.known for origin in wanted.origins):
        say(f"  from {place}" + (f" at {version[:12]}" if version else ""))
    with reporting(not as_json) as progress:
        got = published.get(name, progress)
    if as_json:
        emit({"data": name, "name": name, "licence": wanted.licence} | vars(got))
        return
    typer.echo(f"{name} {'is now' if got.fresh else 'was already'} in {got.folder}")
    if not got.exact:
        typer.echo(
            "  Its pixels differ from those the bundled models were trained on (another version of Pillow, "
            "or another copy)."
        )


def _get_by_loading(source: Source, as_json: bool) -> None:
    """Data sets that are bundled, downloaded by torchvision, or generated."""
    fresh = not source.available()
    say(f"{source.title}. Licence: {source.licence}")
    with reporting(not as_json) as progress:
        source.load(None, progress)
    if as_json:
        emit({"data": source.name, "name": source.name, "licence": source.licence, "fresh": fresh})
        return
    typer.echo(f"{source.name} is now here" if fresh else f"{source.name} was already here")


def _list_published(as_json: bool) -> None:
    from gan_core.data import source
    from gan_core.data.published import published

    if as_json:
        emit(
            [
                {"data": item.name, "name": item.name, "title": item.title, "licence": item.licence, "bytes": item.size}
                | {"sources": dict(origin.known for origin in item.origins)}
                | {"available": source(item.name).available()}
                for item in published
            ]
        )
        return
    rows = [
        (item.name, item.title, megabytes(item.size), "yes" if source(item.name).available() else "no", item.licence)
        for item in published
    ]
    show_table(("NAME", "TITLE", "DOWNLOAD", "HERE", "LICENCE"), rows, flexible=("LICENCE",))


def _facts(source: Source) -> dict[str, Any]:
    return {
        "data": source.name,
        "name": source.name,
        "title": source.title,
        "about": source.about,
        "licence": source.licence,
        "size": source.size,
        "channels": source.channels,
        "images": source.items,
        "classes": list(source.class_names),
        "available": source.available(),
        "needs": source.needs,
    }


def _pictured(source: Source) -> bool:
    """Whether the items have a size in pixels, and colour channels."""
    return source.task in (*OF_PICTURES, "video")


def _items(source: Source) -> str:
    return f"{source.items:,} {_noun(source.task)}"


def _noun(task: str) -> str:
    return "pairs of images" if task == "paired" else ITEMS.get(task, "images")


def _yes(value: object) -> str:
    return "yes" if value else "no"
