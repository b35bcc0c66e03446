"""The objective of GANs that generate molecules: discrete samples, and a reward for what is chemically possible.

    L_D = E[D(G(z))] - E[D(x)] + penalty            L_G = -E[D(G(z))] - a E[R(G(z))] + b V(G(z))

The generator gives scores of atoms and bonds, of which dense graphs are made that gradients flow through (`relaxed`,
1805.11973, section 3.1). R is a network that learns to tell valid molecules from others, by what
`chemistry.valid` says of real and of generated ones (section 3.2; a knob with its weight). V, which the paper doesn't
have, counts what keeps a graph from being a molecule: bonds beyond the valences of their atoms, and atoms that can't be
reached from the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from gan_core.data.chemistry import BONDS, VALENCES, valid
from gan_core.errors import BadValue
from gan_core.hparams import AdversarialHParams
from gan_core.knobs import knob
from gan_core.objectives.adversarial import Adversarial, DiscriminatorOutput, Fakes
from gan_core.objectives.base import Batch, Networks, StepContext
from gan_core.objectives.graphs import graphs_of, joined, likely_bonds, matrices_of, parted
from gan_core.ranks import uniform

N_NOT_PICTURES = "{knob} is made for pictures; molecules can't use it."


@dataclass(frozen=True)
class MolecularHParams(AdversarialHParams):
    """The conversion of scores to graphs, and rewards besides the discriminator's."""

    discretisation: str = knob(
        "straight_through", choices=("softmax", "gumbel", "straight_through"), label="Discretisation",
        group="objective",
        help="What the discriminator sees of generated molecules. Softmax: shares of atoms and bonds. Gumbel: the same "
        "of scores with random noise. Straight-through: the likeliest atoms and bonds, with the gradient of the "
        "softmax.",
    )  # fmt: skip
    temperature: float = knob(
        1.0, 0.05, 10.0, label="Temperature", group="objective",
        help="Scores are divided by it before the softmax: lower makes shares more decided and gradients noisier.",
    )  # fmt: skip
    reward_weight: float = knob(
        0.0, 0.0, 100.0, label="Reward weight", change="rebuild", group="objective",
        help="Weight of a reward network that learns which molecules are valid. More gives more valid molecules and "
        "fewer different ones; 0 trains without it.",
    )  # fmt: skip
    rules_weight: float = knob(
        0.0, 0.0, 100.0, label="Weight of the rules", group="objective",
        help="Weight of the number of bonds beyond the valences of atoms and of the pairs of atoms that aren't "
        "connected. More gives more valid molecules; 0 leaves both to the discriminator.",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.augment != "none":
            raise BadValue(N_NOT_PICTURES, knob="augment")


class Molecular(Adversarial[MolecularHParams]):
    """Networks: `generator(latents)` returns scores of atoms (B, n, K) and of bonds (B, n, n, 4); `discriminator` and,
    with a reward, `reward` return a logit (B,) of dense graphs.
    """

    def real(self, samples: Tensor, context: StepContext[MolecularHParams]) -> Tensor:
        return graphs_of(samples)

    def generate(self, networks: Networks, batch: Batch, context: StepContext[MolecularHParams]) -> Fakes:
        latents = context.latents(len(batch["real"]), context.hparams.latent_size)
        atoms, bonds = networks["generator"](latents)
        return Fakes(joined(relaxed(atoms, context), relaxed(bonds, context)), latents, None)

    def discriminator_extras(
        self,
        networks: Networks,
        real: DiscriminatorOutput,
        fake: DiscriminatorOutput,
        batch: Batch,
        fakes: Fakes,
        context: StepContext[MolecularHParams],
    ) -> dict[str, Tensor]:
        """The reward network's error on real and on generated molecules."""
        if not context.hparams.reward_weight:
            return {}
        reward = networks["reward"]
        judged = torch.from_numpy(valid(matrices_of(fakes.images).cpu().numpy())).float().to(context.device)
        of_real, of_fake = reward(batch["real"]).sigmoid(), reward(fakes.images).sigmoid()
        return {"reward": (of_real - 1).square().mean() + (of_fake - judged).square().mean()}

    def generator_extras(
        self, networks: Networks, fake: DiscriminatorOutput, fakes: Fakes, context: StepContext[MolecularHParams]
    ) -> dict[str, Tensor]:
        terms = {}
        if context.hparams.reward_weight:
            terms["reward"] = -context.hparams.reward_weight * networks["reward"](fakes.images).sigmoid().mean()
        if context.hparams.rules_weight:
            atoms, bonds = parted(fakes.images)
            # Of the likeliest bonds, for shares of many weak ones would seem to join atoms; and of them alone, for
            # fewer atoms break fewer rules.
            made = joined(decided(atoms).detach(), decided(bonds))
            broken = valence_excess(made) + apart(made)
            terms["rules"] = context.hparams.rules_weight * broken.mean()
        return terms


def relaxed(scores: Tensor, context: StepContext[MolecularHParams]) -> Tensor:
    """Shares of the kinds along the last axis of scores (B, ..., K); see the knob `discretisation`."""
    hparams = context.hparams
    if hparams.discretisation == "gumbel":
        scores = scores + gumbel(scores, context.generator)
    shares = (scores / hparams.temperature).softmax(-1)
    return decided(shares) if hparams.discretisation == "straight_through" else shares


def decided(shares: Tensor) -> Tensor:
    """The likeliest kind along the last axis as ones and zeros, with the gradient of the shares."""
    likeliest = one_hot(shares.argmax(-1), shares.shape[-1]).to(shares.dtype)
    return likeliest + shares - shares.detach()


def gumbel(scores: Tensor, generator: torch.Generator) -> Tensor:
    """Standard Gumbel noise for scores of atoms (B, n, K), or of bonds (B, n, n, K), the same in both directions."""
    noise = -(-uniform(scores.shape, generator).clamp(1e-6, 1 - 1e-6).log()).log()
    if noise.ndim == 4:
        upper = torch.ones(noise.shape[1:3]).triu().bool()[:, :, None]  # (n, n, 1)
        noise = torch.where(upper, noise, noise.transpose(1, 2))
    return noise.to(scores.device)


def valence_excess(graphs: Tensor) -> Tensor:
    """The bonds beyond the valences of the atoms of dense graphs (B, n, K + 4 n), summed over atoms, (B,)."""
    atoms, _ = parted(graphs)
    orders = torch.arange(1.0, BONDS, device=graphs.device)
    held = (likely_bonds(graphs) @ orders).sum(2)  # (B, n, n, 3) -> (B, n)
    possible = atoms @ torch.as_tensor(VALENCES, dtype=atoms.dtype, device=atoms.device)
    return (held - possible).clamp(min=0).sum(1)


def apart(graphs: Tensor) -> Tensor:
    """The pairs of atoms of dense graphs (B, n, K + 4 n) that no path of bonds joins, for each place, (B,).

    The gradient also favours bonds between two pieces that have none: a path through such a bond is a product with a
    single factor 0.
    """
    atoms, _ = parted(graphs)
    there = 1 - atoms[..., 0]  # (B, n)
    size = there.shape[1]
    reach = (likely_bonds(graphs).sum(3) + torch.eye(size, device=graphs.device)).clamp(max=1)
    for _ in range((size - 1).bit_length()):
        reach = (reach @ reach).clamp(max=1)  # paths of twice the length
    pairs = there[:, :, None] * there[:, None]
    return (pairs * (1 - reach)).sum((1, 2)) / size
