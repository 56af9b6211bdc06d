#!/bin/sh
# SPDX-License-Identifier: MIT
# Reads an analyser's warnings from standard input and fails if one is not in
# the list of those that were looked at and found wrong (known.txt). Line
# numbers do not count: they move.
set -eu
known=$(dirname "$0")/known.txt
tool=$1
found=$(mktemp)
trap 'rm -f "$found"' EXIT
sed -n "s|^$PWD/||; s/^\([^: ]*\.[ch]\):[0-9]*:[0-9]*: \(warning\|error\): /$tool \1: /p" |
	grep -v '^[a-z]* /usr/' | sort -u >"$found" || true
new=$(grep -vxFf "$known" "$found" || true)
if [ -n "$new" ]; then
	echo "$new"
	echo "$tool: new findings; mend them, or add them to tests/lint/known.txt with the reason" >&2
	exit 1
fi
