"""`ganscope demo`: a web page that draws with a model in the visitor's own browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gan_core.cli.output import AsJson, emit, megabytes


def demo(
    model: Annotated[str, typer.Argument(help="A model that draws pictures: its name, folder or address on the Hub.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write; an older page is replaced.")],
    direction: Annotated[
        list[str] | None,
        typer.Option(help="A direction with a slider, such as 'mouth: smile'; repeatable. [default: six of the model]"),
    ] = None,
    runtime: Annotated[
        Path | None,
        typer.Option(help="The npm package onnxruntime-web as a tarball. [default: downloaded by npm, once]"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build a web page with sliders that runs a generator in the visitor's browser, without a server that computes."""
    from gan_core.exporting.demo import build

    made = build(model, output, direction or (), runtime)
    if as_json:
        emit({"model": model, "folder": made.folder.resolve(), "sliders": made.sliders, "bytes": made.bytes,
              "difference": made.difference})  # fmt: skip
        return
    typer.echo(f"{model}: {made.folder}, {megabytes(made.bytes)}")
    typer.echo(f"  sliders: {', '.join(made.sliders)}")
    typer.echo(f"  largest difference from PyTorch: {made.difference:g} of 255 levels")
    typer.echo(f"  to look at it: python -m http.server -d {made.folder} --bind 127.0.0.1 8080")
