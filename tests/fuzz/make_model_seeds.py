#!/usr/bin/env python3
"""Writes the inputs of the target `model` anew, when the format of model.json or job.json changes.

Usage: tests/fuzz/make_model_seeds.py, in the root of the tree, after ./dev build

Trains fixtures/model/spec.yaml. What was found in altered files is made again from the new ones:
with a field too few they would be refused for that, before they reach what they are kept for.
"""

import json
import pathlib
import shutil
import subprocess
import tempfile

HERE = pathlib.Path("tests/fuzz")
FIXTURES = HERE / "fixtures/model"


def set_run(name, value):
    def alter(model):
        assert name in model["run"]["run"]
        model["run"]["run"][name] = value

    return alter


ALTERED = {
    "evaluation-batch-max": set_run("evaluation_batch", 2**32 - 1),
    "leaf-examples-0": set_run("leaf_examples", 0),
    "no-classes": set_run("classes", []),
    "outputs-1": set_run("outputs", 1),
    "outputs-max": set_run("outputs", 2**32 - 1),
}


def train(directory):
    for name in ("spec.yaml", "train.csv"):
        shutil.copy(FIXTURES / name, directory)
    ballast = pathlib.Path("build/release/ballast").resolve()
    out = directory / "out"
    subprocess.run(
        [ballast, "train", "spec.yaml", "--out", out, "--cache", directory / "cache"],
        cwd=directory, check=True, stdout=subprocess.DEVNULL)
    return out


def main():
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        out = train(directory)
        shutil.copyfile(out / "model.safetensors", FIXTURES / "model.safetensors")
        texts = {}
        for kind in ("model", "job"):
            # Paths of this machine mean nothing to others.
            text = (out / f"{kind}.json").read_text().replace(name, "/small")
            (HERE / f"corpus/model/good-{kind}").write_text(text)
            texts[kind] = text

    regressions = HERE / "regressions/model"
    for name, alter in ALTERED.items():
        model = json.loads(texts["model"])
        alter(model)
        (regressions / name).write_text(json.dumps(model))
    deep = json.loads(texts["model"])
    deep["transforms"] = "@"
    brackets = "[" * 80_000 + "]" * 80_000
    (regressions / "transforms-nested-deep").write_text(json.dumps(deep).replace('"@"', brackets))


main()
