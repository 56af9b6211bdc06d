#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Opening wrapped keys, seen from outside: what another implementation decrypts,
# and what the program that holds the private keys can be asked.

load lib.bash
bats_require_minimum_version 1.5.0

UNWRAP=$BUILD/libexec/dpkeyfs/unwrap
UNWRAPONE=$BUILD/tools/unwrapone
GCM_A=$DATA/rings/net10-gcm-a/key-3296bcd7-b808-4292-bc83-0b0bd2ed2393.xml

# value FILE: the base64 of the secret in an opened element.
value() { sed -n 's/.*<value>\([^<]*\)<\/value>.*/\1/p' "$1"; }

# opens_alike FILE: some key opens it, and xmlsec1 reads the same secret with that key.
opens_alike() {
	local key
	for key in "$DATA"/certs/{wrap-a,wrap-b,wrap-c,expired,foreign}.key; do
		"$UNWRAPONE" "$key" "$1" >"$BATS_TEST_TMPDIR/ours" 2>/dev/null || continue
		xmlsec1 --decrypt --privkey-pem "$key" "$1" >"$BATS_TEST_TMPDIR/theirs"
		[[ -n $(value "$BATS_TEST_TMPDIR/ours") ]]
		[[ $(value "$BATS_TEST_TMPDIR/ours") = "$(value "$BATS_TEST_TMPDIR/theirs")" ]]
		return
	done
	echo "nothing opens $1" >&2
	return 1
}

@test "xmlsec1 decrypts every wrapped element to the same secret" {
	local file count=0
	for file in $(grep -l '<encryptedSecret' "$DATA"/rings/*/*.xml); do
		opens_alike "$file"
		count=$((count + 1))
	done
	[[ $count -gt 40 ]]
}

# ask ARGUMENTS: standard input to the program, with the key of wrap-a.
ask() { "$UNWRAP" "$@" 3<"$DATA/certs/wrap-a.key"; }

# request VERB FILE
request() {
	printf '%s %s\n' "$1" "$(stat -c %s "$2")"
	cat "$2"
}

@test "the program says hello, answers, and ends with its input" {
	run -0 ask 1 < <(request open "$GCM_A")
	[[ ${#lines[@]} -eq 2 && ${lines[0]} =~ ^unwrap\ 1\ [0-9a-f]{64}\ 1$ && ${lines[1]} = "opened 0" ]]
	run -0 ask 1 < <(request open "$DATA"/rings/net10-cbc-c/key-*.xml)
	[[ ${lines[1]} = refused ]]
	run -0 ask 1 </dev/null
	[[ ${#lines[@]} -eq 1 ]]
}

@test "an element is exposed only by a program that was started for it" {
	run -0 ask --expose 1 < <(request expose "$GCM_A")
	[[ $output = *"<masterKey p4:requiresEncryption="* ]]
	run -22 ask 1 < <(request expose "$GCM_A")
	[[ ${#lines[@]} -eq 1 ]]
}

@test "what is no request ends the program without an answer" {
	local text
	for text in 'open 0\n' 'open 65537\n' 'open x\n' 'close 1\n' 'open 5\nabc' 'open\n' '\n' 'open 01\na' 'open 1\nab'; do
		# shellcheck disable=SC2059 # the text is the format
		run -22 ask 1 < <(printf "$text")
		[[ ${#lines[@]} -eq 1 ]]
	done
	run -22 ask 1 < <(head -c 100000 /dev/zero)
}

@test "garbage in place of an element is refused like all else" {
	run -0 ask 1 < <(printf 'open 5\nhello')
	[[ ${lines[1]} = refused ]]
}

@test "no key, no service: one line on standard error says what to do" {
	run -20 "$UNWRAP" 0 </dev/null
	[[ $output = *"no RSA private key"* && ${#lines[@]} -eq 1 ]]
	run -20 "$UNWRAP" 1 3</dev/null </dev/null
	[[ $output = *"openssl pkcs12"* ]]
	openssl pkey -in "$DATA/certs/wrap-a.key" -aes128 -passout pass:x -out "$BATS_TEST_TMPDIR/e.key"
	run -20 "$UNWRAP" 1 3<"$BATS_TEST_TMPDIR/e.key" </dev/null
	[[ $output = *"openssl pkey -in"* ]]
	run -20 "$UNWRAP" --uri-fd 0 3< <(printf 'pkcs11:object=none') </dev/null
	[[ $output = *"pkcs11 provider"* ]]
	run -2 "$UNWRAP" </dev/null
	run -2 "$UNWRAP" --help 1 </dev/null
}

@test "a system call that opening does not need is not made" {
	[[ -z $(ldd "$UNWRAP" | grep asan) ]] || skip "sanitizers need more calls"
	strace -f -o "$BATS_TEST_TMPDIR/trace" "$UNWRAP" --expose 1 3<"$DATA/certs/wrap-a.key" \
		< <(request expose "$GCM_A") >/dev/null
	# behind the filter: the answers' reads and writes, memory, and the end
	run sed -n '/SECCOMP_SET_MODE_FILTER, 0, {len/,$p' "$BATS_TEST_TMPDIR/trace"
	[[ $output = *exit_group* ]]
	output=$(sed 1d <<<"$output" | sed 's/^[0-9]* *//' | grep -vE '^(read\(0,|write\(1,|brk\(|munmap\(|mmap\(|mprotect\(|getrandom\(|futex\(|exit_group\(|madvise\(|mremap\(|getpid\(|\+\+\+)' || true)
	[[ -z $output ]] || { echo "$output" >&2; return 1; }
}
