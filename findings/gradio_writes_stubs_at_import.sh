#!/usr/bin/env bash
# guess: type stubs (.pyi) are made when a package is built. An import reads none and writes none, and `import gradio`
#   spends its time on what it depends on.
# what happens: gradio 6.31.0 parses its own sources with `ast` for each component class, in every process that imports
#   it, and writes its stubs into the package where they are missing or differ: a stub that was deleted (in a slim
#   image, for example) is back after an import. More than a quarter of the processor time of `import gradio` goes there
#   (1.4 of 3.8 s on an AMD EPYC), which delays every start of a demo.
# source: gradio/component_meta.py (`ComponentMeta.__new__`, `create_or_modify_pyi`) of
#   https://github.com/gradio-app/gradio/tree/gradio%406.31.0
set -euo pipefail
unset PYTHONDONTWRITEBYTECODE
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uv
"$folder/venv/bin/uv" pip install --quiet --python "$folder/venv/bin/python" gradio==6.31.0
cd "$folder"
cat > stubs.py <<'PYTHON'
import ast
import sys
import time

parsed = []
parse = ast.parse


def counted(source, *arguments, **options):
    began = time.process_time()
    tree = parse(source, *arguments, **options)
    parsed.append(time.process_time() - began)
    return tree


opened = []
sys.addaudithook(lambda event, given: event == "open" and str(given[0]).endswith(".pyi") and opened.append(given[1]))
ast.parse = counted
start = time.process_time()
import gradio

whole = time.process_time() - start
print(f"gradio {gradio.__version__}: import {whole:.1f} s, {len(parsed)} parses of sources take {sum(parsed):.1f} s of it, "
      f"{len(opened)} stubs opened, {opened.count('w')} of them to write")
assert len(parsed) > 100
assert len(opened) > 100
PYTHON
venv/bin/python stubs.py > /dev/null  # compiles the modules
venv/bin/python stubs.py
stub="$(ls venv/lib/python3*/site-packages/gradio/components/slider.pyi)"
rm "$stub"
venv/bin/python -c "import gradio"
test -s "$stub"
echo "the stub that was deleted is back"
