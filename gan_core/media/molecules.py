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
EXAMINED = 200  # molecules per examination during training
INVALID = "not valid"  # after the SMILES of an invalid molecule
COLOUR, GREY = (1.0, 0.55, 0.1), (0.92, 0.92, 0.92)  # of emphasised parts; background of invalid molecules

Weights = Mapping[Any, float]  # position of an atom, or positions of a bond (lower first) -> its emphasis


def caption(matrix: np.ndarray) -> str:
    """The SMILES of a matrix (n, n); for an invalid one a dash, or its SMILES with a note."""
    return smiles_of(matrix) or f"{unchecked_smiles(matrix) or '–'} ({INVALID})"


def pictures(samples: np.ndarray, spec: DataSpec) -> np.ndarray:
    """Structural formulas, uint8 (N, SIDE, SIDE, 3); invalid ones on a grey background."""
    return np.stack([np.asarray(Image.open(io.BytesIO(png(one))).convert("RGB")) for one in samples])


def svg(matrix: np.ndarray, side: int = SHOWN, atoms: Weights | None = None, bonds: Weights | None = None) -> str:
    """A matrix (n, n) as a structural formula of `side` pixels, on a grey background if it is invalid.

    `atoms` and `bonds` give the emphasis, in [0, 1], by position in the matrix.
    """
    return str(_drawn(matrix, _library().MolDraw2DSVG(side, side), atoms or {}, bonds or {}))


def png(matrix: np.ndarray, side: int = SIDE) -> bytes:
    """The same as a PNG file."""
    return bytes(_drawn(matrix, _library().MolDraw2DCairo(side, side), {}, {}))


def _library() -> Any:
    rdkit()
    try:
        from rdkit.Chem.Draw import rdMolDraw2D
    except ImportError as error:  # RDKit without its drawing libraries
        raise BadValue(MISSING) from error
    return rdMolDraw2D


def _drawn(matrix: np.ndarray, draw: Any, atoms: Weights, bonds: Weights) -> Any:
    if not valid(matrix[None])[0]:
        draw.drawOptions().setBackgroundColour(GREY)
    draw.drawOptions().prepareMolsBeforeDrawing = False
    draw.ClearDrawing()  # also needed for an empty molecule
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
        except RuntimeError:  # RDKit can't highlight a bond whose atoms coincide, as in impossible rings
            draw.ClearDrawing()
            draw.DrawMolecule(molecule, highlightAtoms=list(chosen), highlightAtomColors=chosen, highlightBonds=[])
    draw.FinishDrawing()
    return draw.GetDrawingText()


def _colour(share: float) -> tuple[float, float, float]:
    """From white to COLOUR."""
    red, green, blue = (1 - max(0.0, min(1.0, share)) * (1 - value) for value in COLOUR)
    return red, green, blue


def _prepared(matrix: np.ndarray) -> Any:
    """RDKit's molecule with coordinates, also for invalid ones."""
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
    """Numbers of atoms and bonds of each kind, and of rings: (N, atoms + bonds + 1)."""
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
    """Writes one SMILES per line; invalid ones are followed by "not valid"."""
    with replacing(path) as temporary:
        temporary.write_text(as_lines(samples), encoding="utf-8")


def as_lines(samples: np.ndarray) -> str:
    """The content of such a file."""
    return "".join(f"{smiles_of(one) or f'{unchecked_smiles(one) or chr(42)}{chr(9)}{INVALID}'}\n" for one in samples)


def texts(samples: np.ndarray, spec: DataSpec) -> list[str]:
    return [caption(one) for one in samples]


def pieces(samples: np.ndarray, spec: DataSpec) -> list[Piece]:
    return [Piece("drawing", svg(one), caption(one)) for one in samples]


def counted(samples: np.ndarray, known: set[str]) -> dict[str, float]:
    """The shares of valid molecules, of distinct ones among the valid, and of unknown ones among the distinct."""
    found = [smiles for smiles in map(smiles_of, samples) if smiles]
    different = set(found)
    return {
        "molecules/valid": len(found) / max(1, len(samples)),
        "molecules/unique": len(different) / max(1, len(found)),
        "molecules/novel": len(different - known) / max(1, len(different)),
    }


MOLECULES = register(
    Medium(
        task="graph", words="small molecules", types={".smi": "chemical/x-daylight-smiles"}, pictures=pictures,
        write=write, pieces=pieces, describe=describe, texts=texts, examined=EXAMINED, name=smiles_of, measure=counted,
    )
)  # fmt: skip
