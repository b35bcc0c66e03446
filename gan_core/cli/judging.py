"""What `ganscope eval` judges, and the net that it judges with: found by name among folders, models and runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gan_core.cli.output import find_run
from gan_core.data.parts import whole
from gan_core.errors import BadData, UnknownName
from gan_core.models import listing
from gan_core.runs.store import Run, RunStore

if TYPE_CHECKING:
    from gan_core.metrics.feature_net import FeatureNet
    from gan_core.models.sampler import Sampler

SHELVED = "features."  # with a data set's name: the model of the shelf that judges images of that set


@dataclass(frozen=True)
class Judged:
    """One of three: a folder of images, a model of the shelf by its name, or a run."""

    folder: Path | None = None
    model: str = ""
    run: Run | None = None

    @property
    def data(self) -> str:
        """What it learnt from, or nothing for a folder; raises BadCheckpoint where a model's card can't be read."""
        if self.model:
            return listing.card(self.model).data
        return self.run.spec.data if self.run else ""

    def sampler(self, store: RunStore) -> Sampler | None:
        """What draws the images; raises BadData for what makes none."""
        from gan_core.metrics.streams import check_images
        from gan_core.models import shelf
        from gan_core.models.sampler import Sampler

        if self.folder:
            return None
        sampler = Sampler.from_run(store, self.run.id) if self.run else shelf.load(self.model)
        check_images(sampler)
        return sampler


def judged(store: RunStore, wanted: str) -> Judged:
    """The folder, model or run that is meant; raises UnknownName."""
    kind, _, path = wanted.partition(":")
    place = Path(path if kind == "folder" else wanted).expanduser()
    if kind == "folder" and not place.is_dir():
        raise BadData("There is no folder at {path}.", path=place)
    if place.is_dir():
        return Judged(folder=place)
    if listing.is_model(wanted):
        return Judged(model=wanted)
    try:
        return Judged(run=find_run(store, wanted))
    except UnknownName:
        known = [*listing.names(), *(name for run in store.runs()[:10] for name in (run.id, run.name) if name)]
        valid = known or ["a model's name", "a run's id", "a folder's path"]
        raise UnknownName("model, run or folder of images", wanted, valid) from None


def find_net(store: RunStore, wanted: str | None, reference: str, size: int | None) -> FeatureNet:
    """The net that was named; else the shelf's for that data set, else the newest run that learnt it.

    `size` is that of the images in pixels; None takes any. Raises BadData, UnknownName or BadCheckpoint.
    """
    from gan_core.metrics.feature_net import FeatureNet

    if wanted is not None and Path(wanted).is_file():
        return FeatureNet.from_file(Path(wanted))
    reference = whole(reference)
    named = wanted if wanted is not None else SHELVED + reference
    if listing.is_model(named) and (wanted is not None or size in (None, listing.card(named).size)):
        return FeatureNet.from_shelf(named)
    run = _trained_net(store, reference, size) if wanted is None else find_run(store, wanted)
    return FeatureNet.from_run(store, run.id)


def _trained_net(store: RunStore, reference: str, size: int | None) -> Run:
    """The newest run of a feature net with a checkpoint for a data set; raises BadData, which says how to train one."""
    from gan_core.gans import recipes

    def judges(recipe: str) -> bool:
        return recipe in recipes and recipes.get(recipe).task == "supervised"

    nets = [run for run in store.runs() if judges(run.spec.recipe)]
    for run in nets:
        if whole(run.spec.data) == reference and size in (None, run.spec.size) and store.checkpoints(run.id):
            return run
    shelved = [name for name, card in listing.survey()[0].items() if judges(card.recipe)]
    command = f"ganscope train feature_net --data {reference}" + (f" --size {size}" if size else "")
    raise BadData(
        "There is no feature net for {data} yet, and these metrics need one. Train it: {command}  Or choose another "
        "with --net: {nets}.",
        data=f"{reference} at {size} px" if size else reference,
        command=command,
        nets=", ".join([*shelved, *(run.name or run.id for run in nets)]) or "there is none so far",
    )
