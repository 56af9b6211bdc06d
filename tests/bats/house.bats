#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# House rules: every file has one room, every room one duty, arrows point one way.

load lib.bash
bats_require_minimum_version 1.5.0

cd "$ROOT" || exit 1

# includes FILE...: what they include, one a line.
includes() { sed -n 's/^#[[:space:]]*include[[:space:]]*[<"]\([^>"]*\)[>"].*/\1/p' "$@" | sort -u; }

# must_not REGEX FILE...
must_not() {
	local regex=$1 found
	shift
	found=$(grep -nE "^#[[:space:]]*include[[:space:]]*[<\"]($regex)" "$@" || true)
	[[ -z $found ]] || { echo "$found"; return 1; }
}

@test "include/dpkeyfs: plain C and POSIX only" {
	must_not 'base/|keys/|engine/|store/|ctl/|fs/|fuse|curl|sqlite|openssl|expat|jansson' \
		include/dpkeyfs/*.h
}

@test "base depends on nothing" {
	must_not 'keys/|engine/|store/|ctl/|fs/|fuse|curl|sqlite|openssl|expat|jansson' sync/base/*.[ch]
}

@test "keys: no network, no database, no FUSE, no engine" {
	must_not 'engine/|store/|ctl/|fs/|fuse|curl|sqlite|jansson|sys/socket|netdb|netinet' sync/keys/*.[ch]
}

@test "unwrap: keys and base only; the sandbox alone sees libseccomp" {
	must_not 'engine/|store/|ctl/|fs/|fuse|curl|sqlite|jansson|expat|openssl|sys/socket|netdb|netinet' \
		sync/unwrap/*.[ch]
	must_not 'seccomp' $(ls fs/*.[ch] sync/*/*.[ch] | grep -v sync/unwrap/sandbox)
	must_not 'unwrap/' $(ls fs/*.[ch] sync/*/*.[ch] | grep -v ^sync/unwrap/)
}

@test "private keys are the unwrap program's alone" {
	run grep -lE 'include .keys/unwrap' fs/*.[ch] sync/*/*.[ch]
	output=$(grep -vE '^sync/(keys/unwrap|unwrap/)' <<<"$output" || true)
	[[ -z $output ]] || { echo "$output"; return 1; }
	local program
	for program in "$BUILD/bin/dpkeyfs" "$BUILD/bin/dpkeyctl" "$BUILD"/libexec/dpkeyfs/store-*; do
		[[ -z $(nm "$program" | grep -E ' dpk_unwrap_(new|open|add_pem)$') ]]
	done
	nm "$BUILD/libexec/dpkeyfs/unwrap" | grep -q ' dpk_unwrap_open$'
}

@test "the engine never sees FUSE or curl; the journal alone sees SQLite; keys alone see expat" {
	must_not 'store/|ctl/|fs/|fuse|curl|openssl|expat' sync/engine/*.[ch]
	must_not 'sqlite' $(ls sync/engine/*.[ch] | grep -v /journal)
	must_not 'expat' $(ls fs/*.[ch] sync/*/*.[ch] | grep -v ^sync/keys/)
}

@test "stores see no key, no journal, no FUSE; https alone sees curl" {
	must_not 'keys/|engine/|ctl/|fs/|fuse|sqlite|expat|jansson' sync/store/*.[ch] sync/store/*/*.[ch]
	must_not 'curl' sync/store/store-dir.c sync/store/dir/*.[ch] sync/store/common/*.[ch]
}

@test "fs: libfuse and base only, and main.c alone knows the engine" {
	must_not 'keys/|engine/|store/|ctl/|curl|sqlite|openssl|expat|jansson' $(ls fs/*.[ch] | grep -v fs/main.c)
	must_not 'fuse' fs/main.c
	must_not 'fuse' sync/*/*.[ch] sync/store/*/*.[ch]
}

@test "snapshots are frozen from verified keys only" {
	run grep -lE 'engine/freeze.h' fs/*.c sync/*/*.c
	[[ $output = $'sync/engine/freeze.c\nsync/engine/snapshot.c' ]]
	run grep -lE '^struct dpk_key \{' sync/*/*.c sync/*/*.h
	[[ $output = sync/keys/verify.c ]]
}

# lacks REGEX: no line of the last run matches.
lacks() {
	local found
	found=$(grep -E "$1" <<<"$output" || true)
	[[ -z $found ]] || { echo "$found"; return 1; }
}

undefined() { nm -u "$1" 2>/dev/null | sed -n 's/^ *U \([a-zA-Z0-9_]*\).*/\1/p' | sort -u; }

@test "nm -u: the archives keep their sides" {
	run undefined "$BUILD/lib/libdpk-fs.a"
	[[ $output = *fuse_session_new* ]]
	lacks '^(curl_|sqlite3_|EVP_|XML_|json_|dpk_(gate|verify|engine|journal|plan))'
	run undefined "$BUILD/lib/libdpk-sync.a"
	[[ $output = *sqlite3_step* ]]
	lacks '^(fuse_|curl_|dpkfs_)'
	run undefined "$BUILD/lib/libdpk-base.a"
	lacks '^(fuse_|curl_|sqlite3_|EVP_|XML_|json_|dpkfs_)'
}

@test "each program links what it needs and not more" {
	run ldd "$BUILD/bin/dpkeyfs"
	[[ $output = *libfuse3* && $output != *libcurl* && $output != *libxml2* ]]
	run ldd "$BUILD/bin/dpkeyctl"
	[[ $output != *libfuse* && $output != *libcurl* ]]
	run ldd "$BUILD/libexec/dpkeyfs/store-https"
	[[ $output = *libcurl* && $output != *libsqlite* && $output != *libfuse* ]]
	run ldd "$BUILD/libexec/dpkeyfs/store-dir"
	[[ $output != *libcurl* && $output != *libsqlite* && $output != *libfuse* ]]
	run ldd "$BUILD/libexec/dpkeyfs/unwrap"
	[[ $output = *libseccomp* && $output != *libcurl* && $output != *libsqlite* ]]
	[[ $output != *libfuse* && $output != *libjansson* ]]
}

@test "the programs are hardened: PIE, RELRO, bind now, no executable stack" {
	local program
	for program in "$BUILD"/bin/* "$BUILD"/libexec/dpkeyfs/*; do
		run readelf -hldW "$program"
		[[ $output = *"DYN (Position-Independent"* && $output = *GNU_RELRO* ]]
		[[ $output = *BIND_NOW* || $output = *"Flags: NOW"* ]]
		[[ $output != *"GNU_STACK"*"RWE"* ]]
	done
}

@test "functions that make accidents are not called" {
	run grep -nwE '(strcpy|strcat|vsprintf|strtok|atoi|atol|gmtime|localtime|alloca|system|popen|gets|tmpnam)[[:space:]]*\(' \
		fs/*.c sync/*/*.c sync/store/*/*.c
	[[ $status -eq 1 ]] || { echo "$output"; return 1; }
}

@test "files stay below 700 lines, and most below 500" {
	local long
	long=$(wc -l fs/*.[ch] sync/*/*.[ch] sync/store/*/*.[ch] include/dpkeyfs/*.h | awk '$2 != "total" && $1 > 700')
	[[ -z $long ]] || { echo "$long"; return 1; }
}

@test "every source file names its licence" {
	run grep -L SPDX-License-Identifier $(git ls-files '*.c' '*.h' '*.sh' '*.bats' '*.bash' '*.py' 'Makefile')
	[[ -z $output ]] || { echo "$output"; return 1; }
}

@test "no mutable globals but the log's sink" {
	run grep -nE '^(static )?(unsigned |struct )?[a-z_]+ \**[a-z_]+( = .*)?;$' fs/*.c sync/*/*.c sync/store/*/*.c
	output=$(grep -vE 'const|typedef|extern|return|goto|_Thread_local' <<<"$output" || true)
	lacks .
}

@test "make help names every target that people are told of" {
	run make -s help
	local target
	for target in all demo test sanitize lint fuzz bench install deps; do
		grep -q "^$target " <<<"$output"
	done
}

@test "install and uninstall with DESTDIR leave nothing behind" {
	local dest=$BATS_TEST_TMPDIR/root
	make -s B="$BUILD" DESTDIR="$dest" install
	[[ -x $dest/usr/local/sbin/dpkeyfs && -L $dest/sbin/mount.dpkeyfs ]]
	[[ -x $dest/usr/local/libexec/dpkeyfs/store-dir && -f $dest/usr/local/share/man/man8/dpkeyfs.8 ]]
	grep -q "ExecStart=/usr/local/sbin/dpkeyfs" "$dest/lib/systemd/system/dpkeyfs@.service"
	make -s B="$BUILD" DESTDIR="$dest" uninstall
	run find "$dest" -not -type d
	[[ -z $output ]]
}

@test "an installed tree works from another place" {
	ring_init
	local dest=$BATS_TEST_TMPDIR/opt
	make -s B="$BUILD" PREFIX="$dest" DESTDIR= MOUNTDIR="$dest/mount" UNITDIR="$dest/unit" SYSUSERSDIR="$dest/sysusers" \
		CONFDIR="$dest/etc" install
	give net10-gcm-a
	run -0 "$dest/sbin/dpkeyctl" -o "wrap_certs=$T/certs" verify "$STORE"
}

@test "the demo shows its main job, twice, and leaves nothing behind" {
	need_root
	local before after
	before=$(ls /tmp | grep -c dpkeyfs-demo || true)
	for _ in 1 2; do
		run timeout 120 tests/demo.sh
		[[ $status -eq 0 ]] || { echo "$output"; return 1; }
		[[ $output = *"rejected: key-hostile.xml was refused: xml:"* ]]
		[[ $output = *"the journal serves"* ]]
		if command -v dotnet >/dev/null; then
			[[ $output = *"unprotect: hello from the writer"* ]]
		fi
	done
	after=$(ls /tmp | grep -c dpkeyfs-demo || true)
	[[ $before -eq $after ]]
	run grep dpkeyfs-demo /proc/self/mountinfo
	[[ $status -eq 1 ]]
}
