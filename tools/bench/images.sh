#!/bin/bash
# How far two epochs of Fashion-MNIST bring each adversarial preset: a Markdown table of the Frechet
# distance on a classifier's features (10,000 samples, test split) before and after, written to
# tools/bench/results/images.md when all of it is there, and printed.
#
#   tools/bench/images.sh [-j PROCESSES] [-o DIRECTORY] [-e EPOCHS] [PRESET...]
#
# Runs lie in DIRECTORY (runs/images), the classifier's in DIRECTORY/judge; those that are finished
# are not run again. A run has one thread, and its seconds are processor time of training with its
# evaluations. Networks have at most a million parameters: some are made narrower for that.
# IMAGO names the program; else build-release/bin/imago or build/bin/imago.
set -euo pipefail
cd "$(dirname "$0")/../.."
export LC_ALL=C
if [ -z "${IMAGO:-}" ]; then
  IMAGO=build-release/bin/imago
  [ -x "$IMAGO" ] || IMAGO=build/bin/imago
fi
export IMAGO

# parameters, distance before, distance after, seconds
if [ "${1:-}" = --one ]; then
  directory=$2 preset=$3 epochs=$4 out=$2/$3
  [ -s "$out/line" ] && exit
  export OMP_NUM_THREADS=1
  width=
  case $preset in
    sagan | ebgan | began | adagan) width='--set width=32' ;;
    cramer) width='--set width=24' ;;
  esac
  distance() { # of a run
    "$IMAGO" evaluate "$1" --checkpoint last --metrics fd --judge "$directory/judge" --device cpu --json |
      sed -n 's/.*"fd": *\([0-9.e+-]*\).*/\1/p'
  }
  train() { # DIRECTORY EPOCHS
    # shellcheck disable=SC2086
    "$IMAGO" train "$preset" --data fashion-mnist --epochs "$2" $width --out "$1" --device cpu --overwrite --quiet
  }
  TIMEFORMAT=%U
  if [ ! -s "$out/seconds" ]; then
    { train "$out-0" 0 && { time train "$out" "$epochs" 2>>"$out.log"; } 2>"$out.seconds"; } 2>>"$out.log" ||
      { cat "$out.log" >&2; echo "$preset failed" >&2; exit 255; } # ends xargs
    mv "$out.seconds" "$out/seconds"
    rm "$out.log"
  fi
  before=$(distance "$out-0") after=$(distance "$out")
  # shellcheck disable=SC2086
  parameters=$("$IMAGO" describe "$preset" $width | sed -n 's/^  all: \([0-9]*\) parameters/\1/p')
  [ -n "$before" ] && [ -n "$after" ] || { echo "images.sh: no figures of $preset" >&2; exit 255; }
  echo "$parameters $before $after $(cat "$out/seconds")" >"$out/line"
  exit
fi

jobs=1 directory=runs/images epochs=2
while getopts j:o:e: option; do
  case $option in
    j) jobs=$OPTARG ;;
    o) directory=$OPTARG ;;
    e) epochs=$OPTARG ;;
    *) exit 2 ;;
  esac
done
shift $((OPTIND - 1))
presets=("$@")
[ $# -gt 0 ] || presets=(gan cgan lsgan hinge fgan bregman wgan wgan-gp dragan r1 tv sagan ebgan began gmmn moment
  cramer madgan adagan infogan acgan vae-gan ali progan)
mkdir -p "$directory"
[ -s "$directory/judge/checkpoints/last.safetensors" ] ||
  "$IMAGO" train classifier --data fashion-mnist --set valid=5000 --out "$directory/judge" --quiet

for preset in "${presets[@]}"; do echo "$directory $preset $epochs"; done | xargs -P "$jobs" -L 1 "$0" --one

table() {
  echo "| preset | parameters | distance at step 0 | after $epochs epochs | share | seconds |"
  echo "|---|---|---|---|---|---|"
  for preset in "${presets[@]}"; do
    awk -v preset="$preset" '{ printf "| `%s` | %d | %.1f | %.1f | %.2f | %.0f |\n", preset, $1, $2, $3, $3 / $2, $4 }' \
      "$directory/$preset/line"
  done
}
if [ $# -eq 0 ]; then
  mkdir -p tools/bench/results
  table | tee tools/bench/results/images.md
else
  table
fi
