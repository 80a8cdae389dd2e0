# Everything a newcomer needs: `make imdb` and `make test` set up what they use by themselves.
#
#   make imdb    classify the sample reviews on the simulated RTL; DEVICE=/dev/ttyUSB0 does so on a board there, PRESET
#                names its configuration, BAUD its rate, FLASH the image in its flash, MODEL a quantized model
#   make test    the tests, or those in TESTS; EXTRAS=test,board,fpga,model also those that need further packages
#   make sim     the whole RTL verification: blocks, conformance, emitted Verilog
#   make lint    ruff and mypy
#   make model   train, merge and quantize the default checkpoint again (needs SYSTOLM_DATA)
#   make bench   measure utilization, traffic, area and speed, and write what docs/ say of it; BENCH=gemm measures a
#                part, BENCH=area UNIT=post shows what a block of the chip takes
#   make bitstream BOARD=ulx3s_45f
#                bitstream of a board, in build/boards
#   make docs    write the generated pages of the documentation, and generated parts of others, again

PYTHON ?= python3
EXTRAS ?= test
BOARDS := icebreaker ulx3s_12f ulx3s_25f ulx3s_45f ulx3s_85f
JOBS ?= $(shell getconf _NPROCESSORS_ONLN)
VENV := .venv
RUN := $(VENV)/bin/python

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help imdb test sim lint model bench bitstream docs clean

help:
	@sed -n 's/^#   //p' Makefile

# One stamp for each set of extras; a changed pin or dependency installs again.
comma := ,
RUN_STAMP := $(VENV)/installed-run
BOARD_STAMP := $(VENV)/installed-board
TEST_STAMP := $(VENV)/installed-$(subst $(comma),-,$(EXTRAS))
MODEL_STAMP := $(VENV)/installed-model
BENCH_STAMP := $(VENV)/installed-bench-fpga
FPGA_STAMP := $(VENV)/installed-fpga

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "SystoLM needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "Python's venv module is missing; on Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

define install
	@echo "Installing the pinned dependencies ($(1)); this happens once"
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.$(2)' \
	  || { echo "pip could not install the dependencies; see its message above" >&2; exit 1; }
	@touch $@
endef

$(RUN_STAMP): pyproject.toml constraints.txt | $(VENV)/bin/python
	$(call install,to run,)

$(VENV)/installed-%: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(call install,$*,[$(subst -,$(comma),$*)])

imdb: $(if $(DEVICE),$(BOARD_STAMP),$(RUN_STAMP))
	@$(RUN) -m sw classify --json build/imdb.json \
	  $(if $(DEVICE),--device $(DEVICE)) $(if $(BAUD),--baud $(BAUD)) $(if $(PRESET),--preset $(PRESET)) \
	  $(if $(FLASH),--flash-image $(FLASH)) $(if $(MODEL),--model $(MODEL),--max-length 128)

test: $(TEST_STAMP)
	@$(RUN) -m pytest -n $(JOBS) --dist worksteal $(TESTS)

sim: $(TEST_STAMP)
	@$(RUN) -m pytest -n $(JOBS) --dist worksteal -m "long or not long" \
	  tests/hw tests/conformance tests/verilog

lint: $(TEST_STAMP)
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

model: $(MODEL_STAMP)
	@$(RUN) -m sw.training

bench: $(BENCH_STAMP)
	@$(RUN) -m bench $(BENCH) $(if $(UNIT),--unit $(UNIT))

bitstream: $(if $(filter $(BOARDS),$(BOARD)),$(FPGA_STAMP))
	$(if $(filter $(BOARDS),$(BOARD)),,$(error make bitstream needs BOARD=NAME, one of: $(BOARDS)))
	@$(RUN) -m gen --board '$(BOARD)' --build

docs: $(RUN_STAMP)
	@$(RUN) -m bench.pages

clean:
	rm -rf build $(VENV)
