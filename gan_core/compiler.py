"""Trains without loading PyTorch's compiler, unless something compiles.

At the first update of a process `torch.optim` imports `torch._dynamo`, only to exclude itself from compiled graphs: 1.5
s of CPU time (AMD EPYC, torch 2.15), nearly as much as `import torch` itself. Until something compiles, a placeholder
answers these calls. Any other attribute (for `torch.compile`, `torch.export`) loads the real module in its place.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

NAME = "torch._dynamo"
_swapping = threading.Lock()  # not held while the module loads: imports have locks of their own


class _NotYetLoaded(ModuleType):
    """Provides the functions of `torch._dynamo` that optimisers call; loads the real module for any other attribute."""

    def graph_break(self, *_: Any, **__: Any) -> None:
        """Does nothing: no graph is being compiled."""

    def disable(self, fn: Callable, *_: Any, **__: Any) -> Callable:
        """Returns the function unchanged: nothing compiles it."""
        return fn

    def __getattr__(self, name: str) -> Any:
        # `inspect` reads the `__file__` of all modules, even during imports that the real module must not interrupt; an
        # import of a submodule reads `__path__`
        if name.startswith("__") and name != "__path__":
            raise AttributeError(name)
        import torch

        with _swapping:
            if sys.modules.get(NAME) is self:
                del sys.modules[NAME]
                del torch._dynamo
        return getattr(importlib.import_module(NAME), name)


def load_compiler_late() -> None:
    """Installs the placeholder if the module isn't loaded yet."""
    import torch

    with _swapping:
        if NAME not in sys.modules:
            torch._dynamo = sys.modules[NAME] = _NotYetLoaded(NAME)
