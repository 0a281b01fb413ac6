#!/usr/bin/env python3
"""Writes optimizers.json: what PyTorch's optimizers do to a few weights in a few steps.

    python3 -m venv venv && venv/bin/pip install torch numpy
    venv/bin/python tests/golden/make_optimizers.py

Inputs are exact in float32; PyTorch computes in float64, so that the file holds the mathematics and
the test's tolerance is for our rounding alone. FTRL-Proximal, which PyTorch lacks, is written out
here from McMahan et al., KDD 2013, algorithm 1.

One case: options (names of the job spec), scale, initial weights, and per step the gradient and the
weights after it. The options' decimals are what both sides read.
"""

import json
import math
import pathlib

import numpy as np
import torch

STEPS = 6
SCALE = 0.25
RANDOM = np.random.default_rng(2024)


def float32s(shape):
    return RANDOM.normal(size=shape).astype(np.float32).astype(np.float64)


def torch_case(kind, make, **options):
    def run(weights, gradients):
        parameter = torch.nn.Parameter(torch.tensor(weights))
        optimizer = make([parameter], options)
        after = []
        for gradient in gradients:
            parameter.grad = torch.tensor(gradient * SCALE)
            optimizer.step()
            after.append(parameter.detach().numpy().copy())
        return after

    return kind, run, options


def ftrl_case(**options):
    def run(weights, gradients):
        alpha, beta = options["learning_rate"], options["ftrl_beta"]
        l1, l2 = options["l1"], options["l2"]
        z, n, w = np.zeros(len(weights)), np.zeros(len(weights)), np.array(weights)
        after = []
        for gradient in gradients:
            for i, g in enumerate(gradient * SCALE):
                sigma = (math.sqrt(n[i] + g * g) - math.sqrt(n[i])) / alpha
                z[i] += g - sigma * w[i]
                n[i] += g * g
                if abs(z[i]) <= l1:
                    w[i] = 0.0
                else:
                    w[i] = -(z[i] - math.copysign(l1, z[i])) / ((beta + math.sqrt(n[i])) / alpha + l2)
            after.append(w.copy())
        return after

    return "ftrl", run, options


def sgd(parameters, o):
    return torch.optim.SGD(
        parameters,
        lr=o["learning_rate"],
        momentum=o.get("momentum", 0.0),
        nesterov=o.get("nesterov", False),
        weight_decay=o.get("l2", 0.0),
    )


def adagrad(parameters, o):
    return torch.optim.Adagrad(
        parameters,
        lr=o["learning_rate"],
        initial_accumulator_value=o.get("initial_accumulator", 0.0),
        eps=o["epsilon"],
        weight_decay=o.get("l2", 0.0),
    )


def rmsprop(parameters, o):
    return torch.optim.RMSprop(
        parameters,
        lr=o["learning_rate"],
        alpha=o["rho"],
        eps=o["epsilon"],
        momentum=o.get("momentum", 0.0),
        weight_decay=o.get("l2", 0.0),
    )


def adam(parameters, o):
    return torch.optim.Adam(
        parameters,
        lr=o["learning_rate"],
        betas=(o["beta1"], o["beta2"]),
        eps=o["epsilon"],
        weight_decay=o.get("l2", 0.0),
    )


def adamw(parameters, o):
    return torch.optim.AdamW(
        parameters,
        lr=o["learning_rate"],
        betas=(o["beta1"], o["beta2"]),
        eps=o["epsilon"],
        weight_decay=o["weight_decay"],
    )


CASES = {
    "sgd": torch_case("sgd", sgd, learning_rate=0.1),
    "sgd, coupled l2": torch_case("sgd", sgd, learning_rate=0.1, l2=0.05),
    "sgd, momentum": torch_case("sgd", sgd, learning_rate=0.1, momentum=0.9),
    "sgd, momentum and l2": torch_case("sgd", sgd, learning_rate=0.1, momentum=0.5, l2=0.05),
    "sgd, nesterov": torch_case("sgd", sgd, learning_rate=0.1, momentum=0.9, nesterov=True),
    "adagrad": torch_case("adagrad", adagrad, learning_rate=0.1, epsilon=1e-10),
    "adagrad, initial accumulator and l2": torch_case(
        "adagrad", adagrad, learning_rate=0.1, epsilon=1e-3, initial_accumulator=0.1, l2=0.05
    ),
    "rmsprop": torch_case("rmsprop", rmsprop, learning_rate=0.01, rho=0.99, epsilon=1e-8),
    "rmsprop, momentum and l2": torch_case(
        "rmsprop", rmsprop, learning_rate=0.01, rho=0.9, epsilon=1e-3, momentum=0.9, l2=0.05
    ),
    "adam": torch_case("adam", adam, learning_rate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-8),
    "adam, large epsilon and l2": torch_case(
        "adam", adam, learning_rate=0.1, beta1=0.8, beta2=0.95, epsilon=0.1, l2=0.05
    ),
    "adamw": torch_case(
        "adamw", adamw, learning_rate=0.1, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.1
    ),
    "ftrl": ftrl_case(learning_rate=0.1, ftrl_beta=1.0, l1=0.0, l2=0.0),
    "ftrl, l1 and l2": ftrl_case(learning_rate=0.5, ftrl_beta=1.0, l1=0.2, l2=0.3),
    "ftrl, no beta": ftrl_case(learning_rate=0.1, ftrl_beta=0.0, l1=0.05, l2=0.0),
}


def rounded(values):
    return [float(f"{value:.10g}") for value in values]


def main():
    written = []
    for name, (kind, run, options) in CASES.items():
        count = 9  # A full vector of eight and a tail.
        weights = np.zeros(count) if kind == "ftrl" else float32s(count)
        gradients = float32s((STEPS, count))
        after = run(weights, gradients)
        steps = [
            {"gradient": gradient.tolist(), "weights": rounded(values)}
            for gradient, values in zip(gradients, after)
        ]
        written.append(
            {
                "name": name,
                "kind": kind,
                "options": options,
                "scale": SCALE,
                "initial": weights.tolist(),
                "steps": steps,
            }
        )
    lines = ",\n".join(json.dumps(case) for case in written)
    path = pathlib.Path(__file__).with_name("optimizers.json")
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


main()
