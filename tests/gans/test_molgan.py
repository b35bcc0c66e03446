"""MolGAN: dense graphs, the order of atoms, rules and their gradients, and that it learns valid molecules."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gan_core import data
from gan_core.data.chemistry import connected, matrix_of, smiles_of, valence_excess, valid
from gan_core.errors import BadValue
from gan_core.gans import recipes
from gan_core.gans.molgan import MoleculeDiscriminator, MolganHParams
from gan_core.knobs import changed
from gan_core.metrics.molecules import quality, random_graphs
from gan_core.models.sampler import Sampler
from gan_core.objectives import molecular
from gan_core.objectives.graphs import corrected, graphs_of, matrices_of
from gan_core.training.trainer import Trainer
from gan_core.training.variety import examiner
from tests.conftest import example

RECIPE = recipes.get("molgan")
STEPS = 500
SOME = np.stack([matrix_of(one, 9) for one in ("CC(=O)N", "c1ccccc1", "CS(=O)(=O)F")])


def broken() -> np.ndarray:
    """F-C with a triple bond (2 bonds too many), and two pieces of 2 and 1 atoms."""
    matrices = np.zeros((2, 9, 9), np.int64)
    matrices[0, :2, :2] = [[4, 3], [3, 1]]
    matrices[1, :3, :3] = [[1, 1, 0], [1, 1, 0], [0, 0, 3]]
    return matrices


def test_dense_graphs_and_back() -> None:
    graphs = graphs_of(torch.from_numpy(SOME))
    assert graphs.shape == (3, 9, 7 + 4 * 9)
    assert torch.equal(matrices_of(graphs), torch.from_numpy(SOME))
    assert set(graphs.unique().tolist()) == {0.0, 1.0}


def test_the_score_doesnt_depend_on_the_order_of_atoms() -> None:
    discriminator = MoleculeDiscriminator(MolganHParams())
    order = np.random.default_rng(0).permutation(9)
    shuffled = np.ascontiguousarray(SOME[:, order][:, :, order])
    scores = [discriminator(graphs_of(torch.from_numpy(one))) for one in (SOME, shuffled)]
    torch.testing.assert_close(*scores)
    assert scores[0].std() > 1e-3


def test_the_rules_count_what_chemistry_finds() -> None:
    graphs = graphs_of(torch.from_numpy(np.concatenate([broken(), SOME])))
    torch.testing.assert_close(molecular.valence_excess(graphs), torch.tensor([2.0, 0, 0, 0, 0]))
    torch.testing.assert_close(molecular.apart(graphs), torch.tensor([0, 4 / 9, 0, 0, 0]))  # 2 * 2 pairs of 9 places
    assert (valence_excess(broken()) > 0).any(1).tolist() == [True, False]
    assert connected(broken()).tolist() == [True, False]


def test_the_rules_ask_for_a_bond_between_two_pieces() -> None:
    graphs = graphs_of(torch.from_numpy(broken()[1:])).requires_grad_()
    molecular.apart(graphs).sum().backward()
    assert graphs.grad is not None
    bonds = graphs.grad[0, :, 7:].unflatten(1, (9, 4))
    assert (bonds[0, 2, 1:] < 0).all()  # atoms 0 and 2 are in different pieces
    assert (bonds[0, 5] == 0).all()  # place 5 has no atom


@pytest.mark.parametrize("way", ["softmax", "gumbel", "straight_through"])
def test_every_discretisation_gives_shares_with_a_gradient(way: str) -> None:
    hparams = changed(RECIPE.tiny, {"discretisation": way, "reward_weight": 0})
    trainer = Trainer(RECIPE, hparams, example(RECIPE))
    assert "reward" not in trainer.networks
    scores = torch.randn(2, 9, 9, 4, generator=torch.Generator().manual_seed(0))
    scores = (scores + scores.transpose(1, 2)).requires_grad_()
    shares = molecular.relaxed(scores, trainer.context)
    torch.testing.assert_close(shares.sum(-1), torch.ones(2, 9, 9))
    torch.testing.assert_close(shares, shares.transpose(1, 2))
    (shares[..., 1] ** 2).sum().backward()
    assert scores.grad is not None
    assert float(scores.grad.abs().max()) > 0
    assert (set(shares.detach().round(decimals=4).unique().tolist()) == {0.0, 1.0}) == (way == "straight_through")


def test_the_correction_takes_the_weakest_bond_and_keeps_the_largest_piece() -> None:
    """O has three neighbours, of which the second is the least certain; two more atoms are apart."""
    matrix = np.zeros((1, 6, 6), np.int64)
    matrix[0, range(6), range(6)] = [3, 1, 1, 1, 0, 1]
    matrix[0, 0, 1:4] = matrix[0, 1:4, 0] = 1
    graphs = graphs_of(torch.from_numpy(matrix))
    bonds = graphs[0, :, 7:].unflatten(1, (6, 4))  # a view
    for one, other, share in ((0, 1, 0.9), (0, 2, 0.6), (0, 3, 0.8)):
        bonds[one, other, 1] = bonds[other, one, 1] = share
        bonds[one, other, 0] = bonds[other, one, 0] = 1 - share
    matrix[0, 0, 2] = matrix[0, 2, 0] = 0
    matrix[0, [2, 5], [2, 5]] = 0
    assert torch.equal(corrected(graphs), torch.from_numpy(matrix))


def test_corrected_samples_are_valid_and_valid_ones_stay() -> None:
    assert torch.equal(corrected(graphs_of(torch.from_numpy(SOME))), torch.from_numpy(SOME))
    random = random_graphs(SOME, 200)
    fixed = corrected(graphs_of(torch.from_numpy(random))).numpy()
    several = (fixed.diagonal(axis1=1, axis2=2) > 0).sum(1) > 1
    assert valid(fixed)[several].all()
    assert several.mean() > 0.6
    assert valid(random).mean() < 0.2


def test_augmentation_of_pictures_is_refused() -> None:
    with pytest.raises(BadValue, match="made for pictures"):
        changed(RECIPE.hparams, {"augment": "diffaugment"})


def test_a_run_reports_how_many_are_valid() -> None:
    look = examiner(Trainer(RECIPE, RECIPE.tiny, example(RECIPE)), "molecules")
    assert look is not None
    found = look()
    assert {"molecules/valid", "molecules/unique", "molecules/novel", "variety"} <= found.keys()
    assert 0 <= found["molecules/valid"] <= 1


@pytest.mark.release
def test_it_learns_what_a_molecule_is() -> None:
    """Valid and different molecules after STEPS steps, where random graphs with the data's atoms and bonds aren't."""
    if not data.source("molecules").available():
        pytest.skip("GANSCOPE_DATA holds no molecules")
    training = data.load("test:molecules")  # fewer, and so quicker to read
    trainer = Trainer(RECIPE, RECIPE.hparams, training)
    for _ in range(STEPS):
        trainer.train_step()
    trainer.ema.refresh()
    sampler = Sampler(RECIPE, trainer.hparams, trainer.spec, trainer.ema.networks)
    found = quality(sampler.sample(500, seed=1).numpy(), set())
    chance = valid(random_graphs(training.arrays["molecule"], 5000)).mean()
    assert chance < 0.05
    assert found.shares[0] > 0.2
    assert found.unique >= 25
    correcting = Sampler(RECIPE, changed(trainer.hparams, {"correction": True}), trainer.spec, sampler.networks)
    known = {smiles_of(matrix) for matrix in training.arrays["molecule"]}
    fixed = quality(correcting.sample(500, seed=1).numpy(), known)
    assert fixed.shares[0] > 0.9
    assert fixed.shares[1] > 0.3
