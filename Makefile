# SPDX-License-Identifier: MIT
# `make help` lists the targets. Everything that is built goes below $(B).

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VERSION	   := 0.1.0
B	   ?= build
CC	   ?= gcc
ifeq ($(origin CC),default)
CC	   := gcc
endif
PREFIX	   ?= /usr/local
SBINDIR	   ?= $(PREFIX)/sbin
LIBEXECDIR ?= $(PREFIX)/libexec/dpkeyfs
MANDIR	   ?= $(PREFIX)/share/man
DOCDIR	   ?= $(PREFIX)/share/doc/dpkeyfs
UNITDIR	   ?= /lib/systemd/system
SYSUSERSDIR ?= /usr/lib/sysusers.d
COMPDIR	   ?= $(PREFIX)/share/bash-completion/completions
MOUNTDIR   ?= /sbin
CONFDIR	   ?= /etc/dpkeyfs
V	   ?= 0
Q	   := $(if $(filter 1,$(V)),,@)

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wformat=2 -Wundef \
	-Wimplicit-fallthrough -Wnull-dereference -Wdate-time
HARDEN := -fno-common -fvisibility=hidden -fstack-protector-strong -fstack-clash-protection \
	-fPIE -fno-strict-aliasing -fno-delete-null-pointer-checks
HARDEN_LD := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
ifneq ($(NOFORTIFY),1)
HARDEN += -D_FORTIFY_SOURCE=2
endif
ifeq ($(DEV),1)
WARN += -Werror
endif
OPT    ?= -O2 -g
CFLAGS ?=
ALL_CFLAGS = -std=gnu17 $(OPT) $(WARN) $(HARDEN) $(CFLAGS)
ALL_CPPFLAGS = -D_GNU_SOURCE -DDPK_VERSION='"$(VERSION)"' -DDPK_LIBEXECDIR='"$(LIBEXECDIR)"' \
	-DFUSE_USE_VERSION=314 -Iinclude -Isync $(CPPFLAGS)
ALL_LDFLAGS = $(HARDEN_LD) $(SANITIZE) $(LDFLAGS)

pc = $(shell pkg-config $(1) $(2))

# --- what is made of what -------------------------------------------------
# Three archives keep the rooms apart: base, sync (keys and engine), fs.
SRC_base  := $(wildcard sync/base/*.c)
SRC_sync  := $(wildcard sync/keys/*.c sync/engine/*.c)
SRC_fs	  := $(filter-out fs/main.c,$(wildcard fs/*.c))
SRC_store := $(wildcard sync/store/common/*.c)
SRC_ctl	  := $(wildcard sync/ctl/*.c)

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))

LIB_base  := $(B)/lib/libdpk-base.a
LIB_sync  := $(B)/lib/libdpk-sync.a
LIB_fs	  := $(B)/lib/libdpk-fs.a
LIB_store := $(B)/lib/libdpk-store.a

STORES	  := $(patsubst sync/store/%.c,%,$(wildcard sync/store/store-*.c))
PROGRAMS  := $(B)/bin/dpkeyfs $(B)/bin/dpkeyctl $(STORES:%=$(B)/libexec/dpkeyfs/%)
UNIT	  := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test-*.c))
TOOLS	  := $(patsubst tests/tools/%.c,$(B)/tools/%,$(wildcard tests/tools/*.c))

LIBS_sync = $(call pc,--libs,libcrypto sqlite3 expat jansson) -lpthread
LIBS_fs	  = $(call pc,--libs,fuse3) -lpthread

all: $(PROGRAMS)

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(ALL_CPPFLAGS) $(EXTRA_CPPFLAGS) $(ALL_CFLAGS) $(SANITIZE) -MMD -MP -c -o $@ $<

# only fs/ sees libfuse, only the https store sees curl
$(B)/obj/fs/%.o: EXTRA_CPPFLAGS = $(call pc,--cflags,fuse3) -I.
$(B)/obj/tests/%.o: EXTRA_CPPFLAGS = -I. -Itests

$(B)/lib/libdpk-%.a:
	@mkdir -p $(@D)
	@echo "  AR    $@"
	$(Q)rm -f $@ && ar rcs $@ $^
$(LIB_base): $(call obj,$(SRC_base))
$(LIB_sync): $(call obj,$(SRC_sync))
$(LIB_fs): $(call obj,$(SRC_fs))
$(LIB_store): $(call obj,$(SRC_store))

define link
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(ALL_LDFLAGS) $(1)
endef

$(B)/bin/dpkeyfs: $(B)/obj/fs/main.o $(LIB_fs) $(LIB_sync) $(LIB_base)
	$(call link,$(LIBS_fs) $(LIBS_sync))
$(B)/bin/dpkeyctl: $(call obj,$(SRC_ctl)) $(LIB_sync) $(LIB_base)
	$(call link,$(LIBS_sync))
$(B)/libexec/dpkeyfs/store-https: $(call obj,sync/store/store-https.c $(wildcard sync/store/http/*.c)) \
	$(LIB_store) $(LIB_base)
	$(call link,$(call pc,--libs,libcurl libcrypto))
$(B)/libexec/dpkeyfs/store-dir: $(call obj,sync/store/store-dir.c $(wildcard sync/store/dir/*.c)) \
	$(LIB_store) $(LIB_base)
	$(call link,$(call pc,--libs,libcrypto))

$(B)/tests/%: $(B)/obj/tests/unit/%.o $(LIB_fs) $(LIB_sync) $(LIB_store) $(LIB_base)
	$(call link,$(LIBS_fs) $(LIBS_sync))
$(B)/tools/%: $(B)/obj/tests/tools/%.o $(LIB_fs) $(LIB_sync) $(LIB_base)
	$(call link,$(LIBS_fs) $(LIBS_sync))

# --- fuzzing: clang's libFuzzer; the corpora are replayed by `make test` ----
FUZZ	    := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz-*.c))
FUZZ_TIME   ?= 60
FUZZ_CC	    ?= clang-14
FUZZ_FLAGS  := -std=gnu17 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined
REPLAY	    := $(FUZZ:%=$(B)/replay/%)

$(B)/replay/%: $(B)/obj/tests/fuzz/%.o $(B)/obj/tests/fuzz/replay.o $(LIB_sync) $(LIB_base)
	$(call link,$(LIBS_sync))
$(B)/fuzz/%: tests/fuzz/%.c $(SRC_base) $(SRC_sync)
	@mkdir -p $(@D)
	@echo "  FUZZ  $@"
	$(Q)$(FUZZ_CC) $(ALL_CPPFLAGS) -I. -Itests $(FUZZ_FLAGS) -o $@ $^ $(LIBS_sync)

# Each target for FUZZ_TIME seconds; finds are left below $(B)/fuzz.
fuzz: $(FUZZ:%=$(B)/fuzz/%)
	$(Q)for f in $(FUZZ); do \
		mkdir -p $(B)/fuzz/corpus-$$f $(B)/fuzz/finds-$$f tests/data/fuzz/$$f; \
		echo "== $$f"; \
		$(B)/fuzz/$$f -max_total_time=$(FUZZ_TIME) -timeout=5 -rss_limit_mb=1024 \
			-artifact_prefix=$(B)/fuzz/finds-$$f/ -print_final_stats=1 -verbosity=0 \
			$(if $(wildcard tests/fuzz/keys.dict),-dict=tests/fuzz/keys.dict) \
			$(B)/fuzz/corpus-$$f tests/data/fuzz/$$f || exit 1; done

# --- tests -----------------------------------------------------------------
BATS := $(sort $(wildcard tests/bats/*.bats))
export DPK_BUILD := $(B)
# a test that hangs is a failure, not an hour
export BATS_TEST_TIMEOUT ?= 600

test: deps
	$(Q)$(MAKE) --no-print-directory check

# Tests that run make themselves must not inherit what this one was told.
JOBS  ?= 2
PROVE := env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u B -u OPT -u NOFORTIFY -u SANITIZE \
	prove -j$(JOBS) --failures --comments -e ''

# Has the machine to itself: it demands that every call returns within a second.
ALONE := tests/bats/durability.bats

# What `test` runs, without installing anything. The closing line of prove comes last.
check: all $(UNIT) $(TOOLS) $(REPLAY) dotnet
	$(Q)$(PROVE) -j1 $(ALONE)
	$(Q)$(PROVE) $(UNIT) $(filter-out $(ALONE),$(BATS))

unit: $(UNIT)
	$(Q)$(PROVE) $(UNIT)

# Real .NET programs; where there is no SDK the tests that need them say so.
dotnet:
	$(Q)tests/dotnet/build.sh $(abspath build/dotnet) || test $$? -eq 77

SAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined
sanitize: deps
	$(Q)ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 \
		$(MAKE) --no-print-directory B=build-asan NOFORTIFY=1 OPT='-O1 -g' SANITIZE='$(SAN)' check

# test-alloc replaces malloc itself, and Debian 12's valgrind does not know pidfd_open(2),
# which test-runner needs; both run under ASan
MEMCHECK := $(filter-out %/test-alloc %/test-runner,$(UNIT))
memcheck: $(MEMCHECK)
	$(Q)for t in $(MEMCHECK); do echo "  MEMCHECK $$t"; \
		valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite $$t \
			>$(B)/memcheck.log 2>&1 || { tail -40 $(B)/memcheck.log; exit 1; }; done
	@echo "memcheck: clean"

bench: all $(TOOLS)
	$(Q)tests/bench/run.sh

demo: deps
	$(Q)$(MAKE) --no-print-directory all dotnet-demo
	$(Q)tests/demo.sh

dotnet-demo:
	$(Q)tests/dotnet/build.sh $(abspath build/dotnet) net10.0 || test $$? -eq 77

deps:
	$(Q)dist/install-deps.sh dist/debian-packages.txt

# --- lint --------------------------------------------------------------------
C_ALL  := $(wildcard fs/*.[ch] include/dpkeyfs/*.h sync/*/*.[ch] sync/store/*/*.[ch] tests/*.h \
	tests/unit/*.[ch] tests/tools/*.c tests/fuzz/*.[ch])
C_PROD := $(filter %.c,$(filter-out tests/%,$(C_ALL)))
SH_ALL := $(wildcard dist/*.sh tests/*.sh tests/*/*.sh tests/bats/*.bats tests/bats/*.bash \
	tests/dotnet/*.bash .ci/run)

lint: lint-format lint-shell lint-man lint-warnings lint-cppcheck lint-analyzer lint-tidy
	@echo "lint: clean"

lint-format:
	$(Q)clang-format --dry-run -Werror $(C_ALL)
lint-shell:
	$(Q)shellcheck -x -S warning $(SH_ALL)
lint-man:
	$(Q)mandoc -T lint -W warning $(wildcard man/*)
lint-warnings:
	$(Q)$(MAKE) --no-print-directory B=build-dev DEV=1 all
	$(Q)$(MAKE) --no-print-directory B=build-clang CC=clang-14 DEV=1 all
lint-cppcheck:
	$(Q)cppcheck -q --enable=warning,portability --inline-suppr --error-exitcode=1 \
		--suppress=missingIncludeSystem --library=tests/lint/cppcheck.cfg \
		-D_GNU_SOURCE -DDPK_VERSION='""' -DDPK_LIBEXECDIR='""' \
		-Iinclude -Isync -I. $(C_PROD)
lint-analyzer:
	$(Q)rm -rf build-analyzer
	$(Q)$(MAKE) --no-print-directory B=build-analyzer \
		OPT='-O1 -g -fanalyzer -fdiagnostics-plain-output' all 2>&1 >/dev/null | \
		tests/lint/compare.sh gcc
lint-tidy:
	$(Q)clang-tidy --quiet $(C_PROD) -- -std=gnu17 $(ALL_CPPFLAGS) -I. $(call pc,--cflags,fuse3) \
		2>/dev/null | tests/lint/compare.sh tidy

# --- install -----------------------------------------------------------------
INSTALL := install -p

install: all
	$(INSTALL) -d $(addprefix $(DESTDIR),$(SBINDIR) $(LIBEXECDIR) $(MOUNTDIR) $(UNITDIR) \
		$(SYSUSERSDIR) $(COMPDIR) $(DOCDIR) $(CONFDIR) $(MANDIR)/man5 $(MANDIR)/man7 $(MANDIR)/man8)
	$(INSTALL) -m 0755 $(B)/bin/dpkeyfs $(B)/bin/dpkeyctl $(DESTDIR)$(SBINDIR)
	$(INSTALL) -m 0755 $(STORES:%=$(B)/libexec/dpkeyfs/%) $(DESTDIR)$(LIBEXECDIR)
	ln -sf $(SBINDIR)/dpkeyfs $(DESTDIR)$(MOUNTDIR)/mount.dpkeyfs
	for n in 5 7 8; do $(INSTALL) -m 0644 man/*.$$n $(DESTDIR)$(MANDIR)/man$$n || exit 1; done
	sed 's|@SBINDIR@|$(SBINDIR)|g' dist/dpkeyfs@.service >$(DESTDIR)$(UNITDIR)/dpkeyfs@.service
	chmod 0644 $(DESTDIR)$(UNITDIR)/dpkeyfs@.service
	$(INSTALL) -m 0644 dist/dpkeyfs.sysusers $(DESTDIR)$(SYSUSERSDIR)/dpkeyfs.conf
	$(INSTALL) -m 0644 dist/dpkeyfs.bash-completion $(DESTDIR)$(COMPDIR)/dpkeyfs
	ln -sf dpkeyfs $(DESTDIR)$(COMPDIR)/dpkeyctl
	$(INSTALL) -m 0644 README.md LICENSE dist/NEWS dist/SECURITY.md dist/fstab.example \
		dist/dpkeyfs.mount.example $(DESTDIR)$(DOCDIR)
	$(INSTALL) -m 0755 dist/dpkeyfs-sign.sh dist/dpkeyfs-check.sh $(DESTDIR)$(DOCDIR)

uninstall:
	rm -f $(addprefix $(DESTDIR)$(SBINDIR)/,dpkeyfs dpkeyctl) \
		$(STORES:%=$(DESTDIR)$(LIBEXECDIR)/%) $(DESTDIR)$(MOUNTDIR)/mount.dpkeyfs \
		$(DESTDIR)$(UNITDIR)/dpkeyfs@.service $(DESTDIR)$(SYSUSERSDIR)/dpkeyfs.conf $(addprefix $(DESTDIR)$(COMPDIR)/,dpkeyfs dpkeyctl) \
		$(foreach m,$(wildcard man/*),$(DESTDIR)$(MANDIR)/man$(patsubst .%,%,$(suffix $(m)))/$(notdir $(m)))
	rm -rf $(DESTDIR)$(DOCDIR)
	-rmdir $(DESTDIR)$(LIBEXECDIR) $(DESTDIR)$(CONFDIR) 2>/dev/null

clean:
	rm -rf build build-*

help:
	@echo "all        the programs, below build/ (the default)"
	@echo "demo       show the main job on a genuine ring (root)"
	@echo "test       install what is missing, build, run all tests (root)"
	@echo "check      the same without installing anything"
	@echo "unit       the C unit programs only"
	@echo "sanitize   the whole suite under ASan and UBSan"
	@echo "memcheck   the unit programs under valgrind"
	@echo "lint       format, shellcheck, mandoc, -Werror, cppcheck, -fanalyzer, clang-tidy"
	@echo "fuzz       each fuzz target for FUZZ_TIME=60 seconds"
	@echo "bench      the table of tests/bench/README.md"
	@echo "install    to PREFIX=/usr/local, below DESTDIR; uninstall takes it back"
	@echo "deps       install the Debian packages of dist/debian-packages.txt"
	@echo "clean"
	@echo "V=1 shows commands; DEV=1 makes warnings errors; B=DIR builds elsewhere."

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

.PHONY: all test check unit dotnet dotnet-demo sanitize memcheck bench demo deps fuzz lint \
	lint-format lint-shell lint-man lint-warnings lint-cppcheck lint-analyzer lint-tidy \
	install uninstall clean help
.SECONDARY:
