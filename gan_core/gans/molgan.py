"""MolGAN: small molecules, all atoms and bonds at once (1805.11973).

    L_D = E[D(G(z))] - E[D(x)] + 10 E[(|grad D(u)| - 1)^2]     L_G = -E[D(G(z))] - a E[R(G(z))] + b V(G(z))

The generator, a perceptron, maps z (B, latent_size) to scores of atoms (B, n, K) and of bonds (B, n, n, 4), alike in
both directions. The discriminator passes messages along bonds (objectives/graphs.py) and sums over the atoms, so the
logit (B,) is the same in whatever order the atoms are; places without an atom send and receive nothing. `reward`, of
the same form, learns to tell valid molecules. Samples are matrices int64 (B, n, n): the likeliest atoms and bonds.

Differs from the paper: leaky ReLU instead of tanh, sums instead of means over neighbours, a term of rules
beside the reward, "straight-through" without noise, and no reward for solubility or the like.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from gan_core.data.base import DataSpec
from gan_core.data.chemistry import BONDS
from gan_core.gans.recipe import OptimizerSpec, Preset, Recipe, register, two_players
from gan_core.knobs import knob
from gan_core.layers.blocks import logit_head
from gan_core.objectives.equations import adversarial_equation
from gan_core.objectives.graphs import KINDS, SLOPE, GraphLayer, corrected, joined, likely_bonds, matrices_of, parted
from gan_core.objectives.molecular import Molecular, MolecularHParams


@dataclass(frozen=True)
class MolganHParams(MolecularHParams):
    """The knobs of the networks."""

    generator_widths: tuple[int, ...] = knob(
        (128, 256, 512), 1, 8192, label="Generator layer widths", change="rebuild", group="networks",
        help="Width of each hidden layer, from the latents to the scores of atoms and bonds.",
    )  # fmt: skip
    batch_norm: bool = knob(
        True, label="Batch normalisation", change="rebuild", group="networks",
        help="Normalises the generator's hidden layers over the batch, so that different latents give different "
        "molecules from the beginning.",
    )  # fmt: skip
    graph_widths: tuple[int, ...] = knob(
        (32, 32), 1, 1024, label="Graph layer widths", change="rebuild", group="networks",
        help="Features of an atom after each layer of the discriminator. Each layer looks one bond farther.",
    )  # fmt: skip
    correction: bool = knob(
        False, label="Correction of samples", group="networks",
        help="Takes bonds away from atoms that have too many, the least certain first, and keeps the largest piece. It "
        "makes samples valid whatever was learnt, and it isn't part of training.",
    )  # fmt: skip
    readout: int = knob(
        64, 1, 1024, label="Readout width", unit="units", change="rebuild", group="networks",
        help="Features of the whole molecule, a gated sum over its atoms, in the discriminator.",
    )  # fmt: skip


class MoleculeGenerator(nn.Module):
    """(B, latent_size) -> scores of atoms (B, n, K) and of bonds (B, n, n, 4), alike in both directions."""

    def __init__(self, size: int, hparams: MolganHParams) -> None:
        super().__init__()
        self.size = size
        layers: list[nn.Module] = []
        inputs = hparams.latent_size
        for width in hparams.generator_widths:
            layers.append(nn.Linear(inputs, width))
            if hparams.batch_norm:
                layers.append(nn.BatchNorm1d(width))
            layers.append(nn.LeakyReLU(SLOPE))
            inputs = width
        self.layers = nn.Sequential(*layers)
        self.atoms = nn.Linear(inputs, size * KINDS)
        self.bonds = nn.Linear(inputs, size * size * BONDS)

    def forward(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.layers(latents)
        atoms = self.atoms(hidden).reshape(-1, self.size, KINDS)  # (B, n * K) -> (B, n, K)
        bonds = self.bonds(hidden).reshape(-1, self.size, self.size, BONDS)  # (B, n * n * 4) -> (B, n, n, 4)
        return atoms, (bonds + bonds.transpose(1, 2)) / 2


class MoleculeDiscriminator(nn.Module):
    """Dense graphs (B, n, K + 4 n) -> logits (B,).

    `layers`, `readout` and `head` are also used by the message-passing form (models/explaining.py).
    """

    def __init__(self, hparams: MolganHParams) -> None:
        super().__init__()
        kinds = inputs = KINDS - 1  # without "none"
        layers = []
        for width in hparams.graph_widths:
            layers.append(GraphLayer(inputs, width))
            inputs = width + kinds  # each layer also gets the kind of an atom (equation 5)
        self.layers = nn.ModuleList(layers)
        self.read = nn.Linear(inputs, 2 * hparams.readout)
        self.hidden = nn.Linear(hparams.readout, hparams.readout)
        self.head = logit_head(hparams.readout, 0, hparams.minibatch)
        last = self.head[-1] if isinstance(self.head, nn.Sequential) else self.head
        last.register_parameter("bias", None)  # it cancels in a critic's loss

    def forward(self, graphs: Tensor) -> Tensor:
        atoms, _ = parted(graphs)
        bonds = likely_bonds(graphs).flatten(2)  # (B, n, n, 3) -> (B, n, 3 n)
        kinds = nodes = atoms[..., 1:]
        for layer in self.layers:
            nodes = torch.cat([layer(nodes, bonds), kinds], 2)
        return self.judged((self.shares(nodes) * (1 - atoms[..., :1])).sum(1))

    def shares(self, nodes: Tensor) -> Tensor:
        """Each atom's contribution (..., features) to the molecule's features, (..., readout): equation 6."""
        gate, value = self.read(nodes).chunk(2, -1)
        added: Tensor = gate.sigmoid() * value
        return added

    def judged(self, features: Tensor) -> Tensor:
        """A molecule's features (B, readout) -> logits (B,)."""
        hidden = leaky_relu(self.hidden(leaky_relu(features, SLOPE)), SLOPE)
        logits: Tensor = self.head(hidden)
        return logits.squeeze(1)  # (B, 1) -> (B,)


def networks(hparams: MolganHParams, spec: DataSpec) -> dict[str, nn.Module]:
    made: dict[str, nn.Module] = {
        "generator": MoleculeGenerator(spec.size, hparams), "discriminator": MoleculeDiscriminator(hparams),
    }  # fmt: skip
    if hparams.reward_weight:
        made["reward"] = MoleculeDiscriminator(replace(hparams, minibatch="none"))
    return made


def draw(networks: Mapping[str, nn.Module], hparams: Any, latents: Tensor, labels: Tensor | None) -> Tensor:
    """Matrices int64 (B, n, n) from latents (B, latent_size)."""
    atoms, bonds = networks["generator"](latents)
    graphs = joined(atoms.softmax(2), bonds.softmax(3))
    return corrected(graphs) if hparams.correction else matrices_of(graphs)


def _judges(hparams: MolganHParams) -> OptimizerSpec:
    """The networks of the discriminator's group: with the reward network, if there is one."""
    judges = ("discriminator", "reward") if hparams.reward_weight else ("discriminator",)
    return replace(two_players()["discriminator"](hparams), networks=judges)


def equation(hparams: MolganHParams) -> str:
    text = adversarial_equation(hparams)
    text += rf"\;-\;{hparams.reward_weight:g}\,\mathbb{{E}}[R(G(z))]" if hparams.reward_weight else ""
    return text + (rf"\;+\;{hparams.rules_weight:g}\,\mathbb{{E}}[V(G(z))]" if hparams.rules_weight else "")


DEFAULTS = MolganHParams(
    latent_size=32, generator_widths=(128, 256), loss="wasserstein", penalty="gradient_penalty", generator_rate=1e-3,
    discriminator_rate=2e-3, beta1=0.0, beta2=0.9, rules_weight=0.5, minibatch="standard_deviation",
)  # fmt: skip

register(
    Recipe(
        name="molgan",
        title="MolGAN",
        task="graph",
        paper="1805.11973",
        year=2018,
        networks=networks,
        objective=Molecular,
        hparams=DEFAULTS,
        tiny=replace(
            DEFAULTS, latent_size=4, generator_widths=(8,), graph_widths=(4,), readout=4, batch_size=4,
            discriminator_steps=1, reward_weight=1.0,
        ),
        data="molecules",
        optimizers={**two_players(), "discriminator": _judges},
        draw=draw,
        equation=equation,
        presets=(
            Preset(
                name="molecules",
                title="Small molecules",
                look_for="The first graphs are tangles with too many bonds. Within 500 steps about four in ten samples "
                "are valid, against 3 % of random graphs; grey ones break a rule. Fewer different molecules than valid "
                "ones are a sign of collapse.",
                data="molecules", size=9, steps=4_000, seconds=150,
                hparams={"schedule": "linear", "decay_steps": 4_000},
            ),
        ),
    )
)  # fmt: skip
