#!/bin/sh
# Installs what is missing of cmake/packages.txt and, with --test, of cmake/packages-test.txt. Touches nothing when all is
# there, and needs no network then.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
lists="$root/cmake/packages.txt"
case "${1-}" in
  '') ;;
  --test) lists="$lists $root/cmake/packages-test.txt" ;;
  *) echo "usage: tools/setup.sh [--test]" >&2; exit 2 ;;
esac
# shellcheck disable=SC2086
packages=$(sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' $lists)

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "setup: this is no Debian or Ubuntu; install the equivalents of these packages yourself:"
  for p in $packages; do echo "  ${p#\?}"; done
  for program in c++ cmake ninja; do
    if ! command -v $program >/dev/null; then
      echo "setup: $program is missing" >&2
      exit 1
    fi
  done
  exit 0
fi

missing=
for p in $packages; do
  state=$(dpkg-query -W -f='${db:Status-Status}' "${p#\?}" 2>/dev/null || true)
  [ "$state" = installed ] || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

only_optional=yes
for p in $missing; do case $p in \?*) ;; *) only_optional=no ;; esac; done
as_root=
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo >/dev/null; then
    [ $only_optional = yes ] && { echo "setup: neither root nor sudo; going on without$(echo "$missing" | tr -d '?')"; exit 0; }
    echo "setup: these packages are missing, and installing them needs root or sudo:$(echo "$missing" | tr -d '?')" >&2
    exit 1
  fi
  as_root=sudo
fi
apt="$as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3"
wanted() {  # those that must be there, and of the others those that this release has
  for p in $missing; do
    case $p in
      \?*) if apt-cache show "${p#\?}" >/dev/null 2>&1; then echo "${p#\?}"; fi ;;
      *) echo "$p" ;;
    esac
  done
}
echo "setup: installing$(echo "$missing" | tr -d '?')"
if ! $apt update -qq </dev/null; then
  [ $only_optional = yes ] && { echo "setup: no network; going on without$(echo "$missing" | tr -d '?')"; exit 0; }
  echo "setup: apt-get update failed; these packages are missing:$(echo "$missing" | tr -d '?')" >&2
  exit 1
fi
list=$(wanted)
[ -n "$list" ] || exit 0
# shellcheck disable=SC2086
if ! $apt install -y -qq --no-install-recommends $list </dev/null; then
  echo "setup: apt-get install failed; these packages are missing:$(echo "$missing" | tr -d '?')" >&2
  exit 1
fi
