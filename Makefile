# make        set up .venv: what runs on a robot, ROS messages, this package
# make demo   real ROS nodes under a live SLA; leaves out/demo/
# make train  add PyTorch to .venv: training, export, networks that are not ONNX files
# make test   add that and the tools of development; lint, types, tests
# make bench  everything that is said of speed, in one table; about 30 minutes on a quiet machine
# make torture   programs that try to break it, about 10 minutes
#
# ROS_WHEELS=kilted takes those wheels in place of Jazzy's; a sourced ROS distribution is used
# in place of any wheels. PYTHON names the interpreter that .venv is made with.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := setup

PYTHON ?= python3
ROS_WHEELS ?= jazzy
ROS := $(if $(AMENT_PREFIX_PATH),sourced,$(ROS_WHEELS))
UV_VERSION := 0.13.9

VENV := .venv
BIN := $(VENV)/bin
# One environment, made once for a kind of ROS and then added to: a stamp for each thing in it. What is
# pinned anew is installed over what was there.
ENVIRONMENT := $(VENV)/.environment-$(ROS)
DEPENDENCIES := $(VENV)/.dependencies-$(ROS)
PACKAGE := $(VENV)/.package-$(ROS)
TRAINING := $(VENV)/.training-$(ROS)
TOOLS := $(VENV)/.tools-$(ROS)

KERNEL_REQUIREMENTS := $(if $(filter sourced,$(ROS)),requirements/kernel.txt,requirements/pinned.txt)
REQUIREMENTS := $(KERNEL_REQUIREMENTS) requirements/ros-$(ROS).txt requirements/build.txt \
	requirements/openvino.txt
TRAIN_REQUIREMENTS := requirements/train.txt
TOOL_REQUIREMENTS := requirements/development.txt
ALONE := requirements/without_dependencies.txt
SOURCES := $(shell find approx_perception config msg cmake -type f -not -name '*.pyc') \
	CMakeLists.txt setup.py setup.cfg pyproject.toml package.xml

# uv where it can be had (it links files in place of copying them), else pip. Bytecode is made now, as pip
# does: else every process that may not write it compiles all anew, for seconds.
INSTALL = $$(if [ -x $(BIN)/uv ]; then echo "$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python"; \
	else echo "$(BIN)/python -m pip install --quiet"; fi)

# Beside a distribution its own libraries are found, but not those of .venv.
ifeq ($(ROS),sourced)
export LD_LIBRARY_PATH := $(abspath $(VENV))/lib:$(LD_LIBRARY_PATH)
endif

.PHONY: setup demo train test lint types unit bench torture clean

setup: $(PACKAGE)

train: $(TRAINING)

# The pinned versions are for these.
OLDEST_PYTHON := $(if $(filter sourced,$(ROS)),3.10,3.11)

$(ENVIRONMENT):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < tuple(map(int, "$(OLDEST_PYTHON)".split("."))))' \
		|| { echo "error: $(PYTHON) is older than Python $(OLDEST_PYTHON) or missing; name another with PYTHON=" >&2; exit 1; }
	@command -v c++ >/dev/null || command -v g++ >/dev/null \
		|| { echo "error: no C++ compiler (c++ or g++); the ROS messages need one" >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version) and ROS: $(ROS)"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(if $(filter sourced,$(ROS)),--system-site-packages) $(VENV)
	@$(BIN)/python -m pip install --quiet uv==$(UV_VERSION) || echo "No uv here: going on with pip."
	@touch $@

$(DEPENDENCIES): $(ENVIRONMENT) $(REQUIREMENTS) $(ALONE)
	@echo "Installing what runs on a robot into $(VENV)"
	@$(INSTALL) $(addprefix -r ,$(REQUIREMENTS))
	@$(INSTALL) --no-deps -r $(ALONE)
	@touch $@

# Together with what is there, so that no version of it changes. After the package: one installer at a time.
$(TRAINING): $(DEPENDENCIES) $(TRAIN_REQUIREMENTS) | $(PACKAGE)
	@echo "Adding PyTorch to $(VENV)"
	@$(INSTALL) $(addprefix -r ,$(REQUIREMENTS) $(TRAIN_REQUIREMENTS))
	@touch $@

$(TOOLS): $(TRAINING) $(TOOL_REQUIREMENTS)
	@echo "Adding the tools of development to $(VENV)"
	@$(INSTALL) $(addprefix -r ,$(REQUIREMENTS) $(TRAIN_REQUIREMENTS) $(TOOL_REQUIREMENTS))
	@touch $@

$(PACKAGE): $(DEPENDENCIES) $(SOURCES)
	@echo "Installing approx_perception into $(VENV), messages included"
	@rm -rf build/lib* build/bdist*
	@$(INSTALL) --no-deps --no-build-isolation --force-reinstall .
	@touch $@

# What the demonstration shows; for example SOURCE=video.mp4 DETECTOR=yolox WEIGHTS=model.onnx,
# or TASK=classification
TASK ?= detection
CLASSIFIES = $(filter classification,$(TASK))
SOURCE ?= $(if $(CLASSIFIES),synthetic:object_mixed,synthetic:mixed)
DETECTOR ?= faster_rcnn
WEIGHTS ?=
SECONDS_ = $(if $(filter environment command,$(origin SECONDS)),$(SECONDS),45)

demo: $(PACKAGE)
	$(BIN)/approx-perception demo "$(SOURCE)" --task "$(TASK)" --weights "$(WEIGHTS)" \
		$(if $(CLASSIFIES),,--detector "$(DETECTOR)") --seconds $(SECONDS_) --out out/demo --overwrite

test: lint types unit

lint: $(PACKAGE) $(TOOLS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(PACKAGE) $(TOOLS)
	$(BIN)/mypy

# What measures the machine runs with nothing beside it; the rest three files at a time, for nodes are
# waited for, and each has a domain of its own. Slow files come first, see test/conftest.py.
UNDISTURBED := test/load test/profiling
TEST_PROCESSES ?= 3

unit: $(PACKAGE) $(TOOLS)
	$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder \
		$(addprefix --ignore=,$(UNDISTURBED))
	$(BIN)/python -m pytest $(UNDISTURBED)

# DETECTOR and WEIGHTS name another network than the one that ships, BENCH_OPTIONS=--quick a short run.
bench: $(PACKAGE) $(TRAINING)
	$(BIN)/python benchmarks/bench --detector "$(DETECTOR)" --weights "$(WEIGHTS)" --out out/bench $(BENCH_OPTIONS)

# Programs that try to break the package, in about 10 minutes; the figures go into docs/reliability.md.
torture: $(PACKAGE) $(TOOLS)
	$(BIN)/python -m test.torture --page docs/reliability.md

clean:
	rm -rf $(VENV) build out
