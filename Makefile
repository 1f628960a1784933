# SPDX-License-Identifier: GPL-2.0
#
# Verbs only; every step is a script of its own in scripts/.  `make help` lists
# the verbs and the variables.

export O BASE KDIR REV MERGE KCONFIG SERIES CONFIG STOCK KUNIT FILTER SEED DURATION THREADS TIMEOUT ACCEL SMP MEMORY SOAK WAIT
export V C W ARCH LLVM FS
# make has a CC of its own; only one that was asked for counts.
ifneq ($(origin CC),default)
export CC
endif

.PHONY: all
all:	## from nothing to a verdict: tree, series, kernel, guest, KUnit, selftests
	@scripts/run $@

.PHONY: kunit selftests torture stress
kunit:	## the KUnit suites
selftests: ## the C++ tests that drive gatefs, FUSE and tmpfs
torture: ## the torture module, for DURATION seconds (60)
stress:	## lookup_stress over four filesystems, for DURATION seconds (60) each
kunit selftests torture stress:
	@scripts/run $@

.PHONY: list again watch
list:	## all cases, a line each, as FILTER= takes them; nothing is booted
	@scripts/list
again:	## what failed in the last run, and nothing else: same seed, base, series and config
	@scripts/again
watch:	## the KUnit suites each time that a file of the tree, module/ or kunit/ is saved
	@scripts/watch

.PHONY: test
test:	## everything that CI runs
	@scripts/test

.PHONY: kabi
kabi:	## SERIES=kabi keeps the exported interface: CRCs, and modules of the unpatched kernel
	@scripts/kabi

.PHONY: judge
judge:	## what decides every pass and what people see of it, tested without booting anything
	@scripts/deps
	@scripts/tree
	@scripts/selftest/all

.PHONY: mutants
mutants: ## mutation test: the suites must catch each planted bug
	@scripts/mutate

.PHONY: scenario matrix stock soak model litmus coverage
scenario: ## KUnit, selftests, torture and stress, as in each line of make matrix
	@scripts/run $@
matrix:	## everything in each scenario of scripts/configs/: other kernels, other CPUs
	@scripts/matrix
stock:	## module/ and the selftests on kernels as Debian ships them: scripts/stocks/, and DKMS
	@scripts/stock
soak:	## torture until SOAK threads have waited; goes on where it was stopped
	@scripts/soak
coverage: ## which lines and branches of the series the suites run
	@CONFIG=coverage scripts/run coverage
model:	## the protocol in Spin, and its mutants
	@scripts/deps
	@model/run
litmus:	## the orders that it rests on, with the memory model of the tree; needs herd7
	@scripts/deps
	@scripts/tree
	@scripts/litmus

.PHONY: filesystems
filesystems: ## NFS, ext4, FUSE, overlayfs with real servers, in a guest: FS=nfs4,ext4 for some
filesystems: export WITH := $(if $(filter undefined,$(origin WITH)),nfs,$(WITH))
filesystems:
	@CONFIG=$${CONFIG:-filesystems} scripts/run $@

.PHONY: bench bench-wall report
bench:	## what it costs and saves, in instructions, before and after and in variants
	@scripts/bench
bench-wall: ## wall-clock benchmark: whole workloads on two CPUs, before and after
	@scripts/bench-wall

report:	## one page of what they have measured: report.html and report.md in $O/report
	@bash -c '. scripts/lib.sh; check_variables; scripts/report --results "$$RESULTS" --out "$$O/report"' report

.PHONY: results
results: ## one page of all results that are kept: index.html in $O/results
	@bash -c '. scripts/lib.sh; check_variables; scripts/results --results "$$RESULTS"' results

.PHONY: audit
audit:	## port the filesystem in SRC to the new calling convention
audit: export SRC := $(SRC)
audit: export OUT := $(OUT)
audit: export BOTH := $(BOTH)
audit:
	@scripts/audit

.PHONY: proof
proof:	## all of these, for hours; then the table of the README is written
	@scripts/proof

.PHONY: shell gdb doctor
shell:	## a guest to look around in, gatefs loaded; Ctrl-A X ends it
	@scripts/run shell
gdb:	## the same, stopped at its first instruction, with gdb attached
	@CONFIG=debug-info scripts/run gdb
doctor:	## ask the guest that runs now who waits in d_alloc_parallel(), and why
	@scripts/doctor

.PHONY: try bisect-step
try:	## KDIR=~/linux [REV=...]: which series fits there; build, boot and run it
	@scripts/try
bisect-step: ## KDIR=~/linux: whether that passes; for git bisect run see scripts/bisect-step
	@scripts/bisect-step

.PHONY: build tree reset refresh series each
build:	## build everything, boot nothing
	@scripts/run build
tree:	## the git tree with the series, to work in
	@scripts/tree
reset:	## drop what you changed in that tree
	@scripts/tree reset
refresh: ## write what you committed to that tree back to patches/
	@scripts/series refresh
series each: ## the series: checkpatch, refresh changes nothing, each patch builds and boots
	@scripts/series each

.PHONY: clean help
clean:	## remove everything that was built (O=), but for results
	@scripts/clean
help:	## this text
	@scripts/help
