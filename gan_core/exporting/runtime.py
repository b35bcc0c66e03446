"""Imports onnxruntime when it is needed."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

from gan_core.errors import ExportError

PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def require_packages() -> None:
    """Raises ExportError, with the command that installs them, if packages are missing."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ExportError(
            "ONNX needs packages that aren't installed: {missing}. Install them: pip install 'ganscope[export]'",
            missing=", ".join(missing),
        )


def open_session(content: bytes | Path, threads: int = 0, spinning: bool = True) -> Any:
    """An onnxruntime session on the CPU; `threads` 0 uses all cores. Raises ExportError for anything but an ONNX model.

    `spinning` False lets idle threads sleep at once, which frees their cores for other work.
    """
    require_packages()
    runtime: Any = importlib.import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    if not spinning:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    source = str(content) if isinstance(content, Path) else content
    try:
        return runtime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions have no common base
        raise ExportError("This isn't an ONNX model that can be run: {reason}", reason=reason(error)) from error


def reason(error: BaseException) -> str:
    """The first informative line of the innermost cause."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0][:300]
