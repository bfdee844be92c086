#!/usr/bin/env python3
"""Makes tests/golden/norms.safetensors: normalising layers in PyTorch, with first and second gradients.

usage: make_golden_norms.py [DIR]     needs torch and safetensors (PyPI); run by hand, never by a test
For each case NAME, in float64 and PyTorch's layouts: NAME.x, NAME.state.KEY (of the layer's state_dict), NAME.y = f(x) while
training, NAME.grad.x|weight|bias of sum(y^3), and NAME.second.x|weight|bias of the squared norm of grad.x, taken by x alone
as a gradient penalty takes it. For batch norms NAME.step.0 to 2, more inputs, NAME.after.KEY, the state after those and x,
and NAME.eval = f(x) in evaluation then.
"""
import sys

import torch
import torch.nn as nn
from safetensors.torch import save_file


def pixel_norm(x):
    return x / torch.sqrt((x**2).mean(1, keepdim=True) + 1e-8)


def minibatch_stddev(x, group):
    n = x.shape[0]
    size = min(group, n)
    ends = list(range(size, n + 1, size))
    ends[-1] = n
    figures, begin = [], 0
    for end in ends:
        s = torch.sqrt(x[begin:end].var(0, unbiased=False) + 1e-8).mean()
        figures += [s.expand(1, 1, *x.shape[2:])] * (end - begin)
        begin = end
    return torch.cat([x, torch.cat(figures)], 1)


CASES = {
    "batch_rows": (nn.BatchNorm1d(5), (6, 5)),
    "batch_images": (nn.BatchNorm2d(3, eps=1e-3, momentum=0.3), (2, 3, 4, 5)),
    "layer_rows": (nn.LayerNorm(6), (5, 6)),
    "layer_images": (nn.GroupNorm(1, 4), (2, 4, 3, 5)),
    "group": (nn.GroupNorm(2, 6), (3, 6, 4, 3)),
    "instance": (nn.InstanceNorm2d(3, affine=True), (2, 3, 4, 5)),
    "pixel": (pixel_norm, (2, 5, 3, 4)),
    "stddev_rows": (lambda x: minibatch_stddev(x, 3), (7, 4)),
    "stddev_images": (lambda x: minibatch_stddev(x, 2), (4, 3, 2, 3)),
}

if __name__ == "__main__":
    torch.manual_seed(1)
    out = {}
    for name, (f, shape) in CASES.items():
        leaves = {"x": torch.randn(shape, dtype=torch.float64, requires_grad=True)}
        if isinstance(f, nn.Module):
            f.double()
            for p in f.parameters():
                nn.init.normal_(p)
            leaves.update(f.named_parameters())
            out.update({f"{name}.state.{k}": v.clone() for k, v in f.state_dict().items()})
        y = f(leaves["x"])
        loss = (y**3).sum()
        first = torch.autograd.grad(loss, list(leaves.values()), retain_graph=True)
        by_x = torch.autograd.grad(loss, leaves["x"], create_graph=True)[0]
        second = torch.autograd.grad((by_x**2).sum(), list(leaves.values()))
        out[f"{name}.y"] = y
        for key, leaf, g, h in zip(leaves, leaves.values(), first, second):
            out[f"{name}.grad.{key}"], out[f"{name}.second.{key}"] = g, h
        out[f"{name}.x"] = leaves["x"]
        if name.startswith("batch"):
            for i in range(3):
                out[f"{name}.step.{i}"] = 2 + 3 * torch.randn(shape, dtype=torch.float64)
                f(out[f"{name}.step.{i}"])
            out.update({f"{name}.after.{k}": v.clone() for k, v in f.state_dict().items()})
            out[f"{name}.eval"] = f.eval()(leaves["x"])
    out = {k: v.detach().contiguous() for k, v in out.items()}
    save_file(out, f"{sys.argv[1] if len(sys.argv) > 1 else '.'}/norms.safetensors", metadata={"torch": torch.__version__})
    print(len(out), "tensors")
