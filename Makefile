# make run: the app.  make studio: the Studio.  make demo: a generator in the browser.  make test: the tests.
# All set everything up in .venv on the first call.
PYTHON ?= python3
BIN := .venv/bin
EXTRAS := .[export,imagenet,keras,search,control]
RUN_READY := .venv/.run-ready
DEV_READY := .venv/.dev-ready
unexport PYTHONDONTWRITEBYTECODE  # where it is set, every process would compile PyTorch and Gradio anew
IN_THREE := -n 3 --dist loadfile  # processes for two cores, as many tests wait for servers; a file stays in one

.PHONY: run studio demo test slow e2e long release audit check format clean

run: $(RUN_READY)
	$(BIN)/streamlit run app.py

studio: $(RUN_READY)
	$(BIN)/python gradio_app.py

MODEL ?= projected_gan.avatars

demo: $(DEV_READY)
	$(BIN)/ganscope demo $(MODEL) -o build/demo
	$(BIN)/python -m http.server -d build/demo --bind 127.0.0.1 8080

test: $(DEV_READY)
	$(BIN)/python -m pytest $(IN_THREE)

slow: $(DEV_READY)
	$(BIN)/python -m pytest $(IN_THREE) -m "slow and not e2e and not release"

e2e: $(DEV_READY)
	$(BIN)/python -m pytest tests/e2e $(IN_THREE) -m "e2e and not release"

long: $(DEV_READY)  # both: slow tests use the cores while browsers wait, and processes start only once
	$(BIN)/python -m pytest $(IN_THREE) -m "(slow or e2e) and not release"

release: $(DEV_READY)
	$(BIN)/python -m pytest -m release

# Known vulnerabilities of all that is pinned; asks PyPI's advisories, so CI doesn't. Both files are named, because
# pip-audit leaves out what a file includes by -r; --strict, because without it a package that PyPI's answers lack counts
# as free of vulnerabilities.
audit: | $(BIN)/uv
	$(BIN)/uv tool run pip-audit==2.10.1 --strict --disable-pip --no-deps -r requirements.txt -r requirements-dev.txt

check: $(DEV_READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(DEV_READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv

$(BIN)/uv:
	$(PYTHON) -c "import sys; sys.exit('GANscope needs Python 3.11 or newer' if sys.version_info < (3, 11) else 0)"
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet uv

$(RUN_READY): requirements.txt pyproject.toml | $(BIN)/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.txt -e "$(EXTRAS)"
	touch $@

$(DEV_READY): requirements-dev.txt $(RUN_READY)
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements-dev.txt
	touch $@
