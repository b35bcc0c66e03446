"""`ganscope attribute`: what the discriminator of a model looks at, as a picture, with the error of the method."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gan_core.cli.media import PICTURES, sampler_of
from gan_core.cli.output import AsJson, RunName, check_seed, emit, reporting, show_table
from gan_core.disk import replacing
from gan_core.errors import BadValue
from gan_core.runs.store import RunStore

if TYPE_CHECKING:
    from torch import nn

MOST_PICTURES, MOST_STEPS = 64, 10_000


def attribute(
    model: RunName,
    output: Annotated[Path, typer.Option("--output", "-o", help="The picture: .png, .jpg or .webp.")],
    count: Annotated[int, typer.Option("--n", "-n", help="How many samples are looked at.")] = 4,
    steps: Annotated[
        int | None,
        typer.Option(help="Places between grey and the sample: the more, the smaller the error. [default: 200]"),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same samples.")] = 0,
    label: Annotated[int | None, typer.Option("--class", help="The class to draw. [default: all in turn]")] = None,
    width: Annotated[int, typer.Option(help="Pixels are enlarged sharply until the picture is this wide.")] = 512,
    as_json: AsJson = False,
) -> None:
    """Draws what speaks for samples being real (green) and against it (pink), by integrated gradients.

    The completeness error says how far the map is off: its sum should be what the verdict changes from grey.
    """
    if output.suffix.lower() not in PICTURES:
        raise BadValue(
            "{file} can't be written: valid endings are {valid}.", file=output.name, valid=", ".join(PICTURES)
        )
    for name, value, most in (("pictures", count, MOST_PICTURES), ("steps", 1 if steps is None else steps, MOST_STEPS)):
        if not 1 <= value <= most:
            raise BadValue(
                "The number of {name} must lie between 1 and {most}, not at {count}.", name=name, most=most, count=value
            )
    check_seed(seed)
    sampler, title, facts = sampler_of(model)
    import numpy as np

    from gan_core.latent.attribution import STEPS, attribution, heat
    from gan_core.metrics.streams import check_images
    from gan_core.pictures.grids import enlarge, grid, to_uint8

    check_images(sampler)
    discriminator = _discriminator(facts)
    images = sampler.draw(*(drawn := sampler.latents(count, seed, label)))
    with reporting(not as_json) as progress:
        found = attribution(discriminator, images, drawn[1], steps or STEPS, progress)
    shown = np.repeat(to_uint8(images), 3 // images.shape[1], axis=3)  # grey as colours
    picture = enlarge(grid(np.concatenate([shown, heat(found.maps)]), count), width)
    with replacing(output) as temporary:
        picture.save(temporary)
    rows = [
        {"logit": logit, "completeness_error": error}
        for logit, error in zip(found.logits.tolist(), found.error.tolist(), strict=True)
    ]
    if as_json:
        emit(facts | {"steps": steps or STEPS, "seed": seed, "samples": rows, "file": output.resolve()})
        return
    table = [(place, f"{row['logit']:.3f}", f"{row['completeness_error']:.1%}") for place, row in enumerate(rows, 1)]
    show_table(("SAMPLE", "LOGIT", "COMPLETENESS ERROR"), table)
    typer.echo(f"{count} samples of {title}, and below what the discriminator looks at: {output}")


def _discriminator(facts: dict[str, Any]) -> nn.Module:
    """Of what `sampler_of` found; raises BadCheckpoint where its file has none."""
    from gan_core.latent.attribution import discriminator_of, discriminator_of_run

    if "run" in facts:
        return discriminator_of_run(RunStore(), facts["run"])
    return discriminator_of(facts["model"])
