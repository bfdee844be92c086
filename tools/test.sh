#!/bin/sh
# The whole test suite in two configurations: release (with the CUDA kernels compiled where nvcc is there), and the CUDA
# kernels emulated on the host under the address and undefined-behaviour sanitizers. Exit status 0 when all passed.
set -u
exec </dev/null
cd "$(dirname "$0")/.." || exit 1
start=$(date +%s)
failed=
parts=
# part NAME COMMAND...: runs it, notes its time, goes on after a failure so that one run shows all.
part() {
  name=$1
  shift
  echo
  echo "== $name"
  from=$(date +%s)
  if "$@"; then state=passed; else state=FAILED; failed="$failed $name"; fi
  parts="$parts$(printf '%6d s  %-18s %s' $(($(date +%s) - from)) "$name" $state)
"
  [ $state = passed ]
}
finish() {
  echo
  echo "== time per part"
  printf '%s' "$parts"
  echo "total $(($(date +%s) - start)) s"
  if [ -n "$failed" ]; then echo "FAILED:$failed"; exit 1; fi
  if [ -n "${emulated_line-}" ]; then echo "$emulated_line"; fi
  exit 0
}

check_format() {
  program=$(command -v clang-format-14 || command -v clang-format || true)
  if [ -z "$program" ] || ! "$program" --version | grep -q 'version 14\.'; then
    echo "format not checked (clang-format 14 is not here)"
    return 0
  fi
  find engine kernels models tools tests -name '*.h' -o -name '*.cpp' | sort | xargs "$program" --dry-run --Werror
}

# Programs that spin collapse when the other core is busy with another test (tools/imago sets this for itself).
export GOMP_SPINCOUNT=1000 OMP_NUM_THREADS="${OMP_NUM_THREADS-2}"
export ASAN_OPTIONS="detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=0:${ASAN_OPTIONS-}"
export UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS-}"
launcher=
if command -v ccache >/dev/null; then
  launcher="-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_CUDA_COMPILER_LAUNCHER=ccache"
fi
# One architecture keeps nvcc short; where a device answers, its own (cmake/Cuda.cmake).
architecture=-DCMAKE_CUDA_ARCHITECTURES=90-real
if command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; then architecture=; fi
jobs=${IMAGO_TEST_JOBS-2}

# Where the driver answers imago must reach the device, or its tests would be skipped.
check_device() {
  if [ -n "$architecture" ]; then echo "no CUDA device answers"; return 0; fi
  build-release/bin/imago devices | grep '^cuda'
}
# The main job, on the program just built.
quickstart() {
  said=$(build-release/bin/imago train vae --data fashion-mnist --dry-run 2>&1 >/dev/null)
  status=$?
  case $status:$said in
    0:*) ;;
    3:*"data set fashion-mnist not found"*)
      echo "the quickstart is left out: Fashion-MNIST is not on this system"
      return 0 ;;
    *)
      echo "imago train --data fashion-mnist --dry-run ended with status $status: $said"
      return 1 ;;
  esac
  IMAGO_BUILD=build-release IMAGO_RUN=build-release/quickstart tools/quickstart.sh 1
}
build() { cmake --build "build-$1" -j "$jobs"; }
suite() {
  set -- "$1" --test-dir "build-$1" -j "$jobs" --output-on-failure --no-tests=error --timeout 900
  shift
  if [ -n "$architecture" ]; then
    echo "no CUDA device answers: the tests of label gpu are left out"
    set -- "$@" --label-exclude gpu
  fi
  ctest "$@"
}

part set-up tools/setup.sh --test || finish
part format check_format
# shellcheck disable=SC2086
part release-configure cmake --preset release $launcher $architecture &&
  part release-build build release &&
  part cuda-device check_device &&
  part quickstart quickstart &&
  part release-test suite release
# shellcheck disable=SC2086
part emulated-configure cmake --preset emulated $launcher &&
  part emulated-build build emulated &&
  part emulated-test suite emulated
# The suite's last test counts the kernels; its line is what this script ends with.
emulated_line=$(grep -h -o '^emulated: [0-9]* of [0-9]* __global__ kernels launched' \
  build-emulated/Testing/Temporary/LastTest.log 2>/dev/null | tail -n 1)
if [ -z "$emulated_line" ]; then
  echo "the emulated suite did not count its kernels"
  failed="$failed emulated-kernels"
fi
finish
