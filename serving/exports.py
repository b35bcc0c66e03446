"""The generators' ONNX files: `GANSCOPE_HOME/exports`, named by the model's sha256, written once.

A file is written by `ganscope export` in a process of its own, so that the exporter's memory and its hooks into PyTorch
don't stay with the server. Its pictures are compared with PyTorch's there; a model that fails is served by PyTorch.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from gan_core import paths
from gan_core.errors import ExportError
from gan_core.exporting.runtime import open_session, require_packages

LONGEST = 600.0  # seconds of an export
SHOWN = 32  # digits of a sha256 in a file's name

_running: set[subprocess.Popen[str]] = set()
logger = logging.getLogger(__name__)


def session_of(folder: Path, sha256: str, part: str = "") -> Any:
    """An onnxruntime session of a model in a folder, of the 8-bit pictures of its `part` ("w", or "" for z).

    Raises ExportError where the packages are missing or the model can't be exported, and StoreError.
    """
    require_packages()
    path = paths.home() / "exports" / f"{sha256[:SHOWN]}-{part or 'z'}.onnx"
    if path.is_file():
        try:
            return _opened(path, sha256)
        except ExportError as error:
            logger.warning("an export is written anew: %s", error)
            path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    _export(folder, path, part)
    return _opened(path, sha256)


def _opened(path: Path, sha256: str) -> Any:
    session = open_session(path, spinning=False)
    if session.get_modelmeta().custom_metadata_map.get("sha256") != sha256:
        raise ExportError("{path} was exported from another model.", path=path.name)
    return session


def _export(folder: Path, path: Path, part: str) -> None:
    words = [sys.executable, "-m", "gan_core", "export", str(folder.resolve()), "-o", str(path), "--uint8"]
    process = subprocess.Popen(
        [*words, *(["--part", part] if part else [])], cwd=paths.ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    _running.add(process)
    try:
        _output, said = process.communicate(timeout=LONGEST)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise ExportError("The export took longer than {seconds:g} seconds.", seconds=LONGEST) from None
    finally:
        _running.discard(process)
    if process.returncode:
        last = (said.strip().splitlines() or [f"exit code {process.returncode}"])[-1]
        raise ExportError("This network can't be exported: {reason}", reason=last.removeprefix("Error: "))


def stop() -> None:
    """Ends what is being exported, as the server ends; nothing half-written is left under an export's name."""
    for process in list(_running):
        process.kill()
