#!/usr/bin/env python3
"""Writes examples/digits/*.csv from the handwritten digits inside the scikit-learn package.

    python3 scripts/make_digits.py [DIRECTORY]      needs `pip install scikit-learn`, no network

1,797 images of 8 x 8 pixels, each 0 (white) to 16 (black), in the package's order:

    digits.csv        all of them
    digits.test.csv   every fifth image of each digit (the 5th, 10th, ... in that order)
    digits.train.csv  the others

The split is a function of the order alone, so the files come out the same on every machine.
"""

import pathlib
import sys

from sklearn.datasets import load_digits

SIDE = 8
TEST_EVERY = 5


def rows():
    """The header, then (digit, line) for each image."""
    bunch = load_digits()
    for pixels, digit in zip(bunch.data, bunch.target):
        values = [int(value) for value in pixels]
        if len(values) != SIDE * SIDE or not all(0 <= value <= 16 for value in values):
            raise SystemExit(f"expected 64 pixels from 0 to 16, saw {values}")
        yield int(digit), ",".join(map(str, [*values, int(digit)]))


def write(path, lines):
    header = [f"pixel_{row}_{column}" for row in range(SIDE) for column in range(SIDE)]
    with open(path, "w", encoding="ascii", newline="\n") as file:
        file.write(",".join([*header, "digit"]) + "\n")
        file.writelines(line + "\n" for line in lines)
    print(f"{path}: {len(lines)} images")


def main():
    default = pathlib.Path(__file__).resolve().parent.parent / "examples" / "digits"
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    everything, train, test = [], [], []
    seen = [0] * 10
    for digit, line in rows():
        seen[digit] += 1
        everything.append(line)
        (test if seen[digit] % TEST_EVERY == 0 else train).append(line)
    write(folder / "digits.csv", everything)
    write(folder / "digits.train.csv", train)
    write(folder / "digits.test.csv", test)


if __name__ == "__main__":
    main()
