"""Measurements of a model by an attribute classifier: the change of each value per unit of each direction, and the
attributes that change with a band of layers. They are stored beside the directions, as `measured.json`.

A file belongs to one model, like a file of directions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from gan_core.data.base import Progress, silent
from gan_core.disk import writing
from gan_core.errors import BadCheckpoint
from gan_core.files import write_atomically
from gan_core.latent.attribute_classifier import AttributeClassifier
from gan_core.latent.attributes import Leakage, measure
from gan_core.latent.bands import EDGES, band_layers
from gan_core.latent.directions import Direction
from gan_core.latent.explorer import Explorer
from gan_core.latent.mixing import Band, band_changes

MEASURED = "measured.json"
FORMAT = "ganscope.measured.1"
DIGITS = 3  # decimals


@dataclass(frozen=True)
class Measured:
    """`bands` by name: "coarse", "middle", "fine"; none for a model without layers of w."""

    leakage: Leakage
    bands: Mapping[str, Band]


def measure_model(
    explorer: Explorer,
    directions: Sequence[Direction],
    classifier: AttributeClassifier,
    seed: int = 1,
    progress: Progress = silent,
) -> Measured:
    """Measures the bands, and the directions named after the classifier's values; raises BadValue if there are none."""
    named = [one for one in directions if one.name in classifier.names]
    leakage = measure(explorer, named, classifier, seed=seed, progress=progress)
    return Measured(leakage, measured_bands(explorer, classifier, seed))


def measured_bands(explorer: Explorer, classifier: AttributeClassifier, seed: int = 1) -> dict[str, Band]:
    """The changes by each band of layers that the model has."""
    layers = {name: band_layers(explorer.layers, name) for name in EDGES}
    ranges = {name: (found.start, found.stop) for name, found in layers.items() if found}
    return dict(zip(ranges, band_changes(explorer, classifier, list(ranges.values()), seed=seed), strict=True))


def write_measured(path: Path, explorer: Explorer, measured: Measured) -> None:
    """Writes the file, whole or not at all."""
    leakage = measured.leakage
    content = {
        "format": FORMAT, "recipe": explorer.sampler.recipe.name, "model": explorer.fingerprint,
        "directions": leakage.directions, "values": leakage.values,
        "moves": [[round(float(move), DIGITS) for move in row] for row in leakage.moves],
        "bands": {
            name: {"layers": band.layers, "changes": {key: round(share, DIGITS) for key, share in band.changes.items()}}
            for name, band in measured.bands.items()
        },
    }  # fmt: skip
    with writing(path.parent):
        write_atomically(path, json.dumps(content, ensure_ascii=False).encode())


def read_measured(path: Path, explorer: Explorer) -> Measured:
    """Reads the file; raises BadCheckpoint if it is missing, damaged or another model's."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        owner = content["recipe"], content["model"]
        directions, values = tuple(map(str, content["directions"])), tuple(map(str, content["values"]))
        leakage = Leakage(directions, values, torch.tensor(content["moves"], dtype=torch.float32))
        bands = {
            str(name): Band((int(first), int(stop)), {str(key): float(share) for key, share in one["changes"].items()})
            for name, one in content["bands"].items()
            for first, stop in [one["layers"]]
        }
        fits = content["format"] == FORMAT and leakage.moves.shape == (len(directions), len(values))
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadCheckpoint("{name} can't be read: {reason}.", name=path.name, reason=error) from error
    if not fits or not set(directions) <= set(values):
        raise BadCheckpoint("{name} can't be read: {reason}.", name=path.name, reason=FORMAT)
    if owner != (explorer.sampler.recipe.name, explorer.fingerprint):
        raise BadCheckpoint("{name} was measured for other weights.", name=path.name)
    return Measured(leakage, bands)
