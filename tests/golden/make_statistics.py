#!/usr/bin/env python3
"""Writes statistics.json: what SciPy says about scores of splits.

    python3 -m venv venv && venv/bin/pip install scipy numpy
    venv/bin/python tests/golden/make_statistics.py

The corrected resampled t-test, which SciPy lacks, is written out here from Nadeau and Bengio 2003,
section 5, over SciPy's Student t. With no validation examples it is the plain paired t-test, and
that is checked against scipy.stats.ttest_rel before anything is written.
"""

import json
import math
import pathlib

import numpy as np
from scipy import stats

RANDOM = np.random.default_rng(2025)
CASES = [
    # splits, training, validation, confidence
    (2, 50, 50, 0.95),
    (3, 100, 50, 0.95),
    (5, 800, 200, 0.95),
    (5, 800, 200, 0.99),
    (10, 900, 100, 0.9),
    (30, 900, 100, 0.95),
    (100, 90, 10, 0.5),
]


def interval(values, factor, confidence):
    reach = stats.t.ppf(0.5 + confidence / 2, len(values) - 1) * np.std(values, ddof=1) * math.sqrt(factor)
    return [np.mean(values) - reach, np.mean(values) + reach]


def paired(a, b, factor):
    d = a - b
    t = np.mean(d) / (np.std(d, ddof=1) * math.sqrt(factor))
    return t, 2 * stats.t.sf(abs(t), len(d) - 1)


def main():
    cases = []
    for splits, training, validation, confidence in CASES:
        a = np.round(0.8 + 0.05 * RANDOM.normal(size=splits), 6)
        b = np.round(a - 0.01 + 0.02 * RANDOM.normal(size=splits), 6)
        plain = stats.ttest_rel(a, b)
        assert np.allclose(paired(a, b, 1 / splits), [plain.statistic, plain.pvalue], rtol=1e-12)
        factor = 1 / splits + validation / training
        t, p = paired(a, b, factor)
        plain_interval = stats.t.interval(confidence, splits - 1, np.mean(a), stats.sem(a))
        cases.append(
            {
                "a": list(a),
                "b": list(b),
                "training": training,
                "validation": validation,
                "confidence": confidence,
                "mean": np.mean(a),
                "standard_deviation": np.std(a, ddof=1),
                "interval": list(plain_interval),
                "corrected_interval": interval(a, factor, confidence),
                "difference": np.mean(a - b),
                "t": t,
                "p": p,
            }
        )
    student = [
        {"t": t, "degrees": degrees, "p": stats.t.cdf(t, degrees)}
        for degrees in (1, 2, 4, 9, 29, 99, 1000)
        for t in (-30.0, -3.5, -1.0, 0.0, 0.25, 2.0, 6.0)
    ]
    golden = {"cases": cases, "student": student}
    text = json.dumps(golden, indent=1, default=float)
    pathlib.Path(__file__).with_name("statistics.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
