"""Writes docs/literature.md: which GANs of the literature are here, and what each is for.

    python -m docs.literature

Recipes come from the registry, with the first sentence of what they tell of themselves; `PYTORCH_GAN` is the list of
eriklindernoren/PyTorch-GAN, and `ABSENT` what is often asked for besides.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from docs.pages import about, paragraphs
from gan_core.gans import recipes

FILE = Path(__file__).with_name("literature.md")


@dataclass(frozen=True)
class Work:
    """A GAN of the literature: its paper, and the recipe that it is here, or why it isn't."""

    name: str
    year: int
    paper: str  # arXiv id
    recipe: str = ""
    purpose: str = ""
    absent: str = ""  # the reason, where there is no recipe


PYTORCH_GAN = (
    Work("Auxiliary Classifier GAN", 2016, "1610.09585", "acgan"),
    Work("Adversarial Autoencoder", 2015, "1511.05644", "aae"),
    Work("BEGAN", 2017, "1703.10717", "began"),
    Work("BicycleGAN", 2017, "1711.11586", "bicyclegan"),
    Work("Boundary-Seeking GAN", 2017, "1702.08431", "bgan"),
    Work(
        "ClusterGAN",
        2018,
        "1809.03627",
        purpose="Clusters without labels, by latents that are partly one-hot.",
        absent="`infogan` finds classes by its categorical codes",
    ),
    Work("Conditional GAN", 2014, "1411.1784", "cgan"),
    Work(
        "Context-Conditional GAN",
        2016,
        "1611.06430",
        purpose="Classifies with few labels, by filling holes.",
        absent="`context_encoder` fills holes; semi-supervised classification isn't a task here",
    ),
    Work("Context Encoder", 2016, "1604.07379", "context_encoder"),
    Work("Coupled GAN", 2016, "1606.07536", "cogan"),
    Work("CycleGAN", 2017, "1703.10593", "cyclegan"),
    Work("Deep Convolutional GAN", 2015, "1511.06434", "dcgan"),
    Work("DiscoGAN", 2017, "1703.05192", "discogan"),
    Work("DRAGAN", 2017, "1705.07215", "dragan"),
    Work("DualGAN", 2017, "1704.02510", "dualgan"),
    Work("Energy-Based GAN", 2016, "1609.03126", "ebgan"),
    Work("Enhanced Super-Resolution GAN", 2018, "1809.00219", "esrgan"),
    Work("GAN", 2014, "1406.2661", "mlp_gan"),
    Work("InfoGAN", 2016, "1606.03657", "infogan"),
    Work("Least Squares GAN", 2016, "1611.04076", "lsgan"),
    Work("MUNIT", 2018, "1804.04732", "munit"),
    Work("pix2pix", 2016, "1611.07004", "pix2pix"),
    Work(
        "PixelDA",
        2016,
        "1612.05424",
        purpose="Makes labelled drawings look like photos, to train a classifier.",
        absent="`benchmarks.adaptation` does so with `cyclegan`, which learns apart from the classifier",
    ),
    Work("Relativistic GAN", 2018, "1807.00734", "rsgan"),
    Work(
        "Semi-Supervised GAN",
        2016,
        "1606.01583",
        purpose="Classifies with few labels: fake is one more class.",
        absent="semi-supervised classification isn't a task here",
    ),
    Work("Softmax GAN", 2017, "1704.06191", "softmax_gan"),
    Work("StarGAN", 2017, "1711.09020", "stargan"),
    Work("Super-Resolution GAN", 2016, "1609.04802", "srgan"),
    Work(
        "UNIT",
        2017,
        "1703.00848",
        purpose="Unpaired translation through one space of latents for both domains.",
        absent="`munit` is its successor by the same authors, whose domains share the content alone",
    ),
    Work("Wasserstein GAN", 2017, "1701.07875", "wgan"),
    Work("Wasserstein GAN GP", 2017, "1704.00028", "wgan_gp"),
    Work("Wasserstein GAN DIV", 2017, "1712.01026", "wgan_div"),
)
ABSENT = (
    Work(
        "GigaGAN",
        2023,
        "2303.05511",
        purpose="Text to image at scale.",
        absent="needs billions of images and many GPUs",
    ),
)


def purpose(name: str) -> str:
    """The first sentence of a recipe's description, without its name and paper."""
    recipe = recipes.get(name)
    sentence = paragraphs(about(recipe))[0].partition(f" ({recipe.paper}")[0].partition(". ")[0].rstrip(".")
    _, colon, rest = sentence.partition(": ")
    told = rest if colon else sentence
    return f"{told[0].upper()}{told[1:]}."


def works() -> list[Work]:
    """All rows by year: those of the two lists, and every other recipe under its title."""
    listed, papers = {work.recipe for work in PYTORCH_GAN}, {one.paper for one in recipes}
    others = [Work(one.title, one.year, one.paper, one.name) for one in recipes if one.name not in listed]
    kept = [work for work in (*PYTORCH_GAN, *ABSENT) if work.recipe or work.paper not in papers]
    return sorted((*kept, *others), key=lambda work: (work.year, work.name.casefold()))


def _row(work: Work) -> str:
    here = f"[`{work.recipe}`](gans/{work.recipe}.md)" if work.recipe else f"not here: {work.absent}"
    paper = f"[{work.paper}](https://arxiv.org/abs/{work.paper})"
    star = " *" if work in PYTORCH_GAN else ""
    return f"| {work.name}{star} | {work.year} | {paper} | {here} | {work.purpose or purpose(work.recipe)} |"


def page() -> str:
    """The file's content."""
    papers = {one.paper for one in recipes}
    here = sum(work.paper in papers for work in PYTORCH_GAN)
    intro = (
        "Which GAN of the literature is here, and what it is for. Names with a * are those of "
        f"[PyTorch-GAN](https://github.com/eriklindernoren/PyTorch-GAN), of whose {len(PYTORCH_GAN)} GANs {here} are "
        "here. The table is written by `python -m docs.literature`."
    )
    head = "| GAN | Year | Paper | Recipe | What it is for |\n| --- | --- | --- | --- | --- |"
    return "\n\n".join(["# GANs of the literature", intro, "\n".join([head, *map(_row, works())])]) + "\n"


def write() -> None:
    FILE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    write()
