"""Whether labelled pictures of a generator help a segmenter: `python -m benchmarks.segmentation [--seeds 3] [--keep]`.

Segmenters of drawn faces learn from ten labelled pictures, from the same with classical augmentation, from pairs that
the shelf's `projected_gan.avatars` makes after ten of its pictures were labelled (2104.06490), and from all labels;
see `gan_core/segmentation/comparison.py`. `--keep` writes what the page Few labels shows.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

from benchmarks.timing import machine
from gan_core.models import loading
from gan_core.pictures.grids import enlarge, grid
from gan_core.segmentation.comparison import ARMS, FACES, TESTED, Outcome, Plan, compare, faces
from gan_core.segmentation.masks import PARTS, shown
from ui.classroom.labels.page import KEPT, PAIRS

GENERATOR = "projected_gan.avatars"
SHOWN = 12  # pairs on the page


def kept(outcomes: list[Outcome], tested: int) -> dict[str, object]:
    """Writes what the page reads."""
    return {
        "seeds": len(outcomes), "tested": tested, "parts": list(PARTS),
        "arms": {arm: [round(one.mean[arm], 4) for one in outcomes] for arm in ARMS},
        "by_part": {
            arm: [round(float(share), 4) for share in np.nanmean([one.parts[arm] for one in outcomes], 0)]
            for arm in ARMS
        },
        "pixels": [round(one.pixel_iou, 4) for one in outcomes],
    }  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--faces", type=int, default=FACES)
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--tested", type=int, default=TESTED)
    parser.add_argument("--keep", action="store_true", help="write what the page shows")
    asked = parser.parse_args(arguments)
    print(machine())
    sampler = loading.load(GENERATOR)
    known, test = faces(asked.faces, 0), faces(asked.tested, 1)
    plan = Plan(asked.faces, asked.pairs, asked.steps, asked.steps, asked.tested)
    began = time.process_time()
    outcomes = [compare(sampler, known, test, seed, plan, lambda said: print(said, flush=True))
                for seed in range(asked.seeds)]  # fmt: skip
    spent = (time.process_time() - began) / asked.seeds
    print(f"{asked.steps} steps of 16 pictures, {asked.pairs} pairs, {asked.tested} test faces, {asked.seeds} seeds, "
          f"{spent:.0f} s of one core each")  # fmt: skip
    print(f"{'':10}{'mean IoU':>22}" + "".join(f"{part:>12}" for part in PARTS))
    for arm in ARMS:
        means = [one.mean[arm] for one in outcomes]
        by_part = np.nanmean([one.parts[arm] for one in outcomes], 0)
        score = f"{np.mean(means):.3f} ({min(means):.3f}-{max(means):.3f})"
        print(f"{arm:10}{score:>22}" + "".join(f"{share:12.3f}" for share in by_part))
    print(f"the ensemble's masks agree with those of the segmenter of all labels to a mean IoU of "
          f"{np.mean([one.pixel_iou for one in outcomes]):.3f}")  # fmt: skip
    if asked.keep:
        whole = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
        KEPT.write_text(
            json.dumps(whole | {"segmentation": kept(outcomes, asked.tested)}, indent=1) + "\n", encoding="utf-8"
        )
        pairs = outcomes[0].pairs[:SHOWN]
        cells = np.stack([pairs.pictures.transpose(0, 2, 3, 1), shown(pairs.masks)], 1).reshape(-1, 64, 64, 3)
        enlarge(grid(cells, SHOWN), 1200).save(PAIRS, optimize=True)


if __name__ == "__main__":
    main()
