#!/usr/bin/env python3
"""Golden vectors for worker/model: layers and losses as PyTorch computes them, in float64.

Writes layers.json, which tests/unit/model/golden_test.cc reads; the tests need no PyTorch. Run it
again only to add cases:

    python3 -m venv venv && venv/bin/pip install torch && venv/bin/python tests/golden/make_layers.py

All inputs and weights are multiples of 1/64, exact in float32, so both sides start from the same
numbers. Gradients are of the loss summed over the examples.
"""

import json
import pathlib
import random

import torch
import torch.nn.functional as functional

torch.set_default_dtype(torch.float64)
draw = random.Random(20240229)


def numbers(*shape):
    if len(shape) == 1:
        return [draw.randint(-96, 96) / 64 for _ in range(shape[0])]
    return [numbers(*shape[1:]) for _ in range(shape[0])]


def tensor(values):
    return torch.tensor(values, requires_grad=True)


class Case:
    """One model: its spec, its data and its tables, by the names that Ballast gives them."""

    def __init__(self, name, loss, classes, examples, columns, kind="layers", layers=(), groups=(),
                 gamma=2.0, alpha=()):
        self.record = {
            "name": name,
            "kind": kind,
            "loss": loss,
            "classes": classes,
            "layers": list(layers),
            "dense": numbers(examples, columns) if columns else [[] for _ in range(examples)],
            "groups": list(groups),
            "bags": [],
            "huber_delta": 0.75,
        }
        if "focal" in loss:
            self.record["focal_gamma"] = gamma
            self.record["focal_alpha"] = list(alpha)
        self.record["labels"] = (
            [draw.randrange(classes) for _ in range(examples)] if classes else numbers(examples)
        )
        self.gamma = gamma
        self.alpha = alpha
        self.tensors = {}
        self.keys = {}
        self.x = torch.tensor(self.record["dense"])

    def bag(self, entries):
        """Entries by example: [[key, value], ...]; one call per group, in order."""
        self.record["bags"].append(entries)
        return entries

    def dense_table(self, name, *shape):
        self.tensors[name] = tensor(numbers(*shape))
        return self.tensors[name]

    def sparse_table(self, name, keys, width):
        """Rows of sorted keys; returns a function from key to row."""
        keys = sorted(keys)
        rows = tensor(numbers(len(keys), width))
        self.tensors[name] = rows
        self.keys[name] = keys
        return lambda key: rows[keys.index(key)]

    def focal(self, log_p, labels, alpha):
        """Lin et al. 2017, equation 5, summed."""
        own = log_p.gather(1, labels[:, None])[:, 0]
        loss = -((1 - own.exp()) ** self.gamma) * own
        return (loss * torch.tensor(alpha)[labels]).sum() if alpha else loss.sum()

    def finish(self, outputs):
        labels = torch.tensor(self.record["labels"])
        kind = self.record["loss"]
        if kind == "cross_entropy":
            loss = functional.cross_entropy(outputs, labels, reduction="sum")
            predictions = functional.softmax(outputs, dim=1)
        elif kind == "binary_cross_entropy":
            loss = functional.binary_cross_entropy_with_logits(
                outputs[:, 0], labels.to(torch.float64), reduction="sum"
            )
            predictions = torch.sigmoid(outputs)
        elif kind == "focal":
            loss = self.focal(functional.log_softmax(outputs, dim=1), labels, list(self.alpha))
            predictions = functional.softmax(outputs, dim=1)
        elif kind == "binary_focal":
            logits = torch.cat([torch.zeros_like(outputs), outputs], dim=1)
            both = [1 - self.alpha[0], self.alpha[0]] if self.alpha else []
            loss = self.focal(functional.log_softmax(logits, dim=1), labels, both)
            predictions = torch.sigmoid(outputs)
        elif kind == "mean_squared_error":
            loss = functional.mse_loss(outputs[:, 0], labels, reduction="sum")
            predictions = outputs
        else:
            delta = self.record["huber_delta"]
            loss = functional.huber_loss(outputs[:, 0], labels, reduction="sum", delta=delta)
            predictions = outputs
        loss.backward()
        self.record["expected_loss"] = loss.item()
        self.record["expected_predictions"] = predictions.detach().flatten().tolist()
        self.record["tables"] = [
            {
                "name": name,
                "keys": self.keys.get(name, []),
                "values": value.detach().flatten().tolist(),
                "expected_gradient": value.grad.flatten().tolist(),
            }
            for name, value in self.tensors.items()
        ]
        return self.record


def dense(case, name, x, inputs, outputs):
    weight = case.dense_table(f"{name}.weight", inputs, outputs)
    bias = case.dense_table(f"{name}.bias", outputs)
    return functional.linear(x, weight.T, bias)


def activation(kind, function):
    layers = [{"kind": "dense", "width": 5}, {"kind": kind}, {"kind": "dense", "width": 3}]
    case = Case(f"dense, {kind}, dense", "cross_entropy", 3, 4, 6, layers=layers)
    hidden = function(dense(case, "dense_0", case.x, 6, 5))
    return case.finish(dense(case, "dense_2", hidden, 5, 3))


def layer_norm():
    layers = [
        {"kind": "dense", "width": 7},
        {"kind": "layer_norm", "epsilon": 1e-5},
        {"kind": "tanh"},
        {"kind": "dense", "width": 1},
    ]
    case = Case("layer norm", "mean_squared_error", 0, 5, 3, layers=layers)
    hidden = dense(case, "dense_0", case.x, 3, 7)
    # Ballast keeps the gain as its distance from one.
    gain = case.dense_table("layer_norm_1.gain", 7)
    bias = case.dense_table("layer_norm_1.bias", 7)
    hidden = torch.tanh(functional.layer_norm(hidden, (7,), 1 + gain, bias, eps=1e-5))
    return case.finish(dense(case, "dense_3", hidden, 7, 1))


def deep(loss, outputs, classes):
    layers = [
        {"kind": "dense", "width": 6},
        {"kind": "relu"},
        {"kind": "dense", "width": 4},
        {"kind": "gelu"},
        {"kind": "dense", "width": outputs},
    ]
    case = Case(f"three dense layers, {loss}", loss, classes, 6, 5, layers=layers)
    hidden = torch.relu(dense(case, "dense_0", case.x, 5, 6))
    hidden = functional.gelu(dense(case, "dense_2", hidden, 6, 4))
    return case.finish(dense(case, "dense_4", hidden, 4, outputs))


def focal(loss, outputs, classes, gamma, alpha=()):
    layers = [{"kind": "dense", "width": 5}, {"kind": "tanh"}, {"kind": "dense", "width": outputs}]
    case = Case(f"{loss}, gamma {gamma}, alpha {list(alpha)}", loss, classes, 7, 4, layers=layers,
                gamma=gamma, alpha=alpha)
    hidden = torch.tanh(dense(case, "dense_0", case.x, 4, 5))
    return case.finish(dense(case, "dense_2", hidden, 5, outputs))


def one_bag(combine):
    """PyTorch's own EmbeddingBag: no values, no empty bag."""
    layers = [
        {"kind": "embedding_bag", "width": 3, "combine": combine, "features": ["words"]},
        {"kind": "dense", "width": 2},
    ]
    case = Case(f"embedding bag, {combine}", "cross_entropy", 2, 4, 0, layers=layers,
                groups=["words"])
    keys = [2, 3, 5, 7, 2**63 + 11]
    bags = case.bag([[[keys[i], 1.0] for i in bag] for bag in
                     [[0, 1], [4], [2, 2, 0], [3, 1, 0, 4]]])
    case.sparse_table("embedding_bag_0.rows", keys, 3)
    flat = torch.tensor([keys.index(key) for bag in bags for key, _ in bag])
    lengths = torch.tensor([0] + [len(bag) for bag in bags[:-1]])
    summed = functional.embedding_bag(flat, case.tensors["embedding_bag_0.rows"],
                                      torch.cumsum(lengths, 0), mode=combine)
    return case.finish(dense(case, "dense_1", summed, 3, 2))


def weighted_bag(combine):
    """Values, an empty bag, dense features beside it; divisors as in TensorFlow's
    embedding_lookup_sparse, with |value| in the mean."""
    layers = [
        {"kind": "embedding_bag", "width": 4, "combine": combine, "features": ["words"]},
        {"kind": "dense", "width": 1},
    ]
    case = Case(f"weighted embedding bag, {combine}", "binary_cross_entropy", 2, 4, 2,
                layers=layers, groups=["words"])
    keys = [1, 4, 6]
    bags = case.bag([[[1, 0.5], [4, 2.0]], [], [[6, -1.5], [6, 1.0], [1, 3.0]], [[4, 1.0]]])
    row = case.sparse_table("embedding_bag_0.rows", keys, 4)
    rows = []
    for bag in bags:
        total = torch.zeros(4)
        for key, value in bag:
            total = total + value * row(key)
        if bag and combine == "mean":
            total = total / sum(abs(value) for _, value in bag)
        if bag and combine == "sqrt_n":
            total = total / sum(value**2 for _, value in bag) ** 0.5
        rows.append(total)
    joined = torch.cat([case.x, torch.stack(rows)], dim=1)
    return case.finish(dense(case, "dense_1", joined, 6, 1))


def embeddings():
    """Two categorical groups with tables of their own, and dense features."""
    layers = [
        {"kind": "embedding", "name": "city", "width": 2, "features": ["city"]},
        {"kind": "embedding", "name": "day", "width": 3, "features": ["day"]},
        {"kind": "dense", "width": 4},
        {"kind": "relu"},
        {"kind": "dense", "width": 3},
    ]
    case = Case("two embeddings", "cross_entropy", 3, 5, 2, layers=layers, groups=["city", "day"])
    cities = case.bag([[[key, 1.0]] for key in [10, 20, 10, 30, 20]])
    days = case.bag([[[key, 1.0]] for key in [0, 1, 2, 1, 1]])
    city = case.sparse_table("city.rows", [10, 20, 30], 2)
    day = case.sparse_table("day.rows", [0, 1, 2], 3)
    joined = torch.cat([case.x, torch.stack([city(bag[0][0]) for bag in cities]),
                        torch.stack([day(bag[0][0]) for bag in days])], dim=1)
    hidden = torch.relu(dense(case, "dense_2", joined, 7, 4))
    return case.finish(dense(case, "dense_4", hidden, 4, 3))


def linear(kind, loss, classes, outputs):
    """x * weight + sum of value * row + bias, dense and sparse features together."""
    case = Case(f"{kind}, {loss}", loss, classes, 5, 3, kind=kind, groups=["features"])
    bags = case.bag([[[3, 1.5], [8, -0.5]], [[8, 1.0]], [], [[1, 2.0], [3, 0.25], [8, 0.0]],
                     [[3, 1.0]]])
    weight = case.dense_table(f"{kind}.weight", 3, outputs)
    row = case.sparse_table(f"{kind}.rows", [1, 3, 8], outputs)
    bias = case.dense_table(f"{kind}.bias", outputs)
    sums = []
    for bag in bags:
        total = torch.zeros(outputs)
        for key, value in bag:
            total = total + value * row(key)
        sums.append(total)
    return case.finish(functional.linear(case.x, weight.T, bias) + torch.stack(sums))


def main():
    cases = [
        activation("relu", torch.relu),
        activation("sigmoid", torch.sigmoid),
        activation("tanh", torch.tanh),
        activation("gelu", functional.gelu),
        layer_norm(),
        deep("cross_entropy", 4, 4),
        deep("binary_cross_entropy", 1, 2),
        deep("mean_squared_error", 1, 0),
        deep("huber", 1, 0),
        one_bag("sum"),
        one_bag("mean"),
        weighted_bag("sum"),
        weighted_bag("mean"),
        weighted_bag("sqrt_n"),
        embeddings(),
        linear("linear", "mean_squared_error", 0, 1),
        linear("linear", "huber", 0, 1),
        linear("logistic", "binary_cross_entropy", 2, 1),
        linear("softmax", "cross_entropy", 4, 4),
        focal("focal", 3, 3, 2.0),
        focal("focal", 4, 4, 0.5, (0.25, 1.0, 2.0, 0.75)),
        focal("focal", 3, 3, 0.0),
        focal("binary_focal", 1, 2, 2.0, (0.25,)),
        focal("binary_focal", 1, 2, 0.75),
    ]
    path = pathlib.Path(__file__).parent / "layers.json"
    lines = ",\n".join(json.dumps(case) for case in cases)
    path.write_text(f"[\n{lines}\n]\n")


main()
