"""A web page that draws with a generator in the visitor's own browser, with sliders for six of its directions.

    build("projected_gan.avatars", Path("build/demo"))

The folder holds the page, the model as one ONNX graph, and onnxruntime for WebAssembly. It makes no requests to other
servers, so any static web server can host it. The graph:

    w = mean + psi (f(z) - mean);   w_l <- w + sum_k s_k d_kl;   picture = g(w_1, ..., w_L)          style-based
    picture = g(z + sum_k s_k d_k, class)                                                            all others

Its inputs are z (B, latent_size), the strengths s (B, sliders) and, if the model has them, class (B,) and truncation
psi. The page generates z from a seed as PyTorch does, so that a seed gives the picture that `ganscope sample` draws.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gan_core.disk import writing
from gan_core.errors import BadValue, UnknownName
from gan_core.exporting import npm, onnx
from gan_core.exporting.graphs import BATCH, Graph, drawing_parts, eight_bits, prepared
from gan_core.exporting.runtime import require_packages
from gan_core.latent.directions import Direction, vector_space
from gan_core.latent.edits import Edit, shift
from gan_core.latent.explorer import Explorer
from gan_core.latent.files import DIRECTIONS, read_directions
from gan_core.latent.ganspace import pca
from gan_core.latent.sliders import SLOTS, first
from gan_core.layers.style_generator import StyleGenerator
from gan_core.models import listing, loading
from gan_core.models.card import Card, read_card
from gan_core.version import __version__

PAGE = Path(__file__).parent / "page"
MODEL, FACTS = "model.onnx", "model.json"
TRUNCATION = 0.7  # for models with truncation
MOST_SLIDERS = 12


@dataclass(frozen=True)
class Demo:
    """The built page. `difference` is the largest between the graph and PyTorch, in 8-bit levels."""

    folder: Path
    sliders: tuple[str, ...]
    bytes: int
    difference: float


class Moved(nn.Module):
    """Pictures (B, C, H, W) of latents, moved along directions (K, layers, w_size) or (K, latent_size)."""

    moves: Tensor

    def __init__(self, explorer: Explorer, directions: Sequence[Direction]) -> None:
        super().__init__()
        sampler = explorer.sampler
        self.networks = nn.ModuleDict({name: prepared(network) for name, network in sampler.networks.items()})
        self.recipe, self.hparams = sampler.recipe, sampler.hparams
        styled = explorer.styled is not None
        each = [shift(explorer, Edit(one, 1.0)) if styled else one.vector.float() for one in directions]
        self.register_buffer("moves", torch.stack(each))

    def picture(self, z: Tensor, strengths: Tensor, label: Tensor | None, truncation: Tensor | None) -> Tensor:
        total = torch.tensordot(strengths, self.moves, 1)  # (B, K) x (K, ...) -> (B, ...)
        generator = self.networks["generator"]
        if not isinstance(generator, StyleGenerator):
            return self.recipe.draw(drawing_parts(self.networks), self.hparams, z + total, label)
        w = generator.mapping(z, label)
        if truncation is not None:
            w = generator.w_mean + truncation * (w - generator.w_mean)
        return generator.synthesis(generator.repeated(w) + total, "constant").clamp(-1, 1)


class _Plain(Moved):
    def forward(self, z: Tensor, strengths: Tensor) -> Tensor:
        return self.picture(z, strengths, None, None)


class _OfClass(Moved):
    def forward(self, z: Tensor, strengths: Tensor, label: Tensor) -> Tensor:
        return self.picture(z, strengths, label, None)


class _Truncated(Moved):
    def forward(self, z: Tensor, strengths: Tensor, truncation: Tensor) -> Tensor:
        return self.picture(z, strengths, None, truncation)


class _OfClassTruncated(Moved):
    def forward(self, z: Tensor, strengths: Tensor, label: Tensor, truncation: Tensor) -> Tensor:
        return self.picture(z, strengths, label, truncation)


def moved_graph(explorer: Explorer, directions: Sequence[Direction]) -> Graph:
    """The page's graph, with 8-bit pictures (B, H, W, C)."""
    sampler = explorer.sampler
    sampler.sample(1)  # networks that compute statistics with their first picture have them then
    shapes: dict[str, tuple[int, ...]] = {"z": (sampler.hparams.latent_size,), "strengths": (len(directions),)}
    axes: dict[str, dict[int, str]] = {"z": {0: BATCH}, "strengths": {0: BATCH}}
    conditional, truncates = sampler.recipe.conditional, truncates_w(explorer)
    if conditional:
        shapes["class"], axes["class"] = (), {0: BATCH}
    if truncates:
        shapes["truncation"], axes["truncation"] = (), {}
    kinds = {
        (False, False): _Plain,
        (True, False): _OfClass,
        (False, True): _Truncated,
        (True, True): _OfClassTruncated,
    }
    module = kinds[conditional, truncates](explorer, directions)
    return eight_bits(Graph(module, axes, ("picture",), shapes, sampler.spec.classes))


def truncates_w(explorer: Explorer) -> bool:
    """Whether truncation is an input: the other kind draws latents again, which a graph can't."""
    return explorer.styled is not None and explorer.sampler.recipe.truncate is not None


def directions_of(explorer: Explorer, folder: Path, wanted: Sequence[str] = ()) -> list[Direction]:
    """The named directions, else the model's first ones: learnt directions, or its principal components.

    Raises UnknownName, and BadValue for too many.
    """
    if len(wanted) > MOST_SLIDERS:
        raise BadValue("At most {most} sliders are possible, got {count}.", most=MOST_SLIDERS, count=len(wanted))
    path = folder / DIRECTIONS
    count = min(SLOTS, explorer.space(vector_space(explorer)).shape[0])
    learnt = read_directions(path, explorer) if path.is_file() else []
    spaces = ("w", "w+") if explorer.styled else ("z",)
    known = {one.name: one for one in [*learnt, *pca(explorer, count)] if one.space in spaces}
    for name in wanted:
        if name not in known:
            raise UnknownName("direction", name, known)
    return [known[name] for name in dict.fromkeys(wanted or first(known))]


def build(name: str, folder: Path, wanted: Sequence[str] = (), runtime: Path | None = None) -> Demo:
    """Writes the page of a model into a folder, all of it or nothing; replaces an older page.

    `runtime` is a tarball of onnxruntime-web, see npm.py. Raises BadValue for a model that draws no pictures from
    latents, or a folder with other content, UnknownName, BadCheckpoint, BadData, ExportError and StoreError.
    """
    require_packages()
    _check_folder(folder)
    place = listing.folder_of(name)
    card = read_card(place)
    explorer = Explorer(loading.load(name))
    directions = directions_of(explorer, place, wanted)
    files = npm.runtime_files(runtime)
    parent = folder.resolve().parent
    with writing(parent):
        parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=parent))
    try:
        with writing(parent):
            for path in PAGE.iterdir():
                shutil.copyfile(path, made / path.name)
            for file, content in files.items():
                (made / file).write_bytes(content)
        graph = moved_graph(explorer, directions)
        written = onnx.export(graph, made / MODEL, _facts(card))
        facts = described(explorer, card, directions) | {"bytes": written.bytes}
        with writing(parent):
            (made / FACTS).write_text(json.dumps(facts, ensure_ascii=False, indent=1), encoding="utf-8")
            made.chmod(0o755)
            shutil.rmtree(folder, ignore_errors=True)
            made.replace(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return Demo(
        folder, tuple(facts["sliders"]), sum(one.stat().st_size for one in folder.iterdir()), written.difference
    )


def _check_folder(folder: Path) -> None:
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise BadValue("{folder} is a file. Choose a folder.", folder=folder)
    if os.path.isdir(folder) and not {one.name for one in folder.iterdir()} <= set(_names()):
        raise BadValue("{folder} isn't empty and holds no such page. Choose another folder.", folder=folder)


def _names() -> list[str]:
    """The names of all files of a page."""
    return [*(path.name for path in PAGE.iterdir()), *npm.FILES, MODEL, FACTS]


def _facts(card: Card) -> dict[str, str]:
    return {"ganscope": __version__, "name": card.name, "title": card.title, "licence": card.licence,
            "recipe": card.recipe, "sha256": card.sha256}  # fmt: skip


def described(explorer: Explorer, card: Card, directions: Sequence[Direction]) -> dict[str, Any]:
    """The page's facts about the model."""
    return {
        **_facts(card), "recipe_title": card.recipe_title, "limits": card.limits, "size": card.size,
        "latent_size": explorer.sampler.hparams.latent_size, "sliders": [one.name for one in directions],
        "classes": list(card.class_names) if explorer.sampler.recipe.conditional else [],
        "truncation": TRUNCATION if truncates_w(explorer) else None,
        "runtime": f"{npm.PACKAGE} {npm.VERSION}",
    }  # fmt: skip
