"""Super-resolution files of other people, made here with spandrel's own networks and random weights."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from gan_core.errors import BadCheckpoint, BadValue
from gan_core.models import enlarging, listing
from gan_core.models.community import keep, load_upscaler
from gan_core.models.enlarging import enlarge, factor, needed
from tests.cli.commands import ok, refused
from tests.models.test_foreign import resnet


def esrgan(scale: int = 4, channels: int = 3) -> nn.Module:
    from spandrel.architectures.ESRGAN import ESRGAN  # takes seconds: it imports all its architectures

    torch.manual_seed(0)
    return ESRGAN(in_nc=channels, out_nc=channels, num_filters=8, num_blocks=1, scale=scale)


def compact() -> nn.Module:
    from spandrel.architectures.Compact import Compact

    torch.manual_seed(0)
    return Compact(num_feat=8, num_conv=4, upscale=2)


def swin() -> nn.Module:
    from spandrel.architectures.SwinIR import SwinIR

    torch.manual_seed(0)
    return SwinIR(
        upscale=2, embed_dim=12, depths=[2, 2], num_heads=[2, 2], window_size=8, img_size=16, upsampler="pixelshuffle",
        mlp_ratio=2, resi_connection="1conv",
    )  # fmt: skip


pytestmark = pytest.mark.filterwarnings("ignore:torch.meshgrid")  # SwinIR's own code


@pytest.fixture
def photo() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 52, 3), dtype=np.uint8)


def by_itself(network: nn.Module, array: np.ndarray) -> np.ndarray:
    """The network's output for a picture (H, W, C), outside of GANscope."""
    levels = torch.from_numpy(array.astype(np.float32) / 255).permute(2, 0, 1)[None]
    with torch.no_grad():
        made = network.eval()(levels).clamp(0, 1)
    return np.rint(made[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
@pytest.mark.parametrize(("make", "scale"), [(esrgan, 4), (compact, 2)])
def test_the_picture_is_that_of_the_network(
    make,
    scale: int,
    ending: str,
    tmp_path: Path,
    photo: np.ndarray,  # type: ignore[no-untyped-def]
) -> None:
    network, path = make(), tmp_path / f"net{ending}"
    if ending == ".pth":
        torch.save({"params_ema": network.state_dict()}, path)  # as Real-ESRGAN's are
    else:
        save_file(network.state_dict(), path)
    sampler = load_upscaler(path)
    assert factor(sampler) == scale
    made, expected = enlarge(sampler, photo), by_itself(network, photo)
    assert made.shape == (40 * scale, 52 * scale, 3)
    assert expected.std() > 1
    assert np.abs(made.astype(int) - expected).max() <= 1


def test_tiles_of_a_near_sighted_network_fit_exactly(tmp_path: Path, photo: np.ndarray) -> None:
    torch.save(compact().state_dict(), tmp_path / "net.pth")
    sampler = load_upscaler(tmp_path / "net.pth")
    reach = needed(sampler).reach
    assert reach == 1 + 4 + 1  # the convolutions' alone
    tiled = enlarge(sampler, photo, tile=2 * reach + 9)
    assert np.abs(tiled.astype(int) - by_itself(compact(), photo)).max() <= 1


def test_a_network_with_attention_sees_all_of_its_tile(tmp_path: Path) -> None:
    """By its convolutions alone, tiles would fit exactly; instead, neighbours are blended."""
    torch.save(swin().state_dict(), tmp_path / "net.pth")
    sampler = load_upscaler(tmp_path / "net.pth")
    assert needed(sampler).reach > enlarging.MOST_MARGIN
    rows, columns = enlarging.tiling(sampler, (300, 300, 3), 2, tile=2 * enlarging.MOST_MARGIN + 4 * enlarging.FADE)
    assert len(rows) > 1
    assert all(span.fade_out for span in (*rows[:-1], *columns[:-1]))
    slope = np.broadcast_to(np.linspace(0, 255, 61).astype(np.uint8)[:, None, None], (61, 45, 3)).copy()
    assert np.abs(enlarge(sampler, slope).astype(int) - by_itself_padded(slope)).max() <= 1


def by_itself_padded(array: np.ndarray) -> np.ndarray:
    """SwinIR takes multiples of its window's side; it pads other sizes itself."""
    return by_itself(swin(), array)


def test_grey_and_transparent_pictures(tmp_path: Path, photo: np.ndarray) -> None:
    torch.save(esrgan(2, 1).state_dict(), tmp_path / "grey.pth")
    sampler = load_upscaler(tmp_path / "grey.pth")
    assert enlarge(sampler, photo).shape == (80, 104, 3)
    assert enlarge(sampler, photo[:, :, 0]).shape == (80, 104)
    torch.save(esrgan(2).state_dict(), tmp_path / "colour.pth")
    clear = np.dstack([photo, np.full((40, 52), 128, np.uint8)])
    made = enlarge(load_upscaler(tmp_path / "colour.pth"), clear)
    assert made.shape == (80, 104, 4)
    assert (made[:, :, 3] == 128).all()


def test_files_that_enlarge_nothing(tmp_path: Path) -> None:
    torch.save(resnet(4, 2).state_dict(), tmp_path / "cyclegan.pth")
    torch.save({"x": torch.zeros(1)}, tmp_path / "x.pth")
    (tmp_path / "junk.pth").write_bytes(b"junk")
    torch.save(esrgan(1).state_dict(), tmp_path / "same.pth")
    torch.save(esrgan(channels=4).state_dict(), tmp_path / "four.pth")
    for name, said in (
        ("cyclegan.pth", "no super-resolution network"),
        ("x.pth", "no super-resolution network"),
        ("junk.pth", "can't be read as weights"),
        ("none.pth", "can't be read as weights"),
        ("same.pth", "not a super-resolution network"),
        ("four.pth", "maps 4 channels to 4"),
    ):
        with pytest.raises(BadCheckpoint, match=said):
            load_upscaler(tmp_path / name)


def test_files_that_are_kept_stand_beside_others_of_their_name(tmp_path: Path, home: Path) -> None:
    home.mkdir(exist_ok=True)
    torch.save(compact().state_dict(), tmp_path / "2x.pth")
    assert keep(tmp_path / "2x.pth") == keep(tmp_path / "2x.pth") == home / "upscalers" / "2x.pth"
    torch.save(esrgan(2).state_dict(), tmp_path / "2x.pth")
    assert keep(tmp_path / "2x.pth").name == "2x (2).pth"
    (home / "upscalers" / "._2x.pth").write_bytes(b"left by a system")
    assert list(listing.upscalers()) == ["2x (2).pth", "2x.pth"]
    (home / "upscalers" / "._2x.pth").unlink()
    assert load_upscaler(home / "upscalers" / "2x.pth").recipe.title == "RealESRGAN Compact"
    assert [path.name for path in home.iterdir()] == ["upscalers"]  # nothing half-written


def test_without_spandrel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spandrel", None)
    with pytest.raises(BadValue, match="pip install spandrel"):
        load_upscaler(tmp_path / "net.pth")


def test_on_the_command_line(tmp_path: Path, photo: np.ndarray) -> None:
    torch.save(compact().state_dict(), tmp_path / "2x.pth")
    Image.fromarray(photo).save(tmp_path / "photo.png")
    output = ok("upscale", tmp_path / "2x.pth", tmp_path / "photo.png", "-o", tmp_path / "large.png")
    assert "104 x 80 pixels, by 2x.pth (RealESRGAN Compact)" in output
    with Image.open(tmp_path / "large.png") as made:
        assert made.size == (104, 80)
    assert "is a super-resolution model. Use `ganscope upscale " in refused(
        2, "translate", tmp_path / "2x.pth", tmp_path / "photo.png", "-o", tmp_path / "other.png"
    )
