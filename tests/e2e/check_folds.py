#!/usr/bin/env python3
"""Whether the folds that a job wrote keep apart what they should.

Usage: check_folds.py JOB SOURCE.csv[.gz] group|time COLUMN

Reads, for each run of the job, the fold files that its workers trained on and were scored on, and
the column of the source, of which every row is an example. Says what it saw, or fails.
"""

import array
import csv
import gzip
import json
import pathlib
import sys


def column_of(source, name):
    opened = gzip.open if source.endswith(".gz") else open
    with opened(source, "rt", newline="") as rows:
        return [row[name] for row in csv.DictReader(rows)]


def examples_in(path):
    numbers = array.array("I")
    numbers.frombytes(path.read_bytes())
    assert numbers.itemsize == 4 and list(numbers) == sorted(set(numbers)), path
    return numbers


def folds_of(job):
    """By run: the examples that it trains on and those that it is scored on."""
    folds = {}
    for path in sorted(pathlib.Path(job).glob("runs/*/job.json")):
        run = json.loads(json.loads(path.read_text())["run"])["run"]
        fold = pathlib.Path(run["dataset"])
        folds[path.parent.name] = (examples_in(fold / "train.u32"),
                                   examples_in(fold / "validation.u32"))
    return folds


def check_groups(name, values, training, validation):
    both = {values[i] for i in training} & {values[i] for i in validation}
    assert not both, f"{name}: {len(both)} groups on both sides, such as {min(both)}"


def check_times(name, values, training, validation):
    last = max(values[i] for i in training)
    first = min(values[i] for i in validation)
    assert last < first, f"{name}: trains on {last}, and is scored from {first} on"


def main():
    job, source, kind, column = sys.argv[1:]
    values = column_of(source, column)
    folds = folds_of(job)
    assert len(folds) > 1, f"{job}: expected a run for each fold, saw {len(folds)}"
    check = {"group": check_groups, "time": check_times}[kind]
    for name, (training, validation) in folds.items():
        assert training and validation, f"{name}: an empty side"
        assert training[-1] < len(values) and validation[-1] < len(values), name
        assert not set(training) & set(validation), f"{name}: an example on both sides"
        check(name, values, training, validation)
    held_out = [i for _, validation in folds.values() for i in validation]
    if kind == "group":
        assert sorted(held_out) == list(range(len(values))), "not every example was held out once"
    print(f"ok: {len(folds)} folds of {len(values)} examples, apart by {column}")


if __name__ == "__main__":
    main()
