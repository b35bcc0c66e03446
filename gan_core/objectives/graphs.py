"""Molecules as tensors: dense graphs that gradients flow through, and a layer that passes messages along their bonds.

A dense graph is one tensor (B, n, K + 4 n): for each of n places the shares of K kinds of atoms, the first of which is
none, and for each pair of places the shares of 4 kinds of bonds, the first of which is none.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, one_hot

from gan_core.data.chemistry import ATOMS, BONDS, VALENCES

KINDS = len(ATOMS) + 1  # of atoms, including none
SLOPE = 0.1
CORRECTIONS = 36  # lowered bonds, at most


def joined(atoms: Tensor, bonds: Tensor) -> Tensor:
    """Atoms (B, n, K) and bonds (B, n, n, 4) as one tensor (B, n, K + 4 n); without bonds of an atom to itself."""
    itself = torch.eye(atoms.shape[1], dtype=torch.bool, device=atoms.device)[:, :, None]  # (n, n, 1)
    none = one_hot(torch.zeros(1, dtype=torch.long, device=atoms.device), BONDS).to(bonds.dtype)  # (1, 4)
    bonds = torch.where(itself, none, bonds)
    return torch.cat([atoms, bonds.flatten(2)], 2)  # (B, n, n, 4) -> (B, n, 4 n)


def parted(graphs: Tensor) -> tuple[Tensor, Tensor]:
    """Dense graphs (B, n, K + 4 n) as atoms (B, n, K) and bonds (B, n, n, 4)."""
    bonds = graphs[..., KINDS:]
    return graphs[..., :KINDS], bonds.reshape(*bonds.shape[:2], -1, BONDS)


def graphs_of(matrices: Tensor) -> Tensor:
    """Matrices int64 (B, n, n) as dense graphs of zeros and ones."""
    kinds = matrices.diagonal(dim1=1, dim2=2)
    beside = matrices - torch.diag_embed(kinds)
    kind = torch.get_default_dtype()
    return joined(one_hot(kinds, KINDS).to(kind), one_hot(beside, BONDS).to(kind))


def matrices_of(graphs: Tensor) -> Tensor:
    """The matrices int64 (B, n, n) of dense graphs: the likeliest kind of each atom and bond.

    Bonds to places without an atom are left out.
    """
    atoms, bonds = parted(graphs)
    kinds, orders = atoms.argmax(2), bonds.argmax(3)
    there = (kinds > 0).long()
    return orders * there[:, :, None] * there[:, None] + torch.diag_embed(kinds)


def likely_bonds(graphs: Tensor) -> Tensor:
    """The shares of single, double and triple bonds, (B, n, n, 3), times the probabilities of both atoms."""
    atoms, bonds = parted(graphs)
    there = 1 - atoms[..., :1]  # (B, n, 1)
    return bonds[..., 1:] * (there[:, :, None] * there[:, None])


def corrected(graphs: Tensor) -> Tensor:
    """Matrices int64 (B, n, n) of dense graphs, corrected if the likeliest atoms and bonds aren't valid.

    While atoms have too many bonds, the order of their least certain bond is reduced by one, as in MoFlow (2006.10137);
    then the largest piece is kept.
    """
    matrices = matrices_of(graphs)
    kinds = matrices.diagonal(dim1=1, dim2=2)
    orders = matrices - torch.diag_embed(kinds)
    certain = torch.triu(parted(graphs)[1].amax(3), 1)  # (B, n, n)
    most = torch.as_tensor(VALENCES, device=graphs.device)[kinds]
    for _ in range(CORRECTIONS):
        full = orders.sum(2) > most  # (B, n)
        offending = (torch.triu(orders, 1) > 0) & (full[:, :, None] | full[:, None])
        weakest = torch.where(offending, certain, 2.0).flatten(1).argmin(1)  # shares are below 2
        lower = one_hot(weakest, orders[0].numel()).reshape(orders.shape) * offending
        orders = orders - lower - lower.transpose(1, 2)
    there = kinds > 0
    reach = ((orders > 0) | torch.diag_embed(there)).float()
    for _ in range((kinds.shape[1] - 1).bit_length()):
        reach = (reach @ reach).clamp(max=1)
    largest = reach.sum(2).argmax(1)  # an atom of the largest piece, (B,)
    kept = (reach * one_hot(largest, kinds.shape[1])[:, :, None]).sum(1) > 0  # (B, n)
    return (orders + torch.diag_embed(kinds)) * (kept[:, :, None] & kept[:, None])


class GraphLayer(nn.Module):
    """Relational graph convolution: (B, n, inputs) -> (B, n, outputs), along bonds (B, n, 3 n).

        h_i' = act(W h_i + sum_j sum_y A_ijy W_y h_j)                              (1805.11973, equation 5)

    The sum isn't divided by the number of neighbours, so that the layer can count an atom's bonds.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.own = nn.Linear(inputs, outputs)
        self.by_bond = nn.Linear(inputs, (BONDS - 1) * outputs, bias=False)

    def messages(self, nodes: Tensor) -> Tensor:
        """The messages of atoms (..., inputs) along single, double and triple bonds, (..., 3, outputs)."""
        sent: Tensor = self.by_bond(nodes)
        return sent.reshape(*sent.shape[:-1], BONDS - 1, -1)

    def forward(self, nodes: Tensor, bonds: Tensor) -> Tensor:
        sent = self.messages(nodes).flatten(1, 2)  # (B, n, 3, C) -> (B, 3 n, C)
        return leaky_relu(torch.baddbmm(self.own(nodes), bonds, sent), SLOPE)
