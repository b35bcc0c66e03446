"""Super-resolution, contrast between patches and inpainting, by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor, nn
from torch.testing import assert_close

from gan_core.gans import recipes
from gan_core.gans.cut import Heads
from gan_core.gans.esrgan import DenseGenerator
from gan_core.gans.srgan import SrResNet
from gan_core.objectives.base import StepContext
from gan_core.objectives.contrastive import patch_loss
from gan_core.objectives.fidelity import luma, psnr, ssim
from gan_core.objectives.inpainting import (
    TEMPERATURE,
    Inpainting,
    InpaintingHParams,
    blanked,
    border_weighted_error,
    contrast,
    middle_hole,
    random_holes,
)
from gan_core.objectives.super_resolution import (
    SuperResolution,
    SuperResolutionHParams,
    bicubic,
    center_crop,
    crop_side,
    downscale,
    random_crops,
)
from gan_core.training.trainer import Trainer
from tests.conftest import example
from tests.objectives.services import FixedServices


class Constant(nn.Module):
    """An image of one level, `scale` times as large as what it is given, or with a share of its size."""

    def __init__(self, level: float, scale: float) -> None:
        super().__init__()
        self.level, self.scale = nn.Parameter(torch.tensor(level)), scale

    def forward(self, images: Tensor) -> Tensor:
        side = int(images.shape[2] * self.scale)
        return self.level.expand(len(images), images.shape[1], side, side)


class Mean(nn.Module):
    """(B, C, H, W) -> its mean, (B,)."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        return self.factor * images.mean((1, 2, 3))


def test_published_sizes() -> None:
    count = [
        sum(weight.numel() for weight in network.parameters())
        for network in (SrResNet(3, 64, 16, 4), DenseGenerator(3, 64, 32, 23, 4))
    ]
    assert count == [1_547_350, 16_697_987]  # about 1.55 M (1609.04802); as in the authors' RRDBNet (1809.00219)
    assert SrResNet(1, 4, 1, 4)(torch.zeros(1, 1, 5, 7)).shape == (1, 1, 20, 28)
    assert DenseGenerator(1, 4, 2, 1, 2)(torch.zeros(1, 1, 5, 7)).shape == (1, 1, 10, 14)


def test_a_network_that_adds_to_bicubic_begins_as_bicubic() -> None:
    small = torch.rand(2, 3, 6, 8) * 2 - 1
    network = SrResNet(3, 4, 2, 4, norm=False, from_bicubic=True)
    assert_close(network(small), bicubic(small, 4), rtol=0, atol=0)
    assert not [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]


# --- metrics --------------------------------------------------------------------------------------------------------


def test_psnr_by_hand() -> None:
    truth = torch.zeros(2, 3, 4, 4)
    made = torch.stack([torch.full((3, 4, 4), 0.2), torch.full((3, 4, 4), -2.0)])
    # 10 log10(2^2 / 0.2^2) = 20 dB; 10 log10(4 / 4) = 0 dB
    assert_close(psnr(made, truth), torch.tensor([20.0, 0.0]), atol=1e-4, rtol=0)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", [(24, 31), (11, 11), (64, 48)])
def test_marks_are_those_of_scikit_image(channels: int, shape: tuple[int, int]) -> None:
    """An independent implementation: SSIM with its authors' settings, without borders, and PSNR."""
    generator = torch.Generator().manual_seed(channels)
    truth = torch.rand(2, channels, *shape, generator=generator) * 2 - 1
    made = (truth + 0.2 * torch.randn(truth.shape, generator=generator)).clamp(-1, 1)
    expected = [
        structural_similarity(
            *((images[place].double().numpy() + 1) / 2 for images in (made, truth)), data_range=1, channel_axis=0,
            gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        )
        for place in range(2)
    ]  # fmt: skip
    assert_close(ssim(made, truth), torch.tensor(expected, dtype=torch.float32), atol=1e-4, rtol=0)
    pairs = [(truth[place].numpy(), made[place].numpy()) for place in range(2)]
    expected = [peak_signal_noise_ratio(*pair, data_range=2) for pair in pairs]
    assert_close(psnr(made, truth), torch.tensor(expected, dtype=torch.float32), atol=1e-4, rtol=0)


def test_luma_is_that_of_scikit_image_at_studio_range() -> None:
    generator = torch.Generator().manual_seed(0)
    truth, made = torch.rand(2, 2, 3, 20, 20, generator=generator) * 2 - 1

    def theirs(images: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(rgb2ycbcr((images.double().numpy() + 1) / 2, channel_axis=1)[:, :1])  # 16 to 235

    assert_close((luma(truth) + 1) * 127.5, theirs(truth).float(), atol=1e-3, rtol=0)
    full = [(theirs(images) - 16) * 2 / 219 - 1 for images in (made, truth)]
    assert_close(psnr(luma(made), luma(truth)), psnr(*full).float() + 20 * math.log10(255 / 219), atol=1e-4, rtol=0)
    assert round(20 * math.log10(255 / 219), 2) == 1.32  # as the docstring says


def test_ssim_by_hand() -> None:
    first, second = torch.full((1, 1, 12, 12), 0.5), torch.full((1, 1, 12, 12), 0.25)
    # flat images of levels 0.75 and 0.625: (2 * 0.75 * 0.625 + c) / (0.75^2 + 0.625^2 + c) with c = 0.01^2
    assert_close(ssim(first, second), torch.tensor([(0.9375 + 1e-4) / (0.953125 + 1e-4)]), atol=1e-4, rtol=0)
    noise = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert_close(ssim(noise, noise), torch.ones(2))
    assert float(ssim(noise, -noise).max()) < 0
    assert ssim(noise[:, :, :6, :6], noise[:, :, :6, :6]).shape == (2,)


# --- super-resolution -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("content", "distance"), [("l1", 0.5), ("l2", 0.25)])
def test_super_resolution_by_hand(content: str, distance: float) -> None:
    """All is 0.75 and G says 0.25, D the mean."""
    networks: dict[str, nn.Module] = {"generator": Constant(0.25, 2), "discriminator": Mean()}
    hparams = SuperResolutionHParams(
        scale="2", loss="non_saturating", content=content, adversarial_weight=0.1, content_weight=2.0, warm_up=1.0
    )
    context = StepContext(networks, hparams, torch.Generator().manual_seed(0), FixedServices())
    batch = {"real": torch.full((2, 1, 8, 8), 0.75)}
    terms = {phase.name: phase.terms(networks, batch, context) for phase in SuperResolution().phases(hparams)}
    assert_close(terms["warm_up"]["content"], torch.tensor(2 * distance))
    assert_close(terms["discriminator"]["real"], torch.tensor(math.log(1 + math.exp(-0.75))))
    assert_close(terms["discriminator"]["fake"], torch.tensor(math.log(1 + math.exp(0.25))))
    assert_close(terms["generator"]["content"], torch.tensor(2 * distance))
    assert_close(terms["generator"]["adversarial"], torch.tensor(0.1 * math.log(1 + math.exp(-0.25))))


def test_a_relativistic_discriminator_by_hand() -> None:
    networks: dict[str, nn.Module] = {"generator": Constant(0.25, 2), "discriminator": Mean()}
    hparams = SuperResolutionHParams(scale="2", loss="non_saturating", relativistic="average", adversarial_weight=1.0)
    context = StepContext(networks, hparams, torch.Generator().manual_seed(0), FixedServices())
    batch = {"real": torch.full((2, 1, 8, 8), 0.75)}
    phases = {phase.name: phase for phase in SuperResolution().phases(hparams)}
    # C(y) - E C(G(x)) = 0.5 both ways round
    found = phases["discriminator"].terms(networks, batch, context)
    near = math.log(1 + math.exp(-0.5))
    assert_close(found["real"] + found["fake"], torch.tensor(2 * near))
    found = phases["generator"].terms(networks, batch, context)
    assert_close(found["adversarial"], torch.tensor(2 * math.log(1 + math.exp(0.5))))


def test_the_warm_up_is_counted_in_images() -> None:
    recipe = recipes.get("srgan")
    trainer = Trainer(recipe, replace(recipe.tiny, warm_up=0.008), example(recipe))
    phases = [{name.partition("/")[0] for name in trainer.train_step().terms} for _ in range(4)]
    assert phases == [{"warm_up"}] * 2 + [{"discriminator", "generator"}] * 2
    alone = Trainer(recipe, replace(recipe.tiny, adversarial_weight=0.0), example(recipe))
    assert {name.partition("/")[0] for name in alone.train_step().terms} == {"warm_up"}


def test_both_phases_look_at_the_same_crops() -> None:
    recipe = recipes.get("srgan")
    trainer = Trainer(recipe, replace(recipe.tiny, crop=8), replace_size(recipe.name))
    seen: list[Tensor] = []
    trainer.networks["generator"].register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    result = trainer.train_step()
    assert [len(images) for images in seen] == [4, 6]  # one pass for both networks; one for the metrics
    assert result.observed["psnr"].shape == (6,)
    assert result.observed["ssim_bicubic"].shape == (6,)


def replace_size(name: str):  # type: ignore[no-untyped-def]
    from gan_core.data.base import DataSet
    from tests.conftest import images

    return DataSet(name, {"real": images(size=16)})


def test_crops_lie_anywhere_in_their_own_image() -> None:
    rows = torch.arange(6.0)[:, None] * 10 + torch.arange(6.0)
    images = torch.stack([rows + 100 * place for place in range(200)])[:, None]
    cut = random_crops(images, 4, torch.Generator().manual_seed(0))
    corners = cut[:, 0, 0, 0] - 100 * torch.arange(200)
    assert set(corners.tolist()) == {10.0 * top + left for top in range(3) for left in range(3)}
    assert_close(cut[7] - cut[7, 0, 0, 0], (rows[:4, :4])[None])
    assert random_crops(images, 6, torch.Generator()) is images
    assert center_crop(images, 2)[0, 0].tolist() == [[22.0, 23.0], [32.0, 33.0]]
    assert crop_side(SuperResolutionHParams(crop=50), 200) == 48
    assert crop_side(SuperResolutionHParams(crop=50, scale="2"), 33) == 32


def test_smaller_and_larger_keep_flat_images_and_the_range() -> None:
    flat = torch.full((1, 3, 8, 8), 0.3)
    assert_close(downscale(flat, 4), torch.full((1, 3, 2, 2), 0.3))
    assert_close(bicubic(flat, 2), torch.full((1, 3, 16, 16), 0.3))
    edge = torch.ones(1, 1, 16, 16)
    edge[..., 8:] = -1
    assert float(bicubic(downscale(edge, 2), 2).abs().max()) <= 1


# --- contrast -------------------------------------------------------------------------------------------------------


def test_patch_loss_by_hand() -> None:
    """Two orthogonal patches: the own key has similarity 1, the other 0, at temperature 0.5: -log(e^2 / (e^2 + 1))."""
    keys = torch.eye(2)[None]
    assert_close(patch_loss(keys, keys, 0.5), torch.tensor(math.log(1 + math.exp(-2))))
    assert_close(patch_loss(keys.flip(1), keys, 0.5), torch.tensor(math.log(1 + math.exp(2))))
    assert_close(patch_loss(torch.zeros(3, 4, 2), torch.ones(3, 4, 2), 0.07), torch.tensor(math.log(4)))


def test_heads_give_unit_vectors() -> None:
    assert_close(Heads([3, 5], 4)(1, torch.randn(2, 7, 5)).norm(dim=-1), torch.ones(2, 7))


def test_without_the_target_contrast_the_first_counts_whole() -> None:
    recipe = recipes.get("cut")
    found = []
    for identity in (True, False):
        trainer = Trainer(recipe, replace(recipe.tiny, contrast_identity=identity), example(recipe))
        found.append(trainer.train_step(only="generator").terms)
    assert "generator/contrast_identity" not in found[1]
    assert_close(2 * found[0]["generator/contrast"], found[1]["generator/contrast"])


# --- holes ----------------------------------------------------------------------------------------------------------


def test_the_hole_in_the_middle() -> None:
    images = torch.arange(64.0).reshape(1, 1, 8, 8)
    holes = middle_hole(1, 8)
    assert images[holes].tolist()[:5] == [18.0, 19.0, 20.0, 21.0, 26.0]
    assert int(holes.sum()) == 16
    assert float(blanked(images, holes)[holes].abs().max()) == 0
    assert torch.equal(blanked(images, holes)[~holes], images[~holes])


def test_the_rim_of_a_hole_weighs_ten_times() -> None:
    # 12 of its 16 pixels touch what isn't missing; what isn't missing counts nothing
    made, truth = torch.zeros(1, 2, 8, 8), torch.full((1, 2, 8, 8), 0.5)
    assert_close(border_weighted_error(made, truth, middle_hole(1, 8)), torch.tensor(0.25 * 124 / 16))
    assert float(border_weighted_error(made, truth, torch.zeros(1, 1, 8, 8, dtype=torch.bool))) == 0


def test_random_holes_leave_some_of_every_image() -> None:
    generator = torch.Generator().manual_seed(0)
    holes = random_holes(200, 32, generator)
    shares = holes.float().mean((1, 2, 3))
    assert holes.shape == (200, 1, 32, 32)
    assert float(shares.min()) > 0.005
    assert float(shares.max()) < 0.6
    assert torch.equal(holes, random_holes(200, 32, torch.Generator().manual_seed(0)))


def test_contrast_by_hand() -> None:
    codes = torch.tensor([[3.0, 0.0], [0.0, 0.2]])
    near, far = 1 / TEMPERATURE, 0.0  # similarity of the same and of another direction
    expected = math.log(1 + math.exp(far - near))
    assert_close(contrast(codes, 2 * codes), torch.tensor(expected))
    assert_close(contrast(codes, codes.flip(0)), torch.tensor(near + expected))


class Filling(Constant):
    """Makes one grey everywhere."""

    def forward(self, images: Tensor, holes: Tensor) -> Tensor:
        return super().forward(images)


def test_the_context_encoder_by_hand() -> None:
    networks: dict[str, nn.Module] = {"generator": Filling(0.25, 1.0), "discriminator": Mean()}
    hparams = InpaintingHParams(loss="non_saturating", content_weight=0.5, adversarial_weight=0.1)
    context = StepContext(networks, hparams, torch.Generator().manual_seed(0), FixedServices())
    batch = {"real": torch.full((2, 1, 8, 8), 0.75)}
    terms = {phase.name: phase.terms(networks, batch, context) for phase in Inpainting().phases(hparams)}
    filled = 0.75 * 0.75 + 0.25 * 0.25  # a quarter of the image is missing
    assert_close(terms["discriminator"]["real"], torch.tensor(math.log(1 + math.exp(-0.75))))
    assert_close(terms["discriminator"]["fake"], torch.tensor(math.log(1 + math.exp(filled))))
    assert_close(terms["generator"]["content"], torch.tensor(0.5 * 0.25 * 124 / 16))
    assert_close(terms["generator"]["adversarial"], torch.tensor(0.1 * math.log(1 + math.exp(-filled))))
