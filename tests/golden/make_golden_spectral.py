#!/usr/bin/env python3
"""Makes tests/golden/spectral.safetensors: layers under PyTorch's spectral norm.

usage: make_golden_spectral.py [DIR]     needs torch and safetensors (PyPI); run by hand, never by a test
For each case NAME, in float64 and PyTorch's layouts: before.NAME.* its state_dict, NAME.x, NAME.y = f(x) in training (one
power iteration), after.NAME.* the state_dict then, NAME.eval = f(x) in evaluation, NAME.grad.x|weight|bias of sum(y^3) and
NAME.second.x|weight|bias of the squared norm of grad.x.
"""
import sys

import torch
import torch.nn as nn
from safetensors.torch import save_file
from torch.nn.utils.parametrizations import spectral_norm

CASES = {
    "linear": (nn.Linear(5, 4), (3, 5)),
    "conv": (nn.Conv2d(3, 4, (2, 3), stride=2, padding=1), (2, 3, 5, 6)),
    "conv_groups": (nn.Conv2d(4, 6, (3, 2), groups=2), (1, 4, 4, 5)),
    "transpose": (nn.ConvTranspose2d(3, 2, (4, 3), stride=2, padding=1), (2, 3, 3, 2)),
    "transpose_groups": (nn.ConvTranspose2d(4, 6, (2, 3), groups=2), (1, 4, 3, 2)),
}

if __name__ == "__main__":
    torch.manual_seed(1)
    out = {}
    for name, (layer, shape) in CASES.items():
        layer = spectral_norm(layer.double())
        # Weights other than those u and v were made for: the iteration shows.
        layer.parametrizations.weight.original.data.normal_()
        x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
        keep = lambda when: out.update({f"{when}.{name}.{k}": v.clone() for k, v in layer.state_dict().items()})
        keep("before")
        y = layer(x)
        keep("after")
        leaves = {"x": x, "weight": layer.parametrizations.weight.original, "bias": layer.bias}
        grads = torch.autograd.grad((y**3).sum(), list(leaves.values()), create_graph=True)
        second = torch.autograd.grad((grads[0] ** 2).sum(), list(leaves.values()))
        out[f"{name}.x"], out[f"{name}.y"] = x, y
        for key, g, h in zip(leaves, grads, second):
            out[f"{name}.grad.{key}"], out[f"{name}.second.{key}"] = g, h
        out[f"{name}.eval"] = layer.eval()(x)
    out = {k: v.detach().contiguous() for k, v in out.items()}
    save_file(out, f"{sys.argv[1] if len(sys.argv) > 1 else '.'}/spectral.safetensors", metadata={"torch": torch.__version__})
    print(len(out), "tensors")
