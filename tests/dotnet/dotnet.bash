# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Starting and asking the published .NET programs, for bats files and for plain
# bash; source it. build.sh makes the programs, and nothing here builds.
#
# Settings (all optional):
#   DPK_DOTNET_DIR  where build.sh put the programs
#   APP_TMP         where app_start makes its directories
#   APP_WAIT        seconds that an application may take to start or stop (30)
#   APP_GET_TIME    seconds that one request may take (30)

DPK_DOTNET_DIR=${DPK_DOTNET_DIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build/dotnet}

# dotnet_available [NAME FRAMEWORK]
# True if .NET programs can run here; with arguments, if this one is published.
dotnet_available() {
	command -v dotnet >/dev/null && command -v curl >/dev/null || return 1
	(($# == 0)) || [[ -x $(_dotnet_program "$1" "$2") ]]
}

_dotnet_program() { # NAME FRAMEWORK
	printf '%s\n' "$DPK_DOTNET_DIR/$1-$2/$1"
}

# What every program gets: the place of the shared runtime, and no debugger
# sockets in /tmp, which would stay behind after a KILL.
_dotnet_env() {
	local sdk
	_DOTNET_ENV=(DOTNET_EnableDiagnostics=0)
	if [[ -z ${DOTNET_ROOT:-} ]] && sdk=$(command -v dotnet); then
		_DOTNET_ENV+=(DOTNET_ROOT="$(dirname "$(readlink -f "$sdk")")")
	fi
}

# app_start NAME FRAMEWORK RINGDIR [ENV=VALUE...]
# Starts consumer or zerocode on RINGDIR ('' for no ring at all) and returns
# when it answers. Sets
#   APP_PID, APP_URL (http://127.0.0.1:PORT), APP_LOG (stdout and stderr),
#   APP_DIR (its directory, to be removed by the caller; below BATS_TEST_TMPDIR
#   under bats), APP_HOME (its HOME and working directory).
# HOME=DIR among the ENV gives it a home that was prepared before. If it does
# not start, the log goes to stderr, the process is stopped and the status is 1.
# Not for use in a subshell (bats' run): the variables would be lost.
app_start() {
	local name=$1 framework=$2 ring=$3 program setting base
	shift 3
	program=$(_dotnet_program "$name" "$framework")
	if [[ ! -x $program ]]; then
		echo "app_start: '$program' is missing, run build.sh" >&2
		return 1
	fi

	base=${APP_TMP:-${BATS_TEST_TMPDIR:-${BATS_FILE_TMPDIR:-${TMPDIR:-/tmp}}}}
	APP_PID='' APP_URL=''
	APP_DIR=$(mktemp -d "$base/$name-$framework.XXXXXX") || return 1
	APP_LOG=$APP_DIR/log APP_HOME=$APP_DIR/home
	mkdir -m 0700 "$APP_HOME"
	: >"$APP_LOG"
	for setting in "$@"; do
		[[ $setting != HOME=* ]] || APP_HOME=${setting#HOME=}
	done
	# Set but empty, the variable would still outrank its prefixed forms.
	[[ -z $ring ]] || set -- ReadOnlyDataProtectionKeyDirectory="$ring" "$@"

	# The host watches its working directory recursively, so that must not
	# be one with a mount below it. Port 0: the kernel chooses a free port,
	# and the application says which. Bats waits for whoever holds fd 3.
	_dotnet_env
	(
		cd "$APP_HOME" || exit 1
		exec env -u ReadOnlyDataProtectionKeyDirectory \
			-u ASPNETCORE_ReadOnlyDataProtectionKeyDirectory \
			-u DOTNET_ReadOnlyDataProtectionKeyDirectory \
			"${_DOTNET_ENV[@]}" HOME="$APP_HOME" "$@" \
			"$program" --urls http://127.0.0.1:0
	) </dev/null >>"$APP_LOG" 2>&1 3>&- &
	APP_PID=$!
	disown # no "Terminated" from the shell; it collects the status all the same

	if ! _app_wait_live; then
		echo "app_start: $name-$framework does not answer; its log:" >&2
		cat "$APP_LOG" >&2
		app_stop "$APP_PID"
		return 1
	fi
}

_app_wait_live() {
	local deadline=$((SECONDS + ${APP_WAIT:-30}))
	while ((SECONDS <= deadline)) && kill -0 "$APP_PID" 2>/dev/null; do
		if [[ -z $APP_URL ]]; then
			APP_URL=$(sed -n 's/^listening //p' "$APP_LOG" | head -n 1)
		fi
		if [[ -n $APP_URL ]] && app_get /live >/dev/null 2>&1; then
			return 0
		fi
		sleep 0.05
	done
	return 1
}

# app_stop [PID]
# TERM, and KILL when that does not help in time; only this process. Status 1
# if KILL was needed or did not help either (a process can hang in a mount).
app_stop() {
	local pid=${1:-${APP_PID:-}}
	[[ -n $pid ]] || return 0
	[[ $pid != "${APP_PID:-}" ]] || APP_PID=''

	kill -TERM "$pid" 2>/dev/null || return 0
	if _app_wait_gone "$pid" "${APP_WAIT:-30}"; then
		return 0
	fi
	echo "app_stop: process $pid ignores TERM" >&2
	kill -KILL "$pid" 2>/dev/null || true
	_app_wait_gone "$pid" 5 || echo "app_stop: process $pid survives KILL" >&2
	return 1
}

_app_wait_gone() { # PID SECONDS
	local deadline=$((SECONDS + $2))
	while kill -0 "$1" 2>/dev/null; do
		((SECONDS <= deadline)) || return 1
		sleep 0.05
	done
}

# app_get PATH [CURL-ARGUMENT...]
# Prints the answer of the application at APP_URL. Status 22 if it is an error
# (its text is printed all the same), another one if there is no answer. Text
# with blanks: app_get /protect -G --data-urlencode "text=two words"
app_get() {
	local path=$1
	shift
	curl --silent --fail-with-body --noproxy '*' \
		--max-time "${APP_GET_TIME:-30}" "$@" "$APP_URL$path"
}

# app_store_pfx HOME PFX PASSWORD
# Puts the certificate where .NET looks for "CurrentUser\My" of the owner of
# HOME. It reads only files without a password there.
app_store_pfx() (
	store=$1/.dotnet/corefx/cryptography/x509stores/my
	umask 077
	mkdir -p "$store" && pem=$(mktemp) || exit 1
	trap 'rm -f "$pem"' EXIT
	openssl pkcs12 -in "$2" -passin "pass:$3" -nodes -out "$pem" &&
		openssl pkcs12 -export -in "$pem" -passout pass: -out "$store/$(basename "$2")"
)

# dotnet_write DIRECTORY PFX|- PASSWORD OFFSET LIFETIME [OPTION...]
# Another process adds a key to the ring; see writer/Program.cs for the
# arguments and for the lines that it prints.
dotnet_write() {
	_dotnet_env
	env "${_DOTNET_ENV[@]}" "$(_dotnet_program writer net10.0)" "$@" 3>&-
}
