#!/usr/bin/env python3
"""Compares a trained a9a model with LIBLINEAR's solution of the same problem.

    minimize  0.5 w'w + C * sum log(1 + exp(-y w'x))        (liblinear-train -s 0 -c 1)

Usage: bench/a9a_liblinear.py RUN_DIR   where RUN_DIR is the output of
       ballast train examples/a9a/logistic.yaml --out RUN_DIR
Needs liblinear-train (Debian: liblinear-tools) and nothing else. Exit code 1 when the objective is
more than 0.1 % above LIBLINEAR's, or the test accuracy more than 0.2 points away.
"""

import gzip
import json
import math
import pathlib
import struct
import subprocess
import sys
import tempfile

DATA = pathlib.Path(__file__).resolve().parent.parent / "examples" / "a9a" / "data"


def read_examples(path):
    examples = []
    with gzip.open(path, "rt") as lines:
        for line in lines:
            label, *pairs = line.split()
            indices = [int(pair.split(":")[0]) - 1 for pair in pairs]
            examples.append((1.0 if float(label) > 0 else -1.0, indices))
    return examples


def ballast_weights(run):
    raw = (pathlib.Path(run) / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    tensors = [entry for name, entry in header.items() if name != "__metadata__"]
    assert len(tensors) == 1, "expected one tensor: a logistic model without bias"
    begin, end = tensors[0]["data_offsets"]
    data = raw[8 + length + begin : 8 + length + end]
    return list(struct.unpack(f"<{len(data) // 4}f", data))


def liblinear_weights(directory):
    train = pathlib.Path(directory) / "a9a"
    model = pathlib.Path(directory) / "model"
    train.write_bytes(gzip.decompress((DATA / "a9a.gz").read_bytes()))
    subprocess.run(
        ["liblinear-train", "-q", "-s", "0", "-c", "1", "-e", "0.00001", str(train), str(model)],
        check=True,
    )
    lines = model.read_text().splitlines()
    labels = next(line for line in lines if line.startswith("label")).split()[1:]
    sign = 1.0 if float(labels[0]) > 0 else -1.0
    return [sign * float(line) for line in lines[lines.index("w") + 1 :]]


def objective(weights, examples):
    loss = math.fsum(
        math.log1p(math.exp(-y * sum(weights[i] for i in x))) for y, x in examples
    )
    return 0.5 * math.fsum(w * w for w in weights) + loss


def accuracy(weights, examples):
    right = sum((sum(weights[i] for i in x) >= 0) == (y > 0) for y, x in examples)
    return 100.0 * right / len(examples)


def main():
    train = read_examples(DATA / "a9a.gz")
    test = read_examples(DATA / "a9a.t.gz")
    with tempfile.TemporaryDirectory() as directory:
        theirs = liblinear_weights(directory)
    theirs += [0.0] * (123 - len(theirs))
    ours = ballast_weights(sys.argv[1])
    rows = [("LIBLINEAR", theirs), ("Ballast", ours)]
    figures = [(objective(w, train), accuracy(w, test)) for _, w in rows]
    for (name, _), (value, percent) in zip(rows, figures):
        print(f"{name:<10} objective {value:.4f}   test accuracy {percent:.3f} %")
    above = 100.0 * (figures[1][0] / figures[0][0] - 1.0)
    apart = abs(figures[1][1] - figures[0][1])
    print(f"objective {above:+.4f} %, accuracy {apart:.3f} points apart")
    return 0 if above <= 0.1 and apart <= 0.2 else 1


if __name__ == "__main__":
    sys.exit(main())
