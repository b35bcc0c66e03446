"""`ganscope data`: the data sets, and getting one ready before it is needed."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gan_core.cli.output import (
    AsJson,
    class_words,
    data_name,
    data_sources,
    emit,
    megabytes,
    reporting,
    say,
    show_facts,
    show_table,
)

app = typer.Typer(help="List the data sets, show one, get one, or prepare one.", invoke_without_command=True)


@app.callback()
def default(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_sources(as_json=False)


@app.command("list")
def list_sources(as_json: AsJson = False) -> None:
    """All data sets by name. Your own images: folder:PATH or zip:PATH, for translation paired:PATH or unpaired:PATH.

    Pairs and domains lie in folders trainA and trainB, or pairs side by side in one picture; a zip of them does too.
    Their pictures are cut to the square in the middle. folder+stretch:PATH makes all of each picture square, and
    folder+pad:PATH mirrors its borders; so do zip+pad, paired+stretch and the others.

    A folder for each class, or StyleGAN's dataset.json, gives classes. Of folders called train, val and test the first
    is learnt from; test:folder:PATH are the others, or every tenth image where there are none.
    """
    sources = data_sources()
    if as_json:
        emit([_facts(source) for source in sources])
        return
    rows = [
        (
            source.name,
            source.title,
            f"{source.items:,}",
            f"{source.size} px",
            "colour" if source.channels == 3 else "grey",
            len(source.class_names) or "-",
            "here" if source.available() else source.needs,
        )
        for source in sources
    ]
    show_table(("NAME", "TITLE", "IMAGES", "SIZE", "KIND", "CLASSES", "AVAILABLE"), rows, flexible=("AVAILABLE",))
    say("Your own: folder:PATH, zip:PATH, paired:PATH or unpaired:PATH. See `ganscope data list --help`.")


@app.command("show")
def show(name: Annotated[str, typer.Argument(help="A data set's name.")], as_json: AsJson = False) -> None:
    """One data set: what it holds, its licence, and how to get it."""
    from gan_core.data import source

    facts = _facts(source(name))
    if as_json:
        emit(facts)
        return
    show_facts(facts | {"classes": ", ".join(facts["classes"]) or "none", "available": _yes(facts["available"])})


@app.command("load")
def load(
    name: Annotated[str, typer.Argument(help="A data set's name, or your own: see `ganscope data list --help`.")],
    size: Annotated[int | None, typer.Option(help="Height and width in pixels; the native size if left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Downloads a data set where needed, and resizes it once for later training."""
    from gan_core.data import load

    with reporting(not as_json) as progress:
        data_set = load(data_name(name), size, progress)
    facts = {
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
    shape, kind = (
        " x ".join(map(str, data_set.spec.shape)),
        {"paired": "pairs of images"}.get(data_set.spec.task, "images"),
    )
    typer.echo(f"{data_set.name}: {len(data_set):,} {kind} of {shape} (channels x height x width)")
    if data_set.spec.task == "images":
        typer.echo(f"  {class_words(data_set.class_names)}")
    for note in data_set.notes:
        typer.echo(f"  {note}")
    for file, reason in data_set.skipped:
        typer.echo(f"  skipped {file}: {reason}")


@app.command("get")
def get(
    name: Annotated[str | None, typer.Argument(help="A data set's name; all that can be got, if left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Brings a data set from its published source, checked and converted; a second call goes on after a cut."""
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
        emit({"name": name, "licence": wanted.licence} | vars(got))
        return
    typer.echo(f"{name} {'is now' if got.fresh else 'was already'} in {got.folder}")
    if not got.exact:
        typer.echo("  Its pixels differ from those that our models were made from (another Pillow, or another copy).")


def _get_by_loading(source: Any, as_json: bool) -> None:
    """Sets that come with GANscope, that torchvision downloads, or that are drawn."""
    fresh = not source.available()
    say(f"{source.title}. Licence: {source.licence}")
    with reporting(not as_json) as progress:
        source.load(None, progress)
    if as_json:
        emit({"name": source.name, "licence": source.licence, "fresh": fresh})
        return
    typer.echo(f"{source.name} is now here" if fresh else f"{source.name} was already here")


def _list_published(as_json: bool) -> None:
    from gan_core.data import source
    from gan_core.data.published import published

    if as_json:
        emit(
            [
                {"name": item.name, "title": item.title, "licence": item.licence, "bytes": item.size}
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


def _facts(source: Any) -> dict[str, Any]:
    return {
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


def _yes(value: object) -> str:
    return "yes" if value else "no"
