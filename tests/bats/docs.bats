#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Manuals, README, completion and examples say what the code does, and all of it.
# shellcheck disable=SC2016,SC2030,SC2031

bats_require_minimum_version 1.5.0

setup() {
	load lib.bash
	load docs-lib.bash
}

teardown() {
	[[ -z ${SOCK-} ]] || ring_clean
}

# Source text with the pieces of its strings joined.
strings_of_source() {
	cat "$ROOT"/fs/*.c "$ROOT"/sync/*/*.c | tr '\n' ' ' | sed 's/"[[:space:]]*"//g'
}

# The files of the project, as Git would add them.
project_files() {
	git -C "$ROOT" ls-files --cached --others --exclude-standard |
		grep -v '^tests/data/' | while IFS= read -r file; do
		[[ ! -f $ROOT/$file ]] || echo "$file"
	done
}

@test "the manuals are clean mdoc" {
	run -0 mandoc -T lint -W warning "$ROOT"/man/*
	[[ -z $output ]]
}

@test "the manuals name only manuals that exist" {
	local name number
	while read -r name number; do
		[[ -f $ROOT/man/$name.$number ]] || { echo "$name($number)"; false; }
	done < <(sed -n 's/^\.Xr \(dpkey[^ ]*\) \([0-9]\).*/\1 \2/p' "$ROOT"/man/* | sort -u)
	while read -r name number; do
		[[ -f $ROOT/man/$name.$number ]] || { echo "README: $name($number)"; false; }
	done < <(grep -o 'dpkey[a-z.-]*([0-9])' "$ROOT/README.md" | tr '()' '  ' | sort -u)
	for page in "$ROOT"/man/*; do
		name=${page##*/}
		grep -q "^| ${name%.*}(${name##*.}) |" "$ROOT/README.md" || { echo "README lacks $name"; false; }
	done
}

@test "dpkeyfs.conf(5) has every option of dpkeyfs --help with its value, and no other" {
	local manual
	manual=$(section dpkeyfs.conf.5 OPTIONS FILES | sed '/^\.Ss Options of mount/,$d' |
		sed -n 's/^\.It Cm //p' | sed 's/ Ns | Ns Cm /|/g; s/ Ns = Ns \(Ar\|Cm\) /=/')
	same_set "$(help_options)" "$manual"
}

@test "dpkeyfs.conf(5) has the defaults of dpkeyfs --help" {
	local line word default count=0
	while IFS= read -r line; do
		word=${line#  }
		word=${word%%[= ]*}
		default=$(sed -n 's/.* (\([^()]*\))$/\1/p' <<<"$line")
		said=$(section dpkeyfs.conf.5 OPTIONS FILES | sed -n "/^\\.It Cm $word\\b/,/^\\.\\(It\\|El\\)/p" |
			sed -n '/^Default:$/{n;s/^\.Li \(.*\) \.$/\1/p}')
		[[ $said = "$default" ]] || { echo "$word: '$said' in the manual, '$default' in --help"; false; }
		[[ -z $default ]] || count=$((count + 1))
	done < <("$DPKEYFS" --help | sed -n '/^Options:/,/^$/p' | grep '^  ')
	[[ $count -gt 10 ]]
}

@test "dpkeyfs.conf(5) has the words of mount(8) that the code passes over" {
	local code manual
	code=$(sed -n '/generic_words\[\] = {/,/};/p' "$ROOT/sync/engine/options.c" | grep -o '"[a-z_]*"' | tr -d '"')
	manual=$(section dpkeyfs.conf.5 'Options of mount' | sed -n 's/^\.Cm //p' | tr -d ',' | tr ' ' '\n' |
		grep -vE '^(|x-|X-|\.|comment)$')
	same_set "$code" "$manual"
}

@test "dpkeyfs(8) has every flag of dpkeyfs --help, and no other" {
	local help manual
	help=$("$DPKEYFS" --help | sed '/^Options:/,$d' | grep -oE '^  -.*' | grep -oE '(^| )--?[a-zA-Z]+' | tr -d ' -')
	manual=$(section dpkeyfs.8 DESCRIPTION 'As a helper' | items Fl | sed 's/^-//')
	manual+=$'\n'$(section dpkeyfs.8 DESCRIPTION 'As a helper' | sed -n 's/^\.It Fl . , -\([a-z]*\).*/\1/p')
	same_set "$help" "$manual"
}

@test "dpkeyctl(8) has every flag and verb of dpkeyctl --help, and no other" {
	local help manual verbs
	help=$("$DPKEYCTL" --help | sed '/^Verbs:/,$d' | grep -oE '^  -.*' | grep -oE '^  --?[a-zA-Z]+|, --[a-z]+' | tr -d ' ,-')
	manual=$(section dpkeyctl.8 DESCRIPTION 'Verbs that ask' | items Fl | sed 's/^-//')
	manual+=$'\n'$(section dpkeyctl.8 DESCRIPTION 'Verbs that ask' | sed -n 's/^\.It Fl . , -\([a-z]*\).*/\1/p')
	same_set "$help" "$manual"
	verbs=$("$DPKEYCTL" --help | sed -n '/^Verbs:/,/^$/p' | sed -n 's/^  \([a-z-]*\).*/\1/p')
	manual=$(section dpkeyctl.8 'Verbs that ask' 'FINDINGS' | items Cm)
	same_set "$(grep . <<<"$verbs")" "$manual"
	# and the long options of the verbs
	same_set "$("$DPKEYCTL" --help | sed -n '/^Verbs:/,/^$/p' | grep -oE -- '--[a-z]+' | sort -u)" \
		"$(section dpkeyctl.8 'Verbs that ask' FINDINGS | grep -oE '^\.It .*Fl -[a-z]+.*' |
			grep -oE -- '(Fl|\|) -[a-z]+' | sed 's/.* -/--/' | sort -u)"
}

@test "dpkeyfs(7) has every reason code of the code, and no other" {
	local code
	code=$(sed -n 's/^\tX(DPK_VERDICT_[A-Z0-9_]*, "\([a-z0-9-]*\)").*/\1/p' "$ROOT/include/dpkeyfs/verdict.h" | grep -vx ok)
	same_set "$code" "$(section dpkeyfs.7 REASONS 'WHAT APPL' | items Li)"
}

@test "dpkeyctl(8) has every finding of the code, and no other" {
	local code
	code=$(tr '\n' ' ' <"$ROOT/sync/engine/findings.c" | grep -oE 'add\(scene, "[a-z-]+"' | cut -d'"' -f2)
	code+=$'\n'$(sed -n 's/.*\[DPK_HOLD_[A-Z_]*\] = "\([a-z-]*\)".*/\1/p' "$ROOT/sync/engine/plan.c" | grep .)
	same_set "$code" "$(section dpkeyctl.8 FINDINGS | items Li)"
}

@test "dpkeyctl(8) has every event of the code" {
	local code manual
	code=$(cat "$ROOT"/sync/engine/*.c | tr '\n' ' ' |
		grep -oE 'dpk_cycle_event\(engine, [A-Z_]+,[[:space:]]+"[a-z-]+"' | cut -d'"' -f2)
	manual=$(section dpkeyctl.8 'Verbs that ask' 'Verbs that need' | sed -n '/^\.It Cm events/,/^\.It/p' |
		sed -n 's/^\.Li //p' | tr -d ' ,')
	same_set "$code" "$manual"
}

@test "the manuals have every exit status of the programs, and no other" {
	local code
	code=$(sed -n '/^enum { EXIT_OK/,/};/p' "$ROOT/fs/main.c" | grep -oE '= [0-9]+' | tr -d '= ')
	same_set "$code" "$(section dpkeyfs.8 'EXIT STATUS' | sed -n 's/^\.It //p')"
	code=$(sed -n '/^enum dpk_ctl_exit/,/};/p' "$ROOT/sync/ctl/ctl.h" | grep -oE '= [0-9]+' | tr -d '= ')
	same_set "$code" "$(section dpkeyctl.8 'EXIT STATUS' | sed -n 's/^\.It //p')"
	code=$(sed -n 's/^\tDPK_STORE_[A-Z_]* = \([0-9]*\),$/\1/p' "$ROOT/include/dpkeyfs/store-protocol.h")
	same_set "$code" "$(section dpkeyfs-store.7 'EXIT STATUS' | sed -n 's/^\.It \([0-9]*\) Cm .*/\1/p')"
}

@test "the messages that dpkeyfs(8) and dpkeyctl(8) explain are those of the code" {
	local source message part count=0
	source=$(strings_of_source)
	# what stands for something else is cut out; the code has a %s there
	while IFS= read -r message; do
		count=$((count + 1))
		while IFS= read -r part; do
			[[ -z ${part// /} || $source = *"$part"* ]] || { echo "'$part' of '$message'"; false; }
		done < <(sed "s/'\.\.\.'/\n/g; s/pid N/pid \n/; s,/run/dpkeyfs,\n,; s/^\(forbidden\|throttled\): //" <<<"$message")
	done < <(for page in dpkeyfs.8 dpkeyctl.8; do section "$page" DIAGNOSTICS | sed -n 's/^\.It //p'; done)
	[[ $count -gt 10 ]]
}

@test "dpkeyfs-control(7) has every verb and limit of the code" {
	local code
	code=$(sed -n 's/^\t{ "\([a-z-]*\)", verb_.*/\1/p' "$ROOT/sync/engine/control.c")
	same_set "$code" "$(section dpkeyfs-control.7 Requests Rights | items Cm)"
	same_set "$(grep -oE 'refuse\(client, "[a-z]+"' "$ROOT/sync/engine/control.c" | cut -d'"' -f2)" \
		"$(section dpkeyfs-control.7 Errors | items Li)"
	for limit in DPK_CONTROL_LINE_MAX DPK_CONTROL_ANSWER_MAX; do
		value=$(cpp -P -I"$ROOT/include" - <<<"#include <dpkeyfs/limits.h>
			$limit" | tail -n1 | tr -d u)
		grep -q "$((value)) bytes" "$ROOT/man/dpkeyfs-control.7" || { echo "$limit"; false; }
	done
	[[ $(sed -n 's/^#define DPK_CONTROL_CLIENTS\t* *//p' "$ROOT/include/dpkeyfs/limits.h" | tr -d '\t ') = 8 ]]
	grep -qE '^#define CLIENT_TIME_MS[[:space:]]+2000$' "$ROOT/sync/engine/control.c"
	grep -qE '^#define SYNC_PAUSE_MS[[:space:]]+5000 ' "$ROOT/sync/engine/control.c"
	grep -qE '^#define WAIT_MAX_MS[[:space:]]+UINT64_C\(86400000\)$' "$ROOT/sync/engine/control.c"
	grep -qE '^#define DPK_STATE_EVENTS[[:space:]]+256$' "$ROOT/sync/engine/state.h"
	grep -qE '^#define DPK_STATE_HISTORY[[:space:]]+128$' "$ROOT/sync/engine/state.h"
}

@test "dpkeyfs-control(7) has every field of every answer" {
	local page verb field
	ring_init
	give net10-revoked-one
	echo rubbish >"$STORE/key-rubbish.xml"
	ring_start "$STORE"
	ring_up
	rm "$STORE"/key-[0-9a-f]*.xml
	page=$(sed -n 's/^\.It Li //p; s/^\.Li \(net8\|net9\|now\|lookup\|forget\)/\1/p' "$ROOT/man/dpkeyfs-control.7" |
		tr -d ',"' | tr ' ' '\n')
	page+=$'\nerror\ncode\ntext'
	for verb in sync status health history events "wait 1 1000" nonsense; do
		python3 - "$SOCK" "$verb" >"$T/answer" <<-'END'
			import socket, sys
			s = socket.socket(socket.AF_UNIX)
			s.connect(sys.argv[1])
			s.sendall(b"dpkeyfs/1 " + sys.argv[2].encode() + b"\n")
			while True:
			    piece = s.recv(65536)
			    if not piece:
			        break
			    sys.stdout.buffer.write(piece)
		END
		[[ $(wc -l <"$T/answer") -eq 1 ]]
		while IFS= read -r field; do
			grep -qxF "$field" <<<"$page" || { echo "$verb: $field"; false; }
		done < <(jq -r '.. | objects | keys[]' "$T/answer" | sort -u)
		cat "$T/answer" >>"$T/all"
	done
	# and what the page has is there
	while IFS= read -r field; do
		jq -r '.. | objects | keys[]' "$T/all" | grep -qxF "$field" || { echo "no answer has '$field'"; false; }
	done < <(section dpkeyfs-control.7 ANSWERS | sed -n 's/^\.It Li //p' | tr -d ',' | tr ' ' '\n' | grep .)
}

@test "completion has every option, flag and verb, and no other" {
	local options verbs
	local _dpkeyfs_options _dpkeyctl_verbs
	# shellcheck source=/dev/null
	. "$ROOT/dist/dpkeyfs.bash-completion"
	options=$(tr -s ' \t' '\n' <<<"$_dpkeyfs_options" | grep -vxE 'ro|_netdev|')
	same_set "$(help_options | sed 's/=.*/=/')" "$options"
	verbs=$("$DPKEYCTL" --help | sed -n '/^Verbs:/,/^$/p' | sed -n 's/^  \([a-z-]\+\).*/\1/p')
	same_set "$verbs" "$(tr -s ' \t' '\n' <<<"$_dpkeyctl_verbs")"
	same_set "$("$DPKEYFS" --help | sed '/^Options:/,$d' | grep -oE '^  -.*' | grep -oE '(^  |, )--?[a-zA-Z]+' | tr -d ' ,'
		echo --version)" "$(sed -n '/^_dpkeyfs()/,/^}/p' "$ROOT/dist/dpkeyfs.bash-completion" |
			sed -n 's/.*compgen -W "\(-[^"]*\)".*/\1/p' | tr ' ' '\n')"
	for word in $(sed -n 's/.*TYPE_CHOICE, AT([a-z_]*), "\([a-z|]*\)".*/\1/p' "$ROOT/sync/engine/options.c" | tr '|' ' '); do
		grep -q "compgen -W \".*\b$word\b" "$ROOT/dist/dpkeyfs.bash-completion" || { echo "$word"; false; }
	done
	for word in $("$DPKEYCTL" --help | grep -oE -- '--[a-z]+' | sort -u); do
		grep -q -- "$word" "$ROOT/dist/dpkeyfs.bash-completion" || { echo "$word"; false; }
	done
}

# complete LINE: what bash offers at the end of LINE
offer() {
	DPKEYFS_CONFIG_DIR=$BATS_TEST_TMPDIR/conf bash --norc --noprofile -c '
		. /usr/share/bash-completion/bash_completion
		. "$1"
		compopt() { :; }
		COMP_LINE=$2 COMP_POINT=${#2}
		# readline cuts words at blanks and at = and :
		mapfile -t COMP_WORDS < <(sed "s/\([=:]\)/ \1 /g" <<<"$2" | tr -s " " "\n")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		"_${COMP_WORDS[0]}"
		printf "%s\n" "${COMPREPLY[@]}"' - "$ROOT/dist/dpkeyfs.bash-completion" "$1"
}

@test "completion offers options after commas, values, verbs and rings" {
	local conf=$BATS_TEST_TMPDIR/conf
	mkdir "$conf"
	touch "$conf/prod.conf" "$conf/preview.conf" "$conf/prod.conf.d"
	[[ $(offer "dpkeyfs -o int") = interval= ]]
	[[ $(offer "dpkeyfs -o ro,wrap") = ro,wrap_certs= ]]
	[[ $(offer "dpkeyfs -o interval=5s,gr") = 5s,grace= ]]
	[[ $(offer "dpkeyfs -o unwrapped=a") = accept ]]
	[[ $(offer "dpkeyfs -o wait=1s,audit=") = $'off\nopen' ]]
	[[ $(offer "dpkeyfs -o wrap_certs=$ROOT/tests/data/cer") = "$ROOT/tests/data/certs" ]]
	[[ $(offer "dpkeyfs -o uid=roo") = root ]]
	[[ $(offer "dpkeyfs pr") = $'preview\nprod' ]]
	[[ $(offer "dpkeyfs --ver") = --version ]]
	[[ $(offer "dpkeyfs prod $ROOT/tests/dat") = "$ROOT/tests/data" ]]
	[[ $(offer "dpkeyctl sta") = status ]]
	[[ $(offer "dpkeyctl --json accept-r") = accept-removal ]]
	[[ $(offer "dpkeyctl -r pre") = preview ]]
	[[ $(offer "dpkeyctl -r prod health --r") = --ready ]]
	[[ $(offer "dpkeyctl -o wrap_certs=/x,unwrapp") = /x,unwrapped= ]]
	[[ $(offer "dpkeyctl verify $ROOT/READ") = "$ROOT/README.md" ]]
	[[ $(offer "dpkeyctl simulate --a") = --at ]]
	# as bash itself finds them
	bash --norc -c '. "$1"; complete -p dpkeyfs dpkeyctl' - "$ROOT/dist/dpkeyfs.bash-completion"
}

@test "systemd understands the units" {
	local dir=$BATS_TEST_TMPDIR
	command -v systemd-analyze >/dev/null || skip "there is no systemd-analyze"
	sed "s,@SBINDIR@,$BUILD/bin,; /^Documentation=/d" "$ROOT/dist/dpkeyfs@.service" >"$dir/dpkeyfs@.service"
	sed '/^Documentation=/d' "$ROOT/dist/dpkeyfs.mount.example" >"$dir/run-dpkeys-prod.mount"
	run -0 systemd-analyze verify "$dir/dpkeyfs@prod.service" "$dir/run-dpkeys-prod.mount"
	[[ -z $output ]]
	run ! grep -E '@[A-Z]+@' "$dir/dpkeyfs@.service"
	# each of these, alone, would hide the mount from everybody else
	run ! grep -E '^(ProtectSystem|ProtectHome|PrivateTmp|PrivateDevices|PrivateMounts|ProtectKernel.*|ProtectControlGroups|ProtectProc|ProcSubset|ReadOnlyPaths|ReadWritePaths|InaccessiblePaths|TemporaryFileSystem|BindPaths|MountFlags|LogNamespace|DynamicUser|User|RootDirectory)=' "$dir/dpkeyfs@.service"
	# and this one would take openat2(2) away from store-dir
	run ! grep '^RestrictSUIDSGID=' "$dir/dpkeyfs@.service"
}

@test "the unit gives the daemon more time than it waits" {
	local wait start
	wait=$("$DPKEYFS" --help | sed -n 's/^  wait=.*(\([0-9]*\)s)$/\1/p')
	start=$(sed -n 's/^TimeoutStartSec=//p' "$ROOT/dist/dpkeyfs@.service")
	[[ $start -gt $wait ]]
	[[ $(sed -n 's/^TimeoutSec=//p' "$ROOT/dist/dpkeyfs.mount.example") -gt $wait ]]
}

@test "each line of fstab.example is one that mount(8) and dpkeyfs take" {
	local source target type options
	need_root
	# the places are not there yet, which it takes for an error
	run findmnt --verify --tab-file "$ROOT/dist/fstab.example"
	[[ $output = *"0 parse errors"* ]]
	run ! grep '\[E\]' <<<"$(grep -v 'unreachable on boot required target' <<<"$output")"
	ln -s "$DPKEYFS" "$BATS_TEST_TMPDIR/mount.dpkeyfs"
	mkdir "$BATS_TEST_TMPDIR/mnt"
	cp -r "$DATA/certs" "$BATS_TEST_TMPDIR/"
	printf 'source = /srv/farm-keys\nwrap_certs = %s\n' "$BATS_TEST_TMPDIR/certs" >"$BATS_TEST_TMPDIR/prod.conf"
	grep -v '^#' "$ROOT/dist/fstab.example" | grep . >"$BATS_TEST_TMPDIR/lines"
	[[ $(wc -l <"$BATS_TEST_TMPDIR/lines") -ge 3 ]]
	while read -r source target type options _; do
		[[ $type = dpkeyfs && $target = /run/dpkeys/* ]]
		options=${options//\/etc\/dpkeyfs\/certs/$BATS_TEST_TMPDIR/certs}
		[[ $source != prod ]] || options+=,config=$BATS_TEST_TMPDIR/prod.conf
		run -0 "$BATS_TEST_TMPDIR/mount.dpkeyfs" "$source" "$BATS_TEST_TMPDIR/mnt" -f -o "$options"
	done <"$BATS_TEST_TMPDIR/lines"
}

@test "sysusers.d(5) takes the snippet" {
	command -v systemd-sysusers >/dev/null || skip "there is no systemd-sysusers"
	mkdir -p "$BATS_TEST_TMPDIR/etc"
	systemd-sysusers --root="$BATS_TEST_TMPDIR" "$ROOT/dist/dpkeyfs.sysusers"
	grep -q '^dpkeys:' "$BATS_TEST_TMPDIR/etc/group"
}

@test "every source file has its SPDX line" {
	local file lacking=
	while IFS= read -r file; do
		case $file in
		LICENSE | .gitignore | tests/fuzz/*.dict | *.json) continue ;;
		esac
		head -3 "$ROOT/$file" | grep -q 'SPDX-License-Identifier: MIT' || lacking+=" $file"
	done < <(project_files)
	[[ -z $lacking ]] || { echo "lacking:$lacking"; false; }
}

@test "no file names a place of somebody's machine, a registry or an issue" {
	local pattern='(^|[^A-Z])/(work|Users)/[a-z]|/home/[a-rt-z]|/home/s[^h]'
	pattern+='|(nuget|npmjs|pypi|crates|rubygems|debian)\.(org|io|com)|proxy\.golang'
	pattern+='|issue #[0-9]|shared/(design|reference|fixtures|prototypes)'
	run bash -c 'cd "$1" && xargs -d "\n" grep -InE "$2"' - "$ROOT" "$pattern" \
		< <(project_files | grep -vx tests/bats/docs.bats)
	[[ -z $output ]]
}

@test "README names only files that exist" {
	local file
	while IFS= read -r file; do
		[[ -e $ROOT/$file ]] || { echo "$file"; false; }
	done < <(grep -oE '`(dist|man|tests)/[^`]*`' "$ROOT/README.md" | tr -d '`' | sort -u)
}

# Commands within README's text. Those of a line below are run in the guest.
readme_words() {
	grep -v '^ *```' "$ROOT/README.md" | grep -oE '`(dpkeyfs|dpkeyctl|make|mount|umount|systemctl|journalctl|man|findmnt)( [^`]+)`' |
		tr -d '`' | sort -u
}

known_words() {
	cat <<-'END'
		dpkeyctl status
		dpkeyctl keys
		dpkeyctl health
		dpkeyctl health --ready
		dpkeyctl inspect -
		dpkeyctl accept-removal
		make help
		make install
		make uninstall
		man -l man/dpkeyfs.8
		systemctl reload dpkeyfs@prod
		systemctl restart dpkeyfs@prod
		systemctl start dpkeyfs@prod
	END
}

@test "README's first two commands are what CI and a test run" {
	readme_blocks "$BATS_TEST_TMPDIR"
	[[ $(<"$BATS_TEST_TMPDIR/01") = $'make demo\nmake test' ]]
	grep -q 'make test$' "$ROOT/.ci/run"
	make -C "$ROOT" -n test >/dev/null
	make -C "$ROOT" -n demo >/dev/null
	grep -lE 'demo\.sh|make demo' "$ROOT"/tests/bats/*.bats | grep -v docs.bats
}

# Everything else that README shows is run here, word for word and in its order,
# on a machine that has nothing of dpkeyfs.
@test "README's commands work, on a machine of their own" {
	local script=$BATS_TEST_TMPDIR/script n
	need_guest
	same_set "$(known_words)" "$(readme_words)"
	readme_blocks "$BATS_TEST_TMPDIR"
	cat >"$script" <<-END
		useradd --create-home --home-dir /home/shop shop
		groupdel dpkeys 2>/dev/null || true
		rm -rf /etc/dpkeyfs /srv/farm-keys
		mkdir -p /srv/farm-keys
		cp tests/data/rings/net9-many-a/key-*.xml /srv/farm-keys/
		cp tests/data/certs/wrap-a.pem farm-wrap.pem
		cp tests/data/certs/wrap-a.key farm-wrap.key
		payload=\$(sed -n 's/^payload //p' tests/data/rings/net9-many-a/ring.txt)
		count() { ls /run/dpkeys/prod | grep -c '^key-.*\.xml$'; }
	END
	for n in "$BATS_TEST_TMPDIR"/[0-9][0-9]; do
		[[ $n != */01 ]] || continue
		echo ": === ${n##*/}, $(tr -d "'" <"$n.section")"
		if [[ $(<"$n.section") = "At two in the morning" ]]; then
			echo 'umount /run/dpkeys/prod; until systemctl start dpkeyfs@prod; do sleep 0.1; done'
		fi
		cat "$n"
		case $(<"$n") in
		*"/srv/farm-keys /run/dpkeys/prod"* | *"mount /run/dpkeys/prod"* | *"enable --now"*)
			echo '[ "$(count)" -eq 25 ]; [ "$(stat -c %G /run/dpkeys/prod)" = dpkeys ]'
			;;
		esac
	done >>"$script"
	cat >>"$script" <<-'END'
		: === the words in the text
		systemctl reload dpkeyfs@prod
		systemctl restart dpkeyfs@prod
		dpkeyctl status
		dpkeyctl keys | grep default
		dpkeyctl inspect - <<<"$payload" | grep -E '^b52b392c.*  (default|active)$'
		dpkeyctl accept-removal
		dpkeyctl health
		dpkeyctl health --ready
		systemctl start dpkeyfs@prod
		make help
		if command -v man; then man -l man/dpkeyfs.8 | grep -q SYNOPSIS; fi
		: === the PFX opens without a password, and belongs to its user
		my=/home/shop/.dotnet/corefx/cryptography/x509stores/my
		su -s /bin/sh shop -c "openssl pkcs12 -in $my/farm.pfx -passin pass: -nodes" | grep -q 'PRIVATE KEY'
		[ "$(stat -c %a $my/farm.pfx)" = 600 ]
		: === what README says of it
		[ "$(stat -c '%U:%G %a' /run/dpkeys/prod/key-b52b392c-*.xml)" = 'root:dpkeys 440' ]
		if su -s /bin/sh shop -c 'ls /run/dpkeys/prod'; then exit 1; fi
		usermod -a -G dpkeys shop
		su -s /bin/sh shop -c 'cat /run/dpkeys/prod/*.xml' | grep -c '<key ' | grep -x 25
		systemctl stop dpkeyfs@prod
		grep -q 'dpkeyfs is not mounted here' /run/dpkeys/prod/NOT-MOUNTED.xml
		status=0; dpkeyctl health || status=$?; [ $status -eq 3 ]
		: === and away
		make uninstall
		[ ! -e /usr/local/sbin/dpkeyfs ] && [ ! -e /sbin/mount.dpkeyfs ] && [ -e /etc/dpkeyfs/prod.conf ]
		[ -z "$(find /usr/local /lib/systemd /sbin -name '*dpkey*' 2>/dev/null)" ]
	END
	guest 150 "$script"
}
