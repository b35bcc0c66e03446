"""The command `serve`: models over HTTP."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gan_core import paths
from gan_core.errors import BadValue

PACKAGES = ("fastapi", "uvicorn", "python_multipart", "limits", "prometheus_client", "gradio")
FOLDERS = ("serving", "ui")  # folders beside gan_core in the project that aren't installed with it
NONE = "none"


def serve(
    host: Annotated[str, typer.Option(help="The address to listen at; 0.0.0.0 for other computers.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen at.")] = 8000,
    key: Annotated[
        Path | None, typer.Option(help="A file of API keys: a name and a secret on each line. [default: no keys]")
    ] = None,
    rate: Annotated[
        str, typer.Option(help="Requests that each key or address may make, such as 10/second, or none.")
    ] = "600/minute",
    model: Annotated[
        list[str] | None,
        typer.Option(help="A model to open and export before the service is ready; repeatable. [default: the first]"),
    ] = None,
    deadline: Annotated[float, typer.Option(help="Seconds until a request is answered, or refused.")] = 30.0,
    queue: Annotated[int, typer.Option(help="Pictures that may wait for one model.")] = 256,
    studio: Annotated[
        bool, typer.Option("--studio", help="Serve the Studio at / as well; it asks for no key.")
    ] = False,
    proxies: Annotated[
        str, typer.Option(help="Addresses of proxies whose X-Forwarded-For is trusted, separated by commas.")
    ] = "",
) -> None:
    """Serve the models of the shelf over HTTP until it is stopped; docs/serving.md describes the API."""
    _require()
    settings: Any = importlib.import_module("serving.settings")
    command: Any = importlib.import_module("serving.command")
    command.serve(
        settings.Settings(
            host=host, port=port, keys=settings.read_keys(key) if key else (), rate="" if rate == NONE else rate,
            models=tuple(model or ()), longest=deadline, places=queue, studio=studio, proxies=proxies,
        )
    )  # fmt: skip


def _require() -> None:
    """Raises BadValue, which says what to install, if something is missing."""
    if not all((paths.ROOT / folder).is_dir() for folder in FOLDERS):
        raise BadValue(
            "Serving needs the whole project and not the package alone: clone it, then in its folder "
            "pip install -e '.[serve]'"
        )
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise BadValue(
            "Serving needs packages that aren't installed: {missing}. Install them: pip install 'ganscope[serve]'",
            missing=", ".join(missing),
        )
    if str(paths.ROOT) not in sys.path:
        sys.path.insert(0, str(paths.ROOT))
