"""Why is it fake? Finds the atoms and bonds on which a discriminator's score of a molecule depends: GNNExplainer
(1903.03894).

GNNExplainer learns a mask over atoms and one over bonds such that the score of the masked molecule stays the same,
while as little as possible is kept. It starts from random masks, and on graphs this small the masks of different seeds
differ considerably: the result is the mean over SEEDS of them, with the spread.

torch_geometric masks the messages of `MessagePassing` layers. Our discriminator uses dense matrices;
`MessagePassingDiscriminator` is the same network, with the same weights, in that form.

Changes since the tutorials: `GNNExplainer(model, epochs=...)` with `explain_node` or `explain_graph` raises a
TypeError in torch_geometric 2.8. An `Explainer` holds the model and the algorithm, is called with nodes and edges, and
returns an `Explanation` with masks between 0 and 1.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, one_hot

from gan_core.data.chemistry import BONDS, cleaned
from gan_core.errors import BadValue
from gan_core.gans import recipes
from gan_core.models import discriminators
from gan_core.models.card import read_card
from gan_core.models.listing import folder_of
from gan_core.objectives.graphs import KINDS, SLOPE, GraphLayer, graphs_of

SEEDS, EPOCHS, RATE = 20, 60, 0.05
RANDOM = 50  # random masks for comparison with an explanation
MISSING = "Explaining needs torch_geometric. Install it with: pip install 'ganscope[graphs]'"


@dataclass(frozen=True)
class Explanation:
    """Importances in [0, 1] of one molecule's atoms (n,) and bonds (n, n), 0 where there are none."""

    score: float  # of the discriminator; higher is more real
    atoms: np.ndarray
    bonds: np.ndarray
    bond_spread: np.ndarray  # standard deviation over the seeds
    removed: int  # bonds that are removed for the figures below
    change: float  # of the score, without the most important bonds
    random_change: float  # without as many random ones, on average
    random_spread: float
    seeds: int


def geometric() -> Any:
    """The module torch_geometric; raises BadValue if it isn't installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # it scripts a class, which PyTorch discourages
            import torch_geometric.explain
            import torch_geometric.nn
    except ImportError:
        raise BadValue(MISSING) from None
    return torch_geometric


def discriminator_of(name: str) -> nn.Module:
    """The discriminator of a model of molecules, by the model's name.

    Raises BadCheckpoint if it has none, BadValue for a model of something else.
    """
    recipe = recipes.get(read_card(folder_of(name)).recipe)
    if recipe.task != "graph":
        raise BadValue("{recipe} generates no molecules.", recipe=recipe.title)
    return discriminators.discriminator_of(name)


@torch.no_grad()
def scores(discriminator: nn.Module, matrices: np.ndarray) -> np.ndarray:
    """The discriminator's scores (N,) of matrices (N, n, n)."""
    logits: Tensor = discriminator(graphs_of(torch.from_numpy(matrices)))
    return logits.numpy()


def as_edges(matrix: np.ndarray) -> tuple[Tensor, Tensor, Tensor, np.ndarray]:
    """Converts a matrix (n, n) for torch_geometric: atoms (N, 6), edges (2, E) and their kinds (E, 3), and positions
    (N,).

    Each bond is two edges, one in each direction.
    """
    matrix = cleaned(matrix[None])[0]
    places = np.flatnonzero(matrix.diagonal())
    kept = torch.from_numpy(matrix[np.ix_(places, places)])
    nodes = one_hot(kept.diagonal(), KINDS)[:, 1:].float()
    bonds = kept - torch.diag(kept.diagonal())
    edges = bonds.nonzero().T.contiguous()  # (2, E): from, to
    kinds = one_hot(bonds[edges[0], edges[1]], BONDS)[:, 1:].float()
    return nodes, edges, kinds, places


def message_passing(discriminator: nn.Module) -> nn.Module:
    """The same network for (nodes, edges, kinds) in place of dense graphs, built from torch_geometric's layers."""
    passing: Any = geometric().nn.MessagePassing

    class BondConvolution(passing):  # type: ignore[misc]
        """A GraphLayer whose messages are passed along edges."""

        def __init__(self, layer: GraphLayer) -> None:
            super().__init__(aggr="sum")
            self.layer = layer

        def forward(self, nodes: Tensor, edges: Tensor, kinds: Tensor) -> Tensor:
            received: Tensor = self.propagate(edges, x=nodes, kinds=kinds)
            return leaky_relu(self.layer.own(nodes) + received, SLOPE)

        def message(self, x_j: Tensor, kinds: Tensor) -> Tensor:
            return (self.layer.messages(x_j) * kinds[:, :, None]).sum(1)  # (E, 3, C) -> (E, C)

    class MessagePassingDiscriminator(nn.Module):
        """Nodes (N, 6), edges (2, E), kinds (E, 3) -> the score, (1, 1)."""

        def __init__(self) -> None:
            super().__init__()
            self.body: Any = discriminator
            self.convolutions = nn.ModuleList(BondConvolution(layer) for layer in discriminator.layers)  # type: ignore[union-attr]

        def forward(self, nodes: Tensor, edges: Tensor, kinds: Tensor) -> Tensor:
            features = nodes
            for convolution in self.convolutions:
                features = torch.cat([convolution(features, edges, kinds), nodes], 1)
            score: Tensor = self.body.judged(self.body.shares(features).sum(0, keepdim=True))
            return score[:, None]

    return MessagePassingDiscriminator()


def explain(discriminator: nn.Module, matrix: np.ndarray, seeds: int = SEEDS) -> Explanation:
    """Explains the score of a molecule, a matrix (n, n).

    Raises BadValue if it has no bond, or torch_geometric is missing.
    """
    library = geometric()
    nodes, edges, kinds, places = as_edges(matrix)
    if not edges.shape[1]:
        raise BadValue("A molecule without a bond can't be explained.")
    model = message_passing(discriminator).eval()
    found = [_masks(library, model, (nodes, edges, kinds), seed) for seed in range(seeds)]
    size = len(matrix)
    atoms, bonds = np.zeros((seeds, size)), np.zeros((seeds, size, size))
    for row, (node_mask, edge_mask) in enumerate(found):
        atoms[row, places] = node_mask
        bonds[row, places[edges[0]], places[edges[1]]] = edge_mask
    bonds = (bonds + bonds.transpose(0, 2, 1)) / 2  # both directions of a bond
    mean = bonds.mean(0)
    change, random, removed = _fidelity(discriminator, matrix, mean)
    return Explanation(
        score=float(scores(discriminator, matrix[None])[0]), atoms=atoms.mean(0), bonds=mean,
        bond_spread=bonds.std(0), removed=removed, change=change, random_change=float(random.mean()),
        random_spread=float(random.std()), seeds=seeds,
    )  # fmt: skip


def _masks(
    library: Any, model: nn.Module, inputs: tuple[Tensor, Tensor, Tensor], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The masks (N,) and (E,) from one random start."""
    nodes, edges, kinds = inputs
    explainer = library.explain.Explainer(
        model=model, algorithm=library.explain.GNNExplainer(epochs=EPOCHS, lr=RATE), explanation_type="model",
        node_mask_type="object", edge_mask_type="object",
        model_config={"mode": "regression", "task_level": "graph", "return_type": "raw"},
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(seed)
        explanation = explainer(nodes, edges, kinds=kinds)
    return explanation.node_mask[:, 0].numpy(), explanation.edge_mask.numpy()


def _fidelity(discriminator: nn.Module, matrix: np.ndarray, importance: np.ndarray) -> tuple[float, np.ndarray, int]:
    """Change of the score without the most important third of the bonds, and without random ones, (RANDOM,)."""
    matrix = cleaned(matrix[None])[0]
    bonds = np.argwhere(np.triu(matrix, 1))
    count = max(1, len(bonds) // 3)
    order = np.argsort([-importance[one, other] for one, other in bonds], kind="stable")
    random = np.random.default_rng(0)
    chosen = [order[:count], *(random.permutation(len(bonds))[:count] for _ in range(RANDOM))]
    changed = np.stack([_without(matrix, bonds[places]) for places in chosen])
    given = scores(discriminator, matrix[None])[0]
    changes = np.abs(scores(discriminator, changed) - given)
    return float(changes[0]), changes[1:], count


def _without(matrix: np.ndarray, bonds: np.ndarray) -> np.ndarray:
    left = matrix.copy()
    left[bonds[:, 0], bonds[:, 1]] = left[bonds[:, 1], bonds[:, 0]] = 0
    return left
