"""Molecules as matrices: atoms on the diagonal, bonds off it; validity, and SMILES by RDKit.

A matrix is int64 (n, n): on the diagonal 0 for no atom, else an index into ATOMS counted from 1; off it 0 for no bond,
or its order 1 to 3 (aromatic rings are written with alternating bonds). Hydrogens are implicit: each atom has as many
as its valence allows. Needs no torch; RDKit is needed only for reading and writing SMILES.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from gan_core.errors import BadData, BadValue

ATOMS = ("C", "N", "O", "F", "S", "Cl")
VALENCES = np.array([0, 4, 3, 2, 1, 6, 1])  # the most bonds of each atom, without charges; 0 for no atom
BONDS = 4  # no bond, single, double, triple
MISSING = "Molecules need RDKit. Install it with: pip install 'ganscope[graphs]'"


@cache
def rdkit() -> Any:
    """RDKit's module `Chem`, with logging off; raises BadValue if it isn't installed."""
    try:
        from rdkit import Chem, RDLogger
    except ImportError:
        raise BadValue(MISSING) from None
    RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]
    return Chem


def installed() -> bool:
    """Whether RDKit is installed."""
    try:
        rdkit()
    except BadValue:
        return False
    return True


def cleaned(matrices: np.ndarray) -> np.ndarray:
    """The same matrices (N, n, n) without bonds to empty places."""
    there = np.einsum("bii->bi", matrices) > 0  # (N, n)
    kept = matrices * (there[:, :, None] & there[:, None, :])
    return np.asarray(kept, np.int64)


def valence_excess(matrices: np.ndarray) -> np.ndarray:
    """The excess of bonds of each atom, (N, n); negative if there are hydrogens."""
    atoms = np.einsum("bii->bi", matrices)
    return np.asarray(matrices.sum(2) - atoms - VALENCES[atoms])


def connected(matrices: np.ndarray) -> np.ndarray:
    """Whether all atoms of each matrix (N, n, n) are connected, (N,); true if there are none."""
    there = np.einsum("bii->bi", matrices) > 0
    apart = there[:, :, None] & there[:, None, :] & ~reachable(matrices)
    return np.asarray(~apart.any((1, 2)))


def reachable(matrices: np.ndarray) -> np.ndarray:
    """Which atoms can be reached from which along bonds, including themselves: bool (N, n, n)."""
    reach = (matrices > 0).astype(np.float32)  # the diagonal joins each atom to itself
    for _ in range(int(np.ceil(np.log2(max(2, matrices.shape[1]))))):
        reach = np.minimum(reach @ reach, 1)
    return np.asarray(reach > 0)


def valid(matrices: np.ndarray) -> np.ndarray:
    """Which matrices (N, n, n) are molecules, bool (N,): two atoms or more, connected, none with too many bonds.

    For these atoms without charges RDKit's sanitising gives the same result (tests/data/test_chemistry.py), but is
    slower and also accepts the empty molecule and several pieces.
    """
    matrices = cleaned(matrices)
    enough = (np.einsum("bii->bi", matrices) > 0).sum(1) >= 2
    return np.asarray(enough & connected(matrices) & (valence_excess(matrices) <= 0).all(1))


def to_rdkit(matrix: np.ndarray, sanitised: bool = True) -> Any:
    """A matrix (n, n) as an RDKit molecule, or None if it can't be sanitised."""
    chem = rdkit()
    matrix = cleaned(matrix[None])[0]
    places = np.flatnonzero(matrix.diagonal())
    molecule = chem.RWMol()
    for place in places:
        molecule.AddAtom(chem.Atom(ATOMS[matrix[place, place] - 1]))
    orders = {1: chem.BondType.SINGLE, 2: chem.BondType.DOUBLE, 3: chem.BondType.TRIPLE}
    for one, first in enumerate(places):
        for other, second in enumerate(places[:one]):
            if matrix[first, second]:
                molecule.AddBond(one, other, orders[int(matrix[first, second])])
    if sanitised and chem.SanitizeMol(molecule, catchErrors=True) != chem.SanitizeFlags.SANITIZE_NONE:
        return None
    return molecule.GetMol()


def smiles_of(matrix: np.ndarray) -> str:
    """The canonical SMILES of a valid matrix (n, n), which identifies equal molecules; "" for an invalid one."""
    if not valid(matrix[None])[0]:
        return ""
    molecule = to_rdkit(matrix)
    return "" if molecule is None else str(rdkit().MolToSmiles(molecule))


def unchecked_smiles(matrix: np.ndarray) -> str:
    """A SMILES of any matrix, even an invalid one; "" for an empty one."""
    molecule = to_rdkit(matrix, sanitised=False)
    return str(rdkit().MolToSmiles(molecule))


def matrix_of(smiles: str, size: int) -> np.ndarray:
    """The matrix of a SMILES, int64 (size, size), atoms in canonical order.

    Raises BadData if it is invalid, too large, or contains something that a matrix can't: other elements, charges,
    isotopes. Stereo marks (`@`, `/`) are left out.
    """
    chem = rdkit()
    molecule = chem.MolFromSmiles(smiles)
    if molecule is None or not molecule.GetNumAtoms():
        raise BadData("'{smiles}' is not a valid SMILES.", smiles=smiles)
    if molecule.GetNumAtoms() > size:
        raise BadData(
            "'{smiles}' has {atoms} atoms besides hydrogen; at most {most} are possible.",
            smiles=smiles, atoms=molecule.GetNumAtoms(), most=size,
        )  # fmt: skip
    for atom in molecule.GetAtoms():
        marked = atom.GetFormalCharge() or atom.GetNumRadicalElectrons() or atom.GetIsotope()
        if atom.GetSymbol() not in ATOMS or marked:
            raise BadData(
                "'{smiles}' has atoms that aren't supported. Valid: {valid}, without charges or isotopes.",
                smiles=smiles, valid=", ".join(ATOMS),
            )  # fmt: skip
    chem.Kekulize(molecule, clearAromaticFlags=True)  # an aromatic matrix would lose pyrrole's hydrogen
    found = np.zeros((size, size), np.int64)
    for atom in molecule.GetAtoms():
        found[atom.GetIdx(), atom.GetIdx()] = ATOMS.index(atom.GetSymbol()) + 1
    for bond in molecule.GetBonds():
        one, other = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        found[one, other] = found[other, one] = int(bond.GetBondTypeAsDouble())
    if not valid(found[None])[0]:
        raise BadData("'{smiles}' isn't one connected molecule of two atoms or more.", smiles=smiles)
    return found


def matrices_of(smiles: Sequence[str], size: int) -> np.ndarray:
    """Matrices (N, size, size) of valid SMILES."""
    return np.stack([matrix_of(one, size) for one in smiles])
