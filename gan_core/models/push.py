"""Pushes models to the Hugging Face Hub: weights, card and samples in one commit, with a model page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_core.data.base import sources
from gan_core.errors import BadValue, HubError
from gan_core.models import hub, loading
from gan_core.models.card import CARD, SAMPLE, WEIGHTS, Card, read_card

PAGE = "README.md"
LICENCES = ("apache-2.0", "bsd-3-clause", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc0-1.0", "gpl-3.0", "mit")
KINDS = {  # task -> the Hub's name
    "images": "unconditional-image-generation",
    "supervised": "image-classification",
    "adaptation": "image-classification",
    "captions": "text-to-image",
    "matching": "zero-shot-image-classification",
    "inversion": "image-feature-extraction",
    **dict.fromkeys(("paired", "unpaired", "super_resolution", "inpainting", "attributes"), "image-to-image"),
}
USAGE = {  # task -> a line of Python; other models draw
    "supervised": "",
    "adaptation": "",
    "matching": "",
    "captions": 'samples = model.sample(4, seed=0, label="a woman with red hair")  # (4, C, H, W) in [-1, 1]',
    "paired": "made = model.translate(images)  # (B, C, H, W) in [-1, 1]",
    "inversion": "rebuilt = model.translate(images)  # (B, C, H, W) in [-1, 1], as its generator draws them",
    "unpaired": "made = model.translate(images)  # (B, C, H, W) in [-1, 1]",
    "attributes": 'made = model.translate(images, "value_1")  # (B, C, H, W) in [-1, 1]',
    "super_resolution": "large = model.upscale(image)  # (C, H, W) in [-1, 1]",
    "inpainting": "whole = model.fill(images, holes)  # (B, C, H, W) in [-1, 1]; (B, 1, H, W), true where they miss",
}
DRAWN, SHAPE = "samples = model.sample(16, seed=0)", "  # (16, C, H, W) in [-1, 1]"


@dataclass(frozen=True)
class Pushed:
    """A model on the Hub."""

    url: str
    commit: str
    private: bool


def push(folder: Path, repository: str, private: bool = False) -> Pushed:
    """Pushes the model in `folder` to `owner/name` on the Hub, atomically and only if it can be loaded.

    The repository is created if missing. The token is HF_TOKEN, or that of `hf auth login`. Raises BadValue,
    BadCheckpoint or HubError.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    check_name(repository)
    described = read_card(folder)
    loading.load(str(folder))
    files = [name for name in (CARD, WEIGHTS, SAMPLE) if (folder / name).is_file()]
    api = HfApi()
    with hub.explained(repository), uploading(repository):
        require_token()
        api.create_repo(repository, private=private or None, exist_ok=True)
        found = api.model_info(repository, timeout=hub.WAIT)
        if private and not found.private:
            raise HubError("{repository} already exists and is public, so nothing was uploaded.", repository=repository)
        adds = [CommitOperationAdd(name, folder / name) for name in files]
        adds.append(CommitOperationAdd(PAGE, page(described, repository, SAMPLE in files).encode()))
        made = api.create_commit(repository, adds, commit_message=f"{described.title} ({described.name})")
    return Pushed(f"{api.endpoint}/{repository}", made.oid, bool(found.private))


def check_name(repository: str) -> None:
    """Raises BadValue unless the name is `owner/name`."""
    with suppress(BadValue):
        if hub.address(hub.SCHEME + repository) == hub.Address(repository, hub.MAIN):
            return
    raise BadValue("'{name}' is not a Hub repository. Valid: owner/name.", name=repository)


def require_token() -> None:
    """Raises HubError if no token is set."""
    from huggingface_hub import get_token

    if get_token() is None:
        raise HubError(
            "Pushing requires a Hub token with write access: set HF_TOKEN, or run `hf auth login`. Create tokens at "
            "{address}.",
            address="https://huggingface.co/settings/tokens",
        )


@contextmanager
def uploading(repository: str) -> Iterator[None]:
    """Converts exceptions of an upload: raises the wrapped one, or a HubError."""
    try:
        yield
    except json.JSONDecodeError:
        raise
    except (RuntimeError, ValueError, ConnectionError, TimeoutError) as error:
        if error.__cause__:
            raise error.__cause__ from error
        raise HubError(
            "The upload to {repository} failed ({reason}). Nothing was committed.", repository=repository, reason=error
        ) from error


def page(card: Card, repository: str, with_samples: bool) -> str:
    """The model's page in Markdown, with the Hub's metadata in front."""
    from huggingface_hub import ModelCardData

    metadata = ModelCardData(
        library_name="gan_core",
        tags=sorted({"gan", "ganscope", card.recipe, card.task}),
        datasets=[_dataset(card.data)] if card.data else None,
        pipeline_tag=KINDS.get(card.task),
        **licence(card.licence),
    )
    shown = f"Side by side: {', '.join(card.compared)}" if card.compared else "Samples of seed 0"
    samples = [f"![{shown}, not chosen](sample.png)"] if with_samples else []
    parts = [f"---\n{metadata.to_yaml()}\n---", f"# {card.title}", *samples, _facts(card), f"**Limits.** {card.limits}"]
    return "\n\n".join([*parts, *_metrics(card), _usage(card, repository)]) + "\n"


def _dataset(name: str) -> str:
    """The Hub's id of a data set that it has; others keep our name."""
    return (sources.get(name).hub if name in sources else "") or name


def licence(text: str) -> dict[str, Any]:
    """A card's licence as the Hub's metadata: `NAME` or `NAME (whose)` by the Hub's id, others by their own name."""
    plain = re.fullmatch(r"([^();,]+?)\s*(\([^()]*\))?", text)
    id = re.sub(r"[^a-z0-9.]+", "-", (plain[1] if plain else text).lower()).strip("-")
    id = {"cc0": "cc0-1.0"}.get(id, id)
    return {"license": id} if plain and id in LICENCES else {"license": "other", "license_name": id[:60].strip("-.")}


def _facts(card: Card) -> str:
    facts = {
        "recipe": f"{card.recipe_title or card.recipe} (`{card.recipe}`)",
        "learnt from": card.origin,
        "size": "points in the plane" if card.task == "points" else f"{card.size} pixels",
        "training": f"{card.steps:,} steps, {card.images:,} images, seed {card.seed}; {card.cost}"
        if card.steps
        else card.cost,
        "weights": ", ".join(f"{name} {count:,}" for name, count in card.parameters.items()),
        "file": f"{card.bytes / 1e6:.1f} MB, sha256 `{card.sha256}`",
        "licence": card.licence,
    }
    return _table(("", ""), facts)


def _table(head: tuple[str, str], rows: Mapping[str, str]) -> str:
    cells = [(name, text.replace("|", "\\|").replace("\n", " ")) for name, text in rows.items()]
    return "\n".join(f"| {name} | {text} |" for name, text in [head, ("---", "---"), *cells])


def _metrics(card: Card) -> list[str]:
    rows = {name: f"{value:.4g}" for name, value in card.metrics.items()}
    return (
        [_table((f"metric (pictures of {card.pictures}), its net and number of samples", "value"), rows)]
        if rows
        else []
    )


def _usage(card: Card, repository: str) -> str:
    used = USAGE.get(card.task, DRAWN + (SHAPE if card.task in ("images", "views") else ""))
    code = ["import gan_core", "", f'model = gan_core.load("{hub.SCHEME}{repository}")', *([used] if used else [])]
    return "\n".join(["## Use", "", "With GANscope:", "", "```python", *code, "```"])
