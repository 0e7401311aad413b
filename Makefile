# SPDX-License-Identifier: MIT
# tokenbroker. `make help` lists the targets.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
SHELL := /bin/bash

VERSION := 0.1.0
BUILD ?= build

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
SYSCONFDIR ?= /etc
DATADIR ?= $(PREFIX)/share
DOCDIR ?= $(DATADIR)/doc/tokenbroker
MANDIR ?= $(DATADIR)/man
COMPLETIONDIR ?= $(DATADIR)/bash-completion/completions
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d

CC ?= cc
CXX ?= c++
AR ?= ar
LD ?= ld
OBJCOPY ?= objcopy
PKG_CONFIG ?= pkg-config
PYTHON ?= /usr/bin/python3
CFLAGS ?= -O2 -g
WERROR ?= $(if $(CI),-Werror)

include packaging/dependencies.mk

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wformat=2 -Wstrict-prototypes \
	-Wmissing-prototypes -Wwrite-strings -Wvla $(WERROR)
HARDENING ?= -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
BASE_CFLAGS := -std=c11 -D_GNU_SOURCE -DTOKENBROKER_VERSION='"$(VERSION)"' $(WARNINGS) $(HARDENING) \
	-MMD -MP
PROGRAM_CFLAGS := $(BASE_CFLAGS) -fPIE -Iinclude -I. -Ibroker -Itests/unit
LIBRARY_CFLAGS := $(BASE_CFLAGS) -fPIC -fvisibility=hidden -Iinclude -I.
# Empty for a sanitizer of clang, whose runtime is in the program alone.
NO_UNDEFINED ?= -Wl,-z,defs
PROGRAM_LDFLAGS := -pie -Wl,-z,relro,-z,now -Wl,--as-needed

# The programs' libraries, asked for when a rule needs them: `make deps` runs before they exist.
pkg = $(shell $(PKG_CONFIG) --libs $(1))
# libcrypto first: most symbols that the loader looks up at the start are its own.
BROKER_LIBS = $(call pkg,libcrypto libcurl json-c libsystemd libconfuse) -lacl -pthread
HTTPD_LIBS = $(call pkg,libmicrohttpd json-c libsystemd libconfuse libcrypto) -ldl
TEST_LIBS = $(BROKER_LIBS) $(call pkg,libmicrohttpd) -lcunit -ldl -pthread

# One archive per folder, so that a test links the folder it is about and nothing of its neighbours.
STEPS := source lifecycle publish control state status
FOLDERS := base $(addprefix broker/,$(STEPS)) cli httpd
sources = $(sort $(filter-out %/main.c,$(wildcard $(1)/*.c)))
objects = $(patsubst %.c,$(BUILD)/%.o,$(1))
archive = $(BUILD)/$(1)/$(notdir $(1)).a

LIBRARY_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard clientlib/*.c)))
BROKER_OBJECTS := $(call objects,$(sort $(wildcard broker/*.c)))
LIBRARY_ARCHIVE := $(BUILD)/clientlib/clientlib.a
BROKER_ARCHIVES := $(foreach f,$(STEPS),$(call archive,broker/$(f)))
BASE_ARCHIVE := $(call archive,base)

SONAME := libtokenbroker.so.0
SHARED_LIBRARY := $(BUILD)/libtokenbroker.so.$(VERSION)
STATIC_LIBRARY := $(BUILD)/libtokenbroker.a
PROGRAMS := $(BUILD)/tokenbrokerd $(BUILD)/tokenbroker-httpd $(BUILD)/tokenbroker

.PHONY: all
all: $(PROGRAMS) $(SHARED_LIBRARY) $(STATIC_LIBRARY)

$(BUILD)/clientlib/%.o: clientlib/%.c
	@mkdir -p $(@D)
	$(CC) $(LIBRARY_CFLAGS) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(PROGRAM_CFLAGS) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

define archive_rule
$(call archive,$(1)): $(call objects,$(call sources,$(1)))
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(AR) rcsD $$@ $$^
endef
$(foreach f,$(FOLDERS),$(eval $(call archive_rule,$(f))))

# For the unit tests, which call internal functions, too.
$(LIBRARY_ARCHIVE): $(LIBRARY_OBJECTS)
	@rm -f $@
	$(AR) rcsD $@ $^

# One object with the internal names made local: the archive defines tokenbroker_* and nothing else.
$(STATIC_LIBRARY): $(LIBRARY_OBJECTS)
	$(LD) -r -o $(BUILD)/libtokenbroker.o $^
	$(OBJCOPY) --localize-hidden $(BUILD)/libtokenbroker.o
	@rm -f $@
	$(AR) rcsD $@ $(BUILD)/libtokenbroker.o

$(SHARED_LIBRARY): $(LIBRARY_OBJECTS) clientlib/libtokenbroker.map
	$(CC) -shared -Wl,-soname,$(SONAME) -Wl,--version-script=clientlib/libtokenbroker.map \
		-Wl,-z,relro,-z,now $(NO_UNDEFINED) $(CFLAGS) $(LDFLAGS) -o $@ $(LIBRARY_OBJECTS)
	ln -sf $(@F) $(BUILD)/$(SONAME)
	ln -sf $(SONAME) $(BUILD)/libtokenbroker.so

$(BUILD)/tokenbrokerd: $(BROKER_OBJECTS) $(BROKER_ARCHIVES) $(BASE_ARCHIVE)
	$(CC) $(PROGRAM_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(BROKER_LIBS)

$(BUILD)/tokenbroker-httpd: $(BUILD)/httpd/main.o $(call archive,httpd) $(BASE_ARCHIVE)
	$(CC) $(PROGRAM_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(HTTPD_LIBS)

# The page is compiled in.
$(BUILD)/httpd/page.o: httpd/page.html

# The command line links the library statically and loads json-c only when a subcommand needs it.
$(BUILD)/tokenbroker: $(BUILD)/cli/main.o $(call archive,cli) $(BASE_ARCHIVE) $(STATIC_LIBRARY)
	$(CC) $(PROGRAM_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ -ldl

# --- tests -------------------------------------------------------------------------------------

# tests/unit/FOLDER/test_X.c links the archive of that folder, base, and tests/unit/harness.c.
UNIT_SOURCES := $(sort $(wildcard tests/unit/*/test_*.c))
UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(UNIT_SOURCES))
HARNESS := $(BUILD)/tests/unit/harness.o

define unit_rule
$(BUILD)/tests/unit/$(1)/test_%: $(BUILD)/tests/unit/$(1)/test_%.o $(HARNESS) $(2) $(BASE_ARCHIVE)
	$$(CC) $$(PROGRAM_LDFLAGS) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(TEST_LIBS)
endef
$(foreach f,$(STEPS),\
	$(eval $(call unit_rule,$(f),$(call archive,broker/$(f)))))
$(eval $(call unit_rule,base,))
$(eval $(call unit_rule,httpd,$(call archive,httpd)))
$(eval $(call unit_rule,cli,$(call archive,cli) $(STATIC_LIBRARY)))
$(eval $(call unit_rule,clientlib,$(LIBRARY_ARCHIVE)))

.SECONDARY: $(HARNESS) $(UNIT_TESTS:=.o)

# Programs that tests start: one source file each, tests/support/*.c.
SUPPORT_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/support/*.c)))
SUPPORT_LIBS = $(call pkg,libmicrohttpd json-c libcrypto) -pthread
AUTH_SERVER_OBJECTS := $(call objects,$(sort $(wildcard tests/support/authorization/*.c)))
$(BUILD)/tests/support/auth_server: $(AUTH_SERVER_OBJECTS)
$(BUILD)/tests/support/%: $(BUILD)/tests/support/%.o $(STATIC_LIBRARY) $(BASE_ARCHIVE)
	$(CC) $(PROGRAM_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(SUPPORT_LIBS)

# What tests preload into a process.
PRELOADED := $(BUILD)/tests/support/wall_clock.so
$(BUILD)/tests/support/%.so: tests/support/preload/%.c
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) -fPIC -shared $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $<

# tests/fuzz/fuzz_X.c: with replay.c, which runs the seeds, or with the engine of libFuzzer (make fuzz).
FUZZERS := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_MAIN ?= $(BUILD)/tests/fuzz/replay.o
FUZZ_ARCHIVES := $(foreach f,broker/source broker/control broker/state httpd cli,$(call archive,$(f))) $(LIBRARY_ARCHIVE)
$(BUILD)/tests/fuzz/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/replay.o $(FUZZ_ARCHIVES) $(BASE_ARCHIVE)
	$(CC) $(PROGRAM_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(FUZZ_MAIN) $(FUZZ_ARCHIVES) $(BASE_ARCHIVE) $(TEST_LIBS)
.SECONDARY: $(FUZZERS:=.o)

# What make bench runs: one source file each, with the broker's own code that publishes.
BENCH_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard bench/*.c)))
$(BUILD)/bench/%: $(BUILD)/bench/%.o $(STATIC_LIBRARY) $(call archive,broker/publish) $(call archive,broker/status) $(BASE_ARCHIVE)
	$(CC) $(PROGRAM_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(call pkg,libcrypto json-c) -lacl -ldl -pthread
.SECONDARY: $(BENCH_PROGRAMS:=.o)
.PHONY: bench-programs
bench-programs: $(BENCH_PROGRAMS)

EXAMPLES := $(BUILD)/examples/loop $(BUILD)/examples/curl
$(BUILD)/examples/%: $(BUILD)/examples/%.o $(STATIC_LIBRARY)
	$(CC) $(PROGRAM_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(call pkg,libcurl)

.PHONY: check-build
check-build: all $(UNIT_TESTS) $(FUZZERS) $(SUPPORT_PROGRAMS) $(PRELOADED) $(BENCH_PROGRAMS) $(EXAMPLES)

# Where nothing but the libraries is there: in the build of a package.
.PHONY: check-unit
check-unit: all $(UNIT_TESTS)
	set -e; for test in $(UNIT_TESTS); do $$test; done

# Chromium and what drives it, for the test of the page, which is skipped where they cannot be had.
.PHONY: browser
browser:
	@tests/browser/install $(BUILD)/browser

# The pictures of the page in docs/.
.PHONY: screenshots
screenshots: all $(SUPPORT_PROGRAMS) browser
	TB_BUILD=$(abspath $(BUILD)) $(PYTHON) tests/support/screenshots.py

.PHONY: check
check: deps
	@packaging/install-dependencies deb rpm lint model
	$(MAKE) check-build
	-@tests/browser/install $(BUILD)/browser
	TB_BUILD=$(abspath $(BUILD)) CC="$(CC)" CXX="$(CXX)" PYTHON="$(PYTHON)" tests/run

.PHONY: demo
demo: deps
	$(MAKE) all $(SUPPORT_PROGRAMS) $(EXAMPLES)
	TB_BUILD=$(abspath $(BUILD)) KEEP=$(KEEP) PYTHON="$(PYTHON)" tests/support/demo.sh

# ASan and UBSan with gcc, then with clang: the same tests but those that read the memory of a process
# or load the library into python, which a sanitizer's own allocator and runtime would distort.
SANITIZE_CFLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined
SANITIZERS ?= gcc clang
.PHONY: sanitize
sanitize: deps
	set -e; for compiler in $(SANITIZERS); do \
		$(MAKE) check CC=$$compiler BUILD=$(BUILD)/sanitize-$$compiler HARDENING= \
			NO_UNDEFINED= CFLAGS="$(SANITIZE_CFLAGS)" TB_SANITIZE=1; \
	done
	$(MAKE) sanitize-threads

# ThreadSanitizer on the tests with threads of their own; a table. It understands neither the segment, which
# other processes write, nor fences: tests/checks/memory_order looks at those.
THREAD_TESTS := clientlib/test_threads clientlib/test_wait clientlib/test_reject publish/test_segment_wake \
	control/test_closer source/test_locked_heap
THREADS_BUILD := $(BUILD)/sanitize-threads
.PHONY: sanitize-threads
sanitize-threads: deps
	$(MAKE) $(THREAD_TESTS:%=$(THREADS_BUILD)/tests/unit/%) CC=clang BUILD=$(THREADS_BUILD) HARDENING= \
		NO_UNDEFINED= CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=thread"
	TB_BUILD=$(abspath $(THREADS_BUILD)) $(PYTHON) tests/proofs/threads $(THREAD_TESTS)

# The broker killed after each store of a publish, then at random moments, under verifying readers; a
# table. As root, a quarter of an hour.
KILLS ?= 20000
.PHONY: torture
torture: deps
	$(MAKE) check-build
	TB_BUILD=$(abspath $(BUILD)) $(PYTHON) tests/proofs/torture $(KILLS) $(SEED)

# What can go wrong between broker and token server, each alone and in random sequences; a table. As root.
SEQUENCES ?= 2000
.PHONY: chaos
chaos: deps
	$(MAKE) check-build
	TB_BUILD=$(abspath $(BUILD)) $(PYTHON) tests/proofs/chaos $(SEQUENCES) $(SEED)

# Memory, descriptors, threads, disk and turns taken away; a table. As root.
.PHONY: resources
resources: deps
	$(MAKE) check-build
	TB_BUILD=$(abspath $(BUILD)) $(PYTHON) tests/proofs/resources

# Speed beside the floor and beside what else is in use: a table, and in $(BUILD)/bench the same for
# the documentation with its pictures. PARTS: only these (bench/part_NAME.py).
PARTS ?=
.PHONY: bench
bench: deps
	@packaging/install-dependencies bench
	$(MAKE) check-build
	TB_BUILD=$(abspath $(BUILD)) CC="$(CC)" $(PYTHON) bench/bench $(PARTS)

# Many tokens, readers, faults and reloads for SOAK_SECONDS: what grows, what is missed; a table. As root.
SOAK_SECONDS ?= 1200
.PHONY: soak
soak: deps
	$(MAKE) check-build
	TB_BUILD=$(abspath $(BUILD)) $(PYTHON) tests/proofs/soak $(SOAK_SECONDS) $(SEED)

# The segment's protocol as models that spin searches to the end; a table. About a minute.
.PHONY: model
model: deps
	@packaging/install-dependencies model
	CC="$(CC)" $(PYTHON) tests/proofs/model

# Other users, readers, mistakes of root, a broken httpd, against each promise of docs/threat-model.md; a table.
# As root, about 10 minutes.
.PHONY: attack
attack: deps
	$(MAKE) check-build
	TB_BUILD=$(abspath $(BUILD)) $(PYTHON) tests/proofs/attack

# Copies of the secret and of tokens in memory, core files and all that is written; a table. As root, 5 minutes.
.PHONY: hygiene
hygiene: deps
	$(MAKE) check-build
	TB_BUILD=$(abspath $(BUILD)) $(PYTHON) tests/proofs/hygiene

# The instruction counts that `make check` compares with (bench/instructions.json), after a change that
# is meant to take more.
.PHONY: bench-record
bench-record: deps
	$(MAKE) check-build
	TB_BUILD=$(abspath $(BUILD)) $(PYTHON) bench/record

# Broker, HTTP server and library under valgrind: errors, leaks, descriptors; a table. As root.
CYCLES ?= 1000
.PHONY: valgrind
valgrind: deps
	$(MAKE) check-build
	TB_BUILD=$(abspath $(BUILD)) $(PYTHON) tests/proofs/valgrind $(CYCLES)

# Each target for FUZZ_SECONDS with what it has found before and the seeds of the repository; a table.
FUZZ_SECONDS ?= 600
.PHONY: fuzz
fuzz: deps
	$(MAKE) fuzzers CC=clang BUILD=$(BUILD)/fuzz HARDENING= FUZZ_MAIN=-fsanitize=fuzzer \
		CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined"
	tests/fuzz/run $(BUILD)/fuzz $(FUZZ_SECONDS)
.PHONY: fuzzers
fuzzers: $(FUZZERS)

# Every branch of the life cycle and of the library by their unit tests alone, then at least 90 % of lines by all
# tests. Without those that need a plain build: the code counts its branches, and writes them to files at its end.
STRICT_TESTS := $(patsubst %.c,$(BUILD)/coverage/%,$(filter tests/unit/lifecycle/% tests/unit/clientlib/%,$(UNIT_SOURCES)))
.PHONY: coverage
coverage: deps
	$(MAKE) check-build BUILD=$(BUILD)/coverage HARDENING= \
		CFLAGS="-O0 -g --coverage -fprofile-update=atomic"
	tests/coverage --open $(BUILD)/coverage
	set -e; for test in $(STRICT_TESTS); do $$test; done
	tests/coverage --strict $(BUILD)/coverage
	TB_BUILD=$(abspath $(BUILD))/coverage CC="$(CC)" CXX="$(CXX)" PYTHON="$(PYTHON)" TB_SANITIZE=1 tests/run
	tests/coverage $(BUILD)/coverage

.PHONY: lint
lint: deps
	@packaging/install-dependencies static
	tests/lint

.PHONY: deps
deps:
	@packaging/install-dependencies

# --- installation ------------------------------------------------------------------------------

MANUALS := $(sort $(wildcard docs/man/*.[1-8]))
COMPLETED := tokenbroker tokenbrokerd tokenbroker-httpd
INSTALLED := \
	$(BINDIR)/tokenbroker $(SBINDIR)/tokenbrokerd $(SBINDIR)/tokenbroker-httpd \
	$(LIBDIR)/$(notdir $(SHARED_LIBRARY)) $(LIBDIR)/$(SONAME) $(LIBDIR)/libtokenbroker.so \
	$(LIBDIR)/libtokenbroker.a $(LIBDIR)/pkgconfig/tokenbroker.pc \
	$(INCLUDEDIR)/tokenbroker.h $(addprefix $(COMPLETIONDIR)/,$(COMPLETED)) \
	$(foreach page,$(MANUALS),$(MANDIR)/man$(subst .,,$(suffix $(page)))/$(notdir $(page)))

.PHONY: install
install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(SBINDIR) $(DESTDIR)$(LIBDIR)/pkgconfig \
		$(DESTDIR)$(INCLUDEDIR)
	install -m 0755 $(BUILD)/tokenbroker $(DESTDIR)$(BINDIR)/
	install -m 0755 $(BUILD)/tokenbrokerd $(BUILD)/tokenbroker-httpd $(DESTDIR)$(SBINDIR)/
	install -m 0755 $(SHARED_LIBRARY) $(DESTDIR)$(LIBDIR)/
	ln -sf $(notdir $(SHARED_LIBRARY)) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libtokenbroker.so
	install -m 0644 $(STATIC_LIBRARY) $(DESTDIR)$(LIBDIR)/
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
		-e 's|@VERSION@|$(VERSION)|' clientlib/tokenbroker.pc.in \
		> $(DESTDIR)$(LIBDIR)/pkgconfig/tokenbroker.pc
	chmod 0644 $(DESTDIR)$(LIBDIR)/pkgconfig/tokenbroker.pc
	install -m 0644 include/tokenbroker.h $(DESTDIR)$(INCLUDEDIR)/
	for page in $(MANUALS); do \
		install -D -m 0644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/} || exit; \
	done
	install -D -m 0644 packaging/bash-completion/tokenbroker $(DESTDIR)$(COMPLETIONDIR)/tokenbroker
	ln -sf tokenbroker $(DESTDIR)$(COMPLETIONDIR)/tokenbrokerd
	ln -sf tokenbroker $(DESTDIR)$(COMPLETIONDIR)/tokenbroker-httpd

# What only a package should bring, because it belongs to the host: services, users, configuration.
.PHONY: install-system
install-system: install
	install -d $(DESTDIR)$(UNITDIR) $(DESTDIR)$(SYSUSERSDIR) $(DESTDIR)$(TMPFILESDIR) \
		$(DESTDIR)$(SYSCONFDIR)/tokenbroker/conf.d $(DESTDIR)$(SYSCONFDIR)/apparmor.d/abstractions
	install -d -m 0700 $(DESTDIR)$(SYSCONFDIR)/tokenbroker/secrets
	for unit in tokenbroker.service tokenbroker-httpd.service tokenbroker-httpd.socket; do \
		sed -e 's|@SBINDIR@|$(SBINDIR)|' packaging/systemd/$$unit > $(DESTDIR)$(UNITDIR)/$$unit && \
		chmod 0644 $(DESTDIR)$(UNITDIR)/$$unit || exit; \
	done
	install -m 0644 packaging/systemd/tokenbroker.sysusers $(DESTDIR)$(SYSUSERSDIR)/tokenbroker.conf
	install -m 0644 packaging/systemd/tokenbroker.tmpfiles $(DESTDIR)$(TMPFILESDIR)/tokenbroker.conf
	install -m 0644 packaging/config/tokenbroker.conf $(DESTDIR)$(SYSCONFDIR)/tokenbroker/
	install -m 0644 packaging/apparmor/usr.sbin.* $(DESTDIR)$(SYSCONFDIR)/apparmor.d/
	install -m 0644 packaging/apparmor/tokenbroker-reader $(DESTDIR)$(SYSCONFDIR)/apparmor.d/abstractions/

.PHONY: uninstall
uninstall:
	rm -f $(addprefix $(DESTDIR),$(INSTALLED))

.PHONY: dist
dist:
	@mkdir -p $(BUILD)
	git archive --format=tar --prefix=tokenbroker-$(VERSION)/ HEAD | gzip -n -9 > $(BUILD)/tokenbroker-$(VERSION).tar.gz
	@echo $(BUILD)/tokenbroker-$(VERSION).tar.gz

# --- packages ----------------------------------------------------------------------------------

# From the tree as it is committed; into $(BUILD)/deb and $(BUILD)/rpm.
.PHONY: deb
deb:
	@packaging/install-dependencies deb
	packaging/deb/build $(BUILD)/deb $(VERSION)

.PHONY: rpm
rpm:
	@packaging/install-dependencies rpm
	packaging/rpm/build $(BUILD)/rpm $(VERSION)

# Also in a booted Debian and a root for the rpm; as root, at most 15 minutes.
.PHONY: check-packages
check-packages: deps
	@packaging/install-dependencies deb rpm lint boot
	tests/packages/check $(BUILD)/packages

.PHONY: clean
clean:
	rm -rf $(BUILD)

.PHONY: help
help:
	@echo 'make              programs and library into $(BUILD)/'
	@echo 'make demo         shows it working, about 20 s; KEEP=1 leaves it up to be explored'
	@echo 'make check        all tests, 7 to 15 min, ends with "N passed, N failed"; installs what they need'
	@echo 'make install      below DESTDIR and PREFIX (now: $(PREFIX)); make uninstall undoes it'
	@echo 'make sanitize     the tests under ASan and UBSan, gcc and clang; those with threads under TSan'
	@echo 'make torture      KILLS=$(KILLS) SIGKILLs of the broker under verifying readers (as root)'
	@echo 'make chaos        each fault of network and token server, SEQUENCES=$(SEQUENCES) random sequences (as root)'
	@echo 'make resources    no memory, descriptors, threads, disk: what is lost, what is told (as root)'
	@echo 'make bench        speed beside the floor and beside peers: a table; PARTS="read wake" only these'
	@echo 'make soak         50 tokens refreshed each second for SOAK_SECONDS=$(SOAK_SECONDS), faults, reloads (as root)'
	@echo 'make model        the protocol of the segment, searched to the end by spin'
	@echo 'make attack       attackers as real processes against the promises of docs/threat-model.md (as root)'
	@echo 'make hygiene      counts the copies of the secret and of tokens in memory (as root)'
	@echo 'make bench-record  the instruction counts that make check compares with, anew'
	@echo 'make valgrind     CYCLES=$(CYCLES) fetches, requests, uses of the library under valgrind (as root)'
	@echo 'make fuzz         libFuzzer on all that parses, FUZZ_SECONDS=$(FUZZ_SECONDS) each'
	@echo 'make lint         compilers, their analyzers, cppcheck, formatting, length, shellcheck, pyflakes'
	@echo 'make screenshots  the pictures of the page in docs/, anew'
	@echo 'make coverage     of the tests: 90 % of lines, every branch of life cycle and library, or it fails'
	@echo 'make deps         installs missing packages (apt or dnf): packaging/dependencies.mk'
	@echo 'make deb rpm      packages into $(BUILD)/deb and $(BUILD)/rpm'
	@echo 'make check-packages  builds and uses the packages in a booted Debian (as root)'
	@echo 'make dist         source archive; make clean removes $(BUILD)/'
	@echo
	@echo 'Variables: BUILD CC CXX CFLAGS CPPFLAGS LDFLAGS WERROR=-Werror DESTDIR PREFIX BINDIR SBINDIR'
	@echo '           LIBDIR INCLUDEDIR'

# Not those of whole programs and roots that tests keep there.
-include $(shell find $(BUILD) -type d \( -name glewlwyd -o -name browser -o -name packages -o -name deb \
	-o -name rpm \) -prune -o -type f -name '*.d' -print 2>/dev/null)
