"""`ganscope attribute`: attribution maps of a model's discriminator, as an image."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gan_core.cli.media import PICTURES, sampler_of
from gan_core.cli.output import AsJson, ModelOrRun, check_seed, check_width, emit, reporting, samples_word, show_table
from gan_core.disk import check_output, replacing
from gan_core.errors import BadValue, percent

MOST_PICTURES, MOST_STEPS = 64, 10_000


def attribute(
    model: ModelOrRun,
    output: Annotated[Path, typer.Option("--output", "-o", help="Output image: .png, .jpg or .webp.")],
    count: Annotated[int, typer.Option("--n", "-n", help="Number of samples to explain.")] = 4,
    steps: Annotated[
        int | None,
        typer.Option(
            help="Integration steps between the grey baseline and the sample; more steps give a smaller "
            "completeness error. [default: 200]"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed; the same seed gives the same samples.")] = 0,
    label: Annotated[
        str | None, typer.Option("--class", help="Class to sample, by name or number. [default: all in turn]")
    ] = None,
    width: Annotated[
        int,
        typer.Option(
            help="Minimum width of the output in pixels; samples are enlarged by a whole factor, without smoothing."
        ),
    ] = 512,
    as_json: AsJson = False,
) -> None:
    """Show what makes the discriminator call samples real (green) or fake (pink), by integrated gradients.

    The completeness error measures the accuracy of a map: its sum should equal the change of the discriminator's output
    from the grey baseline to the sample.
    """
    check_output(output, PICTURES)
    for name, value, most in (("samples", count, MOST_PICTURES), ("steps", 1 if steps is None else steps, MOST_STEPS)):
        if not 1 <= value <= most:
            raise BadValue(
                "The number of {name} must be between 1 and {most}, got {count}.", name=name, most=most, count=value
            )
    check_width(width)
    check_seed(seed)
    sampler, title, facts = sampler_of(model)
    import numpy as np

    from gan_core.latent.attribution import STEPS, attribution, check_explained, heat
    from gan_core.metrics.streams import check_images
    from gan_core.models.discriminators import discriminator_beside, discriminator_of
    from gan_core.pictures.grids import enlarge, grid, to_uint8
    from gan_core.pictures.photos import check_sides

    check_images(sampler)
    check_explained(sampler.recipe)
    discriminator = discriminator_beside(sampler) if "run" in facts else discriminator_of(facts["model"])
    images = sampler.draw(*(drawn := sampler.latents(count, seed, sampler.asked_for(label))))
    with reporting(not as_json) as progress:
        found = attribution(discriminator, images, drawn[1], steps or STEPS, progress)
    shown = np.repeat(to_uint8(images), 3 // images.shape[1], axis=3)  # grey to RGB
    picture = enlarge(grid(np.concatenate([shown, heat(found.maps)]), count), width)
    check_sides(output.suffix.removeprefix("."), picture.height, picture.width)
    with replacing(output) as temporary:
        picture.save(temporary)
    rows = [
        {"logit": logit, "completeness_error": error}
        for logit, error in zip(found.logits.tolist(), found.error.tolist(), strict=True)
    ]
    if as_json:
        emit(facts | {"integration_steps": steps or STEPS, "seed": seed, "samples": rows, "file": output.resolve()})
        return
    table = [(place, f"{row['logit']:.3f}", percent(row["completeness_error"], 1)) for place, row in enumerate(rows, 1)]
    show_table(("SAMPLE", "LOGIT", "COMPLETENESS ERROR"), table)
    typer.echo(f"{samples_word(count)} of {title}, with the attribution maps below: {output}")
