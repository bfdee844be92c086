#!/usr/bin/env python3
"""Weights, arrays and event files between imago and its peers: PyTorch, safetensors, NumPy, TensorBoard.

usage: exchange.py IMAGO README [GOLDEN]    needs torch, numpy, safetensors and tensorboard (PyPI)
Runs the README's Python snippet as it stands, and compares what both sides make of the same weights. With GOLDEN it also
writes that file, which tests/models/run.cpp reads: weights as PyTorch saves them and what they make of four patterns.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import safetensors.torch
import torch

program, readme = (str(Path(a).resolve()) for a in sys.argv[1:3])
golden = Path(sys.argv[3]).resolve() if len(sys.argv) > 3 else None
work = tempfile.TemporaryDirectory()
os.chdir(work.name)
os.environ["IMAGO_DATA"] = work.name


def imago(*arguments):
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout


def network(state, prefix, activation):
    """The Sequential that these weights are of."""
    weights = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
    layers = []
    for _, w in sorted((int(k.split(".")[0]), v) for k, v in weights.items() if k.endswith("weight")):
        layers += [torch.nn.Linear(w.shape[1], w.shape[0]), activation()]
    net = torch.nn.Sequential(*layers[:-1])
    net.load_state_dict(weights)
    return net


def reconstruct(state, x, activation):
    """The decoder's mean at the encoder's mean, in float64."""
    encoder, decoder = (network(state, p, activation).double() for p in ("encoder.", "decoder."))
    with torch.no_grad():
        return torch.sigmoid(decoder(encoder(x.double()).chunk(2, 1)[0]))


def compare(what, run, state, activation, *more):
    imago("reconstruct", run, "-n", "16", "--out", "pairs.npy", *more)
    pairs = torch.from_numpy(np.load("pairs.npy")).flatten(1)
    expected = reconstruct(state, pairs[0::2], activation)
    distance = (expected - pairs[1::2]).abs().max().item()
    assert pairs.shape[0] == 32 and expected.std() > 0 and distance < 2e-6, (what, distance)
    print(f"{what}: largest difference of a reconstruction {distance:.1e}")


# A set as small as it can be, where --data fashion-mnist looks.
rng = np.random.default_rng(1)
Path("fashion-mnist").mkdir()
for part, n in (("train", 300), ("t10k", 60)):
    images, labels = rng.integers(0, 256, (n, 28, 28), np.uint8), rng.integers(0, 10, n, np.uint8)
    head = lambda *sizes: bytes([0, 0, 8, len(sizes)]) + np.array(sizes, ">i4").tobytes()
    Path(f"fashion-mnist/{part}-images-idx3-ubyte").write_bytes(head(n, 28, 28) + images.tobytes())
    Path(f"fashion-mnist/{part}-labels-idx1-ubyte").write_bytes(head(n) + labels.tobytes())
imago("train", "iwae", "--data", "fashion-mnist", "--steps", "40", "--set", "samples=5", "--set", "latent=50",
      "--set", "lr=0.01", "--out", "runs/iwae")

# The README's snippet, word for word.
snippet = re.search(r"```python\n(.*?)```", Path(readme).read_text(), re.S).group(1)
names = {}
exec(snippet, names)
state = names["state"]
assert names["pictures"].shape == (64, 28, 28) and Path("mine.safetensors").exists()
compare("imago's weights in PyTorch", "runs/iwae", state, torch.nn.Tanh)
own = {k: v for k, v in state.items() if not k.startswith("imago.")}

# And back: other weights, in the precisions people keep them in.
torch.manual_seed(2)
for dtype in (torch.float32, torch.bfloat16, torch.float16):
    mine = {k: (v + 0.1 * torch.randn_like(v)).to(dtype) for k, v in own.items()}
    safetensors.torch.save_file(mine, "mine.safetensors")
    compare(f"PyTorch's weights ({dtype}) in imago", "runs/iwae", {k: v.float() for k, v in mine.items()}, torch.nn.Tanh,
            "--checkpoint", "mine.safetensors")

# NumPy's archives in, arrays out.
for save in (np.savez, np.savez_compressed):
    save("set.npz", train=rng.random((50, 4, 4), np.float32), test=rng.random((20, 4, 4)))
    imago("train", "vae", "--data", "set.npz", "--steps", "3", "--set", "hidden=8", "--out", "runs/npz", "--overwrite")
imago("sample", "runs/npz", "-n", "7", "--out", "drawn.npy")
drawn = np.load("drawn.npy")
assert drawn.shape[0] == 7 and drawn.size == 7 * 16 and drawn.dtype == np.float32, (drawn.shape, drawn.dtype)
print("npz read, npy written:", drawn.shape)

# TensorBoard's own reader finds every figure of metrics.jsonl, and the pictures.
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator, IMAGES

events = EventAccumulator("runs/iwae", size_guidance={IMAGES: 0})
events.Reload()
figures = 0
for line in map(json.loads, Path("runs/iwae/metrics.jsonl").read_text().splitlines()):
    for name, value in line.items():
        if name in ("step", "epoch", "split"):
            continue
        found = [e.value for e in events.Scalars(f"{line['split']}/{name}") if e.step == line["step"]]
        assert len(found) == 1 and abs(found[0] - value) <= 1e-6 * abs(value), (line, name, found)
        figures += 1
images = [len(events.Images(tag)) for tag in events.Tags()["images"]]
assert figures and images and min(images) > 0, (figures, images)
print(f"TensorBoard read {figures} figures and {sum(images)} pictures")

if golden:
    torch.manual_seed(3)
    sizes = {"encoder.0": (8, 4), "encoder.2": (4, 8), "decoder.0": (8, 2), "decoder.2": (4, 8)}
    saved = {}
    for name, (o, i) in sizes.items():
        saved |= {f"{name}.weight": torch.randn(o, i), f"{name}.bias": torch.randn(o)}
    safetensors.torch.save_file(saved, golden)
    safetensors.torch.save_file({"reconstructed": reconstruct(saved, torch.eye(4), torch.nn.ReLU)},
                                golden.with_name(golden.stem + "_expected.safetensors"))
    print("wrote", golden)
