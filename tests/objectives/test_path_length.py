"""Path length regularisation against a generator whose Jacobian is known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from gan_core.data.base import DataSpec
from gan_core.gans import recipes
from gan_core.knobs import changed
from gan_core.objectives.base import StepContext
from gan_core.objectives.path_length import PathLength, PathLengthHParams, path_lengths
from gan_core.training.trainer import Trainer
from tests.conftest import example
from tests.objectives.services import FixedServices

LAYERS, W_SIZE = 3, 2


class Linear(nn.Module):
    """g(ws) = sum over layers of A_l w_l, as images (B, 1, 2, 2): the Jacobian is A."""

    def __init__(self) -> None:
        super().__init__()
        self.jacobian = nn.Parameter(torch.randn(4, LAYERS, W_SIZE))

    def mapping(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        return latents * self.jacobian.new_ones(()).requires_grad_()

    def repeated(self, w: Tensor) -> Tensor:
        return w[:, None].expand(-1, LAYERS, -1)

    def synthesis(self, ws: Tensor) -> Tensor:
        return torch.einsum("blw,plw->bp", ws, self.jacobian).reshape(-1, 1, 2, 2)  # (B, 4) -> (B, 1, 2, 2)


def expected_lengths(jacobian: Tensor, directions: Tensor) -> Tensor:
    """sqrt(mean over layers of |A_l^T y|^2), y divided by sqrt(H W) = 2."""
    rows = torch.einsum("plw,bp->blw", jacobian, directions.flatten(1) / 2)
    return rows.square().sum((1, 2)).div(LAYERS).sqrt()


def test_lengths_of_a_linear_generator() -> None:
    generator, ws = Linear(), torch.randn(5, LAYERS, W_SIZE, requires_grad=True)
    directions = torch.randn(5, 1, 2, 2)
    lengths = path_lengths(ws, generator.synthesis(ws), directions)
    assert_close(lengths, expected_lengths(generator.jacobian, directions))
    # differentiable in the generator's weights
    slope, expected = (
        torch.autograd.grad(values.sum(), generator.jacobian)[0]
        for values in (lengths, expected_lengths(generator.jacobian, directions))
    )
    assert_close(slope, expected)


def test_the_term_and_the_running_mean() -> None:
    hparams = PathLengthHParams(latent_size=W_SIZE, path_weight=3.0, path_shrink=2)
    networks = {"generator": Linear(), "discriminator": nn.Flatten()}
    objective = PathLength(hparams)
    objective.setup(networks, DataSpec({"real": (1, 2, 2)}))
    asked: list[int | None] = []
    services = FixedServices(lambda count: asked.append(count) or {"real": torch.zeros(count, 1, 2, 2)})  # type: ignore
    context = StepContext(networks, hparams, torch.Generator().manual_seed(1), services)
    phase = objective.phases(hparams)[-1]
    means = []
    mean = torch.zeros(())
    for step in range(150):
        state = context.generator.get_state()
        term = phase.terms(networks, {"real": torch.zeros(8, 1, 2, 2)}, context)["path_length"]
        twin = torch.Generator()
        twin.set_state(state)
        torch.randn(4, W_SIZE, generator=twin)
        lengths = expected_lengths(networks["generator"].jacobian, torch.randn(4, 1, 2, 2, generator=twin))
        share = max(0.01, 1 / (step + 1))
        assert torch.equal(objective.mean, mean)
        mean = ((1 - share) * mean + share * lengths.mean()).detach()
        assert_close(term, 3 * (lengths - mean).square().mean(), rtol=1e-4, atol=1e-6)
        objective.after_step(context)
        assert_close(objective.mean, mean, rtol=1e-4, atol=1e-6)
        mean = objective.mean.clone()
        means.append(float(mean))
    assert set(asked) == {4}
    assert means[-1] == pytest.approx(sum(means[-20:]) / 20, rel=0.05)


def test_it_is_lazy_and_updates_the_generator_alone() -> None:
    recipe = recipes.get("stylegan2")
    trainer = Trainer(recipe, changed(recipe.tiny, {"path_every": 3}), example(recipe))
    with_path, means = [], []
    for step in range(7):
        if "path_length/path_length" in trainer.train_step().terms:
            with_path.append(step)
        means.append(float(trainer.objective.mean))  # type: ignore[arg-type]
    assert with_path == [0, 3, 6]
    assert means[0] == means[1] == means[2] != means[3]
    assert int(trainer.objective.updates) == 3  # type: ignore[arg-type]
    phases = {phase.name: phase.group for phase in trainer.phases}
    assert phases["path_length"] == "generator"
    off = PathLength(recipe.tiny).phases(changed(recipe.tiny, {"path_weight": 0.0}))  # type: ignore[arg-type]
    assert "path_length" not in {phase.name for phase in off}


def test_it_evens_out_the_lengths() -> None:
    torch.manual_seed(0)
    generator, ws = Linear(), torch.zeros(64, LAYERS, W_SIZE, requires_grad=True)
    directions = torch.randn(64, 1, 2, 2)
    optimizer = torch.optim.Adam(generator.parameters(), 0.02)

    def spread() -> Tensor:
        lengths = path_lengths(ws, generator.synthesis(ws), directions)
        return (lengths.std() / lengths.mean()).detach()

    before = float(spread())
    for _ in range(100):
        lengths = path_lengths(ws, generator.synthesis(ws), directions)
        optimizer.zero_grad()
        (lengths - lengths.mean().detach()).square().mean().backward()
        optimizer.step()
    assert float(spread()) < 0.8 * before
