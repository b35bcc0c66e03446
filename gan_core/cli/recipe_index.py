"""The facts of every recipe without importing one: recipes import torch, which takes seconds.

They are kept in `gan_core/gans/index.json` with a checksum of their sources. `python -m docs.pages` writes that file.
If the sources have changed since, the recipes are imported, so that a list is never out of date.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from gan_core.files import write_atomically

FOLDER = Path(__file__).parents[1] / "gans"
INDEX = FOLDER / "index.json"


def all_facts() -> list[dict[str, Any]]:
    """The facts of all recipes, from the index if it is up to date."""
    return read() or imported()


def facts_of(recipe: Any) -> dict[str, Any]:
    """The facts of one recipe that lists show."""
    return {
        "recipe": recipe.name,
        "name": recipe.name,
        "title": recipe.title,
        "task": recipe.task,
        "paper": recipe.paper,
        "year": recipe.year,
        "sizes": list(recipe.sizes),
        "data": recipe.data,
        "capabilities": sorted(recipe.capabilities),
    }


def read() -> list[dict[str, Any]]:
    """The index; empty if there is none for the present sources."""
    try:
        index = json.loads(INDEX.read_text(encoding="utf-8"))
        return list(index["recipes"]) if index["sources"] == checksum() else []
    except (OSError, ValueError, KeyError):
        return []


def write() -> None:
    """Updates the index."""
    content = json.dumps({"sources": checksum(), "recipes": imported()}, ensure_ascii=False, indent=1)
    write_atomically(INDEX, f"{content}\n".encode())


def imported() -> list[dict[str, Any]]:
    """The facts of all recipes, from the recipes themselves."""
    from gan_core.gans import recipes

    return [facts_of(recipe) for recipe in recipes]


def checksum() -> str:
    """The sha256 of the names and the contents of all modules of `gan_core/gans`."""
    sources = hashlib.sha256()
    for path in sorted(FOLDER.glob("*.py")):
        sources.update(path.name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return sources.hexdigest()
