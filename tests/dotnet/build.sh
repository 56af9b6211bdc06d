#!/bin/bash
# SPDX-License-Identifier: MIT
# usage: build.sh [OUTDIR] [FRAMEWORK...]
#
# Publishes the .NET test programs into OUTDIR/NAME-FRAMEWORK/NAME:
# consumer and zerocode for each FRAMEWORK (net8.0, net9.0, net10.0; zerocode
# not for net9.0), writer always for net10.0. Does nothing when they are newer
# than the sources. Exit status 77 where there is no .NET SDK.
set -euo pipefail

if ! command -v dotnet >/dev/null; then
	echo "skipped: no .NET SDK on this machine"
	exit 77
fi

src=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:-$src/../../build/dotnet}
shift $(($# ? 1 : 0))
frameworks=("$@")
((${#frameworks[@]})) || frameworks=(net8.0 net9.0 net10.0)

mkdir -p "$out"
out=$(cd "$out" && pwd)

# Two runs at once (tests in parallel) would write into the same obj folder.
exec 9>"$out/.lock"
flock 9

# A newer SDK brings newer runtimes, so it counts as a source.
sdk=$(readlink -f "$(command -v dotnet)")

fresh() { # FRAMEWORK
	local stamp=$out/.stamp-$1
	[[ -e $stamp && ! $sdk -nt $stamp && -x $out/consumer-$1/consumer &&
		-x $out/writer-net10.0/writer ]] &&
		[[ -z $(find "$src" -type f \( -name '*.cs' -o -name '*.*proj' \
			-o -name '*.props' -o -name '*.targets' -o -name build.sh \) \
			-newer "$stamp" -print -quit) ]]
}

stale=()
for f in "${frameworks[@]}"; do
	case $f in
	net8.0 | net9.0 | net10.0) ;;
	*)
		echo "build.sh: unknown framework '$f'" >&2
		exit 2
		;;
	esac
	fresh "$f" || stale+=("$f")
done
((${#stale[@]})) || exit 0

# The time of the sources that are built, not the time when the build ends.
touch "$out/.started"

# No telemetry, and no compiler or build process that outlives this script.
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
export DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1 DOTNET_GENERATE_ASPNET_CERTIFICATE=false
export DOTNET_CLI_USE_MSBUILD_SERVER=0 MSBUILDDISABLENODEREUSE=1
list=$(printf ';%s' "${stale[@]}")
if ! dotnet msbuild "$src/publish.proj" -restore -nologo -verbosity:quiet \
	-maxCpuCount:"${DOTNET_BUILD_JOBS:-2}" -nodeReuse:false \
	-p:UseSharedCompilation=false -p:UseRazorBuildServer=false \
	-p:DotnetOut="$out" -p:AppFrameworks="\"${list#;}\"" \
	>"$out/build.log" 2>&1 9>&- </dev/null; then
	cat "$out/build.log" >&2
	exit 1
fi

for f in "${stale[@]}"; do
	touch -r "$out/.started" "$out/.stamp-$f"
done
