"""Molecules as matrices: validity, SMILES in both directions, the data set, and the user's files."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from gan_core import data
from gan_core.data import chemistry
from gan_core.data.chemistry import matrix_of, smiles_of, valid
from gan_core.data.user.smiles import lines_of
from gan_core.errors import BadData, BadValue
from gan_core.metrics.molecules import distances, properties, quality, random_graphs


def test_a_matrix_by_hand() -> None:
    """Acetonitrile, C-C#N: carbon is 1, nitrogen 2."""
    expected = np.zeros((4, 4), np.int64)
    expected[:3, :3] = [[1, 1, 0], [1, 1, 3], [0, 3, 2]]
    np.testing.assert_array_equal(matrix_of("CC#N", 4), expected)
    assert smiles_of(expected) == "CC#N"


@pytest.mark.parametrize("smiles", ["c1cc[nH]c1", "Cc1ccccc1", "O=S(=O)(N)C", "C1CC2CC1C2", "FC(Cl)=C"])
def test_smiles_both_ways(smiles: str) -> None:
    chem = chemistry.rdkit()
    matrix = matrix_of(smiles, 9)
    assert (matrix == matrix.T).all()
    canonical = chem.MolToSmiles(chem.MolFromSmiles(smiles))
    assert smiles_of(matrix) == canonical
    order = np.random.default_rng(0).permutation(9)
    assert smiles_of(matrix[np.ix_(order, order)]) == canonical  # whatever the order of the atoms


def test_our_rules_find_what_rdkit_finds() -> None:
    """On random graphs, most of which aren't molecules; RDKit also takes the empty one and several pieces."""
    chem = chemistry.rdkit()
    chains = np.stack([matrix_of("CC(=O)NC", 6), matrix_of("C1CC1O", 6), matrix_of("CS(=O)(=O)F", 6)])
    graphs = random_graphs(chains, 300)
    ours, theirs = valid(graphs), []
    for graph in graphs:
        molecule = chemistry.to_rdkit(graph)
        one_piece = molecule is not None and len(chem.GetMolFrags(molecule)) == 1
        theirs.append(one_piece and molecule.GetNumAtoms() >= 2)
    np.testing.assert_array_equal(ours, theirs)
    assert 3 < ours.sum() < 200


def test_the_empty_molecule_and_pieces_are_not_valid() -> None:
    nothing, methane, pieces = np.zeros((3, 4, 4), np.int64)
    methane[0, 0] = 1
    pieces[[0, 1], [0, 1]] = 1  # two atoms without a bond
    assert not valid(np.stack([nothing, methane, pieces])).any()
    joined = pieces.copy()
    joined[0, 1] = joined[1, 0] = 1
    stray = joined.copy()
    stray[2, 3] = stray[3, 2] = 3  # a bond between places without atoms is ignored
    assert valid(np.stack([joined, stray])).all()
    assert smiles_of(stray) == "CC"


@pytest.mark.parametrize(
    ("smiles", "complaint"),
    [
        ("C1CC", "not a valid SMILES"), ("CF(C)C", "not a valid SMILES"), ("CCCCCCCCCC", "10 atoms besides hydrogen"),
        ("C[N+](C)(C)C", "without charges"), ("BrCC", "Valid: C, N, O, F, S, Cl"), ("C.C", "isn't one connected"),
        ("[13CH3]C", "without charges or isotopes"),
    ],
)  # fmt: skip
def test_molecules_that_a_matrix_cant_hold_are_refused(smiles: str, complaint: str) -> None:
    with pytest.raises(BadData, match=complaint):
        matrix_of(smiles, 9)


def test_stereo_marks_are_left_out() -> None:
    assert smiles_of(matrix_of("C[C@H](N)O", 9)) == smiles_of(matrix_of("CC(N)O", 9))
    assert smiles_of(matrix_of("F/C=C/C", 9)) == smiles_of(matrix_of("FC=CC", 9))


def test_a_file_of_smiles_is_a_data_set(tmp_path: Path) -> None:
    file = tmp_path / "mine.smi"
    file.write_text("smiles\nCCO ethanol\n\nC1CC\nCCN\nCCCCCCCCCCC\n" + "C=C\n" * 7)
    loaded = data.load(f"smiles:{file}")
    assert loaded.arrays["molecule"].shape == (9, 9, 9)
    assert [smiles_of(matrix) for matrix in loaded.arrays["molecule"][:3]] == ["CCO", "CCN", "C=C"]
    assert [place for place, _ in loaded.skipped] == ["mine.smi:4", "mine.smi:6"]
    assert "C1CC" in loaded.skipped[0][1]
    assert "11 atoms" in loaded.skipped[1][1]
    assert (data.task_of(f"smiles:{file}"), data.size_of(f"smiles:{file}")) == ("graph", 9)
    assert data.load(f"smiles:{file}").skipped == loaded.skipped  # from the cache
    assert len(data.load(f"train:smiles:{file}")) == 9
    file.write_text("smiles\nCCO\n", encoding="utf-8-sig")  # as Windows' editors write it
    assert lines_of(file) == [(2, "CCO")]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("empty.smi", "", "holds no SMILES"), ("heading.tsv", "smiles\tcount\n", "holds no SMILES"),
        ("broken.txt", "C1CC\nnothing\n", r"broken.txt:1: 'C1CC' is not a valid SMILES. broken.txt:2"),
        ("mine.csv", "C", "Valid file extensions: .smi"),
    ],
)  # fmt: skip
def test_files_without_molecules_are_refused(tmp_path: Path, name: str, content: str, complaint: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises((BadData, BadValue), match=complaint):
        data.load(f"smiles:{tmp_path / name}")
    with pytest.raises(BadData, match="can't be read"):
        data.load(f"smiles:{tmp_path / 'gone.smi'}")


def test_without_rdkit_the_install_command_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "mine.smi").write_text("CCO\n")
    chemistry.rdkit.cache_clear()
    monkeypatch.setitem(sys.modules, "rdkit", None)
    with pytest.raises(BadValue, match=r"pip install 'ganscope\[graphs\]'"):
        data.load(f"smiles:{tmp_path / 'mine.smi'}")
    assert not chemistry.installed()
    monkeypatch.undo()
    assert chemistry.installed()


def test_the_molecules_are_split_and_come_back_as_they_were(real_data: Path) -> None:
    source = data.source("molecules")
    if not source.available():
        pytest.skip("GANSCOPE_DATA holds no molecules")
    kept_aside = data.load("test:molecules")
    assert (len(kept_aside), kept_aside.skipped) == (802, ())
    assert kept_aside.spec == source.spec(source.size)
    assert valid(kept_aside.arrays["molecule"]).all()
    from gan_core.data.files import files_of

    lines = files_of("molecules/fragments_9.tsv")[0].read_text().splitlines()[1:]
    given = [line.split("\t")[0] for line in lines[9::10]]
    assert [smiles_of(matrix) for matrix in kept_aside.arrays["molecule"]] == given


def test_quality_counts_different_and_new_molecules() -> None:
    matrices = np.stack([matrix_of(one, 9) for one in ("CCO", "OCC", "CCN")] + [np.zeros((9, 9), np.int64)])
    found = quality(matrices, {"CCN"})
    assert (found.n, found.valid, found.unique, found.novel) == (4, 3, 2, 1)
    np.testing.assert_allclose(found.shares, (3 / 4, 2 / 3, 1 / 2))


def test_properties_and_their_distances() -> None:
    benzene, chain = matrix_of("c1ccccc1", 9), matrix_of("CCCO", 9)
    ours = properties(np.stack([benzene, chain]))
    np.testing.assert_array_equal(ours["rings"], [1, 0])
    np.testing.assert_array_equal(ours["atoms"], [6, 4])
    np.testing.assert_allclose(ours["kinds"], [0.9, 0, 0.1, 0, 0, 0])
    assert ours["logp"][0] == pytest.approx(1.6866, abs=1e-4)  # Crippen's benzene
    assert all(value == 0 for value in distances(ours, ours).values())
    # both have 6 atoms: one standard deviation (of 4 and 6) on average
    assert distances(properties(np.stack([benzene, benzene])), ours)["atoms"] == pytest.approx(1)


def test_distances_of_empty_sets_are_refused() -> None:
    with pytest.raises(BadData, match="No valid molecules"):
        distances(properties(np.zeros((0, 9, 9), np.int64)), properties(matrix_of("CCCO", 9)[None]))
