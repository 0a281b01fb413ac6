#!/usr/bin/env python3
"""Golden vectors for common/math: metrics as scikit-learn computes them, in float64.

Writes metrics.json, which tests/unit/math/metrics_golden_test.cc reads; the tests need no
scikit-learn. Run it again only to add cases:

    python3 -m venv venv && venv/bin/pip install scikit-learn
    venv/bin/python tests/golden/make_metrics.py

Probabilities are multiples of 1/4096 and weights of 1/8, exact in float32, so both sides start from
the same numbers. null: undefined, which Ballast leaves out. Where scikit-learn has no such metric,
or defines another variant, the helper says how the value is made from it.
"""

import json
import math
import pathlib
import warnings

import numpy
import scipy.stats
import sklearn.calibration
import sklearn.metrics as metrics

UNIT = 2.0**-23  # Ballast clips probabilities to a float32 unit.
BINS = 15
draw = numpy.random.default_rng(20240229)
warnings.simplefilter("ignore")  # Undefined cases warn; what they give is what we want to see.


def defined(function, *arguments, **named):
    """The value, or None where scikit-learn refuses or gives NaN."""
    try:
        value = float(function(*arguments, **named))
    except (ValueError, ZeroDivisionError):
        return None
    return None if math.isnan(value) else value


def predicted_classes(y, p, w, classes):
    """What follows from labels and predicted classes; Ballast's names."""
    n = range(classes)
    expected = {
        "accuracy": defined(metrics.accuracy_score, y, p, sample_weight=w),
        "balanced_accuracy": defined(metrics.balanced_accuracy_score, y, p, sample_weight=w),
        "matthews": defined(metrics.matthews_corrcoef, y, p, sample_weight=w),
        "kappa": defined(metrics.cohen_kappa_score, y, p, labels=n, sample_weight=w),
    }
    for average in ["binary", "micro", "macro", "weighted"]:
        if average == "binary" and classes != 2:
            continue
        options = {"average": average, "sample_weight": w, "zero_division": 0}
        if average == "binary":
            options["pos_label"] = 1
            options["labels"] = n
        expected[f"precision_{average}"] = defined(metrics.precision_score, y, p, **options)
        expected[f"recall_{average}"] = defined(metrics.recall_score, y, p, **options)
        for name, beta in [("f0.5", 0.5), ("f1", 1.0), ("f2", 2.0)]:
            expected[f"{name}_{average}"] = defined(metrics.fbeta_score, y, p, beta=beta, **options)
    usual = "binary" if classes == 2 else "macro"
    for name in ["precision", "recall", "f0.5", "f1", "f2"]:
        expected[name] = expected[f"{name}_{usual}"]
    return expected


def normalized_entropy(loss, y, w, classes):
    shares = numpy.bincount(y, weights=w, minlength=classes)
    base = scipy.stats.entropy(shares)
    return None if loss is None or not base > 0 else loss / base


def calibration(y, scores, w):
    """Bins by scikit-learn's calibration_curve, which has no weights: integer ones repeat."""
    if w is not None:
        repeat = (w * 8).astype(int)
        y, scores = numpy.repeat(y, repeat), numpy.repeat(scores, repeat)
    observed, predicted = sklearn.calibration.calibration_curve(y, scores, n_bins=BINS)
    edges = numpy.linspace(0, 1, BINS + 1)
    counts = numpy.bincount(numpy.searchsorted(edges[1:-1], scores), minlength=BINS)
    counts = counts[counts > 0] / (1 if w is None else 8)
    bins = [list(row) for row in zip(predicted.tolist(), observed.tolist(), counts.tolist())]
    error = float(numpy.average(numpy.abs(observed - predicted), weights=counts))
    return bins, error


def thresholds(y, scores, w):
    """The best score of each metric over all cuts, by trying them."""
    functions = {
        "f1": lambda p: metrics.f1_score(y, p, sample_weight=w, zero_division=0),
        "balanced_accuracy": lambda p: metrics.balanced_accuracy_score(y, p, sample_weight=w),
        "accuracy": lambda p: metrics.accuracy_score(y, p, sample_weight=w),
        "youden": lambda p: metrics.balanced_accuracy_score(y, p, sample_weight=w, adjusted=True),
        "matthews": lambda p: metrics.matthews_corrcoef(y, p, sample_weight=w),
    }
    cuts = [-1.0] + sorted(set(scores.tolist()))
    return {
        name: max(float(score((scores > cut).astype(int))) for cut in cuts)
        for name, score in functions.items()
    }


def curves(y, scores, w):
    rates = metrics.roc_curve(y, scores, sample_weight=w, drop_intermediate=False)
    precision, recall, _ = metrics.precision_recall_curve(y, scores, sample_weight=w)
    return {
        "roc": [rates[0].tolist(), rates[1].tolist()],
        "precision_recall": [recall[::-1].tolist(), precision[::-1].tolist()],
    }


def both_occur(y, w):
    weights = numpy.bincount(y, weights=w, minlength=2)
    return weights[0] > 0 and weights[1] > 0


def binary(name, y, scores, w=None):
    y, scores = numpy.asarray(y, dtype=int), numpy.asarray(scores, dtype=float)
    record = {"name": name, "labels": y.tolist(), "outputs": scores.tolist(),
              "weights": [] if w is None else w.tolist()}
    p = (scores > 0.5).astype(int)
    expected = predicted_classes(y, p, w, 2)
    clipped = numpy.clip(scores, UNIT, 1 - UNIT)
    loss = defined(metrics.log_loss, y, clipped, labels=[0, 1], sample_weight=w)
    expected |= {
        "roc_auc": defined(metrics.roc_auc_score, y, scores, sample_weight=w),
        "average_precision": defined(metrics.average_precision_score, y, scores, sample_weight=w),
        "log_loss": loss,
        "normalized_entropy": normalized_entropy(loss, y, w, 2),
        "brier_score": defined(metrics.brier_score_loss, y, scores, pos_label=1, sample_weight=w),
        "youden": None,
    }
    record["bins"], expected["calibration_error"] = calibration(y, scores, w)
    if both_occur(y, w):
        expected["youden"] = defined(
            metrics.balanced_accuracy_score, y, p, sample_weight=w, adjusted=True)
        record["thresholds"] = thresholds(y, scores, w)
        record |= curves(y, scores, w)
    record["expected"] = expected
    return record


def one_vs_rest_macro(y, scores, w, classes):
    """scikit-learn's binary one for each class; those that are undefined are left out."""
    each = [defined(metrics.roc_auc_score, y == k, scores[:, k], sample_weight=w)
            for k in range(classes)]
    each = [auc for auc in each if auc is not None]
    return float(numpy.mean(each)) if each else None


def one_vs_one(y, scores, w, average, classes):
    """scikit-learn takes no weights here: integer ones repeat."""
    if w is not None:
        repeat = (w * 8).astype(int)
        y, scores = numpy.repeat(y, repeat), numpy.repeat(scores, repeat, axis=0)
    return defined(metrics.roc_auc_score, y, scores, multi_class="ovo", average=average,
                   labels=range(classes))


def average_precision(y, scores, w, average):
    """Over the classes that occur, as scikit-learn, which wants just their columns."""
    weights = numpy.bincount(y, weights=w, minlength=scores.shape[1])
    occur = numpy.flatnonzero(weights > 0)
    each = [metrics.average_precision_score(y == k, scores[:, k], sample_weight=w) for k in occur]
    return float(numpy.average(each, weights=weights[occur] if average == "weighted" else None))


def top_k(y, scores, w, k, classes):
    """Of equal scores scikit-learn takes the later class and Ballast the earlier: mirrored."""
    if k >= classes:
        return None
    return defined(metrics.top_k_accuracy_score, classes - 1 - y, scores[:, ::-1], k=k,
                   labels=range(classes), sample_weight=w)


def multiclass(name, y, scores, w=None):
    y, scores = numpy.asarray(y, dtype=int), numpy.asarray(scores, dtype=float)
    classes = scores.shape[1]
    p = scores.argmax(axis=1)
    expected = predicted_classes(y, p, w, classes)
    every = {"labels": range(classes), "sample_weight": w}
    clipped = numpy.clip(scores, UNIT, 1 - UNIT)
    loss = defined(metrics.log_loss, y, clipped, **every)
    expected |= {
        "roc_auc": one_vs_rest_macro(y, scores, w, classes),
        "roc_auc_weighted": defined(metrics.roc_auc_score, y, scores, multi_class="ovr",
                                    average="weighted", **every),
        "roc_auc_ovo": one_vs_one(y, scores, w, "macro", classes),
        "roc_auc_ovo_weighted": one_vs_one(y, scores, w, "weighted", classes),
        "average_precision": average_precision(y, scores, w, "macro"),
        "average_precision_weighted": average_precision(y, scores, w, "weighted"),
        "log_loss": loss,
        "normalized_entropy": normalized_entropy(loss, y, w, classes),
        "brier_score": defined(metrics.brier_score_loss, y, scores, **every),
        "top_3_accuracy": top_k(y, scores, w, 3, classes),
        "top_5_accuracy": top_k(y, scores, w, 5, classes),
        "calibration_error": calibration(y == p, scores.max(axis=1), w)[1],
    }
    confusion = metrics.confusion_matrix(y, p, labels=range(classes))
    return {"name": name, "classes": classes, "labels": y.tolist(),
            "outputs": scores.flatten().tolist(), "weights": [] if w is None else w.tolist(),
            "confusion": confusion.flatten().tolist(), "expected": expected}


def regression(name, y, p, w=None):
    y = numpy.asarray(y, dtype=numpy.float32).astype(float)
    p = numpy.asarray(p, dtype=numpy.float32).astype(float)
    expected = {
        "rmse": defined(metrics.root_mean_squared_error, y, p, sample_weight=w),
        "mae": defined(metrics.mean_absolute_error, y, p, sample_weight=w),
        "median_absolute_error": defined(metrics.median_absolute_error, y, p, sample_weight=w),
        "r2": defined(metrics.r2_score, y, p, sample_weight=w),
        "mape": defined(metrics.mean_absolute_percentage_error, y, p, sample_weight=w),
        "pinball_10": defined(metrics.mean_pinball_loss, y, p, alpha=0.1, sample_weight=w),
        "pinball_90": defined(metrics.mean_pinball_loss, y, p, alpha=0.9, sample_weight=w),
    }
    return {"name": name, "labels": y.tolist(), "outputs": p.tolist(),
            "weights": [] if w is None else w.tolist(), "expected": expected}


def eighths(n, least=0):
    return draw.integers(least, 24, n) / 8


def probabilities(n, levels=4096):
    return draw.integers(0, levels + 1, n) * (4096 // levels) / 4096


def informed(y, levels=4096):
    """Probabilities that lean towards the label."""
    mixed = 0.6 * draw.random(len(y)) + 0.4 * y
    return numpy.round(mixed * levels) * (4096 // levels) / 4096


def binary_cases():
    for n, rate, levels in [(2, 0.5, 4096), (7, 0.5, 4096), (40, 0.5, 4096), (50, 0.05, 4096),
                            (60, 0.9, 4096), (45, 0.3, 8), (60, 0.5, 2), (30, 0.5, 1)]:
        y = (draw.random(n) < rate).astype(int)
        y[0], y[1] = 0, 1
        yield binary(f"{n} examples, {rate} positive, {levels} levels", y, informed(y, levels))
        yield binary(f"{n} examples, {levels} levels, no information", y, probabilities(n, levels))
        yield binary(f"{n} weighted examples, {rate} positive, {levels} levels", y,
                     informed(y, levels), eighths(n, least=1))
        if n > 7:
            yield binary(f"{n} examples, some of weight 0, {levels} levels", y,
                         informed(y, levels), eighths(n) * (draw.random(n) < 0.6))
    y = draw.integers(0, 2, 25)
    yield binary("perfect", y, 0.25 + 0.5 * y)
    yield binary("always wrong", y, 0.75 - 0.5 * y)
    yield binary("certain and wrong at times", y, numpy.where(draw.random(25) < 0.7, y, 1 - y))
    yield binary("all alike", y, numpy.full(25, 0.375))
    yield binary("one example, negative", [0], [0.25])
    yield binary("one example, positive", [1], [0.25])
    for value in [0, 1]:
        yield binary(f"only class {value}", numpy.full(12, value), probabilities(12))
        yield binary(f"only class {value}, weighted", numpy.full(12, value), probabilities(12),
                     eighths(12, least=1))
        yield binary(f"only class {value}, always found", numpy.full(6, value),
                     numpy.full(6, 0.25 + 0.5 * value))
    w = numpy.where(y == 1, 0.0, 1.5)
    yield binary("positives of weight 0", y, probabilities(25), w)


def simplex(n, classes, y=None, sharpness=1.0, levels=4096):
    """Rows of multiples of 1/levels that sum to one."""
    scores = draw.random((n, classes)) ** 2 + 0.01
    if y is not None:
        scores[numpy.arange(n), y] += sharpness
    shares = numpy.floor(scores / scores.sum(axis=1, keepdims=True) * levels)
    shares[:, -1] += levels - shares.sum(axis=1)
    return shares / levels


def multiclass_cases():
    for n, classes, sharpness, levels in [(3, 3, 1.0, 4096), (30, 3, 0.5, 4096), (40, 4, 1, 16),
                                          (50, 6, 0.7, 4096), (60, 8, 0.4, 32), (25, 3, 0.0, 8)]:
        y = draw.integers(0, classes, n)
        y[:classes] = numpy.arange(classes)[:n]
        yield multiclass(f"{n} examples of {classes} classes, {levels} levels", y,
                         simplex(n, classes, y, sharpness, levels))
        yield multiclass(f"{n} weighted examples of {classes} classes, {levels} levels", y,
                         simplex(n, classes, y, sharpness, levels), eighths(n, least=1))
        if n > 3:
            yield multiclass(f"{n} examples of {classes} classes, some of weight 0", y,
                             simplex(n, classes, y, sharpness, levels),
                             eighths(n) * (draw.random(n) < 0.6))
    rare = numpy.where(draw.random(60) < 0.9, 1, draw.integers(0, 5, 60))
    yield multiclass("imbalanced", rare, simplex(60, 5, rare, 0.6))
    few = draw.choice([0, 3], 30)
    yield multiclass("two of four classes occur", few, simplex(30, 4, few, 0.3))
    yield multiclass("two of four classes occur, weighted", few, simplex(30, 4, few, 0.3),
                     eighths(30, least=1))
    yield multiclass("one of three classes occurs", numpy.full(10, 1), simplex(10, 3))
    perfect = draw.integers(0, 3, 15)
    yield multiclass("perfect and certain", perfect, numpy.eye(3)[perfect])
    yield multiclass("one class, perfect", numpy.full(4, 2), numpy.eye(3)[numpy.full(4, 2)])
    yield multiclass("all alike", draw.integers(0, 4, 20), numpy.full((20, 4), 0.25))
    w = numpy.where(few == 3, 0.0, 1.0)
    yield multiclass("a class of weight 0", few, simplex(30, 4, few, 0.3), w)
    yield multiclass("one example", [1], simplex(1, 3))


def regression_cases():
    for n, scale in [(1, 1), (2, 1), (3, 100), (20, 1), (51, 1e-3), (60, 1e6)]:
        y = draw.normal(size=n) * scale
        p = y + draw.normal(size=n) * scale / 2
        yield regression(f"{n} examples of scale {scale}", y, p)
        yield regression(f"{n} weighted examples of scale {scale}", y, p, eighths(n, least=1))
        if n > 3:
            yield regression(f"{n} examples of scale {scale}, some of weight 0", y, p, eighths(n))
    counts = draw.poisson(3, 40)
    yield regression("counts with ties", counts, counts + draw.integers(-2, 3, 40))
    yield regression("counts with ties, weighted", counts, counts + draw.integers(-2, 3, 40),
                     eighths(40, least=1))
    yield regression("far from zero", 1e4 + draw.normal(size=30), 1e4 + draw.normal(size=30))
    yield regression("exact", counts, counts)
    yield regression("constant target", numpy.full(9, 2.5), 2.5 + draw.normal(size=9))
    yield regression("constant target, weighted", numpy.full(9, 2.5), 2.5 + draw.normal(size=9),
                     eighths(9, least=1))
    yield regression("constant target, exact", numpy.full(9, 2.5), numpy.full(9, 2.5))
    yield regression("constant output", draw.normal(size=9), numpy.full(9, 0.5))
    yield regression("half of the weight", [0, 0, 0, 0], [1, 2, 3, 4], numpy.array([1., 1, 1, 1]))
    yield regression("half of the weight, then none", [0, 0, 0, 0], [1, 2, 3, 4],
                     numpy.array([1.0, 1.0, 0.0, 2.0]))


def main():
    cases = {"binary": binary_cases, "multiclass": multiclass_cases,
             "regression": regression_cases}
    tasks = []
    for task, made in cases.items():
        lines = ",\n".join(json.dumps(case, allow_nan=False) for case in made())
        tasks.append(f'"{task}": [\n{lines}\n]')
    path = pathlib.Path(__file__).parent / "metrics.json"
    path.write_text("{\n" + ",\n".join(tasks) + "\n}\n")


main()
