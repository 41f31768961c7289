# A short door to meson and the scripts in tools/ and tests/. `make help` lists every target.
B ?= build
B_INSTALL ?= build-deb build-install build-packaging
PREFIX ?= /usr/local
DESTDIR ?=
TIME ?= 60
T ?=
.DEFAULT_GOAL := all

help: ## this list
	@sed -n 's/^\([a-z][a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

all: $(B)/build.ninja ## build squall and squall-keeper in build/
	ninja -C $(B)

check: all ## unit, plan and command line tests; no root, under a minute
	meson test -C $(B) --no-rebuild --no-suite root --print-errorlogs

check-root: all ## system tests on real victims, and units that need root, as root; T=net-cut for one
	test -n "$(T)" || meson test -C $(B) --no-rebuild --suite root --print-errorlogs
	tests/run-system $(T)

check-editor: all ## drives the language server of editors over the schema; needs node, npm and the network
	tests/editor/run $(B)/squall

torture: build-torture ## kill every process at a seeded sample of boundaries, as root; SEED=N, T=net-cut
	tests/torture/torture.sh --sample $(T)

torture-all: build-torture ## the same at every boundary
	tests/torture/torture.sh --all $(T)

test-vm: all ## tests inside virtual machines, as root: cgroup v2, loss of power, reboot; T=power for one
	tests/run-vm $(T)

test-vm-all: all ## the same, and what takes long
	tests/run-vm --all $(T)

test: ## install what is missing, build, run everything, count
	tools/test

fuzz: ## libFuzzer on every reader of foreign bytes, a minute each; T=undo-log for one, TIME=300
	tests/fuzz/fuzz --time $(TIME) $(T)

install: ## build for PREFIX (/usr/local) and install there, below DESTDIR if it is set
	test -f $(B_INSTALL)/build.ninja || meson setup $(B_INSTALL) -Dtests=false -Dwerror=false
	meson configure $(B_INSTALL) -Dprefix=$(PREFIX)
	ninja -C $(B_INSTALL)
	DESTDIR=$(DESTDIR) meson install -C $(B_INSTALL) --no-rebuild
	@test -n "$(DESTDIR)" || test ! -d /run/systemd/system || \
		echo "Have it undo what died with the machine: systemctl enable squall-undo.service"

uninstall: ## remove what was installed so; what squall may have left is put back first
	DESTDIR=$(DESTDIR) tools/uninstall $(B_INSTALL) $(PREFIX)

deb: ## the Debian package of what is committed, in build-deb/, checked with lintian
	tools/deb

test-packaging: deb ## installs, upgrades, removes it with and without the package, as root; a few minutes
	tests/packaging/install.sh
	tests/packaging/deb.sh build-deb/squall_*_*.deb

demo: ## three experiments on a real nginx, under two minutes
	tools/demo

bench: all ## what it costs and how exact it is, measured on this machine
	bench/run

lint: all ## clang-format, clang-tidy, gcc's analyzer, cppcheck, shellcheck, tiers, names
	tools/lint

fmt: ## clang-format everything in place
	git ls-files '*.c' '*.h' | xargs clang-format -i

san: ## the developer build: address and undefined-behaviour sanitizers, tests run in build-san/
	test -f build-san/build.ninja || CC=clang meson setup build-san -Db_sanitize=address,undefined -Db_lundef=false
	ninja -C build-san
	meson test -C build-san --no-rebuild --no-suite root --print-errorlogs -t 4

release: build-release ## optimized, by gcc and by clang, no warnings; no tests
	test -f build-release-clang/build.ninja || CC=clang meson setup build-release-clang --buildtype=release -Dtests=false
	ninja -C build-release-clang

arm64: $(B)/build.ninja ## compile every source for arm64, with clang; nothing is linked
	tools/arm64

clang: ## build with clang and run the tests in build-clang/
	test -f build-clang/build.ninja || CC=clang meson setup build-clang
	ninja -C build-clang
	meson test -C build-clang --no-rebuild --no-suite root --print-errorlogs

deps: ## install the packages that building and testing need (root)
	tools/install-deps build test

clean: ## remove the build folders
	rm -rf build build-san build-clang build-torture build-analyzer build-release build-release-clang build-vm build-fuzz build-install build-packaging

$(B)/build.ninja:
	meson setup $(B)

build-release: FORCE
	test -f build-release/build.ninja || meson setup build-release --buildtype=release -Dtests=false
	ninja -C build-release

build-torture: FORCE
	test -f build-torture/build.ninja || meson setup build-torture -Dtorture=true -Dtests=false -Dman=disabled
	ninja -C build-torture

FORCE:
.PHONY: help all check check-root check-editor torture torture-all test-vm test-vm-all test demo bench lint fmt san release arm64 clang fuzz install uninstall deb test-packaging deps clean FORCE
