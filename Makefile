# make demo    real interactions judged by a real model on this machine, from nothing
# make test    every check: style, types, architecture, tests
#                two at a time (WORKERS=4: four); one test: make test ARGS='-n0 tests/test_demo.py -k word'
# make bench   what the benchmarks measure, on this machine
# make clean   undo the set-up

WORKERS ?= 2

.PHONY: help demo test bench clean

help:
	@sed -n 's/^# //p' Makefile

demo:
	@scripts/setup.sh demo
	@.venv/bin/dikast demo $(ARGS)

test:
	@scripts/setup.sh test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache
	.venv/bin/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations=15 -rs $(ARGS)

bench:
	@scripts/setup.sh test
	@set -e; for name in startup interactions harness embedded review; do \
		echo "== $$name"; .venv/bin/python "benchmarks/$$name.py" $(ARGS); done

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
