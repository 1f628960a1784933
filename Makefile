# SPDX-License-Identifier: GPL-2.0
#
# Verbs only; every step is a script of its own in scripts/.  `make help` lists
# the verbs and the variables.

VARIABLES := O BASE KDIR REV MERGE KCONFIG SERIES CONFIG STOCK KUNIT FILTER SEED DURATION THREADS \
	TIMEOUT ACCEL SMP MEMORY SOAK HOSTS WAIT V C W ARCH LLVM FS
export $(VARIABLES)
# make has a CC of its own; only one that was asked for counts.
ifneq ($(origin CC),default)
export CC
endif

# make would ignore a misspelt variable, and it takes a directory for a verb with nothing to do.
# A make above this one may have given its own variables to all that it runs.
UNKNOWN := $(filter-out $(shell sed -n -E 's/^([a-z -]+):[ \t]*\#\#.*/\1/p' $(firstword $(MAKEFILE_LIST))),$(MAKECMDGOALS))
ifneq ($(UNKNOWN),)
$(error make $(UNKNOWN): there is no such verb; `make help` lists them)
endif
ifeq ($(MAKELEVEL),0)
UNKNOWN := $(filter-out $(VARIABLES) CC SRC OUT BOTH WITH URL XFSTESTS LTP GROUP GUESTS,$(foreach name,$(.VARIABLES),$(if \
	$(filter command,$(origin $(name))),$(name))))
ifneq ($(UNKNOWN),)
$(error $(UNKNOWN): there is no such variable; `make help` lists them)
endif
endif

# Of a verb with a kernel of its own.  What calls make may have plain from where it was called.
own_config = $(if $(filter-out plain $(1),$(CONFIG)),$(error \
	CONFIG=$(CONFIG): make $@ has a kernel of its own, CONFIG=$(1); leave CONFIG away))

# Each verb has O= for itself; -j is for what it builds.
.NOTPARALLEL:

.PHONY: all
all:	## from nothing to a verdict: tree, series, kernel, guest, KUnit, selftests
	@scripts/steps/run $@

.PHONY: kunit selftests torture stress suites busted
kunit:	## the KUnit suites
selftests: ## the C++ tests that drive gatefs, FUSE and tmpfs
torture: ## the torture module, for DURATION seconds (60)
stress:	## lookup_stress over five filesystems, for DURATION seconds (60) each
suites:	## kunit and selftests
busted:	## torture that loses wake-ups on purpose, and has to say so
kunit selftests torture stress suites busted:
	@scripts/steps/run $@

.PHONY: list again watch
list:	## all cases, a line each, as FILTER= takes them; builds the programs, boots nothing
	@scripts/everyday/list
again:	## what failed in the last run, and nothing else: same seed, base, series and config
	@scripts/everyday/again
watch:	## the KUnit suites each time that a file of the tree, module/ or kunit/ is saved
	@scripts/everyday/watch

.PHONY: test
test:	## everything that CI runs
	@scripts/check/test

.PHONY: kabi
kabi:	## SERIES=kabi keeps the exported interface: CRCs, and modules of the unpatched kernel
	@scripts/check/kabi

.PHONY: judge
judge:	## what decides every pass and what people see of it, tested without booting anything
	@scripts/steps/deps
	@scripts/steps/tree
	@scripts/selftest/all

.PHONY: mutants
mutants: ## mutation test: the suites must catch each planted bug
	@scripts/check/mutate

.PHONY: scenario matrix stock soak model litmus coverage
scenario: ## KUnit, selftests, torture and stress, as in each line of make matrix
	@scripts/steps/run $@
matrix:	## everything in each scenario of scripts/steps/configs/: other kernels, other CPUs
	@scripts/check/matrix
stock:	## module/ and the selftests on kernels as Debian ships them: scripts/port/stocks/, and DKMS
	@scripts/port/stock
soak:	## torture until SOAK threads have waited; goes on where it was stopped
	@scripts/check/soak
coverage: ## which lines and branches of the series the suites run
	@$(call own_config,coverage)CONFIG=coverage scripts/steps/run coverage
model:	## the protocol in Spin, and its mutants
	@scripts/steps/deps
	@scripts/check/model/run
litmus:	## the orders that it rests on, with the memory model of the tree; needs herd7
	@scripts/steps/deps
	@scripts/steps/tree
	@scripts/check/litmus

.PHONY: filesystems
filesystems: ## NFS, smb, XFS, ext4, FUSE, ... with real servers, in a guest: FS=nfs4,ext4 for some
	@CONFIG=$${CONFIG:-filesystems} scripts/steps/run $@

.PHONY: xfstests ltp kselftest
xfstests: ## XFSTESTS=DIR [GROUP=quick] [FS=ext4,nfs]: your checkout, with and without the series
xfstests: export XFSTESTS := $(XFSTESTS)
ltp:	## LTP=DIR [GROUP=names]: the same with LTP, on ext4
ltp: export LTP := $(LTP)
kselftest: ## [GROUP=filesystems,proc]: the same with the tree's own tools/testing/selftests, on ext4
xfstests ltp kselftest: export GROUP := $(GROUP)
xfstests ltp kselftest: export GUESTS := $(GUESTS)
xfstests ltp kselftest:
	@scripts/check/suite $@

.PHONY: stress-ng
stress-ng: ## its stressors that work on names, verified, for DURATION seconds (5) each
	@scripts/steps/run $@

.PHONY: bench bench-wall report
bench:	## what it costs and saves, in instructions, before and after and in variants
	@scripts/measure/bench
bench-wall: ## wall-clock benchmark: whole workloads on two CPUs, before and after
	@scripts/measure/bench-wall

report:	## one page of what they have measured: report.html and report.md in $O/report
	@bash -c '. scripts/lib/lib.sh; check_variables; scripts/measure/report --base "$${KDIR_ID:-$$BASE}" --results "$$RESULTS" --out "$$O/report"' report

.PHONY: results
results: ## one page of all results that are kept: index.html in $O/results
	@bash -c '. scripts/lib/lib.sh; check_variables; scripts/everyday/results --base "$${KDIR_ID:-$$BASE}" --results "$$RESULTS"' results

.PHONY: audit
audit:	## port the filesystem in SRC to the new calling convention
audit: export SRC := $(SRC)
audit: export OUT := $(OUT)
audit: export BOTH := $(BOTH)
audit:
	@scripts/port/audit

.PHONY: proof
proof:	## all of these, for hours; then the table of the README is written
	@scripts/check/proof

.PHONY: shell gdb doctor
shell:	## a guest to look around in, gatefs loaded; Ctrl-A X ends it
	@scripts/steps/run shell
gdb:	## the same, stopped at its first instruction, with gdb attached
	@$(call own_config,debug-info)CONFIG=debug-info scripts/steps/run gdb
doctor:	## ask the guest that runs now who waits in d_alloc_parallel(), and why
	@scripts/everyday/doctor

.PHONY: lava
lava:	## a job for LAVA that runs the same plan in a lab: job.yaml and its files in $O/lava
lava: export URL := $(URL)
lava:
	@scripts/port/lava

.PHONY: try bisect-step
try:	## KDIR=~/linux [REV=...]: which series fits there; build, boot and run it
	@scripts/port/try
bisect-step: ## KDIR=~/linux: whether that passes; for git bisect run see scripts/bisect-step
	@scripts/bisect-step

.PHONY: build tree reset refresh series each
build:	## build everything, boot nothing
	@scripts/steps/run build
tree:	## the git tree with the series, to work in
	@scripts/steps/tree
reset:	## drop what you changed in that tree
	@scripts/steps/tree reset
refresh: ## write what you committed to that tree back to patches/
	@scripts/check/series refresh
series each: ## the series: checkpatch, refresh changes nothing, each patch builds and boots
	@scripts/check/series each

.PHONY: clean help
clean:	## remove everything that was built (O=); results stay, and the records of soak and proof
	@scripts/everyday/clean
help:	## this text
	@scripts/everyday/help
