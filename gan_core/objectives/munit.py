"""Unpaired translation through content and style (MUNIT, 1804.04732).

    c = E^c(x), s = E^s(x)                  x_ab = G_b(c_a, s_b),  s_b ~ N(0, 1)

    L_G = L_GAN(x_ab) + L_GAN(x_ba) + l_x |G_a(c_a, s_a) - a|                           (equations 1 and 4)
        + l_c |E_b^c(x_ab) - c_a| + l_s |E_b^s(x_ab) - s_b|  and the same of b          (equations 2, 3 and 5)

a and b are images of the two domains, drawn independently. An image is rebuilt from its own content and style; content
and style are found again in the translation. No image has to come back as it was, as in CycleGAN: with another style it
can't. `cycle_weight` adds the paper's style-augmented cycle consistency, which gives the style back too (appendix B):

    |G_a(E_b^c(x_ab), s_a) - a|

The generators are updated first; the discriminators receive their translations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.nn.functional import l1_loss

from gan_core.knobs import knob
from gan_core.objectives.base import Batch, Networks, Phase, StepContext
from gan_core.objectives.translation import (
    ScalesHParams,
    Translation,
    joined,
    logits_of,
    scale_loss,
    scale_terms,
)

OTHER = {"a": "b", "b": "a"}


@dataclass(frozen=True)
class MunitHParams(ScalesHParams):
    """The knobs of the objective."""

    style_dimensions: int = knob(
        8, 1, 64, label="Style dimensions", unit="dimensions", change="rebuild", group="networks",
        help="Dimensions of the style, which is drawn at random for a translation; the paper uses 8.",
    )  # fmt: skip
    image_weight: float = knob(
        10.0, 0.0, 1000.0, label="Image reconstruction weight", group="objective",
        help="Weight of rebuilding an image from its own content and style.",
    )  # fmt: skip
    content_weight: float = knob(
        1.0, 0.0, 1000.0, label="Content recovery weight", group="objective",
        help="Weight of finding the content again in the translation. At 0 a translation need not show what its input "
        "shows.",
    )  # fmt: skip
    style_weight: float = knob(
        1.0, 0.0, 1000.0, label="Style recovery weight", group="objective",
        help="Weight of finding the style again in the translation. At 0 the generator may ignore the style, so that "
        "all translations of an image are alike.",
    )  # fmt: skip
    cycle_weight: float = knob(
        0.0, 0.0, 100.0, label="Cycle consistency weight", group="objective",
        help="Weight of the difference between an image and its translation there and back with its own style. The "
        "paper uses it for photos that must keep their details.",
    )  # fmt: skip


class Munit(Translation[MunitHParams]):
    """Networks, for each domain: `generator_a` with the methods `content(images)`, `style(images)` (B, S) and
    `decode(content, style)`, and `discriminator_a`, which returns the outputs of each scale."""

    def phases(self, hparams: MunitHParams) -> Sequence[Phase]:
        return (
            Phase(name="generator", role="generator", group="generator", terms=self._generators),
            Phase(name="discriminator", role="discriminator", group="discriminator", terms=self._discriminators),
        )

    def _styles(self, batch: Batch, context: StepContext[MunitHParams]) -> dict[str, Tensor]:
        """A random style in each domain."""
        size = context.hparams.style_dimensions
        return {domain: context.latents(len(batch[OTHER[domain]]), size) for domain in OTHER}

    def _generators(self, networks: Networks, batch: Batch, context: StepContext[MunitHParams]) -> dict[str, Tensor]:
        hparams = context.hparams
        generators: dict[str, Any] = {domain: networks[f"generator_{domain}"] for domain in OTHER}
        contents = {domain: generator.content(batch[domain]) for domain, generator in generators.items()}
        own = {domain: generator.style(batch[domain]) for domain, generator in generators.items()}
        drawn = self._styles(batch, context)
        terms: dict[str, Tensor] = {}
        made: dict[str, Tensor] = {}
        for domain, generator in generators.items():
            there, image = OTHER[domain], batch[domain]
            translator = generators[there]
            fake = made[there] = translator.decode(contents[domain], drawn[there])
            logits = logits_of(networks[f"discriminator_{there}"](fake))
            if there == "b":
                context.observe("fake_before", joined(logits))
            terms[f"adversarial_{there}"] = hparams.adversarial_weight * scale_loss(hparams.loss, logits)
            rebuilt = generator.decode(contents[domain], own[domain])
            found = translator.content(fake)
            terms[f"image_{domain}"] = hparams.image_weight * l1_loss(rebuilt, image)
            terms[f"content_{domain}"] = hparams.content_weight * l1_loss(found, contents[domain])
            terms[f"style_{there}"] = hparams.style_weight * l1_loss(translator.style(fake), drawn[there])
            if hparams.cycle_weight:
                back = generator.decode(found, own[domain])
                terms[f"cycle_{domain}"] = hparams.cycle_weight * l1_loss(back, image)
        context.store("fakes", {domain: fake.detach() for domain, fake in made.items()})
        return terms

    def _translated(self, networks: Networks, batch: Batch, context: StepContext[MunitHParams]) -> dict[str, Tensor]:
        """Translations by target domain, if the generators' phase didn't run."""
        generators: dict[str, Any] = {domain: networks[f"generator_{domain}"] for domain in OTHER}
        drawn = self._styles(batch, context)
        return {
            there: generators[there].decode(generators[domain].content(batch[domain]), drawn[there]).detach()
            for domain, there in OTHER.items()
        }

    def _discriminators(
        self, networks: Networks, batch: Batch, context: StepContext[MunitHParams]
    ) -> dict[str, Tensor]:
        fakes: dict[str, Tensor] = context.shared("fakes", lambda: self._translated(networks, batch, context))
        terms: dict[str, Tensor] = {}
        for domain in OTHER:
            discriminator = networks[f"discriminator_{domain}"]
            real, fake = (logits_of(discriminator(images)) for images in (batch[domain], fakes[domain]))
            both = scale_terms(context.hparams.loss, real, fake)
            terms |= {f"{name}_{domain}": term for name, term in both.items()}
        context.observe("real", joined(real))
        return terms
