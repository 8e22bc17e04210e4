#!/bin/sh
# Sets MLflow up for `pytest -m mlflow`: an environment of its own in .venv-mlflow, about two minutes.
set -eu
cd "$(dirname "$0")/.."
python3 -m venv .venv-mlflow
.venv-mlflow/bin/pip install --quiet "mlflow>=3.6"
.venv-mlflow/bin/python -c "import importlib.metadata as m; print('MLflow', m.version('mlflow'), 'is in .venv-mlflow')"
