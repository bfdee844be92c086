// Every public op. Adding one: kernels/<family>, engine/ops/<family>, a row in tests/op_cases.
#pragma once
#include "engine/ops/conv.h"
#include "engine/ops/index.h"
#include "engine/ops/layout.h"
#include "engine/ops/matmul.h"
#include "engine/ops/norm.h"
#include "engine/ops/penalty.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "engine/ops/reduce.h"
#include "engine/ops/resample.h"
#include "engine/ops/spectral.h"
#include "engine/ops/variational.h"
