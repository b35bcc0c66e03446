"""Trains without loading PyTorch's compiler, unless something compiles.

At the first update of a process `torch.optim` imports `torch._dynamo`, only to exclude itself from compiled graphs: 1.5
s of CPU time (AMD EPYC, torch 2.15), nearly as much as `import torch` itself. Until something compiles, a placeholder
answers these calls. Any other attribute (for `torch.compile`, `torch.export`) and the import of a submodule load the
real module in its place.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
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
        # `inspect` reads the `__file__` of all modules, even during imports that the real module must not interrupt
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(_load(), name)


class _Submodules(MetaPathFinder):
    """Loads the real module when a submodule is imported before anything else of it."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if not name.startswith(f"{NAME}.") or not isinstance(sys.modules.get(NAME), _NotYetLoaded):
            return None
        _load()
        module = importlib.import_module(name)
        # the import would execute the module's own specification a second time
        spec = ModuleSpec(name, _Loaded(module))
        vars(module)["__spec__"] = spec  # `torch._dynamo.config` refuses new values of attributes that it doesn't know
        return spec


class _Loaded(Loader):
    """Answers an import with a module that is loaded already: a second copy would have classes of its own."""

    def __init__(self, module: ModuleType) -> None:
        self.module, self.spec = module, module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__spec__"] = self.spec


def _load() -> ModuleType:
    import torch

    with _swapping:
        if isinstance(sys.modules.get(NAME), _NotYetLoaded):
            del sys.modules[NAME]
            del torch._dynamo
    return importlib.import_module(NAME)


def load_compiler_late() -> None:
    """Installs the placeholder if the module isn't loaded yet."""
    import torch

    with _swapping:
        if NAME not in sys.modules:
            placeholder = _NotYetLoaded(NAME)
            placeholder.__path__ = []  # a package: its submodules are looked for
            sys.meta_path.insert(0, _Submodules())
            torch._dynamo = sys.modules[NAME] = placeholder
