"""Imports Gradio without its type stubs.

For each component class `import gradio` parses its own source and writes a type stub (`.pyi`) into its package, in
every process anew: 1.4 of the 3.8 s that the import takes (Gradio 6.31, AMD EPYC). Nothing reads these files while it
runs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

MODULE = "gradio.component_meta"
WRITER = "create_or_modify_pyi"


class _Finder(MetaPathFinder):
    """Finds that module alone, and replaces what writes the stubs once the module has run."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != MODULE:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path, target)
        if spec and spec.loader:
            run = spec.loader.exec_module

            def without_writer(module: ModuleType) -> None:
                run(module)
                setattr(module, WRITER, lambda *_: None)

            spec.loader.exec_module = without_writer  # type: ignore[method-assign]
        return spec


def leave_stubs_alone() -> None:
    """Keeps Gradio from writing stubs. Has no effect once Gradio is imported."""
    if MODULE not in sys.modules and not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
