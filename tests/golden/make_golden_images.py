#!/usr/bin/env python3
"""Makes tests/golden/images.safetensors: ops on images in PyTorch, with first and second gradients.

usage: make_golden_images.py [DIR]     needs torch and safetensors (PyPI); run by hand, never by a test
For each case NAME, in float64 and PyTorch's layouts: NAME.x, NAME.weight and NAME.bias where it has them, NAME.y = f(x),
NAME.grad.x|weight|bias of sum(y^3), and NAME.second.x|weight|bias of the squared norm of grad.x.
"""
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import save_file

CASES = {
    "conv": (nn.Conv2d(2, 3, 3, padding=1), (2, 2, 5, 4)),
    "conv_strided": (nn.Conv2d(3, 4, (4, 3), stride=(2, 3), padding=(1, 0)), (2, 3, 6, 7)),
    "conv_dilated_groups": (nn.Conv2d(4, 6, (2, 3), padding=2, dilation=(2, 1), groups=2, bias=False), (1, 4, 5, 4)),
    "conv_depthwise": (nn.Conv2d(3, 6, 3, stride=2, groups=3), (2, 3, 5, 6)),
    "transpose": (nn.ConvTranspose2d(3, 2, 4, stride=2, padding=1), (2, 3, 3, 2)),
    "transpose_output_padding": (nn.ConvTranspose2d(4, 6, 3, stride=(3, 2), padding=1, output_padding=(2, 1), groups=2), (1, 4, 2, 3)),
    "transpose_dilated": (nn.ConvTranspose2d(2, 3, (2, 3), dilation=(3, 2), output_padding=1, bias=False), (1, 2, 3, 3)),
    "max_pool": (lambda x: F.max_pool2d(x, 3, 2, 1), (2, 2, 5, 6)),
    "avg_pool": (lambda x: F.avg_pool2d(x, (3, 2), (2, 1), (1, 1)), (2, 2, 5, 6)),
    "nearest": (lambda x: F.interpolate(x, (6, 8), mode="nearest"), (1, 2, 3, 4)),
    "bilinear_up": (lambda x: F.interpolate(x, (7, 8), mode="bilinear", align_corners=False), (1, 2, 3, 5)),
    "bilinear_down": (lambda x: F.interpolate(x, (3, 4), mode="bilinear", align_corners=False), (1, 2, 7, 6)),
    "pixel_shuffle": (lambda x: F.pixel_shuffle(x, 2), (1, 8, 3, 2)),
    "pixel_unshuffle": (lambda x: F.pixel_unshuffle(x, 2), (1, 2, 4, 6)),
}

if __name__ == "__main__":
    torch.manual_seed(1)
    out = {}
    for name, (f, shape) in CASES.items():
        leaves = {"x": torch.randn(shape, dtype=torch.float64, requires_grad=True)}
        if isinstance(f, nn.Module):
            f.double()
            leaves.update(f.named_parameters())
        y = f(leaves["x"])
        grads = torch.autograd.grad((y**3).sum(), list(leaves.values()), create_graph=True)
        second = torch.autograd.grad((grads[0] ** 2).sum(), list(leaves.values()))
        out[f"{name}.y"] = y
        for key, leaf, g, h in zip(leaves, leaves.values(), grads, second):
            out[f"{name}.{key}"], out[f"{name}.grad.{key}"], out[f"{name}.second.{key}"] = leaf, g, h
    out = {k: v.detach().contiguous() for k, v in out.items()}
    save_file(out, f"{sys.argv[1] if len(sys.argv) > 1 else '.'}/images.safetensors", metadata={"torch": torch.__version__})
    print(len(out), "tensors")
