"""The quality of generated molecules: valid, distinct, new, and similar to held-out ones.

    valid    share of matrices that are one connected molecule of two atoms or more, valid for RDKit
    unique   share of distinct ones among the valid, by canonical SMILES: falls with n, which is therefore reported
    novel    share of those that aren't among the training molecules

Properties are compared with those of held-out molecules: the number of atoms and of rings, logP (Crippen) and QED
(drug-likeness) by the 1-Wasserstein distance, in standard deviations of the held-out ones; kinds of atoms by half the
sum of the absolute differences of their shares. The floor is the score of as many training molecules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from gan_core.data.chemistry import ATOMS, BONDS, cleaned, rdkit, smiles_of, to_rdkit
from gan_core.errors import BadData
from gan_core.media.molecules import rings

NUMBERS = ("atoms", "rings", "logp", "qed")


@dataclass(frozen=True)
class Quality:
    """Counts of one set of molecules."""

    n: int
    valid: int
    unique: int
    novel: int

    @property
    def shares(self) -> tuple[float, float, float]:
        """Valid of all, unique of valid, novel of unique; 0 if there are none."""
        return self.valid / max(1, self.n), self.unique / max(1, self.valid), self.novel / max(1, self.unique)


def quality(matrices: np.ndarray, known: set[str]) -> Quality:
    """The quality of matrices (N, n, n); `known`: canonical SMILES of the training molecules."""
    names = [name for name in map(smiles_of, matrices) if name]
    different = set(names)
    return Quality(len(matrices), len(names), len(different), len(different - known))


def properties(matrices: np.ndarray) -> dict[str, np.ndarray]:
    """The numbers NUMBERS of valid matrices, (N,) each, and the shares of the kinds of atoms, "kinds" (6,)."""
    rdkit()
    descriptors: Any = import_module("rdkit.Chem.Descriptors")  # its type hints lack these functions
    molecules = [to_rdkit(matrix) for matrix in matrices]
    kinds = np.einsum("bii->bi", matrices)
    return {
        "atoms": (kinds > 0).sum(1),
        "rings": rings(matrices),
        "logp": np.array([descriptors.MolLogP(molecule) for molecule in molecules]),
        "qed": np.array([descriptors.qed(molecule) for molecule in molecules]),
        "kinds": np.bincount(kinds[kinds > 0], minlength=len(ATOMS) + 1)[1:] / max(1, (kinds > 0).sum()),
    }


def distances(made: Mapping[str, np.ndarray], kept_aside: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Distances between the properties of two sets of molecules, by property; raises BadData if a set is empty."""
    from scipy.stats import wasserstein_distance

    if not len(made["atoms"]) or not len(kept_aside["atoms"]):
        raise BadData("No valid molecules to compare.")
    found = {
        name: float(wasserstein_distance(made[name], kept_aside[name]) / max(1e-9, float(kept_aside[name].std())))
        for name in NUMBERS
    }
    return found | {"kinds": float(np.abs(made["kinds"] - kept_aside["kinds"]).sum() / 2)}


def random_graphs(like: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """Matrices (count, n, n) whose atoms and bonds are drawn independently, with the frequencies in `like`."""
    random, size = np.random.default_rng(seed), like.shape[1]
    like = cleaned(like)
    kinds = np.einsum("bii->bi", like)
    upper = np.triu_indices(size, 1)
    orders = like[:, upper[0], upper[1]]
    shares = np.bincount(kinds.ravel(), minlength=len(ATOMS) + 1) / kinds.size
    made = np.zeros((count, size, size), np.int64)
    bonds = random.choice(BONDS, (count, len(upper[0])), p=np.bincount(orders.ravel(), minlength=BONDS) / orders.size)
    made[:, upper[0], upper[1]] = made[:, upper[1], upper[0]] = bonds
    made[:, range(size), range(size)] = random.choice(len(shares), (count, size), p=shares)
    return cleaned(made)
