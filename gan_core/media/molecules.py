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
    ATOMS,
    BONDS,
    MISSING,
    cleaned,
    rdkit,
    reachable,
    smiles_of,
    to_rdkit,
    unchecked_smiles,
    valid,
)  # fmt: skip
from gan_core.disk import replacing
from gan_core.errors import BadValue
from gan_core.media.base import Medium, Piece, register

SIDE = 120  # pixels of a picture
SHOWN = 200  # pixels of a drawing on a page
EXAMINED = 200  # molecules of a look while training
INVALID = "not valid"  # behind the SMILES of what isn't a molecule
COLOUR, GREY = (1.0, 0.55, 0.1), (0.92, 0.92, 0.92)  # of what is emphasised; behind what isn't valid

Weights = Mapping[Any, float]  # by place of an atom, or places of a bond (lower first) -> how much it is emphasised


def caption(matrix: np.ndarray) -> str:
    """The SMILES of a matrix (n, n); where it isn't valid a dash, or what is there with a note."""
    return smiles_of(matrix) or f"{unchecked_smiles(matrix) or '–'} ({INVALID})"


def pictures(samples: np.ndarray, spec: DataSpec) -> np.ndarray:
    """Structural formulas, uint8 (N, SIDE, SIDE, 3); those that aren't valid on a grey ground."""
    return np.stack([np.asarray(Image.open(io.BytesIO(png(one))).convert("RGB")) for one in samples])


def svg(matrix: np.ndarray, side: int = SHOWN, atoms: Weights | None = None, bonds: Weights | None = None) -> str:
    """A matrix (n, n) as structural formula of `side` pixels, on a grey ground where it isn't valid.

    `atoms` and `bonds` are emphasised, by their places in the matrix, as strongly as shares in [0, 1] say.
    """
    return str(_drawn(matrix, _library().MolDraw2DSVG(side, side), atoms or {}, bonds or {}))


def png(matrix: np.ndarray, side: int = SIDE) -> bytes:
    """The same as a PNG file."""
    return bytes(_drawn(matrix, _library().MolDraw2DCairo(side, side), {}, {}))


def _library() -> Any:
    rdkit()
    try:
        from rdkit.Chem.Draw import rdMolDraw2D
    except ImportError as error:  # RDKit without what it draws with
        raise BadValue(MISSING) from error
    return rdMolDraw2D


def _drawn(matrix: np.ndarray, draw: Any, atoms: Weights, bonds: Weights) -> Any:
    if not valid(matrix[None])[0]:
        draw.drawOptions().setBackgroundColour(GREY)
    draw.drawOptions().prepareMolsBeforeDrawing = False
    draw.ClearDrawing()  # of an empty one too
    molecule = _prepared(matrix)
    if molecule.GetNumAtoms():
        number = {int(place): number for number, place in enumerate(np.flatnonzero(matrix.diagonal()))}
        chosen = {number[place]: _colour(share) for place, share in atoms.items()}
        between = {
            molecule.GetBondBetweenAtoms(number[one], number[other]).GetIdx(): _colour(share)
            for (one, other), share in bonds.items()
        }
        try:
            draw.DrawMolecule(
                molecule, highlightAtoms=list(chosen), highlightAtomColors=chosen, highlightBonds=list(between),
                highlightBondColors=between,
            )  # fmt: skip
        except RuntimeError:  # RDKit can't highlight a bond whose atoms lie at one place, as impossible rings do
            draw.ClearDrawing()
            draw.DrawMolecule(molecule, highlightAtoms=list(chosen), highlightAtomColors=chosen, highlightBonds=[])
    draw.FinishDrawing()
    return draw.GetDrawingText()


def _colour(share: float) -> tuple[float, float, float]:
    """From white to COLOUR."""
    red, green, blue = (1 - max(0.0, min(1.0, share)) * (1 - value) for value in COLOUR)
    return red, green, blue


def _prepared(matrix: np.ndarray) -> Any:
    """RDKit's molecule with coordinates; what isn't valid too."""
    from rdkit.Chem import rdDepictor

    chem = rdkit()
    molecule = to_rdkit(matrix) if valid(matrix[None])[0] else None
    if molecule is not None:
        return _library().PrepareMolForDrawing(molecule)
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
    with replacing(path) as temporary:
        temporary.write_text(as_lines(samples), encoding="utf-8")


def as_lines(samples: np.ndarray) -> str:
    """The content of such a file."""
    return "".join(f"{smiles_of(one) or f'{unchecked_smiles(one) or chr(42)}{chr(9)}{INVALID}'}\n" for one in samples)


def pieces(samples: np.ndarray, spec: DataSpec) -> list[Piece]:
    return [Piece("drawing", svg(one), caption(one)) for one in samples]


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
        task="graph", words="small molecules", suffixes=(".smi",), pictures=pictures, write=write, pieces=pieces,
        describe=describe, examined=EXAMINED, name=smiles_of, measure=counted,
    )
)  # fmt: skip
