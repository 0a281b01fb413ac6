#!/usr/bin/env python3
"""Whether the folds that a job wrote keep apart what they should.

Usage: check_folds.py JOB SOURCE.csv[.gz] group|time COLUMN [STANDARDIZED]

Reads, for each run of the job, the fold files that its workers trained on and were scored on, and
the column of the source, of which every row is an example. Runs of a nested search must also stay
within the training examples of their outer split. With STANDARDIZED, a column that the spec
standardizes, the mean that each run's transforms subtract must be that of its training examples.
Says what it saw, or fails.
"""

import array
import csv
import gzip
import json
import pathlib
import re
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


def fold_directories(job):
    directories = {}
    for path in sorted(pathlib.Path(job).glob("runs/*/job.json")):
        run = json.loads(json.loads(path.read_text())["run"])["run"]
        directories[path.parent.name] = pathlib.Path(run["dataset"])
    return directories


def folds_of(job):
    """By run: the examples that it trains on and those that it is scored on."""
    return {name: (examples_in(fold / "train.u32"), examples_in(fold / "validation.u32"))
            for name, fold in fold_directories(job).items()}


def check_groups(name, values, training, validation):
    both = {values[i] for i in training} & {values[i] for i in validation}
    assert not both, f"{name}: {len(both)} groups on both sides, such as {min(both)}"


def check_times(name, values, training, validation):
    last = max(values[i] for i in training)
    first = min(values[i] for i in validation)
    assert last < first, f"{name}: trains on {last}, and is scored from {first} on"


def check_inside(name, outer, training, validation):
    beyond = (set(training) | set(validation)) - set(outer)
    assert not beyond, f"{name}: {len(beyond)} examples that its outer split holds out, or leaves out"


def check_mean(name, fold, column, values, training):
    columns = json.loads((fold / "transforms.json").read_text())["columns"]
    kind, seen, _ = next(c for c in columns if c["name"] == column)["steps"][0]
    mean = sum(float(values[i]) for i in training) / len(training)
    assert kind == "shift_divide" and abs(seen - mean) < 1e-9, f"{name}: mean {seen}, not {mean}"


def main():
    job, source, kind, column = sys.argv[1:5]
    standardized = sys.argv[5] if len(sys.argv) > 5 else None
    values = column_of(source, column)
    folds = folds_of(job)
    assert len(folds) > 1, f"{job}: expected a run for each fold, saw {len(folds)}"
    check = {"group": check_groups, "time": check_times}[kind]
    outer = {name.split("-", 1)[1]: training for name, (training, _) in folds.items()
             if name.startswith("c")}
    inner = [name for name in folds if re.match(r"r\d+-f\d+-c", name)]
    for name, (training, validation) in folds.items():
        assert training and validation, f"{name}: an empty side"
        assert training[-1] < len(values) and validation[-1] < len(values), name
        assert not set(training) & set(validation), f"{name}: an example on both sides"
        check(name, values, training, validation)
        if name in inner:
            check_inside(name, outer[re.match(r"r\d+-f\d+", name)[0]], training, validation)
    if standardized:
        cells = column_of(source, standardized)
        for name, fold in fold_directories(job).items():
            check_mean(name, fold, standardized, cells, folds[name][0])
    held_out = [i for name, (_, validation) in folds.items() if name.startswith("c000-")
                for i in validation]
    if kind == "group":
        assert sorted(held_out) == list(range(len(values))), "not every example was held out once"
    print(f"ok: {len(folds)} folds of {len(values)} examples, apart by {column}, "
          f"{len(inner)} of them inner ones")


if __name__ == "__main__":
    main()
