"""Unpaired translation with cycle consistency (CycleGAN, 1703.10593).

    L_D = E[(D_b(b) - 1)^2]/2 + E[D_b(G_ab(a))^2]/2, and the same of D_a
    L_G = E[(D_b(G_ab(a)) - 1)^2] + E[(D_a(G_ba(b)) - 1)^2]
        + lambda (E[|G_ba(G_ab(a)) - a|] + E[|G_ab(G_ba(b)) - b|])
        + lambda i (E[|G_ab(b) - b|] + E[|G_ba(a) - a|])

a and b are images of the two domains, drawn independently; i is the weight of the identity loss (section 5.2), for
which a learned framing is switched off, because these images already have the framing of the target domain. The
generators are updated first; the discriminators receive their outputs mixed with past ones from one replay pool per
domain.

`TwoStep` adds a second adversarial term (CycleGAN-VC2, 1904.04631, section 3.1): discriminators of their own judge
images that were translated there and back, because the L1 distance alone blurs them.

    L_D += s (E[(D'_a(a) - 1)^2]/2 + E[D'_a(G_ba(G_ab(a)))^2]/2),    L_G += s E[(D'_a(G_ba(G_ab(a))) - 1)^2], and of b
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import l1_loss

from gan_core.data.base import DataSpec
from gan_core.knobs import knob
from gan_core.objectives.base import Batch, Networks, Phase, StepContext
from gan_core.objectives.translation import (
    PatchHParams,
    ReplayPool,
    Translation,
    discriminator_terms,
    generator_loss,
    observe_pools,
)

Fakes = dict[str, Tensor]  # by target domain


@dataclass(frozen=True)
class CycleHParams(PatchHParams):
    """The knobs of the objective."""

    cycle_weight: float = knob(
        10.0, 0.0, 100.0, label="Cycle consistency weight", group="objective",
        help="Weight of the difference between an image and its translation there and back. At 0 the two domains need "
        "not share any content.",
    )  # fmt: skip
    identity_weight: float = knob(
        0.5, 0.0, 10.0, label="Identity loss weight", unit="times the cycle weight", group="objective",
        help="Weight of the loss that keeps images of the target domain unchanged. Preserves colours; 0 turns it off.",
    )  # fmt: skip
    pool_size: int = knob(
        50, 0, 500, label="Replay pool", unit="images", change="rebuild", group="objective",
        help="Number of past outputs that are kept and shown to the discriminators again, so that earlier mistakes do "
        "not return; 0 turns it off.",
    )  # fmt: skip


class Cycle(Translation[CycleHParams]):
    """Networks: `generator_ab`, `generator_ba`, `discriminator_a`, `discriminator_b`."""

    pool_a: ReplayPool
    pool_b: ReplayPool

    def __init__(self, hparams: CycleHParams) -> None:
        super().__init__()
        self.pool_size = hparams.pool_size

    def setup(self, networks: Networks, spec: DataSpec) -> None:
        device = next(networks["generator_ab"].parameters()).device
        self.pool_a = ReplayPool(self.pool_size, spec.fields["a"]).to(device)
        self.pool_b = ReplayPool(self.pool_size, spec.fields["b"]).to(device)

    def phases(self, hparams: CycleHParams) -> Sequence[Phase]:
        return (
            Phase(name="generator", role="generator", group="generator", terms=self._generators),
            Phase(name="discriminator", role="discriminator", group="discriminator", terms=self._discriminators),
        )

    def _generators(self, networks: Networks, batch: Batch, context: StepContext[CycleHParams]) -> dict[str, Tensor]:
        hparams = context.hparams
        fakes = translated(networks, batch)
        context.store("fakes", {domain: fake.detach() for domain, fake in fakes.items()})
        logits = {domain: networks[f"discriminator_{domain}"](fakes[domain]) for domain in ("a", "b")}
        context.observe("fake_before", logits["b"])
        terms = {
            f"adversarial_{domain}": hparams.adversarial_weight * generator_loss(hparams.loss, logits[domain])
            for domain in ("a", "b")
        }
        forth, back = networks["generator_ab"], networks["generator_ba"]
        returned = {"a": back(fakes["b"]), "b": forth(fakes["a"])}
        terms |= {
            f"cycle_{domain}": hparams.cycle_weight * self.distance(returned[domain], batch[domain])
            for domain in ("a", "b")
        }
        terms |= self.fooling_returned(networks, returned, context)
        if hparams.identity_weight:
            weight = hparams.cycle_weight * hparams.identity_weight
            terms["identity_a"] = weight * l1_loss(self.unchanged(back, batch["a"]), batch["a"])
            terms["identity_b"] = weight * l1_loss(self.unchanged(forth, batch["b"]), batch["b"])
        return terms

    def fooling_returned(
        self, networks: Networks, returned: Fakes, context: StepContext[CycleHParams]
    ) -> dict[str, Tensor]:
        """Further terms of the generators, for images translated there and back."""
        return {}

    def distance(self, returned: Tensor, images: Tensor) -> Tensor:
        """The distance of images from their translation there and back."""
        return l1_loss(returned, images)

    def unchanged(self, generator: nn.Module, images: Tensor) -> Tensor:
        """The generator's output for images of its target domain, which have its framing already."""
        output: Tensor = generator(images, framed=False)
        return output

    def _discriminators(
        self, networks: Networks, batch: Batch, context: StepContext[CycleHParams]
    ) -> dict[str, Tensor]:
        fakes: Fakes = context.shared("fakes", lambda: translated(networks, batch))
        terms: dict[str, Tensor] = {}
        for domain, pool in (("a", self.pool_a), ("b", self.pool_b)):
            discriminator = networks[f"discriminator_{domain}"]
            real_logits = discriminator(batch[domain])
            fake_logits = discriminator(pool.mix(fakes[domain].detach(), context))
            halves = discriminator_terms(context.hparams.loss, real_logits, fake_logits)
            terms |= {f"{name}_{domain}": term for name, term in halves.items()}
        context.observe("real", real_logits)
        return terms

    def after_step(self, context: StepContext[CycleHParams]) -> None:
        for pool in (pools := self.pools()).values():
            pool.settle()
        observe_pools(context, pools)

    def pools(self) -> Mapping[str, ReplayPool]:
        return {"b": self.pool_b, "a": self.pool_a}


@dataclass(frozen=True)
class TwoStepHParams(CycleHParams):
    """The additional knobs of `TwoStep`."""

    second_weight: float = knob(
        0.0, 0.0, 100.0, label="Second adversarial weight", change="rebuild", group="objective",
        help="Weight of the adversarial loss on images that were translated there and back, with discriminators of "
        "their own. Against blurred details, for example of voices; 0 turns it off.",
    )  # fmt: skip


class TwoStep(Cycle):
    """With `second_discriminator_a` and `second_discriminator_b`, unless the second weight is 0."""

    def fooling_returned(
        self, networks: Networks, returned: Fakes, context: StepContext[CycleHParams]
    ) -> dict[str, Tensor]:
        if not (weight := _second_weight(context)):
            return {}
        context.store("returned", {domain: images.detach() for domain, images in returned.items()})
        return {
            f"second_{domain}": weight
            * generator_loss(context.hparams.loss, networks[f"second_discriminator_{domain}"](images))
            for domain, images in returned.items()
        }

    def _discriminators(
        self, networks: Networks, batch: Batch, context: StepContext[CycleHParams]
    ) -> dict[str, Tensor]:
        terms = super()._discriminators(networks, batch, context)
        if not (weight := _second_weight(context)):
            return terms
        returned: Fakes = context.shared("returned", lambda: _returned(networks, batch))
        for domain in ("a", "b"):
            discriminator = networks[f"second_discriminator_{domain}"]
            real, fake = discriminator(batch[domain]), discriminator(returned[domain].detach())
            halves = discriminator_terms(context.hparams.loss, real, fake)
            terms |= {f"second_{name}_{domain}": weight * term for name, term in halves.items()}
        return terms


def _second_weight(context: StepContext[CycleHParams]) -> float:
    assert isinstance(context.hparams, TwoStepHParams)
    return context.hparams.second_weight


def _returned(networks: Networks, batch: Batch) -> Fakes:
    """Each image translated there and back."""
    fakes = translated(networks, batch)
    return {"a": networks["generator_ba"](fakes["b"]), "b": networks["generator_ab"](fakes["a"])}


def translated(networks: Networks, batch: Batch) -> Fakes:
    """Each image translated to the other domain."""
    return {"b": networks["generator_ab"](batch["a"]), "a": networks["generator_ba"](batch["b"])}
