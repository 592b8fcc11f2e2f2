# make build        bin/supervisord, one executable, and the names it goes by
# make run          build, then run the example in the foreground
# make test         all tests; the last line counts them. PLUGVISOR_REQUIRE=all
#                   makes a skipped test a failure
# make fuzz         each fuzz target of FUZZ for FUZZTIME
# make check        formatting, vet, staticcheck, generated code, import table
# make generate     write the generated code anew
# make bench        Go benchmarks
# make bench-compare OLD=COMMIT  Go benchmarks of COMMIT and of this tree, in turns,
#                   compared by benchstat; BENCH is a pattern of them, PACKAGES
#                   where they are, COUNT how often each runs
# make bench-peers  ours beside the reference and the floors; ARGS are its flags
# make bench-scale  how costs grow with the work; ARGS are the flags of bench-peers
# make soak         ten minutes under everything that goes wrong; ARGS are its flags
# make clean        remove what was built

GO ?= go
TOOLS := $(CURDIR)/bin/.tools
RACE := ./core/...,./rpcinterface/...,./sdk/...
FUZZ ?= ./core/xmlrpc ./core/httpd ./core/web ./core/config ./core/process ./core/logfile
FUZZTIME ?= 20s
BENCH ?= .
PACKAGES ?= ./...
COUNT ?= 6

.PHONY: build run test fuzz check generate bench bench-compare bench-peers bench-scale soak clean

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o bin/supervisord ./cmd/supervisord
	for name in supervisorctl pidproxy echo_supervisord_conf; do ln -sf supervisord bin/$$name; done

run: build
	exec bin/supervisord -n -c examples/supervisord.conf

test: build
	$(GO) build -o $(TOOLS)/testrun ./internal/testrun
	PLUGVISOR_BIN=$(CURDIR)/bin $(TOOLS)/testrun -race $(RACE) ./...

# Before Go 1.27 the end of the time may count as a failure, with no input that failed
# (go.dev/issue/75804).
fuzz:
	@mkdir -p $(TOOLS) && log=$(TOOLS)/fuzz.log; \
	for package in $$($(GO) list $(FUZZ)); do \
		targets=$$($(GO) test -list '^Fuzz' $$package) || exit 1; \
		for target in $$(echo "$$targets" | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package >$$log 2>&1; status=$$?; cat $$log; \
			test $$status = 0 || { grep -qx '    context deadline exceeded' $$log && ! grep -q 'Failing input' $$log && \
				echo "the time was up, and no input has failed"; } || exit 1; \
		done; \
	done

check: generate
	@files=$$(gofmt -l .); if [ -n "$$files" ]; then echo "gofmt these:"; echo "$$files"; exit 1; fi
	$(GO) vet ./...
	cd tools && $(GO) vet ./...
	cd tools && $(GO) build -o $(TOOLS)/staticcheck honnef.co/go/tools/cmd/staticcheck
	$(TOOLS)/staticcheck ./...
	@changed=$$(git status --porcelain -- rpcinterface/wire/pb sdk/python/plugvisor/protocol.binpb) || exit 1; \
	if [ -n "$$changed" ]; then echo "generated code is not as committed:"; echo "$$changed"; exit 1; fi
	$(GO) test ./internal/archtest

generate:
	cd tools && $(GO) run ./genproto

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...

bench-compare:
	@test -n "$(OLD)" || { echo "usage: make bench-compare OLD=COMMIT [BENCH=PATTERN] [PACKAGES=./core/...] [COUNT=6]"; exit 2; }
	@rm -rf bin/.bench && mkdir -p bin/.bench/result
	@git clone -q --no-checkout . bin/.bench/old && git -C bin/.bench/old checkout -q "$$(git rev-parse $(OLD)^{commit})"
	cd tools && $(GO) build -o $(TOOLS)/benchstat golang.org/x/perf/cmd/benchstat
	@for i in $$(seq $(COUNT)); do \
		echo "round $$i of $(COUNT)"; \
		for side in old new; do \
			dir=.; test $$side = new || dir=bin/.bench/old; \
			(cd $$dir && $(GO) test -run '^$$' -bench '$(BENCH)' -benchmem $(PACKAGES)) >>bin/.bench/result/$$side || exit 1; \
		done; \
	done
	@cd bin/.bench/result && $(TOOLS)/benchstat old new

bench-peers: build
	$(GO) build -o $(TOOLS)/benchpeers ./internal/benchpeers
	$(TOOLS)/benchpeers -supervisord bin/supervisord $(ARGS)

bench-scale: build
	$(GO) build -o $(TOOLS)/benchpeers ./internal/benchpeers
	$(TOOLS)/benchpeers -supervisord bin/supervisord -only scale $(ARGS)

soak:
	$(GO) build -o $(TOOLS)/soak ./internal/soak
	$(TOOLS)/soak $(ARGS)

clean:
	rm -rf bin
