"""How long the page of `ganscope demo` takes for a picture, in Chromium, on one thread of WebAssembly.

    python -m benchmarks.demo                              # the generators of faces
    python -m benchmarks.demo stylegan2.avatars --pictures 200

Each picture is a move of a slider, from the latent to the canvas. The first ones, while the browser compiles, are left
out; the time until the first picture is reported separately. Needs npm (for onnxruntime-web), Chromium and Playwright.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, sync_playwright

from benchmarks.timing import Row, at_most, report
from gan_core.exporting.demo import build

MODELS = ("projected_gan.avatars", "stylegan2.avatars")
MOST = 100.0  # milliseconds that a picture may take
FIRST = 10  # number of first pictures that are left out
SLIDE = "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')); }"
TOOK = "canvas => { const took = canvas.dataset.milliseconds; delete canvas.dataset.milliseconds; return took; }"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def delivered(folder: Path) -> Iterator[str]:
    """Serves a folder on loopback; yields its address."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


def milliseconds(browser: Browser, url: str, pictures: int) -> tuple[float, list[float]]:
    """Seconds until the page has drawn its first picture, and milliseconds of each later one."""
    page = browser.new_page()
    began = time.perf_counter()
    page.goto(url)
    canvas = page.locator("#picture[data-milliseconds]")
    canvas.wait_for()
    first = time.perf_counter() - began
    page.locator("#others button[data-seed]").nth(15).wait_for()  # else those below are drawn at the same time
    canvas.evaluate(TOOK)
    found = []
    for place in range(FIRST + pictures):
        page.locator("#slider-0").evaluate(SLIDE, place % 30 / 10)
        canvas.wait_for()
        found.append(float(canvas.evaluate(TOOK)))
    page.close()
    return first, found[FIRST:]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=MODELS, help="models that draw pictures")
    parser.add_argument("--pictures", type=int, default=100)
    options = parser.parse_args(arguments)
    rows: list[Row] = []
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        version = browser.version
        for name in options.names:
            made = build(name, Path(folder) / name)
            with delivered(made.folder) as url:
                first, found = milliseconds(browser, url, options.pictures)
            samples = str(len(found))
            rows.append(at_most(f"{name}, a picture in the median", statistics.median(found), MOST, " ms", samples))
            rows.append(at_most(f"{name}, 95th percentile", float(np.percentile(found, 95)), MOST, " ms", samples))
            rows.append(Row(f"{name}, until the first picture", f"{first:.2f} s", samples="1"))
        browser.close()
    report(f"The page of `ganscope demo`, in Chromium {version}", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
