#!/usr/bin/env python3
"""Scores on time-ordered and grouped folds beside scikit-learn's, on the same folds.

Usage: bench/folds_sklearn.py [BALLAST]     (default build/release/ballast)

Runs `ballast cv` on the examples bike-sharing and movielens, as they are and with a linear model,
reads the folds from the files that its workers read, and trains scikit-learn's Ridge and
MLPRegressor of the same layers on the same features there. Needs their data: ./dev data NAME.
"""

import csv
import gzip
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
from check_folds import folds_of  # noqa: E402

GENRES = ("unknown action adventure animation children comedy crime documentary drama fantasy "
          "film_noir horror musical mystery romance sci_fi thriller war western").split()


def one_hot():
    return OneHotEncoder(handle_unknown="ignore")


EXAMPLES = {
    "bike-sharing": {
        "source": "hour.csv.gz",
        "label": "cnt",
        "columns": [
            (one_hot, ["season", "mnth", "hr", "weekday", "weathersit"]),
            (StandardScaler, ["temp", "atemp", "hum", "windspeed"]),
            (lambda: "passthrough", ["yr", "holiday", "workingday"]),
        ],
        "linear": ["--set", "model=linear", "--set", "optimizer.learning_rate=0.3",
                   "--set", "optimizer.l2=0"],
        "penalty": 1.0,
        "layers": MLPRegressor(hidden_layer_sizes=(64, 32), batch_size=128, learning_rate_init=0.01,
                               max_iter=40, n_iter_no_change=40, random_state=1),
    },
    "movielens": {
        "source": "ratings.csv.gz",
        "label": "rating",
        "columns": [
            (one_hot, ["item", "gender", "occupation"]),
            (lambda: make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
             ["age", "year"]),
            (lambda: "passthrough", GENRES),
        ],
        "linear": ["--set", "model={layers: [{embedding: 1}, {dense: 1}], "
                            "loss: mean_squared_error}",
                   "--set", "optimizer.learning_rate=0.01"],
        "penalty": 5.0,
        "layers": MLPRegressor(hidden_layer_sizes=(8, 32), batch_size=512,
                               learning_rate_init=0.002, max_iter=8, n_iter_no_change=8,
                               random_state=1),
    },
}


def rows_of(path):
    with gzip.open(path, "rt", newline="") as source:
        rows = list(csv.reader(source))
    return rows[0], rows[1:]


def features_of(names, rows, columns):
    """What a ColumnTransformer takes: texts for one-hot columns, numbers for the others."""
    made = []
    for make, wanted in columns:
        for name in wanted:
            cells = [row[names.index(name)] for row in rows]
            made.append(cells if make is one_hot
                        else [float(cell) if cell else float("nan") for cell in cells])
    table = numpy.array(made, dtype=object).T
    at, parts = 0, []
    for i, (make, wanted) in enumerate(columns):
        parts.append((str(i), make(), list(range(at, at + len(wanted)))))
        at += len(wanted)
    return table, parts


def rmse(model, parts, table, labels, fold):
    training, validation = (numpy.array(side) for side in fold)
    # Fitted on the training examples alone, as with us.
    pipeline = make_pipeline(ColumnTransformer(parts), model)
    pipeline.fit(table[training], labels[training])
    error = pipeline.predict(table[validation]) - labels[validation]
    return float(numpy.sqrt(numpy.mean(error ** 2)))


def ballast(binary, name, output, arguments):
    subprocess.run([binary, "cv", f"examples/{name}/cv.yaml", "--out", output, "--threads", "2",
                    *arguments], check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    with open(f"{output}/results.csv", newline="") as source:
        return {f"c000-r{row['repeat']}-f{row['fold']}": float(row["rmse"])
                for row in csv.DictReader(source)}


def line(what, scores):
    cells = " | ".join(f"{score:.4g}" for score in scores)
    print(f"| {what} | {cells} | {numpy.mean(scores):.4g} |", flush=True)


def compare(binary, name, example, scratch):
    names, rows = rows_of(ROOT / "examples" / name / "data" / example["source"])
    table, parts = features_of(names, rows, example["columns"])
    labels = numpy.array([float(row[names.index(example["label"])]) for row in rows])
    ours = ballast(binary, name, f"{scratch}/{name}", [])
    linear = ballast(binary, name, f"{scratch}/{name}-linear", example["linear"])
    folds = folds_of(f"{scratch}/{name}")
    assert folds == folds_of(f"{scratch}/{name}-linear") and sorted(folds) == sorted(ours)
    print(f"\n| {name}, RMSE | " + " | ".join(f"fold {i}" for i in range(len(folds))) + " | mean |")
    print("| --- " * (len(folds) + 2) + "|")
    line("Ballast, the layers of cv.yaml", [ours[run] for run in folds])
    line("Ballast, linear", [linear[run] for run in folds])
    peers = (("MLPRegressor", example["layers"]), ("Ridge", Ridge(alpha=example["penalty"])),
             ("the mean of the training examples", DummyRegressor()))
    for what, model in peers:
        line(what, [rmse(model, parts, table, labels, folds[run]) for run in folds])


def main():
    binary = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/release/ballast")
    with tempfile.TemporaryDirectory() as scratch:
        for name, example in EXAMPLES.items():
            compare(binary, name, example, scratch)


if __name__ == "__main__":
    main()
