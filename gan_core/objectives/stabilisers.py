"""Stabilisation techniques as small functions; each names its source and when to use it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

from gan_core.errors import BadValue
from gan_core.hparams import AdversarialHParams
from gan_core.ranks import current, normal, uniform


def instance_noise(images: Tensor, level: float, generator: torch.Generator) -> Tensor:
    """Adds N(0, level^2) to the discriminator's inputs, real and fake (1610.04490).

    When to use it: early in training, while the real and fake distributions do not overlap; annealed to 0.
    """
    if not level:
        return images
    return images + level * normal(images.shape, generator).to(images.device)


def noise_level(hparams: AdversarialHParams, step: int) -> float:
    """Standard deviation of the instance noise: linear to 0 over `instance_noise_steps`; constant if that is 0."""
    if not hparams.instance_noise_steps:
        return hparams.instance_noise
    return hparams.instance_noise * max(0.0, 1 - step / hparams.instance_noise_steps)


def flip_labels(real: Tensor, fake: Tensor, share: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Swaps the logits (B, ...) of a random share of the pairs, which flips their labels.

    When to use it: against a discriminator that wins too early (a trick of S. Chintala's "How to train a GAN", 2016;
    label smoothing is the steadier form).
    """
    if not share:
        return real, fake
    flipped = uniform((len(real),), generator).to(real.device) < share
    flipped = flipped.reshape(-1, *(1,) * (real.dim() - 1))  # (B,) -> (B, 1, ...)
    return torch.where(flipped, fake, real), torch.where(flipped, real, fake)


def feature_matching(real: Tensor | None, fake: Tensor | None) -> Tensor:
    """|E f(x) - E f(G(z))|^2 for the input f of the discriminator's last layer (1606.03498, section 3.1).

    When to use it: if the generator oscillates; samples become more varied and less sharp.
    """
    assert real is not None
    assert fake is not None
    return current().mean(real.flatten(1).mean(0) - fake.flatten(1).mean(0)).square().sum()


def top_k(logits: Tensor, share: float) -> Tensor:
    """The highest share of the logits (B, ...), per column, at least one (2002.06224, section 3).

    When to use it: late in training, so that poor samples no longer contribute to the generator's gradient.
    """
    count = max(1, round(share * len(logits)))
    return logits if count == len(logits) else logits.topk(count, dim=0).values


def top_k_share(hparams: AdversarialHParams, step: int) -> float:
    """The share that is kept: linear from 1 to `top_k` over `top_k_steps` (in the paper, 1 % less per epoch)."""
    progress = min(1.0, step / hparams.top_k_steps) if hparams.top_k_steps else 1.0
    return 1 + progress * (hparams.top_k - 1)


@contextlib.contextmanager
def captured_features(discriminator: nn.Module) -> Iterator[Callable[[], Tensor]]:
    """Within the `with` block, a function that returns the last input of the discriminator's `head`.

    Those of several heads are side by side, (B, F). Raises BadValue where there is none.
    """
    heads = [layer for name, layer in discriminator.named_modules() if name.rpartition(".")[2] == "head"]
    if not heads:
        raise BadValue("This discriminator has no last layer to read features from.")
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(input_of(head)) for head in heads]
        yield lambda: found[0][-1] if len(found) == 1 else torch.cat([inputs[-1].flatten(1) for inputs in found], 1)


@contextlib.contextmanager
def input_of(layer: nn.Module) -> Iterator[list[Tensor]]:
    """Records the inputs of a layer within the `with` block, in single precision at least."""
    found: list[Tensor] = []

    def keep(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        found.append(inputs[0].float() if inputs[0].dtype.itemsize < 4 else inputs[0])

    handle = layer.register_forward_pre_hook(keep)
    try:
        yield found
    finally:
        handle.remove()


class HistoricalAverage(nn.Module):
    """The mean of all past weights of the networks, for |theta - mean|^2 (1606.03498, section 3.3).

    When to use it: if training orbits an equilibrium, in small networks.
    """

    updates: Tensor

    def setup(self, networks: Mapping[str, nn.Module]) -> None:
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))
        for name, network in networks.items():
            self.register_buffer(name, _flat(network).detach().clone())

    def term(self, name: str, networks: Mapping[str, nn.Module]) -> Tensor:
        """|theta - mean|^2 of one network."""
        mean: Tensor = getattr(self, name)
        return (_flat(networks[name]) - mean).square().sum()

    @torch.no_grad()
    def update(self, networks: Mapping[str, nn.Module]) -> None:
        self.updates += 1
        for name, mean in self.named_buffers():
            if name != "updates":
                mean.lerp_(_flat(networks[name]), 1 / (1 + float(self.updates)))


def _flat(network: nn.Module) -> Tensor:
    return torch.cat([weight.flatten() for weight in network.parameters()])
