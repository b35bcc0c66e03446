"""A network as plain PyTorch code: one readable file without GANscope, and its weights beside it.

    write(sampler, Path("avatars.py"))         avatars.py and avatars.safetensors
    python avatars.py                          draws 16 pictures

The source of the networks' classes and functions is copied with comments, in the order in which Python needs it;
imports of other packages are kept, those of GANscope are left out, and settings are written as plain values. The code
is run and compared with the model before the files are written.
"""

from __future__ import annotations

import ast
import builtins
import copy
import functools
import importlib
import inspect
import symtable
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from gan_core.disk import replacing
from gan_core.errors import ExportError
from gan_core.exporting.graphs import graph_of, without_parametrizations
from gan_core.exporting.onnx import CLOSE, furthest, listed, require_close
from gan_core.exporting.runtime import reason
from gan_core.knobs import to_dict
from gan_core.models.sampler import Sampler
from gan_core.version import __version__

OURS = "gan_core"
INSTEAD = {"gan_core.ranks": "gan_core.exporting.alone"}  # module -> its replacement in the file
SPEC = (
    "fields",
    "classes",
    "attributes",
    "shape",
    "size",
    "channels",
    "task",
    "questions",
    "class_names",
    "attribute_names",
    "vocabulary",
    "rate",
)
IN_TURN = 256  # samples within which the conditions of samples in turn begin again

HEAD = '''"""{title}: the networks of a GANscope model as plain PyTorch. Licence of the weights: {licence}

    {usage}

Written by GANscope {version}. Needs {file}.safetensors beside it, and the packages torch and safetensors.
"""
'''
FOOT = '''
VALUES: dict[str, Any] = {hparams}
HPARAMS = make_dataclass("HParams", list(VALUES))(**VALUES)
SPEC = SimpleNamespace(**{spec})


def load(path: str | Path = Path(__file__).with_suffix(".safetensors")) -> dict[str, nn.Module]:
    """The networks with their weights, in evaluation mode."""
    weights = load_file(path)
    made = {{name: network for name, network in {build}(HPARAMS, SPEC).items() if name in {names}}}
    for name, network in made.items():
        part = {{key.removeprefix(name + "."): value for key, value in weights.items() if key.startswith(name + ".")}}
        network.load_state_dict(part)
        network.eval().requires_grad_(False)
    return made
'''
CONDITIONS = """

CONDITIONS = torch.tensor({rows})  # {shape}, of samples in turn
"""
DRAWS = '''

def sample(count: int, seed: int = 0{label}) -> torch.Tensor:
    """{samples}, the same as GANscope draws for this seed."""
    generator = torch.Generator().manual_seed(seed)
    latents = torch.randn(count + -count % 16, {latent_size}, generator=generator)[:count]
    labels = {labels}
    with torch.no_grad():
        return {draw}(load(), HPARAMS, latents, labels)
'''
MAIN = """

if __name__ == "__main__":
    from PIL import Image

    levels = ((sample(16) + 1) * 127.5).round().clamp(0, 255).byte()  # (16, C, H, W)
    rows = torch.cat([torch.cat(list(levels[start : start + 4]), 2) for start in range(0, 16, 4)], 1)
    Image.fromarray(rows.permute(1, 2, 0).squeeze(2).numpy()).save(Path(__file__).with_suffix(".png"))
"""
CHANGES = '''

CHANGES = {changes}


def change(pictures: torch.Tensor, name: str = {first!r}) -> torch.Tensor:
    """Pictures (B, C, H, W) in [-1, 1], changed as the model does; `name` is one of CHANGES."""
    with torch.no_grad():
        return CHANGES[name](load(), HPARAMS, pictures)
'''


@dataclass
class _Definitions:
    """Collected definitions, in an order in which they can be executed."""

    imports: set[str] = field(default_factory=set)
    sources: dict[str, str] = field(default_factory=dict)  # name -> source
    origins: dict[str, str] = field(default_factory=dict)  # name -> module
    constants: set[str] = field(default_factory=set)
    annotations: dict[str, ModuleType] = field(default_factory=dict)  # names in annotations -> module that uses them
    pending: set[str] = field(default_factory=set)

    def text(self) -> str:
        """All definitions, and before them GANscope's types that only annotations name."""
        types = [name for name in self.annotations if name not in self.sources and not self._imported(name)]
        made = f"\n{' = '.join(sorted(types))} = Any  # types of GANscope, in annotations only\n" if types else ""
        before = bool(types)
        for name, source in self.sources.items():
            constant = name in self.constants
            made += f"{source}\n" if constant and before else f"\n\n{source}\n"
            before = constant
        return made

    def _imported(self, name: str) -> bool:
        """Imports a type of another package; returns whether it is one."""
        module = self.annotations[name]
        try:
            found = _definition(module, name) if hasattr(module, name) else None
        except ExportError:  # imported by another name
            return False
        if isinstance(found, str):
            self.imports.add(found)
        return isinstance(found, str)

    def add(self, module: ModuleType, name: str) -> None:
        """Adds the definition of a name in a module, after its dependencies; raises ExportError for a name clash."""
        found = _definition(module, name)
        if isinstance(found, str):
            self.imports.add(found)
            return
        home, node = found
        if self.origins.get(name, home.__name__) != home.__name__:
            raise ExportError(
                "The networks use two things named '{name}', in {one} and {other}, so one file can't hold both.",
                name=name, one=self.origins[name], other=home.__name__,
            )  # fmt: skip
        if name in self.sources or name in self.pending:
            return
        self.origins[name] = home.__name__
        self.pending.add(name)
        for used in _used(node):
            if used != name and _is_global(home, used):
                self.add(home, used)
        for used in _annotated(node):
            if not hasattr(builtins, used):
                self.annotations.setdefault(used, home)
        self.sources[name] = _text(home, node)
        if isinstance(node, ast.Assign | ast.AnnAssign):
            self.constants.add(name)


def _definition(module: ModuleType, name: str) -> str | tuple[ModuleType, ast.stmt]:
    """An import line of another package, or the GANscope module that defines the name and the defining statement."""
    for node in _statements(module):
        if isinstance(node, ast.Import):
            for one in node.names:
                if (one.asname or one.name.partition(".")[0]) == name:
                    return f"import {one.name}" + (f" as {one.asname}" if one.asname else "")
        elif isinstance(node, ast.ImportFrom):
            for one in node.names:
                if (one.asname or one.name) != name:
                    continue
                if not str(node.module).startswith(OURS):
                    return f"from {node.module} import {one.name}" + (f" as {one.asname}" if one.asname else "")
                if one.asname and one.asname != one.name:
                    raise ExportError("'{name}' is imported under another name, which can't be copied.", name=name)
                home = INSTEAD.get(str(node.module), str(node.module))
                return _definition(importlib.import_module(home), one.name)
        elif name in _defined(node):
            return module, node
    raise ExportError("'{name}' isn't defined in {module}.", name=name, module=module.__name__)


@cache
def _source(module: ModuleType) -> str:
    return inspect.getsource(module)


@cache
def _statements(module: ModuleType) -> list[ast.stmt]:
    return ast.parse(_source(module)).body


def _defined(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)}


def _used(node: ast.stmt) -> list[str]:
    """Names that a definition reads from its module when it is executed or called, without those in annotations."""
    bare = _WithoutAnnotations().visit(copy.deepcopy(node))
    found = _read_from_module(symtable.symtable(ast.unparse(ast.fix_missing_locations(bare)), "", "exec"))
    return list(dict.fromkeys(found))


def _annotated(node: ast.stmt) -> Iterator[str]:
    """Names in annotations."""
    for part in ast.walk(node):
        for annotation in (getattr(part, "annotation", None), getattr(part, "returns", None)):
            if annotation is not None:
                yield from (one.id for one in ast.walk(annotation) if isinstance(one, ast.Name))


class _WithoutAnnotations(ast.NodeTransformer):
    """Removes annotations, which aren't executed."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        return ast.Pass() if node.value is None else ast.Assign([node.target], node.value)


def _read_from_module(table: symtable.SymbolTable) -> Iterator[str]:
    outermost = table.get_type() == "module"
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (outermost or symbol.is_global()):
            yield symbol.get_name()
    for inner in table.get_children():
        yield from _read_from_module(inner)


def _is_global(module: ModuleType, name: str) -> bool:
    return hasattr(module, name) and not (hasattr(builtins, name) and name not in _names(module))


def _names(module: ModuleType) -> set[str]:
    return {name for name in vars(module) if name != "__builtins__"}


def _text(module: ModuleType, node: ast.stmt) -> str:
    lines = _source(module).splitlines()
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(one.lineno for one in decorators)])
    return "\n".join(lines[first - 1 : node.end_lineno])


def source(sampler: Sampler, name: str, title: str, licence: str) -> str:
    """The text of the file; raises ExportError for networks that can't be separated from the rest of GANscope."""
    recipe, found = sampler.recipe, _Definitions()
    if recipe.pretrained_part is not None and recipe.pretrained_part.network in sampler.networks:
        raise ExportError("{recipe} works with another model's network, so its code can't be written alone. Write "
                          ".onnx or .pt2 instead.", recipe=recipe.title)  # fmt: skip
    if recipe.task == "control":
        raise ExportError("{recipe} acts in an environment, which can't be copied as code. Write .onnx or .pt2 "
                          "instead.", recipe=recipe.title)  # fmt: skip
    build = _function(found, recipe.networks)
    spec = {one: getattr(sampler.spec, one) for one in SPEC if hasattr(sampler.spec, one)}
    facts = {"hparams": _plain(_settings(sampler.hparams)), "spec": _plain(spec), "build": build,
             "names": sorted(sampler.networks)}  # fmt: skip
    foot = FOOT.format(**facts)
    if recipe.draws:
        foot += _draws(sampler, _function(found, recipe.draw))
        usage = (
            f"python {name}.py    # writes 16 pictures to {name}.png; needs Pillow"
            if _are_pictures(sampler)
            else (f"from {name} import sample")
        )
    elif recipe.translations:
        changes = [f'    "{one}": {_function(found, change)},' for one, change in recipe.translations.items()]
        foot += CHANGES.format(changes="\n".join(["{", *changes, "}"]), first=next(iter(recipe.translations)))
        usage = f"from {name} import change"
    else:
        usage = f"from {name} import load"
    if not name.isidentifier() and usage.startswith("from "):
        usage += "    # rename this file to a Python name first"
    head = HEAD.format(title=_quoted(title), licence=_quoted(licence), file=name, version=__version__, usage=usage)
    found.imports |= {"import torch", "from torch import nn", "from pathlib import Path", "from typing import Any",
                      "from dataclasses import make_dataclass", "from types import SimpleNamespace",
                      "from safetensors.torch import load_file"}  # fmt: skip
    text = found.text()  # and its imports
    imports = "\n".join(["from __future__ import annotations", "", *sorted(found.imports, key=_order)])
    return f"{head}\n{imports}\n{text}\n{foot}"


def _quoted(text: str) -> str:
    """A text as part of a docstring: it can be another person's, and the file is executed."""
    return " ".join(text.replace("\\", "\\\\").replace('"', '\\"').split())


def _are_pictures(sampler: Sampler) -> bool:
    return len(sampler.spec.shape) == 3


def _draws(sampler: Sampler, draw: str) -> str:
    """The function `sample`, and for pictures what the file does as a program."""
    recipe, spec = sampler.recipe, sampler.spec
    label, labels, before = "", "None", ""
    if recipe.conditions is not None:
        rows = recipe.conditions(spec, sampler.hparams, IN_TURN, None)
        period = next((one for one in range(1, len(rows)) if torch.equal(rows[one:], rows[:-one])), len(rows))
        before = CONDITIONS.format(rows=rows[:period].tolist(), shape=tuple(rows[:period].shape))
        label = ", conditions: torch.Tensor | None = None"
        labels = "CONDITIONS[torch.arange(count) % len(CONDITIONS)] if conditions is None else conditions"
    elif recipe.conditional:
        label = ", label: int | None = None"
        labels = f"torch.arange(count) % {spec.classes} if label is None else torch.full((count,), label)"
    pictures = _are_pictures(sampler)
    samples = "Pictures (count, C, H, W) in [-1, 1]" if pictures else f"`count` samples of the task '{recipe.task}'"
    text = before + DRAWS.format(
        label=label, labels=labels, samples=samples, latent_size=sampler.hparams.latent_size, draw=draw
    )
    return text + MAIN if pictures else text


def _order(line: str) -> tuple[bool, str]:
    package = line.split()[1].partition(".")[0]
    return package not in sys.stdlib_module_names, line


def _function(found: _Definitions, function: Any) -> str:
    """The expression for a function whose definition has been added, such as "draw" or "partial(translate, 'ab')"."""
    if isinstance(function, functools.partial):
        found.imports.add("from functools import partial")
        given = [*map(repr, function.args), *(f"{name}={value!r}" for name, value in function.keywords.items())]
        return f"partial({', '.join([_function(found, function.func), *given])})"
    if not inspect.isfunction(function) or "<" in function.__qualname__ or "." in function.__qualname__:
        raise ExportError("This recipe's networks are put together by settings, which can't be copied as code.")
    found.add(sys.modules[function.__module__], function.__name__)
    return function.__name__


def _settings(hparams: Any) -> dict[str, Any]:
    """The values of all knobs, of the properties derived from them, and of settings that aren't knobs."""
    names = [name for name, value in inspect.getmembers(type(hparams)) if not (name.startswith("_") or callable(value))]
    return {name: getattr(hparams, name) for name in dict.fromkeys((*to_dict(hparams), *names))}


def _plain(values: dict[str, Any]) -> str:
    """Values as Python literals, one per line."""
    return "{\n" + "\n".join(f'    "{name}": {value!r},' for name, value in values.items()) + "\n}"


def write(sampler: Sampler, path: Path, title: str, licence: str) -> tuple[tuple[Path, Path], float]:
    """Writes the code to `path` and the weights beside it; also returns the largest difference from the model.

    Raises StoreError, and ExportError if the code can't be written, doesn't run or gives something else.
    """
    text = source(sampler, path.stem, title, licence)
    wanted = _outputs(sampler)  # first: some networks settle statistics at their first picture
    fresh = sampler.recipe.networks(sampler.hparams, sampler.spec)
    tensors = {
        f"{name}.{key}": value.detach().contiguous().clone()
        for name, network in sampler.networks.items()
        for key, value in _as_built(network, fresh[name]).state_dict().items()
    }
    difference = _difference(text, path, tensors, sampler, wanted)
    require_close(difference, CLOSE)
    weights = path.with_suffix(".safetensors")
    with replacing(weights) as partial:
        partial.write_bytes(save(tensors, metadata={"ganscope": __version__, "title": title, "licence": licence}))
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")
    return (path, weights), difference


def _outputs(sampler: Sampler, module: ModuleType | None = None) -> list[Tensor]:
    """What a model gives for fixed inputs; with `module`, what its code gives for the same."""
    recipe = sampler.recipe
    with torch.no_grad():
        if recipe.draws:
            return [sampler.sample(2) if module is None else module.sample(2)]
        if recipe.translations:
            pictures = torch.rand(2, *sampler.spec.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
            if module is not None:
                return [module.change(pictures, name) for name in recipe.translations]
            return [one(sampler.networks, sampler.hparams, pictures) for one in recipe.translations.values()]
        if module is not None:
            sampler = Sampler(recipe, sampler.hparams, sampler.spec, module.load())
        graph = graph_of(sampler)
        return listed(graph.module(*graph.examples(2).values()))


def _difference(text: str, path: Path, tensors: Mapping[str, Tensor], sampler: Sampler, wanted: list[Tensor]) -> float:
    """Runs the code with the weights, and returns the largest difference of its outputs from those of the model."""
    module = ModuleType(f"_exported_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # where dataclasses look up their annotations
    try:
        exec(compile(text, path.name, "exec"), vars(module))
        vars(module)["load_file"] = lambda _path: tensors
        given = _outputs(sampler, module)
        if [one.shape for one in given] != [one.shape for one in wanted]:
            raise ValueError(f"shapes {[tuple(one.shape) for one in given]}")
    except Exception as error:  # of any type: it runs the code of a recipe
        raise ExportError("The code of this network doesn't run alone, so nothing was written: {reason}",
                          reason=reason(error)) from error  # fmt: skip
    finally:
        del sys.modules[module.__name__]
    return furthest(given, wanted)


def _as_built(network: nn.Module, fresh: nn.Module) -> nn.Module:
    """The network without modifications that a knob made after it was built, such as spectral norm."""
    if network.state_dict().keys() == fresh.state_dict().keys():
        return network
    made = without_parametrizations(network)
    if made.state_dict().keys() != fresh.state_dict().keys():
        raise ExportError("A setting modifies this network after it is built, so the network can't be written as code.")
    return made
