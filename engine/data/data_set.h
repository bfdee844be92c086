// Data sets: found by name or path, checked, and kept on the device. Not here: batches, which are
// engine/data/batches.h.
#pragma once
#include <string>
#include <vector>

#include "engine/core/tensor.h"
#include "engine/io/resize.h"
#include "engine/random/generator.h"

namespace imago::data {

struct Split {
  Tensor x;  // [N, sample_shape...], uint8 (images) or float32; undefined when the split is empty
  Tensor labels;  // [N] int64, or undefined
  Index size() const { return x.defined() ? x.size(0) : 0; }
  explicit operator bool() const { return size() > 0; }
};

enum class Kind { image, vector };

// How grey values become 0 and 1. fixed draws once (seed 0), threshold is x >= 1/2: both at
// loading. dynamic draws for each batch.
enum class Binarize { none, fixed, dynamic, threshold };
Binarize binarize_from(const std::string& text);  // none, static, dynamic, threshold; Error (usage)

// --resize: N or HEIGHTxWIDTH; nothing for empty text. Error (usage).
io::Size resize_from(const std::string& text);

struct DataSet {
  std::string name;
  Split train, valid, test;  // valid may be empty
  Shape sample_shape;        // [height, width, channels] or [features]
  Kind kind = Kind::image;
  int levels = 0;     // 256 or 2 values; 0: continuous
  Index classes = 0;  // 0: without labels
  Binarize binarize = Binarize::none;
  // Of density:NAME, where there is no sample: log_density(NAME, x) is what is to be learned, and x
  // are draws from the base N(0, 3^2 I).
  std::string density = {};
  std::string fingerprint;  // of the values loaded, 16 hexadecimal digits
  // Network input is scale * x.
  double scale() const { return levels == 256 ? 1. / 255 : 1; }
};

struct LoadOptions {
  std::string dir =
      {};  // --data-dir; empty: $IMAGO_DATA, then where the distribution installs data sets
  Index valid =
      0;  // rows of train held out as valid; only where the set has no valid split of its own
  Index test = -1;         // the same for test; -1: a tenth where the set has none
  std::uint64_t seed = 0;  // of generated sets
  Binarize binarize = Binarize::none;
  io::Size resize = {};  // of folders of images; Error (usage) with any other data
  Device device = {};
};
// name: one of sets(), sampler:CHAIN:DENSITY of engine/data/chains.h, or a path to .npy, .npz or a
// folder of PNG or JPEG files. Error (data).
//   .npy    [N, H, W], [N, H, W, C] or [N, D]; uint8, or floating in [0, 1] when images. uint8 [N,
//   D] with D a square are
//           grey images.
//   .npz    such arrays as train, test, valid with train_labels ..., or x_train, y_train ..., or x
//   (and y).
//   folder  .png, .jpg and .jpeg files in order of their names, or in subfolders, each of which is
//   a
//           class, labelled in order of theirs; hidden files are left out. Folders train/, valid/
//           and test/ are splits, each such a folder. All images have one size and as many
//           channels, unless resize is given: then see io::fitted, and all are RGB where one is.
// Whether load() would take it for one.
bool is_image_folder(const std::string& name);
DataSet load(const std::string& name, const LoadOptions& options = {});

struct SetInfo {
  std::string name, about;
  bool generated;
};
const std::vector<SetInfo>& sets();

// Rows of a split as network input: scale * x[index], binarised when the set says dynamic (g
// advances only then).
Tensor take(const DataSet& set, const Split& split, const Tensor& index, Generator& g,
            DType dtype = DType::f32);

}  // namespace imago::data
