#!/bin/sh
# Corpus, training, GGUF, golden answers, evaluation, model card: everything in static/models and golden.json, made anew.
# Needs Debian's python3-torch and libopenblas0-pthread. STEPS and OUT may be set.
# BEGIN is the file that training goes on from, as git keeps it; BEGIN= trains from nothing, for which take some 9,000 steps.
set -eu
cd "$(dirname "$0")"
export OPENBLAS_NUM_THREADS=1 PYTHONHASHSEED=0
python=${PYTHON:-/usr/bin/python3}
out=${OUT:-$(mktemp -d)}
models=../../static/models
begin=${BEGIN-00ed88ae448bd7f7b79cb38351c1a419af2fda40}

# What a part of the training has learnt is what the next goes on from; its notes are kept for the card, under this name.
go_on() {
  $python export_gguf.py --run "$out" --to "$out/begin.gguf"
  mv "$out/training.json" "$out/$1.json"
}

$python -m unittest -q test_parts
if [ -n "$begin" ]; then
  git cat-file blob "$begin" > "$out/begin.gguf"
  $python train.py --out "$out" --steps "${STEPS:-4000}" --begin "$out/begin.gguf" --without wordings_weak.txt wordings_late.txt
  go_on before1
  # What it still confused then stands in the files that were left out: some more steps with each.
  $python train.py --out "$out" --steps "${STEPS:-650}" --late 250 --begin "$out/begin.gguf" --seed 8 --rate 1e-3 --without wordings_late.txt
  go_on before2
  $python train.py --out "$out" --steps "${STEPS:-1800}" --late 250 --begin "$out/begin.gguf" --seed 9 --rate 1e-3 --without wordings_late.txt
  go_on before3
  $python train.py --out "$out" --steps "${STEPS:-1000}" --late 250 --begin "$out/begin.gguf" --seed 10 --rate 1e-3
else
  $python train.py --out "$out" --steps "${STEPS:-9000}" --rate 3e-3
fi
$python export_gguf.py --run "$out" --to "$models/tabloom-demo.gguf"
$python evaluate.py --run "$out" --golden golden.json --report "$out/evaluation.json"
$python card.py --run "$out" --to "$models/tabloom-demo.md"
node ../demo-catalog.mjs
