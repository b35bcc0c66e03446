"""The generators' ONNX files: `GANSCOPE_HOME/exports`, named by the model's sha256, written once.

A file is written in a process of its own (`gan_core/exporting/apart.py`), where its pictures are compared with
PyTorch's; a model that fails is served by PyTorch.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from gan_core import paths
from gan_core.disk import TEMPORARY
from gan_core.errors import ExportError
from gan_core.exporting.apart import export_apart
from gan_core.exporting.runtime import open_session, require_packages
from gan_core.exporting.wanted import Wanted
from serving.leftovers import sweep

SHOWN = 32  # digits of a sha256 in a file's name

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
    sweep(path.parent, f"*{TEMPORARY}*")
    export_apart(str(folder.resolve()), path, Wanted(part=part, uint8=True))
    return _opened(path, sha256)


def _opened(path: Path, sha256: str) -> Any:
    session = open_session(path, spinning=False)
    if session.get_modelmeta().custom_metadata_map.get("sha256") != sha256:
        raise ExportError("{path} was exported from another model.", path=path.name)
    return session
