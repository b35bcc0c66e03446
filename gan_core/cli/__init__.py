"""`ganscope ...`: everything the apps do, on the command line.

Results go to stdout; progress, messages and errors go to stderr. Exit codes: 0 success, 1 failure, 2 bad input, 130
interrupted. Commands import torch only when they need it, so the others start quickly.
"""

from __future__ import annotations

import typer

from gan_core.cli import (
    attributing,
    data,
    demo,
    diagnosing,
    evaluation,
    exporting,
    latent,
    learning_curve,
    media,
    models,
    recipes,
    runs,
    searching,
    serving,
    study,
    training,
    translating,
)
from gan_core.cli.output import Verbs
from gan_core.cores import release_while_waiting
from gan_core.evaluation import process

app = typer.Typer(
    name="ganscope",
    cls=Verbs,
    help="Learn, train, dissect and play with GANs.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    add_completion=False,
    rich_markup_mode="markdown",  # as rich markup, [default: ...] in a help would be read as a style and left out
)
app.add_typer(recipes.app, name="recipes")
app.add_typer(data.app, name="data")
app.add_typer(models.app, name="models")
app.command("pretrain")(models.pretrain)
app.command("import")(models.import_model)
app.command("push")(models.push)
app.command("publish-space")(models.publish_space)
app.command("train")(training.train)
app.add_typer(runs.app, name="runs")
app.command("doctor")(diagnosing.doctor)
app.command("sample")(media.sample)
app.command("translate")(translating.translate)
app.command("upscale")(translating.upscale)
app.command("eval")(evaluation.evaluate)
app.command(process.COMMAND, hidden=True)(evaluation.evaluate_asked)
app.command("search")(searching.search)
app.command("learning-curve")(learning_curve.learning_curve)
app.command("augment-study")(study.study)
app.command("directions")(latent.directions)
app.command("measure")(latent.measure)
app.command("attribute")(attributing.attribute)
app.command("interpolate")(latent.interpolate)
app.command("export")(exporting.export)
app.command("demo")(demo.demo)
app.command("serve")(serving.serve)
app.command("export-history")(media.export)


def main() -> None:
    """The console script."""
    release_while_waiting()
    app()


__all__ = ["app", "main"]
