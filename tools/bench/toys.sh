#!/bin/bash
# Which modes the adversarial presets find, by their defaults: a Markdown table of presets and
# seeds, written to tools/bench/results/toys.md when all of it is there, and printed.
#
#   tools/bench/toys.sh [-j PROCESSES] [-o DIRECTORY] [-s SEEDS] [-t] [PRESET:DATA...]
#
# -t: runs nothing and prints the table of the runs that are finished.
# Runs lie in DIRECTORY (runs/toys); those that are finished are not run again. A run has one
# thread, and its seconds are processor time of training with its evaluations.
# IMAGO names the program; else build-release/bin/imago or build/bin/imago.
set -euo pipefail
cd "$(dirname "$0")/../.."
export LC_ALL=C OMP_NUM_THREADS=1
if [ -z "${IMAGO:-}" ]; then
  IMAGO=build-release/bin/imago
  [ -x "$IMAGO" ] || IMAGO=build/bin/imago
fi
export IMAGO

if [ "${1:-}" = --one ]; then # a run and its figures: covered, total, high_quality, seconds
  out=$2/$3-$4-s$5
  [ -s "$out/toys" ] && exit
  TIMEFORMAT=%U
  if ! { time "$IMAGO" train "$3" --data "$4" --seed "$5" --out "$out" --device cpu --overwrite \
    --quiet >"$out.log" 2>&1; } 2>"$out.seconds"; then
    cat "$out.log" >&2
    exit 255 # ends xargs
  fi
  figures=$("$IMAGO" evaluate "$out" --metrics modes --device cpu --json |
    sed -n 's/.*"covered": *\([0-9.]*\).*"total": *\([0-9.]*\).*"high_quality": *\([0-9.]*\).*/\1 \2 \3/p')
  [ -n "$figures" ] || { echo "toys.sh: no figures of $out" >&2; exit 255; }
  echo "$figures $(cat "$out.seconds")" >"$out/toys"
  rm "$out.log" "$out.seconds"
  exit
fi

jobs=1 directory=runs/toys seeds=5 train=true
while getopts j:o:s:t option; do
  case $option in
    j) jobs=$OPTARG ;;
    o) directory=$OPTARG ;;
    s) seeds=$OPTARG ;;
    t) train=false ;;
    *) exit 2 ;;
  esac
done
shift $((OPTIND - 1))
all=(wgan-gp:grid25 r1:grid25 madgan:grid25 adagan:grid25 dragan:grid25 gan:ring8)
rows=("$@")
[ $# -gt 0 ] || rows=("${all[@]}")
mkdir -p "$directory"

if $train; then
  for row in "${rows[@]}"; do
    for ((seed = 0; seed < seeds; seed++)); do echo "$directory ${row%:*} ${row#*:} $seed"; done
  done | xargs -P "$jobs" -L 1 "$0" --one
fi

table() {
  echo "| preset | data | modes covered, seeds 0 to $((seeds - 1)) | high_quality | all modes and >= 0.80 | seconds |"
  echo "|---|---|---|---|---|---|"
  for row in "${rows[@]}"; do
    for ((seed = 0; seed < seeds; seed++)); do
      run=$directory/${row%:*}-${row#*:}-s$seed/toys
      if $train || [ -s "$run" ]; then cat "$run"; fi
    done | awk -v preset="${row%:*}" -v data="${row#*:}" '
      { covered = covered " " ($1 + 0); total = $2 + 0; quality = quality sprintf(" %.2f", $3)
        seconds = seconds sprintf(" %.0f", $4); good += $1 == $2 && $3 >= 0.8 }
      END { if (NR) print "| `" preset "` | `" data "` |" covered " of " total " |" quality " | " \
                  good " of " NR " |" seconds " |" }'
  done
}
if $train && [ $# -eq 0 ]; then
  mkdir -p tools/bench/results
  table | tee tools/bench/results/toys.md
else
  table
fi
