"""Molecules: matrices (N, n, n) of atoms and bonds (data/chemistry.py), drawn by RDKit and kept as SMILES."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gan_core.data.base import DataSpec
from gan_core.data.chemistry import (
    ATOMS, BONDS, MISSING, cleaned, rdkit, reachable, smiles_of, to_rdkit, unchecked_smiles, valid,
)  # fmt: skip
from gan_core.disk import replacing
from gan_core.errors import BadValue
from gan_core.media.base import Medium, Piece, register

SIDE = 120  # pixels of a picture
SHOWN = 200  # pixels of a drawing on a page
EXAMINED = 200  # molecules of a look while training
INVALID = "not valid"  # behind the SMILES of what isn't a molecule
COLOUR = (1.0, 0.55, 0.1)  # of what is emphasised

Weights = Mapping[Any, float]  # by place of an atom, or places of a bond (lower first) -> how much it is emphasised


def caption(matrix: np.ndarray) -> str:
    """The SMILES of a matrix (n, n); where it isn't valid a dash, or what is there with a note."""
    return smiles_of(matrix) or f"{unchecked_smiles(matrix) or '–'} ({INVALID})"


def pictures(samples: np.ndarray, spec: DataSpec) -> np.ndarray:
    """Structural formulas, uint8 (N, SIDE, SIDE, 3); those that aren't valid on a grey ground."""
    return np.stack([np.asarray(Image.open(io.BytesIO(drawing(one, SIDE, "png"))).convert("RGB")) for one in samples])


def drawing(
    matrix: np.ndarray, side: int = SHOWN, kind: str = "svg", atoms: Weights | None = None, bonds: Weights | None = None
) -> bytes:
    """A matrix (n, n) as structural formula, an SVG or PNG file of `side` pixels.

    `atoms` and `bonds` emphasise some, by the places in the matrix, with shares in [0, 1].
    """
    rdkit()
    try:
        from rdkit.Chem.Draw import rdMolDraw2D
    except ImportError as error:  # RDKit without what it draws with
        raise BadValue(MISSING) from error
    draw = (rdMolDraw2D.MolDraw2DSVG if kind == "svg" else rdMolDraw2D.MolDraw2DCairo)(side, side)
    options = draw.drawOptions()
    options.clearBackground = True
    if not valid(matrix[None])[0]:
        options.setBackgroundColour((0.92, 0.92, 0.92))
    draw.ClearDrawing()  # of an empty one too
    molecule = _prepared(matrix)
    if molecule.GetNumAtoms():
        options.prepareMolsBeforeDrawing = False
        of_place = {int(place): number for number, place in enumerate(np.flatnonzero(matrix.diagonal()))}
        chosen = {of_place[place]: _colour(share) for place, share in (atoms or {}).items() if place in of_place}
        between = {
            molecule.GetBondBetweenAtoms(of_place[one], of_place[other]).GetIdx(): _colour(share)
            for (one, other), share in (bonds or {}).items()
        }
        draw.DrawMolecule(
            molecule, highlightAtoms=list(chosen), highlightAtomColors=chosen, highlightBonds=list(between),
            highlightBondColors=between,
        )  # fmt: skip
    draw.FinishDrawing()
    text = draw.GetDrawingText()
    return text.encode() if isinstance(text, str) else bytes(text)


def _colour(share: float) -> tuple[float, float, float]:
    """From white to COLOUR."""
    red, green, blue = (1 - max(0.0, min(1.0, share)) * (1 - value) for value in COLOUR)
    return red, green, blue


def _prepared(matrix: np.ndarray) -> Any:
    """RDKit's molecule with coordinates; what isn't valid too."""
    from rdkit.Chem import rdDepictor
    from rdkit.Chem.Draw import rdMolDraw2D

    chem = rdkit()
    molecule = to_rdkit(matrix) if valid(matrix[None])[0] else None
    if molecule is not None:
        return rdMolDraw2D.PrepareMolForDrawing(molecule)
    molecule = to_rdkit(matrix, sanitised=False)
    molecule.UpdatePropertyCache(strict=False)
    chem.GetSymmSSSR(molecule)
    rdDepictor.Compute2DCoords(molecule)
    return molecule


def describe(samples: np.ndarray, spec: DataSpec) -> np.ndarray:
    """How many atoms and bonds of each kind a molecule has, and how many rings: (N, atoms + bonds + 1)."""
    samples = cleaned(samples)
    kinds = np.einsum("bii->bi", samples)
    beside = np.triu(samples, 1)
    atoms = np.stack([(kinds == kind).sum(1) for kind in range(1, len(ATOMS) + 1)], 1)
    bonds = np.stack([(beside == order).sum((1, 2)) for order in range(1, BONDS)], 1)
    return np.concatenate([atoms, bonds, rings(samples)[:, None]], 1).astype(np.float32)


def rings(samples: np.ndarray) -> np.ndarray:
    """Independent rings of matrices (N, n, n): bonds - atoms + pieces, (N,)."""
    samples = cleaned(samples)
    there = np.einsum("bii->bi", samples) > 0
    firsts = reachable(samples).argmax(2) == np.arange(samples.shape[1])  # the first atom of each piece
    return np.asarray((np.triu(samples, 1) > 0).sum((1, 2)) - there.sum(1) + (firsts & there).sum(1))


def write(samples: np.ndarray, spec: DataSpec, path: Path) -> None:
    """One SMILES a line; what isn't valid has "not valid" behind it."""
    lines = (smiles_of(one) or f"{unchecked_smiles(one) or '*'}\t{INVALID}" for one in samples)
    with replacing(path) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def pieces(samples: np.ndarray, spec: DataSpec) -> list[Piece]:
    return [Piece("drawing", drawing(one), caption(one)) for one in samples]


def counted(samples: np.ndarray, known: set[str]) -> dict[str, float]:
    """The shares of valid molecules, of different ones among these, and of unknown ones among those."""
    found = [smiles for smiles in map(smiles_of, samples) if smiles]
    different = set(found)
    return {
        "molecules/valid": len(found) / max(1, len(samples)),
        "molecules/unique": len(different) / max(1, len(found)),
        "molecules/novel": len(different - known) / max(1, len(different)),
    }


MOLECULES = register(
    Medium(
        task="graph", words="molecules", suffixes=(".smi",), pictures=pictures, write=write, pieces=pieces,
        describe=describe, examined=EXAMINED, name=smiles_of, measure=counted,
    )
)  # fmt: skip
