// The public interface of the engine in one header; <imago/imago.h> is this and models/.
// Not here: kernels and back-ends, which stay inside the library.
#pragma once
#include "engine/autograd/autograd.h"
#include "engine/core/allocator.h"
#include "engine/core/error.h"
#include "engine/core/tensor.h"
#include "engine/core/types.h"
#include "engine/core/version.h"
#include "engine/data/batches.h"
#include "engine/data/data_set.h"
#include "engine/nn/conv.h"
#include "engine/nn/init.h"
#include "engine/nn/layers.h"
#include "engine/nn/module.h"
#include "engine/ops/ops.h"
#include "engine/optim/optimizer.h"
#include "engine/optim/schedule.h"
#include "engine/random/generator.h"
#include "engine/train/checkpoint.h"
#include "engine/train/metrics.h"
#include "engine/train/options.h"
#include "engine/train/trainer.h"
#include "kernels/runtime.h"  // what a device is
