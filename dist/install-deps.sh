#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs those Debian packages of a list (one a line, # for comments) that
# are missing. Does nothing, and asks nothing of the network, if none is.
set -eu
list=$1
missing=
for package in $(sed 's/#.*//' "$list"); do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	[ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
	echo "missing packages:$missing" >&2
	echo "run as root: apt-get install$missing" >&2
	exit 1
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt-get update >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
# shellcheck disable=SC2086 # one word for each package
apt-get install -y --no-install-recommends $missing >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
