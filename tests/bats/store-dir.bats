#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# store-dir: a directory of *.xml as a store.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034

bats_require_minimum_version 1.5.0

setup() {
	load store-lib.bash
	ring=$BATS_TEST_TMPDIR/ring
	mkdir -m 755 "$ring"
	chmod 755 "$BATS_TEST_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR" 2>/dev/null || true
	pids=()
	mounts=()
}

teardown() {
	local each
	for each in "${pids[@]}"; do
		kill -CONT "$each" 2>/dev/null || true
		kill -KILL "$each" 2>/dev/null || true
		wait "$each" 2>/dev/null || true
	done
	for each in "${mounts[@]}"; do
		umount -l "$each" || true
	done
}

# as_nobody VERB URL: what root can never see is a permission that is missing
as_nobody() {
	out=$BATS_TEST_TMPDIR/out
	status=0
	ASAN_OPTIONS=detect_leaks=0 setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$stores/store-dir" "$1" "$2" 3</dev/null >"$out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
	text=$(<"$BATS_TEST_TMPDIR/err")
}

is_polling() {
	grep -qs poll "/proc/$1/wchan" "/proc/$1/stack"
}

# start_wait [OPTION...]: a wait for $ring in the background, $waiter, once it listens
start_wait() {
	"$stores/store-dir" wait "$ring" 3< <(printf '%s\n' "$@") \
		>"$BATS_TEST_TMPDIR/wait.out" 2>"$BATS_TEST_TMPDIR/wait.err" &
	waiter=$!
	pids+=("$waiter")
	until_true is_polling "$waiter"
}

# wait_ends STATUS WITHIN-MS
wait_ends() {
	local started=${EPOCHREALTIME/./} ended
	status=0
	wait "$waiter" || status=$?
	ended=${EPOCHREALTIME/./}
	[ ! -s "$BATS_TEST_TMPDIR/wait.out" ] || return 1
	printf 'ended with %s after %s ms\n' "$status" $(((ended - started) / 1000))
	[ "$status" -eq "$1" ] && [ $((ended - started)) -lt $(($2 * 1000)) ]
}

@test "fetch sends every element, by name, byte for byte" {
	printf '\xef\xbb\xbf<key id="b"/>\r\n\0' >"$ring/b.xml"
	printf '<key id="a"/>' >"$ring/a.xml"
	printf 'element 3 x x\n' >"$ring/c.xml"
	store dir fetch "dir:$ring"
	expect 0 ""
	[ "$(frames)" = "element 13 a.xml a.xml $(sha <"$ring/a.xml")
element 19 b.xml b.xml $(sha <"$ring/b.xml")
element 14 c.xml c.xml $(sha <"$ring/c.xml")
end $(token)" ]
	cp "$out" "$BATS_TEST_TMPDIR/dir"
	store dir fetch "$ring"
	cmp "$out" "$BATS_TEST_TMPDIR/dir"
}

@test "a known token is unchanged, and only equal content has it" {
	echo one >"$ring/a.xml"
	touch -d '2026-01-01' "$ring/a.xml"
	store dir fetch "$ring"
	expect 0
	known=$(token)
	store dir fetch "$ring" "token = $known"
	expect 10 ""
	# same name, size, date and inode: only reading tells
	printf 'two\n' 1<>"$ring/a.xml"
	touch -d '2026-01-01' "$ring/a.xml"
	store dir fetch "$ring" "token = $known"
	expect 0
	[ "$(token)" != "$known" ]
	echo one >"$ring/a.xml"
	store dir fetch "$ring" "token = $known"
	expect 10
	mv "$ring/a.xml" "$ring/b.xml"
	store dir fetch "$ring" "token = $known"
	expect 0
}

@test "other names, temporary files and directories are not elements" {
	for name in a.tmp .hidden.xml a.XML a.xml.tmp a.xml~ .xml xml README; do
		echo x >"$ring/$name"
	done
	mkdir "$ring/sub" "$ring/dir.xml"
	echo x >"$ring/sub/key.xml"
	ln -s sub "$ring/link-to-dir.xml"
	store dir fetch "$ring"
	expect 0
	[ "$(frames)" = "end $(token)" ]
}

@test "an empty directory is a ring without elements, which the daemon judges" {
	store dir fetch "$ring"
	expect 0
	[ "$(frames)" = "end $(token)" ]
}

@test "a directory that cannot be one is told apart from one that is missing" {
	store dir fetch "$ring/missing"
	expect 11 "missing"
	echo x >"$BATS_TEST_TMPDIR/file"
	store dir fetch "$BATS_TEST_TMPDIR/file"
	expect 19 "not a directory"
	store dir fetch relative/path
	expect 21 "absolute"
	store dir fetch dir:relative
	expect 21 "absolute"
	store dir fetch dir://server/share
	expect 21 "no host"
	chmod 0 "$ring"
	as_nobody fetch "$ring"
	expect 15 "$ring"
	rmdir "$ring"
	echo x >"$ring"
	store dir fetch "$ring"
	expect 19
}

@test "the path itself may be a symbolic link" {
	echo x >"$ring/a.xml"
	ln -s "$ring" "$BATS_TEST_TMPDIR/link"
	store dir fetch "dir:$BATS_TEST_TMPDIR/link"
	expect 0
	[[ $(frames) = "element 2 a.xml a.xml "* ]]
}

@test "a link that leaves the directory is refused, and its target never read" {
	echo secret >"$BATS_TEST_TMPDIR/secret"
	echo mine >"$ring/mine.xml"
	ln -s /etc/shadow "$ring/shadow.xml"
	ln -s ../secret "$ring/up.xml"
	ln -s sub/../../secret "$ring/around.xml"
	ln -s /proc/self/environ "$ring/proc.xml"
	ln -s /dev/zero "$ring/zero.xml"
	ln -s "$ring/mine.xml" "$ring/absolute.xml"
	ln -s mine.xml "$ring/inside.xml"
	mkdir "$ring/sub"
	store dir fetch "$ring"
	expect 0
	[ "$(frames | sed 's/ [^ ]*$//')" = "refused name absolute.xml absolute.xml
refused name around.xml around.xml
element 5 inside.xml inside.xml
element 5 mine.xml mine.xml
refused name proc.xml proc.xml
refused name shadow.xml shadow.xml
refused name up.xml up.xml
refused name zero.xml zero.xml
end" ]
}

@test "a link to nothing fails the fetch, wherever it points" {
	echo mine >"$ring/mine.xml"
	ln -s /nowhere "$ring/nowhere.xml"
	store dir fetch "$ring"
	expect 17 "dangling link"
}

@test "FIFOs, devices and sockets are refused without being opened" {
	mkfifo "$ring/fifo.xml"
	mknod "$ring/null.xml" c 1 3
	python3 -c 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' \
		"$ring/socket.xml"
	# whoever opened the FIFO for reading would let this writer through
	echo blocked >"$ring/fifo.xml" 3>&- &
	pids+=("$!")
	store dir fetch "$ring"
	expect 0
	[ "$(frames)" = "refused bad-data fifo.xml fifo.xml -
refused bad-data null.xml null.xml -
refused bad-data socket.xml socket.xml -
end $(token)" ]
	kill -0 "${pids[0]}"
}

@test "an element that is empty or too big is refused, the largest is sent" {
	: >"$ring/empty.xml"
	truncate -s 65536 "$ring/largest.xml"
	truncate -s 65537 "$ring/over.xml"
	truncate -s 1T "$ring/huge.xml"
	store dir fetch "$ring"
	expect 0
	[ "$(frames | sed 's/ [^ ]*$//')" = "refused size empty.xml empty.xml
refused size huge.xml huge.xml
element 65536 largest.xml largest.xml
refused size over.xml over.xml
end" ]
}

@test "an element that cannot be opened fails the whole fetch" {
	echo x >"$ring/a.xml"
	echo x >"$ring/revocation.xml"
	chmod 0 "$ring/revocation.xml"
	as_nobody fetch "$ring"
	expect 15 "revocation.xml"
}

@test "a dangling link fails the whole fetch" {
	echo x >"$ring/a.xml"
	ln -s gone "$ring/b.xml"
	store dir fetch "$ring"
	expect 17 "b.xml"
	rm "$ring/b.xml"
	ln -s b.xml "$ring/b.xml"
	store dir fetch "$ring"
	expect 17 "b.xml"
}

@test "4096 elements are a ring, 4097 are too many, and so are 16 MiB" {
	(cd "$ring" && seq -f 'key-%.0f.xml' 4096 | xargs touch && echo x | tee ./*.xml >/dev/null)
	store dir fetch "$ring"
	expect 0
	[ "$(frames | wc -l)" -eq 4097 ]
	echo x >"$ring/one-more.xml"
	store dir fetch "$ring"
	expect 20 "4096"
	rm "$ring"/*.xml
	(cd "$ring" && seq -f 'key-%.0f.xml' 256 | xargs truncate -s 65536)
	store dir fetch "$ring"
	expect 0
	echo x >"$ring/one-more.xml"
	store dir fetch "$ring"
	expect 20 "16777216"
}

@test "names are escaped, whatever they hold" {
	echo 1 >"$ring/a b.xml"
	echo 2 >"$ring/"$'c\nend -\n.xml'
	echo 3 >"$ring/key-ä%2F.xml"
	echo 4 >"$ring/"$'\xff\x1b[31m.xml'
	echo 5 >"$ring/$(printf '%0251d' 0).xml"
	echo 6 >"$ring/$(printf '%0125d' 0 | sed 's/0/é/g').xml"
	store dir fetch "$ring"
	expect 0
	run -0 frames
	[ "${#lines[@]}" -eq 7 ]
	[[ $output = *" a%20b.xml a%20b.xml "* ]]
	[[ $output = *" c%0Aend%20-%0A.xml c"* ]]
	[[ $output = *" key-%C3%A4%252F.xml key"* ]]
	[[ $output = *" %FF%1B%5B31m.xml %FF"* ]]
	ln -s gone "$ring/"$'bad\n\x1b[31m.xml'
	store dir fetch "$ring"
	expect 17 'bad\x0a\x1b[31m.xml'
}

@test "a file that grows while it is read is whole or the fetch fails" {
	echo start >"$ring/a.xml"
	python3 -c '
import sys, time
with open(sys.argv[1], "ab", 0) as f:
    while True:
        for _ in range(500): f.write(b"0123456789abcde\n")
        f.truncate(0)
        time.sleep(0.002)
' "$ring/a.xml" 3>&- &
	pids+=("$!")
	good=0
	for ((tried = 0, end = SECONDS + 2; SECONDS < end; tried++)); do
		store dir fetch "$ring"
		if [ "$status" -eq 0 ]; then
			good=$((good + 1))
			grep -qs '^refused size' "$out" || frames >/dev/null
		else
			expect 17
		fi
	done
	echo "$good of $tried succeeded"
}

@test "a Kubernetes volume is read whole, before or after its swap" {
	python3 - "$ring" 3>&- <<'PY' &
import os, random, sys, time
os.chdir(sys.argv[1])
names = [f"key-{i:02}.xml" for i in range(24)]
for n in range(4):
    os.mkdir(f"..version{n}")
    for name in names:
        with open(f"..version{n}/{name}", "w") as f:
            f.write(f"v{n:08}\n")
for name in names:
    os.symlink("..data/" + name, name)
while True:
    for n in range(4):
        os.symlink(f"..version{n}", "..data_tmp")
        os.rename("..data_tmp", "..data")
        time.sleep(random.random() * 0.0008)
PY
	pids+=("$!")
	until_true test -e "$ring/..data"
	good=0
	for ((tried = 0, end = SECONDS + 3; SECONDS < end; tried++)); do
		store dir fetch "$ring"
		[ "$status" -eq 0 ] || expect 17
		[ "$status" -eq 0 ] || continue
		good=$((good + 1))
		[ "$(grep -c '^element 10 ' "$out")" -eq 24 ]
		[ "$(grep '^v' "$out" | sort -u | wc -l)" -eq 1 ]
	done
	echo "$good of $tried succeeded"
	[ "$good" -gt 0 ]
}

@test "a directory written by renames is read as it was at one moment" {
	python3 - "$ring" 3>&- <<'PY' &
import os, sys, time
os.chdir(sys.argv[1])
n = 0
while True:
    n += 1
    for name in "abcdefgh":
        with open(f"{name}.tmp", "w") as f:
            f.write(f"v{n}\n")
        os.rename(f"{name}.tmp", f"{name}.xml")
    if n == 1:
        open("ready", "w").close()
    time.sleep(0.002)
PY
	pids+=("$!")
	until_true test -e "$ring/ready"
	good=0
	for ((tried = 0, end = SECONDS + 3; SECONDS < end; tried++)); do
		store dir fetch "$ring"
		[ "$status" -eq 0 ] || expect 17 "keeps changing"
		[ "$status" -eq 0 ] || continue
		good=$((good + 1))
		# the writer goes from a to h: none is ahead of the one before it, nor a round behind
		sed -n 's/^v//p' "$out" | awk 'NR == 1 { first = last = $1 }
			$1 > last || $1 < first - 1 { bad = 1 } { last = $1 } END { exit bad || NR != 8 }'
	done
	echo "$good of $tried succeeded"
	[ "$good" -gt 0 ]
}

@test "wait wakes when an element is written, renamed in, or removed" {
	echo x >"$ring/a.xml"
	start_wait
	echo y >"$ring/b.tmp"
	mv "$ring/b.tmp" "$ring/b.xml"
	wait_ends 0 2000
	start_wait
	rm "$ring/a.xml"
	wait_ends 0 2000
	start_wait
	echo z >>"$ring/b.xml"
	wait_ends 0 2000
	start_wait
	ln -sfT ..v2 "$ring/..data"
	wait_ends 0 2000
	start_wait
	rm -r "$ring"
	wait_ends 0 2000
}

@test "wait sleeps through what is no element, until its deadline" {
	start_wait "deadline_ms = 400"
	echo x >"$ring/a.tmp"
	mkdir "$ring/sub"
	echo y >"$ring/.b.xml"
	wait_ends 10 2000
}

@test "wait returns at once for a change that came before it" {
	echo x >"$ring/a.xml"
	store dir fetch "$ring"
	known=$(token)
	start_wait "token = $known"
	kill "$waiter"
	echo y >"$ring/b.xml"
	store dir wait "$ring" "token = $known"
	expect 0 ""
	[ ! -s "$out" ]
	store dir wait "$ring" "token = $known" "deadline_ms = 1"
	expect 0
}

@test "wait takes a burst of changes for one" {
	start_wait
	for ((i = 0; i < 10; i++)); do
		echo x >"$ring/$i.xml"
		sleep 0.01
	done
	wait_ends 0 2000
	[ -e "$ring/9.xml" ]
}

@test "wait ends when nobody reads it any more" {
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	"$stores/store-dir" wait "$ring" 3</dev/null >"$BATS_TEST_TMPDIR/pipe" &
	waiter=$!
	pids+=("$waiter")
	exec 7<"$BATS_TEST_TMPDIR/pipe"
	: >"$BATS_TEST_TMPDIR/wait.out"
	until_true is_polling "$waiter"
	exec 7<&-
	wait_ends 10 2000
}

@test "wait says so where changes cannot be heard, and fetch works there" {
	mkdir "$BATS_TEST_TMPDIR/far"
	echo x >"$ring/a.xml"
	bindfs --no-allow-other "$ring" "$BATS_TEST_TMPDIR/far" 3>&-
	mounts+=("$BATS_TEST_TMPDIR/far")
	store dir wait "$BATS_TEST_TMPDIR/far"
	expect 21 "polled"
	store dir fetch "$BATS_TEST_TMPDIR/far"
	expect 0
	frames
	store dir wait "$ring/missing"
	expect 11
}

@test "a file system that does not answer costs no more than the deadline" {
	mkdir "$BATS_TEST_TMPDIR/far"
	echo x >"$ring/a.xml"
	bindfs --no-allow-other -f "$ring" "$BATS_TEST_TMPDIR/far" 3>&- >/dev/null 2>&1 &
	pids+=("$!")
	mounts+=("$BATS_TEST_TMPDIR/far")
	until_true mountpoint -q "$BATS_TEST_TMPDIR/far"
	kill -STOP "${pids[0]}"
	store dir fetch "$BATS_TEST_TMPDIR/far" "deadline_ms = 100"
	[ "$status" -eq $((128 + 14)) ]
	[ ! -s "$out" ]
}

@test "probe describes the store and sends nothing" {
	echo x >"$ring/a.xml"
	store dir probe "$ring"
	expect 0 "1 entries, 2 bytes; changes are heard at once"
	[ ! -s "$out" ]
	store dir probe "$ring/missing"
	expect 11
}

@test "a path that ends in .p7m is one signed file, sent as it is" {
	printf '0\x82\n\0end -\n' >"$ring/ring.p7m"
	echo x >"$ring/a.xml"
	store dir fetch "dir:$ring/ring.p7m"
	expect 0 ""
	known=$(sha <"$ring/ring.p7m")
	[ "$(frames)" = "snapshot 10 ring.p7m ring.p7m $known
end $known" ]
	store dir fetch "$ring/ring.p7m" "token = $known"
	expect 10 ""
	# same name, size, date and inode: only reading tells
	touch -r "$ring/ring.p7m" "$BATS_TEST_TMPDIR/date"
	printf 1 1<>"$ring/ring.p7m"
	touch -r "$BATS_TEST_TMPDIR/date" "$ring/ring.p7m"
	store dir fetch "$ring/ring.p7m" "token = $known"
	expect 0
	[ "$(token)" != "$known" ]
	store dir probe "$ring/ring.p7m"
	expect 0 "a signed snapshot of 10 bytes; changes are heard at once"
	[ ! -s "$out" ]
}

@test "a signed file that is none is told apart from one that is missing" {
	store dir fetch "$ring/ring.p7m"
	expect 11 "ring.p7m"
	store dir probe "$ring/missing/ring.p7m"
	expect 11 "missing"
	mkdir "$ring/ring.p7m"
	for verb in fetch probe; do
		store dir "$verb" "$ring/ring.p7m"
		expect 19 "is a directory"
	done
	: >"$ring/empty.p7m"
	store dir fetch "$ring/empty.p7m"
	expect 19 "empty"
	truncate -s 4456448 "$ring/largest.p7m"
	store dir fetch "$ring/largest.p7m"
	expect 0
	[[ $(frames) = "snapshot 4456448 "* ]]
	truncate -s 4456449 "$ring/over.p7m"
	store dir fetch "$ring/over.p7m"
	expect 20 "4456448"
	echo x >"$ring/closed.p7m"
	chmod 0 "$ring/closed.p7m"
	as_nobody fetch "$ring/closed.p7m"
	expect 15 "closed.p7m"
}

@test "a signed file is never a FIFO or a device, nor a link to elsewhere" {
	mkfifo "$ring/fifo.p7m"
	mknod "$ring/null.p7m" c 1 3
	for name in fifo null; do
		store dir fetch "$ring/$name.p7m"
		expect 19 "regular file"
	done
	echo secret >"$BATS_TEST_TMPDIR/secret"
	ln -s ../secret "$ring/up.p7m"
	ln -s /etc/shadow "$ring/shadow.p7m"
	ln -s /proc/self/fd/0 "$ring/magic.p7m"
	for name in up shadow magic; do
		store dir fetch "$ring/$name.p7m"
		expect 19 "leaves its directory"
	done
	ln -s gone "$ring/dangling.p7m"
	store dir fetch "$ring/dangling.p7m"
	expect 17 "dangling link"
	mkdir "$ring/..v1"
	echo inside >"$ring/..v1/ring.p7m"
	ln -s ..v1 "$ring/..data"
	ln -s ..data/ring.p7m "$ring/ring.p7m"
	store dir fetch "$ring/ring.p7m"
	expect 0
	[[ $(frames) = "snapshot 7 ring.p7m ring.p7m "* ]]
}

@test "wait sees a signed file renamed over, created and removed, and nothing else" {
	dir=$ring
	ring=$dir/ring.p7m
	echo one >"$ring"
	start_wait "deadline_ms = 400"
	echo x >"$dir/a.xml"
	echo x >"$dir/other.p7m"
	wait_ends 10 2000
	known=$(sha <"$ring")
	start_wait "token = $known"
	echo two >"$dir/ring.tmp"
	mv "$dir/ring.tmp" "$ring"
	wait_ends 0 2000
	store dir wait "$ring" "token = $known"
	expect 0 ""
	start_wait
	rm "$ring"
	wait_ends 0 2000
	start_wait
	echo three >"$dir/ring.tmp"
	mv "$dir/ring.tmp" "$ring"
	wait_ends 0 2000
	start_wait
	ln -sfT ..v2 "$dir/..data"
	wait_ends 0 2000
}

@test "verbs of later versions and wrong usage are unsupported" {
	for verb in put delete FETCH '' $'x\ny'; do
		store dir "$verb" "$ring"
		expect 21
	done
	run -21 --separate-stderr "$stores/store-dir"
	[[ $stderr = usage:* ]]
	run -21 --separate-stderr "$stores/store-dir" fetch
	run -21 --separate-stderr "$stores/store-dir" fetch "$ring" more
}

@test "descriptor 3 is read strictly, and may be missing" {
	echo x >"$ring/a.xml"
	store dir fetch "$ring" "# comment" "" "unknown = 1" " credential=/nowhere " "token = -" "ca ="
	expect 0
	store dir fetch "$ring" "no equals sign"
	expect 21 "key = value"
	store dir fetch "$ring" "token = a" "token = b"
	expect 21 "twice"
	store dir fetch "$ring" "deadline_ms = soon"
	expect 21 "deadline_ms"
	store dir fetch "$ring" "token = $(printf '%0513d' 0)"
	expect 21
	store dir fetch "$ring" "token = a b"
	expect 21
	store dir fetch "$ring" "ca = $(printf '%05000d' 0)"
	expect 21
	"$stores/store-dir" fetch "$ring" 3< <(printf 'token = a\0b') 2>/dev/null || [ $? -eq 21 ]
	"$stores/store-dir" fetch "$ring" 3</dev/zero 2>/dev/null || [ $? -eq 21 ]
	"$stores/store-dir" fetch "$ring" 3>&- >/dev/null
	"$stores/store-dir" fetch "$ring" 3>/dev/null >/dev/null
}

@test "closed standard streams do no harm" {
	echo x >"$ring/a.xml"
	"$stores/store-dir" fetch "$ring" 3</dev/null <&- >"$BATS_TEST_TMPDIR/out" 2>&-
	out=$BATS_TEST_TMPDIR/out frames
	"$stores/store-dir" fetch "$ring" 3</dev/null >&- 2>&-
	[ "$(cat "$ring/a.xml")" = x ]
	status=0
	"$stores/store-dir" fetch "$ring" 3</dev/null >/dev/full || status=$?
	[ "$status" -eq 17 ]
}

@test "a store inherits nothing and gives nothing away" {
	export http_proxy=http://x SSLKEYLOGFILE=/tmp/x CANARY=1
	exec 8</etc/passwd
	start_wait
	exec 8<&-
	grep -q '^NoNewPrivs:.*1$' "/proc/$waiter/status"
	grep -q '^Umask:.*0077$' "/proc/$waiter/status"
	[ "$(stat -c %u "/proc/$waiter/fd")" -eq 0 ]
	# standard streams, the directory, the watch
	[ "$(find "/proc/$waiter/fd" -type l | wc -l)" -eq 5 ]
}

@test "a store dies with the process that started it" {
	"$BASH" -c '"$1" wait "$2" 3</dev/null & echo $! >"$3"; wait' - \
		"$stores/store-dir" "$ring" "$BATS_TEST_TMPDIR/pid" 2>/dev/null 3>&- &
	pids+=("$!")
	until_true test -s "$BATS_TEST_TMPDIR/pid"
	waiter=$(<"$BATS_TEST_TMPDIR/pid")
	until_true is_polling "$waiter"
	kill -KILL "${pids[0]}"
	gone() { ! kill -0 "$waiter" 2>/dev/null; }
	until_true gone
}
