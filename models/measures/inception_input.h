// Images as Inception-v3 is given them: 299 x 299, three channels, about -1 to 1, in the ways of
// the programs that measure with it. They differ by several units of FID. Not here: the network.
#pragma once
#include <string>
#include <vector>

#include "engine/core/tensor.h"

namespace imago::models {

// torch_fidelity  bilinear as TensorFlow 1 and the first FID had it: source = o in / 299, the next
//                 pixel clamped; (x - 128) / 128
// pytorch_fid     bilinear between pixels' centres, without antialiasing; 2 x / 255 - 1
// clean_fid       PIL's bicubic, antialiased, each channel in float, clipped to [0, 255] but not
//                 rounded; (x - 128) / 128
enum class Pipeline { torch_fidelity, pytorch_fid, clean_fid };
const std::vector<std::string>& pipeline_names();  // "torch-fidelity", ...
Pipeline pipeline_from(const std::string& name);   // Error (usage)
const std::string& pipeline_name(Pipeline pipeline);

constexpr Index inception_size = 299;
// x: [n, h, w, 1 or 3], floating, values from 0 to 255. Gives [n, 299, 299, 3], grey tiled to three
// channels; differentiable. Error (usage) for another shape.
Tensor inception_input(const Tensor& x, Pipeline pipeline);

}  // namespace imago::models
