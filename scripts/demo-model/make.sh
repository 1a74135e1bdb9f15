#!/bin/sh
# Corpus, training, GGUF, golden answers, evaluation, model card: everything in static/models and golden.json, made anew.
# Needs Debian's python3-torch and libopenblas0-pthread. STEPS and OUT may be set.
set -eu
cd "$(dirname "$0")"
export OPENBLAS_NUM_THREADS=1 PYTHONHASHSEED=0
python=${PYTHON:-/usr/bin/python3}
out=${OUT:-$(mktemp -d)}
models=../../static/models

$python -m unittest -q test_parts
$python train.py --out "$out" --steps "${STEPS:-4600}"
$python export_gguf.py --run "$out" --to "$models/tabloom-demo.gguf"
$python evaluate.py --run "$out" --golden golden.json --report "$out/evaluation.json"
$python card.py --run "$out" --to "$models/tabloom-demo.md"
node ../demo-catalog.mjs
