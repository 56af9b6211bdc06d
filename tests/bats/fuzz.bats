#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What fuzzing found, and what it started from, replayed without a fuzzer.

load lib.bash
bats_require_minimum_version 1.5.0

@test "every fuzz target takes every file of its corpus" {
	local target name
	for target in "$BUILD"/replay/fuzz-*; do
		name=$(basename "$target")
		[[ -d $DATA/fuzz/$name ]]
		"$target" "$DATA/fuzz/$name"
	done
}

@test "the document targets take all test data" {
	"$BUILD/replay/fuzz-gate" "$DATA/odd" "$DATA/rings" "$DATA/resolver"
	"$BUILD/replay/fuzz-split" "$DATA/odd" "$DATA/rings"
}
