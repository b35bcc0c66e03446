"""Why a molecule is rated fake: the message-passing form of a discriminator, masks of several seeds, and refusals."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from gan_core.data.chemistry import matrix_of
from gan_core.errors import BadValue
from gan_core.gans import recipes
from gan_core.gans.molgan import MoleculeDiscriminator, MolganHParams
from gan_core.knobs import to_dict
from gan_core.models import explaining, publishing
from gan_core.training.trainer import Trainer
from tests.conftest import example
from tests.made_models import make_model


def discriminator() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        built = MoleculeDiscriminator(MolganHParams(graph_widths=(8, 8), readout=8))
    return built.eval().requires_grad_(False)


def test_the_message_passing_form_is_the_same_network() -> None:
    dense = discriminator()
    passing = explaining.message_passing(dense)
    matrices = np.stack([matrix_of(one, 9) for one in ("CC(=O)N", "c1ccccc1", "CS(=O)(=O)F", "N#CC=C")])
    scores = [float(passing(*explaining.as_edges(matrix)[:3])) for matrix in matrices]
    np.testing.assert_allclose(scores, explaining.scores(dense, matrices), atol=1e-6)
    assert np.std(scores) > 1e-3


def test_masks_lie_where_atoms_and_bonds_are() -> None:
    matrix = matrix_of("CC(=O)N", 9)
    before = torch.get_rng_state()
    found = explaining.explain(discriminator(), matrix, seeds=2)
    assert torch.equal(before, torch.get_rng_state())
    bonded = (matrix > 0) & ~np.eye(9, dtype=bool)
    np.testing.assert_array_equal(found.bonds > 0, bonded)
    np.testing.assert_array_equal(found.atoms > 0, matrix.diagonal() > 0)
    np.testing.assert_allclose(found.bonds, found.bonds.T)
    assert found.bonds.max() <= 1
    assert found.bond_spread[bonded].max() > 0  # two seeds differ
    assert (found.removed, found.seeds) == (1, 2)
    assert found.change >= 0
    again = explaining.explain(discriminator(), matrix, seeds=2)
    np.testing.assert_array_equal(found.bonds, again.bonds)


def test_a_bond_that_alone_matters_is_found() -> None:
    """A score that counts triple bonds: their mask must be the highest, and removing them changes the score most."""
    counting = discriminator()
    layer = counting.layers[-1]
    with torch.no_grad():
        for weight in counting.parameters():
            weight.zero_()
        layer.own.bias.fill_(0.0)
        layer.by_bond.weight.view(3, 8, -1)[2, 0, :6] = 4.0  # along triple bonds, by the kind of the sender
        layer.by_bond.weight.view(3, 8, -1)[2, 0, -6:] = 4.0
        counting.read.weight[8, 0] = 1.0  # the value of the first feature
        counting.hidden.weight[0, 0] = counting.head.weight[0, 0] = 1.0
    found = explaining.explain(counting, matrix_of("CCCC#N", 9), seeds=3)
    order = np.dstack(np.unravel_index(np.argsort(-found.bonds, axis=None), (9, 9)))[0]
    matrix = matrix_of("CCCC#N", 9)
    assert matrix[tuple(order[0])] == 3
    assert found.change > found.random_change + found.random_spread


def test_the_discriminator_of_a_model_is_explained(home: Path) -> None:
    recipe = recipes.get("molgan")
    trainer = Trainer(recipe, recipe.tiny, example(recipe))
    state = trainer.state_dict() | {"hparams": to_dict(recipe.tiny), "spec": trainer.spec.to_state()}
    words = publishing.Words("Chains", "CC0-1.0", "Nothing", "a blink", "all")
    card = publishing.publish(
        state | {"recipe": "molgan"}, "molgan.x", words, (), "molecules", home / "models" / "molgan.x", False
    )
    found = explaining.discriminator_of(card.name).state_dict()
    for name, weights in trainer.networks["discriminator"].state_dict().items():
        assert torch.equal(weights, found[name])


def test_unsupported_explanations_are_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = np.zeros((9, 9), np.int64)
    alone[0, 0] = 1
    with pytest.raises(BadValue, match="without a bond"):
        explaining.explain(discriminator(), alone)
    make_model("dcgan.x")
    with pytest.raises(BadValue, match="generates no molecules"):
        explaining.discriminator_of("dcgan.x")
    monkeypatch.setitem(sys.modules, "torch_geometric", None)
    monkeypatch.setitem(sys.modules, "torch_geometric.explain", None)
    with pytest.raises(BadValue, match=r"pip install 'ganscope\[graphs\]'"):
        explaining.explain(discriminator(), matrix_of("CC", 9))
