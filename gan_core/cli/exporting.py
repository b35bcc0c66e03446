"""`ganscope export`: a model as ONNX, as a `torch.export` program, or as plain PyTorch code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gan_core.cli.output import AsJson, emit, find_run, megabytes, unknown
from gan_core.errors import UnknownName, percent
from gan_core.runs.store import RunStore


def export(
    model: Annotated[str, typer.Argument(help="A model's name, folder or address on the Hub, or a run.")],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="Output file: .onnx, .pt2 (a torch.export program) or .py (code, with its weights)."
        ),
    ],
    part: Annotated[
        str,
        typer.Option(
            help="Part to export: w (a style-based generator, from w on) or discriminator. [default: what "
            "the model is for]"
        ),
    ] = "",
    direction: Annotated[
        str, typer.Option(help="Direction, for models with several, such as b_to_a. [default: the first]")
    ] = "",
    uint8: Annotated[
        bool, typer.Option("--uint8", help="Pictures as uint8 (B, H, W, C), not float in [-1, 1].")
    ] = False,
    precision: Annotated[str, typer.Option(help="fp32, fp16 or int8; ONNX only.")] = "fp32",
    noise_inputs: Annotated[
        bool, typer.Option("--noise-inputs", help="The noise of each layer as an input; style-based generators only.")
    ] = False,
    free_size: Annotated[
        bool, typer.Option("--free-size", help="Pictures of other sizes too, where the layers of the network allow it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Export a model, and check that its outputs match those of PyTorch."""
    from gan_core.exporting.wanted import Wanted
    from gan_core.exporting.writing import export_model
    from gan_core.models import listing

    store: RunStore | None = None
    name = model
    try:
        listing.folder_of(model)
    except UnknownName:
        store = RunStore()
        try:
            name = find_run(store, model).id
        except UnknownName:
            raise unknown(store, "model or run", model) from None
    made = export_model(name, output, Wanted(part, direction, uint8, precision, noise_inputs, free_size), store)
    if as_json:
        emit({
            "model": model, "files": [path.resolve() for path in made.files], "bytes": made.bytes,
            "difference": made.difference, "psnr": made.psnr, "equal": made.equal, "inputs": made.inputs,
            "outputs": made.outputs,
        })  # fmt: skip
        return
    typer.echo(f"{model}: {', '.join(map(str, made.files))}, {megabytes(made.bytes)}")
    for title, ports in (("inputs", made.inputs), ("outputs", made.outputs)):
        if ports:
            typer.echo(f"  {title}: " + ", ".join(f"{name} {kind}".strip() for name, kind in ports.items()))
    if made.inputs:
        typer.echo(f"  largest difference from PyTorch at batches of 1, 3 and 8: {made.difference:.2g}")
        if free_size:
            typer.echo("  compared at three sizes; what the sizes are multiples of is in the names of the axes")
    if made.psnr is not None:
        typer.echo(f"  PSNR to single precision: {made.psnr:.1f} dB")
    if made.equal is not None:
        typer.echo(f"  equal to single precision: {percent(made.equal)} of the outputs")
