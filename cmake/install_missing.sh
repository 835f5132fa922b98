#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# install_missing.sh PACKAGE...: installs those of the Debian or Ubuntu packages that are not there yet. Says what it
# does, asks for nothing, and uses sudo only where it is needed.
set -eu
missing=
for package in "$@"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "This is not Debian or Ubuntu. If the build fails, install what corresponds to:$missing"
  exit 0
fi
as_root=
if [ "$(id -u)" != 0 ]; then
  if sudo -n true 2>/dev/null; then
    as_root="sudo -n"
  else
    echo "Some packages are missing, and neither root nor sudo without a password is at hand. Please run" >&2
    echo "  sudo apt-get install --no-install-recommends$missing" >&2
    echo "and then this script again." >&2
    exit 1
  fi
fi
echo "Installing with apt-get:$missing"
run() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get "$@" >/dev/null; }
run -qq update
# shellcheck disable=SC2086 # one word per package
run -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install $missing
