"""Shared by all commands: output, error handling, and how runs are named."""

from __future__ import annotations

import difflib
import json
import math
import os
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from gan_core.data import size_word
from gan_core.data.base import Progress as Report
from gan_core.data.base import Source
from gan_core.data.parts import PARTS, SHARES
from gan_core.data.user.references import SHARDS, TEXT, is_address, is_shards, user_images
from gan_core.errors import BadData, BadValue, GanscopeError, UnknownName, listed
from gan_core.registry import Registry
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import Run, RunStore

BAD_INPUT = (BadValue, BadData, UnknownName)
WIDE = 200  # columns if the output is no terminal, so that nothing is cut
LATEST = "latest"
NEWEST = 10  # runs that are listed if no run was named

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON to stdout, and nothing else.")]
RunName = Annotated[str, typer.Argument(help="Id of a run, a prefix of it, a name, or 'latest'.")]
ModelOrRun = Annotated[
    str,
    typer.Argument(
        help="A model: its name, folder or hf://owner/name; or a run: its id, a prefix of it, its name or 'latest'."
    ),
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KNOB=VALUE", help="Set a knob, as KNOB=VALUE; repeatable.")
]


def what(spec: RunSpec) -> str:
    """The recipe, data and size of a run, such as "dcgan on digits, 16 px"."""
    size = size_word(spec.data, spec.size)
    return f"{spec.recipe} on {spec.data}" + (f", {size}" if size else "")


class Verbs(TyperGroup):
    """Prints a GanscopeError as one sentence, and exits with 130 on an interrupt."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except GanscopeError as error:
            say(f"Error: {error}")
            raise typer.Exit(2 if isinstance(error, BAD_INPUT) else 1) from None
        except KeyboardInterrupt:
            say("Interrupted.")
            raise typer.Exit(130) from None


def lists_when_bare(app: typer.Typer, list_all: Callable[[bool], None]) -> None:
    """Makes a group without a subcommand list everything, as `list` does: `ganscope runs --json`."""

    @app.callback()
    def default(context: typer.Context, as_json: AsJson = False) -> None:
        if context.invoked_subcommand is None:
            list_all(as_json)
        elif as_json:
            group = context.info_name or ""
            raise BadValue(
                "--json must follow the subcommand: `{command}`",
                command=f"{command(group, context.invoked_subcommand)} ... --json",
            )


def errors() -> Console:
    """The console on stderr; created at each call, because tests and pipes replace the stream."""
    return Console(stderr=True, soft_wrap=True, highlight=False)


def say(text: str) -> None:
    """Prints a message to stderr."""
    typer.echo(text, err=True)


def emit(value: Any) -> None:
    """Prints one line of JSON to stdout; numbers that JSON lacks become null."""
    typer.echo(json.dumps(_finite(value), ensure_ascii=False, default=str))


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]], flexible: Sequence[str] = ()) -> None:
    """Prints a table to stdout; only the `flexible` columns may be wrapped. Cells are plain text, not markup."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDE
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=column not in flexible, overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    console.print(table)


def class_words(names: Sequence[str]) -> str:
    """The classes that were found, in words."""
    return f"{len(names)} classes: {listed(names)}" if names else "no classes"


def show_facts(facts: Mapping[str, object]) -> None:
    """Prints `name  value` lines to stdout."""
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        typer.echo(f"{name.ljust(width)}  {value}")


def parse_settings(settings: Sequence[str] | None) -> dict[str, str]:
    """Parses `knob=value` texts into a mapping; values stay text."""
    changes: dict[str, str] = {}
    for setting in settings or ():
        name, equals, value = setting.partition("=")
        if not equals or not name.strip():
            raise BadValue("'{setting}' must have the form KNOB=VALUE, such as seed=3.", setting=setting)
        changes[name.strip()] = value.strip()
    return changes


def command(*words: object) -> str:
    """A command of GANscope, quoted for a shell."""
    return shlex.join(["ganscope", *map(str, words)])


def check_seed(seed: int) -> None:
    """Raises BadValue for an invalid seed."""
    if not 0 <= seed < 2**31:
        raise BadValue("The seed must be between 0 and {last}, got {seed}.", last=2**31 - 1, seed=seed)


def check_width(width: int) -> None:
    """Raises BadValue for a picture's width that is out of range."""
    if not 1 <= width <= 8192:
        raise BadValue("The width must be between 1 and 8192 pixels, got {width}.", width=width)


def find_run(store: RunStore, wanted: str) -> Run:
    """The run of that id, name or beginning of an id; raises UnknownName if none matches, BadValue if several do."""
    runs = store.runs()
    if wanted == LATEST and runs:
        return runs[0]
    by_name = [run for run in runs if wanted and run.name == wanted]  # "": an unset variable of a script, no run
    by_id = [run for run in runs if wanted and run.id.startswith(wanted)]
    for found in ([run for run in runs if run.id == wanted], by_name, by_id):
        if len(found) == 1:
            return found[0]
    if several := [run.id for run in by_name or by_id]:
        facts = {"count": len(several), "name": wanted, "ids": listed(several)}
        raise BadValue("{count} runs match '{name}'. Give the id of one: {ids}.", **facts)
    raise UnknownName("run", wanted, _run_names(runs, wanted))


def _run_names(runs: Sequence[Run], wanted: str) -> list[str]:
    """Names and ids of the newest runs, and of those with a similar name."""
    every = [name for run in runs for name in (run.name, run.id) if name]
    newest = [name for run in runs[:NEWEST] for name in (run.name, run.id) if name] + [LATEST] * bool(runs)
    return list(dict.fromkeys([*difflib.get_close_matches(wanted, every, cutoff=0.5), *newest]))


def unknown(store: RunStore, kind: str, wanted: str) -> UnknownName:
    """The error for a name that is neither a model nor a run; it lists both."""
    from gan_core.models import listing

    return UnknownName(kind, wanted, [*listing.names(), *_run_names(store.runs(), wanted)])


def moment(seconds: float) -> str:
    """A time as text, in the local time zone."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def samples_word(samples: int) -> str:
    return "1 sample" if samples == 1 else f"{samples:,} samples"


def megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


@contextmanager
def reporting(shown: bool = True) -> Iterator[Report]:
    """Shows a progress bar on stderr; yields the progress callback that gan_core's long tasks take."""
    console = errors()
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        console=console,
        transient=True,
        disable=not shown or not console.is_terminal,
    ) as progress:
        task = progress.add_task("", total=1.0)
        yield lambda share, what: progress.update(task, completed=share, description=what)


def data_sources() -> Registry[Source]:
    """All data sets that are available by name."""
    from gan_core.data import sources

    return sources


def data_name(text: str, task: str = "images") -> str:
    """The name of a data set as stored with a run: users' folders and zips by their absolute path.

    A bare path is read as data for that task; the prefixes `train:` and `test:` select a part, `half:` and `quarter:` a
    share. Raises BadValue.
    """
    part, colon, rest = text.partition(":")
    if colon and part in (*PARTS, *SHARES):
        return f"{part}:{data_name(rest, task)}"
    if mine := user_images(text):
        return str(mine if mine.is_upload else replace(mine, path=_whole(mine.path)))
    if is_shards(text):
        pattern = text.removeprefix(SHARDS)
        return text if is_address(pattern) else f"{SHARDS}{_whole(pattern)}"
    if text.startswith(TEXT):
        return f"{TEXT}{_whole(text.removeprefix(TEXT))}"
    place = Path(_whole(text))
    if text not in data_sources() and (os.path.exists(place) or "/" in text or os.sep in text):
        kinds = {"paired": "paired", "unpaired": "unpaired", "audio": "sounds"}
        kind = kinds.get(task, "folder" if place.is_dir() else "zip")
        return f"{kind}:{place}"
    return text


def _whole(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))
