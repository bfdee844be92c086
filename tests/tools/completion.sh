#!/bin/bash
# What bash completes of a command line: completion.sh PROGRAM COMPLETION. Runs the completion as bash does at the Tab key.
set -u
program=$1
source "$2"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
mkdir -p runs/first runs/second runs/no-run old
touch runs/first/config.json runs/second/config.json old/config.json pictures.npy
failures=0

# complete_line LINE: the candidates of a line with the cursor at its end, sorted, on one line. LINE is split as bash splits it.
complete_line() {
  local rest=$1 word
  COMP_WORDS=()
  while [[ -n $rest ]]; do
    if [[ $rest =~ ^\ +(.*)$ ]]; then
      rest=${BASH_REMATCH[1]}
      [[ -n $rest ]] || COMP_WORDS+=("")
    elif [[ $rest =~ ^([=:]+|[^\ =:]+)(.*)$ ]]; then
      COMP_WORDS+=("${BASH_REMATCH[1]}")
      rest=${BASH_REMATCH[2]}
    fi
  done
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  COMPREPLY=()
  _imago "$program" "${COMP_WORDS[COMP_CWORD]}" ""
  printf '%s\n' ${COMPREPLY[@]+"${COMPREPLY[@]}"} | LC_ALL=C sort | paste -sd ' '
}
# gives LINE EXPECTED: these candidates and no others. holds LINE CANDIDATE: this one among others.
gives() {
  local got
  got=$(complete_line "$1")
  [[ $got == "$2" ]] && return
  echo "'$1' gives '$got', expected '$2'"
  failures=$((failures + 1))
}
holds() {
  local got
  got=$(complete_line "$1")
  [[ " $got " == *" $2 "* && $got == *" "* ]] && return
  echo "'$1' gives '$got', expected $2 among others"
  failures=$((failures + 1))
}

gives 'imago tr' 'train traverse'
holds 'imago ' evaluate
holds 'imago -' --version
gives 'imago bogus ' ''
gives 'imago train be' 'began beta-vae'
holds 'imago train ' vae
gives 'imago train --quiet be' 'began beta-vae'
gives 'imago train pict' pictures.npy
holds 'imago train vae --' --data-dir
gives 'imago train vae --over' --overwrite
gives 'imago train vae --data two' two-moons
gives 'imago train vae --data=two' two-moons
gives 'imago train vae --data sampler:ba' banana
holds 'imago train vae --data density:u' u3
gives 'imago train vae --data pict' pictures.npy
holds 'imago train vae --data ' fashion-mnist
gives 'imago train vae --epochs ' ''
gives 'imago train vae --data-dir ru' runs
gives 'imago train vae --set lat' latent=
gives 'imago train vae --set activation=rel' relu
holds 'imago train vae --set activation=' tanh
gives 'imago train vae --device cp' cpu
gives 'imago describe iw' iwae
gives 'imago demo bil' bilinear
holds 'imago demo ' divergences
gives 'imago sample ' 'old runs/first runs/second'
gives 'imago sample -n 3 runs/' 'runs/first runs/second'
gives 'imago sample runs/f' runs/first
gives 'imago sample runs/first runs/' ''
gives 'imago evaluate old --metrics elbo,n' elbo,nll
gives 'imago evaluate old --split va' valid
gives 'imago list --j' --json
[[ $failures -eq 0 ]] || exit 1
echo 'completion: all as expected'
