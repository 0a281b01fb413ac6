#!/usr/bin/env python3
"""Cross-validation and a search beside scikit-learn, on the same folds, in turn.

Usage: bench/search_sklearn.py [--rounds N] [BALLAST]     (default 3, build/release/ballast)

Digits: softmax regression on five stratified folds, each fold's accuracy beside LogisticRegression's.
Adult: logistic regression, twelve penalties on five stratified folds: each fold's ROC-AUC, and the
wall time of `ballast search --threads 4`, for two cores (cold cache, with its report and predictions,
without the refit) beside GridSearchCV(n_jobs=2) over a pipeline that fits the same transforms in each
fold.
"""

import argparse
import csv
import gzip
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy

os.environ["PYTHONWARNINGS"] = "ignore"  # Quantiles that coincide make fewer bins, as with us.
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, KBinsDiscretizer, OneHotEncoder, StandardScaler

ROOT = pathlib.Path(__file__).resolve().parent.parent
PENALTIES = ["1.0e-7", "3.0e-7", "1.0e-6", "3.0e-6", "1.0e-5", "2.0e-5",
             "4.0e-5", "7.0e-5", "1.0e-4", "2.0e-4", "4.0e-4", "1.0e-3"]
NUMBERS = [0, 2, 4, 10, 11, 12]
GAINS = [1, 1500, 2500, 3500, 5000, 7000, 10000, 15000]


def run(command, cache):
    environment = dict(os.environ, BALLAST_CACHE=cache)
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return time.monotonic() - began


def folds_of(output):
    """(training, validation) examples of each fold, as Ballast dealt them."""
    held_out = {}
    with open(f"{output}/predictions.csv", newline="") as source:
        for row in csv.DictReader(source):
            held_out.setdefault(int(row["fold"]), []).append(int(row["example"]))
    examples = numpy.arange(sum(len(fold) for fold in held_out.values()))
    return [(numpy.setdiff1d(examples, fold), numpy.array(fold))
            for _, fold in sorted(held_out.items())]


def scores_of(output, metric):
    """By configuration, the scores of its folds."""
    scores = {}
    with open(f"{output}/results.csv", newline="") as source:
        for row in csv.DictReader(source):
            scores.setdefault(int(row["configuration"]), []).append(float(row[metric]))
    return numpy.array([scores[c] for c in sorted(scores)])


def compare(name, ours, theirs):
    worst = 100 * numpy.max(numpy.abs(ours - theirs))
    means = 100 * (ours.mean() - theirs.mean())
    print(f"{name}: mean {ours.mean():.4f}, scikit-learn {theirs.mean():.4f}: "
          f"{means:+.2f} points apart, no fold by more than {worst:.2f}")
    return abs(means) <= 0.3 and worst <= 1.0


def digits(ballast, directory):
    output = f"{directory}/digits"
    spec = str(ROOT / "examples" / "digits" / "cv.yaml")
    run([ballast, "cv", spec, "--out", output, "--threads", "2"], f"{directory}/cache")
    rows = []
    for name in ("train", "test"):
        with open(ROOT / "examples" / "digits" / f"digits.{name}.csv", newline="") as source:
            rows += list(csv.DictReader(source))
    labels = numpy.array([int(row["digit"]) for row in rows])
    pixels = numpy.array([[float(v) for k, v in row.items() if k != "digit"] for row in rows]) / 16
    ours = scores_of(output, "accuracy")[0]
    theirs = []
    for train, held_out in folds_of(output):
        # The mean loss with 1e-4 / 2 times the squared weights, as the spec has it.
        model = LogisticRegression(C=1 / (1e-4 * len(train)), max_iter=5000)
        model.fit(pixels[train], labels[train])
        theirs.append(model.score(pixels[held_out], labels[held_out]))
    return compare("digits, accuracy", ours, numpy.array(theirs))


def census():
    rows = []
    with gzip.open(ROOT / "examples" / "adult" / "data" / "adult.data.gz", "rt") as source:
        for line in source:
            cells = [cell.strip() for cell in line.strip().split(",")]
            if len(cells) == 15:
                rows.append(tuple("unknown" if cell == "?" else cell for cell in cells))
    rows = list(dict.fromkeys(rows))  # Of equal ones the first.
    table = numpy.array(rows, dtype=object)
    for column in NUMBERS:
        table[:, column] = table[:, column].astype(float)
    return table[:, :14], (table[:, 14] == ">50K").astype(int)


def gains(values):
    return numpy.digitize(values.astype(float), GAINS)


def pipeline():
    categories = [column for column in range(14) if column not in NUMBERS]
    bins = KBinsDiscretizer(n_bins=10, encode="onehot", strategy="quantile", subsample=None)
    boundaries = Pipeline([("cut", FunctionTransformer(gains)),
                           ("code", OneHotEncoder(handle_unknown="ignore"))])
    features = ColumnTransformer([
        ("categories", OneHotEncoder(handle_unknown="ignore"), categories),
        ("weight", StandardScaler(), [2]),
        ("bins", bins, [0, 4, 12]),
        ("gains", boundaries, [10, 11])])
    return Pipeline([("features", features),
                     ("model", LogisticRegression(max_iter=1000))])


def adult(ballast, directory, rounds):
    spec = str(ROOT / "examples" / "adult" / "search.yaml")
    output = f"{directory}/adult"
    command = [ballast, "search", spec, "--out", output, "--threads", "4", "--overwrite",
               "--set", "optimizer.learning_rate=0.03", "--set", "search.refit=false",
               "--set", "search.parameters={optimizer.l2: [" + ", ".join(PENALTIES) + "]}"]
    table, labels = census()
    seconds = {"ballast": [], "scikit-learn": []}
    for number in range(rounds):
        seconds["ballast"].append(run(command, f"{directory}/cache-{number}"))
        folds = folds_of(output)
        examples = len(folds[0][0])
        search = GridSearchCV(
            pipeline(), {"model__C": [1 / (float(p) * examples) for p in PENALTIES]},
            scoring="roc_auc", cv=folds, n_jobs=2, refit=False)
        began = time.monotonic()
        search.fit(table, labels)
        seconds["scikit-learn"].append(time.monotonic() - began)
        print(f"round {number + 1}: ballast {seconds['ballast'][-1]:.1f} s, "
              f"GridSearchCV {seconds['scikit-learn'][-1]:.1f} s", flush=True)
    theirs = numpy.array([search.cv_results_[f"split{fold}_test_score"] for fold in range(5)]).T
    good = compare("adult, ROC-AUC", scores_of(output, "roc_auc"), theirs)
    mine, other = (statistics.median(seconds[who]) for who in ("ballast", "scikit-learn"))
    print(f"5 folds x 12 configurations: {mine:.1f} s, GridSearchCV {other:.1f} s "
          f"(medians of {rounds}): {mine / other:.2f} times its time")
    return good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("ballast", nargs="?", default=str(ROOT / "build" / "release" / "ballast"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        good = digits(options.ballast, directory)
        good = adult(options.ballast, directory, options.rounds) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
