#!/bin/sh
# From a bare Debian or Ubuntu to a trained model: installs what is missing, builds into build/, trains `vae` on Fashion-MNIST
# for some epochs, reports the test ELBO and two pictures. Run again, it installs and builds nothing and trains anew.
# IMAGO_BUILD and IMAGO_RUN name other directories to build in and to train in.
set -eu
epochs=${1-5}
case "$epochs" in
  *[!0-9]* | '' | 0*) echo "usage: tools/quickstart.sh [EPOCHS]" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/.."
tools/setup.sh

build=${IMAGO_BUILD-build}
if [ ! -f "$build/build.ninja" ] && [ ! -f "$build/Makefile" ]; then
  # CUDA takes minutes to compile: only where a device answers.
  cuda=OFF
  if command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; then cuda=AUTO; fi
  echo "quickstart: configuring $build/ (IMAGO_CUDA=$cuda; for all tests and devices see tools/test.sh and README.md)"
  cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DIMAGO_TESTS=OFF -DIMAGO_CUDA=$cuda
fi
cmake --build "$build"

run=${IMAGO_RUN-runs/quickstart}
# Always from scratch, and into the same place: --overwrite is this script's choice, never the program's.
"$build/bin/imago" train vae --data fashion-mnist --epochs "$epochs" --out "$run" --overwrite
"$build/bin/imago" reconstruct "$run" --out "$run/reconstructions.png"
elbo=$(sed -n '/"split":"test"/s/.*"elbo":\([^,}]*\).*/\1/p' "$run/metrics.jsonl" | tail -n 1)
[ -n "$elbo" ] || { echo "quickstart: $run/metrics.jsonl holds no test ELBO" >&2; exit 1; }
echo
LC_ALL=C printf 'test ELBO after %s epochs: %.2f nats\n' "$epochs" "$elbo"
echo "generated:     $run/samples.png"
echo "reconstructed: $run/reconstructions.png (each original, then its reconstruction)"
