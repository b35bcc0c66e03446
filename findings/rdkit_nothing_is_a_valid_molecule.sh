#!/usr/bin/env bash
# guess: an empty SMILES string isn't a molecule: MolFromSmiles gives None, as for text that it can't read, and the
#   estimate of drug-likeness (QED) refuses it. So the share of strings that RDKit reads is the "validity" of generated
#   molecules.
# what happens: RDKit 2026.9.1 reads the empty string as a molecule without atoms, which passes sanitisation, and gives
#   it a QED of .339 and a logP of 0: more than it gives peracetic acid or acrolein. Bare atoms and several fragments in
#   one string are read as well. A generator of graphs that has learned to put "no atom" everywhere is 100 % valid.
#   Validity must require atoms and a single fragment.
# source: https://www.rdkit.org/docs/GettingStartedInPython.html (MolFromSmiles "returns a Mol object on success, None
#   on failure"); validity as in MolGAN, 1805.11973, section 5
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet rdkit==2026.9.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import rdkit
from rdkit import Chem
from rdkit.Chem import QED, Crippen

print("rdkit", rdkit.__version__)
nothing = Chem.MolFromSmiles("")
assert nothing is not None
assert int(Chem.SanitizeMol(nothing)) == 0
print("atoms:", nothing.GetNumAtoms(), "QED:", round(QED.qed(nothing), 3), "logP:", Crippen.MolLogP(nothing))
assert nothing.GetNumAtoms() == 0
assert round(QED.qed(nothing), 3) == 0.339
for smiles, name in (("C", "methane"), ("CC(=O)OO", "peracetic acid"), ("C=CC=O", "acrolein"), ("NN", "hydrazine")):
    score = round(QED.qed(Chem.MolFromSmiles(smiles)), 3)
    print(f"{name}: {score}")
read = [smiles for smiles in ("[C]", "[He]", "C.C.C") if Chem.MolFromSmiles(smiles) is not None]
print("also read:", read)
assert read == ["[C]", "[He]", "C.C.C"]
assert QED.qed(nothing) > QED.qed(Chem.MolFromSmiles("CC(=O)OO"))
PYTHON
