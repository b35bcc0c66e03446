"""The bodies of requests. Unknown names, numbers out of range and numbers that aren't finite are refused."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from gan_core.latent.edits import MOST_STRENGTH
from gan_core.models.sampler import MOST_TRUNCATION
from serving.answers import FORMATS, Format
from ui.studio.models.costs import MOST_KEYFRAMES, SECONDS
from ui.studio.view.view import MOST_CHANGES, MOST_SEED

MOST_COUNT = 64
MOST_SAMPLES = 10_000  # of an evaluation
LONGEST_NAME = 200  # characters

LONGEST_TEXT = 1000  # characters of a class, blend, sentence or pose; models may accept fewer

Name = Annotated[str, Field(max_length=LONGEST_NAME)]
Seed = Annotated[int, Field(ge=0, le=MOST_SEED)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Strength = Annotated[float, Field(ge=-MOST_STRENGTH, le=MOST_STRENGTH, allow_inf_nan=False)]
Metric = Literal["fd", "kid", "prdc", "classes", "nearest"]
MODEL = "A model's name, see /v1/models. By default the first that can do it."


def _short(label: int | str) -> int | str:
    if isinstance(label, str) and len(label) > LONGEST_TEXT:
        facts = {"most": LONGEST_TEXT, "count": f"{len(label):,}"}
        raise PydanticCustomError("too_long", "It can have up to {most} characters, not {count}", facts)
    return label


Label = Annotated[int | str, AfterValidator(_short)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Drawn(Body):
    """Common parameters of everything that is drawn from latents."""

    model: Name = Field("", description=MODEL)
    truncation: Annotated[float, Field(ge=0, le=MOST_TRUNCATION, allow_inf_nan=False)] | None = Field(
        None, description="Below 1, pictures are more alike and better. By default they are left as they are."
    )


class Pictured(Drawn):
    """Common parameters of calls that answer with pictures."""

    format: Format | None = Field(None, description="By default as the Accept header says, else png.")


class Generate(Drawn):
    """Samples by their seed: the same as `ganscope sample` draws."""

    model_config = ConfigDict(json_schema_extra={
        "examples": [
            {"seed": 7, "count": 4, "truncation": 0.7}, {"model": "cgan.mnist", "seed": 3, "class": "7"},
            {"model": "stackgan.avatars", "class": "a woman with red hair and glasses"},
            {"model": "specgan.spoken_digits", "class": "1", "format": "wav"},
        ]
    })  # fmt: skip
    seed: Seed | None = Field(None, description="By default a random one, which the header X-Seed names.")
    count: int = Field(1, ge=1, le=MOST_COUNT, description="How many samples.")
    label: Label | None = Field(
        None, alias="class", description="A class by its name or number, or a blend, such as 3:0.5,8:0.5. Of models "
        "that follow words, a sentence; of views, yaw and pitch in degrees, such as 30,10. By default all in turn.",
    )  # fmt: skip
    format: Annotated[str, Field(max_length=LONGEST_NAME, json_schema_extra={"enum": list(FORMATS)})] | None = Field(
        None, description="One of the model's formats, see /v1/models. By default as the Accept header says, else the "
        "first of them.",
    )  # fmt: skip
    latents: Annotated[list[list[Finite]], Field(min_length=1, max_length=MOST_COUNT)] | None = Field(
        None, description="Rows of latent_size numbers, instead of a seed and a count."
    )


class Edit(Pictured):
    """One picture moved along directions."""

    model_config = ConfigDict(json_schema_extra={
        "examples": [{"seed": 7, "truncation": 0.7, "edits": {"PCA 1": 2.0}}, {"seed": 7, "edits": "PCA 1*2@0-3"}]
    })  # fmt: skip
    seed: Seed | None = None
    label: Label | None = Field(None, alias="class")
    edits: Annotated[dict[Name, Strength], Field(max_length=MOST_CHANGES)] | Annotated[str, Field(max_length=4000)] = (
        Field({}, description="Directions and strengths, or as links of the Studio hold them, with layers.")
    )


class Mix(Pictured):
    """Picture A with some layers of picture B; for style-based models."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"seed_a": 1, "seed_b": 2, "band": "middle"}]})
    seed_a: Seed = 1
    seed_b: Seed = 2
    band: Literal["coarse", "middle", "fine", "from"] = "coarse"
    first_layer: int = Field(0, ge=0, le=100, description="Of the band from: all layers from this one on.")


class Interpolate(Body):
    """A film from picture to picture."""

    model_config = ConfigDict(json_schema_extra={
        "examples": [{"seeds": [1, 2, 3], "seconds": 0.5, "size": 128, "kind": "WebP"}]
    })  # fmt: skip
    model: Name = Field("", description=MODEL)
    truncation: Annotated[float, Field(ge=0, le=MOST_TRUNCATION, allow_inf_nan=False)] | None = None
    label: Label | None = Field(None, alias="class", description="Of all pictures. By default that of their seeds.")
    seeds: Annotated[list[Seed], Field(min_length=2, max_length=MOST_KEYFRAMES)] = Field([1, 2, 3, 4])
    way: Literal["linear", "spherical", "smooth"] = "smooth"
    closed: bool = Field(True, description="Whether the film goes back to the first picture.")
    kind: Literal["MP4", "GIF", "WebP"] = "MP4"
    seconds: float = Field(1.5, ge=SECONDS[0], le=SECONDS[1], allow_inf_nan=False, description="From seed to seed.")
    size: Literal[128, 256, 512] = Field(256, description="Pixels.")


class Evaluate(Body):
    """How close a model's samples are to the images that it has learnt from."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"samples": 1000, "metrics": ["fd"], "seed": 0}]})
    model: Name = Field("", description=MODEL)
    samples: int = Field(1000, ge=2, le=MOST_SAMPLES, description="Metrics of other numbers can't be compared.")
    metrics: Annotated[list[Metric], Field(min_length=1, max_length=5)] = Field(
        ["fd", "prdc"], description="Frechet distance, KID, precision and recall, classes, nearest training images."
    )
    seed: Seed = 0
