// Folders of images: which files, of which split and class, decoded one at a time into the array
// that training uses.
#include <algorithm>
#include <cctype>
#include <cstring>
#include <filesystem>

#include "engine/core/allocator.h"
#include "engine/data/sources.h"
#include "engine/io/file.h"

namespace imago::data {
namespace {

using io::fail;

// Names in a folder, sorted; hidden ones and other files left out.
struct Entries {
  std::vector<std::string> images, folders;
};
Entries entries(const std::string& folder) {
  namespace fs = std::filesystem;
  Entries e;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    std::string extension = it->path().extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char c) { return char(std::tolower(c)); });
    if (name[0] == '.') continue;
    if (extension == ".png" || extension == ".jpg" || extension == ".jpeg")
      e.images.push_back(name);  // even a folder of that name: reading it says so
    else if (io::is_directory(it->path().string()))
      e.folders.push_back(name);
  }
  if (error) fail(folder, {"cannot read the folder", "a readable folder", error.message()});
  std::sort(e.images.begin(), e.images.end());
  std::sort(e.folders.begin(), e.folders.end());
  return e;
}

// The files of a split and the class of each; without classes all are of class 0.
struct Files {
  std::string folder;
  std::vector<std::string> paths, classes;
  std::vector<std::int64_t> labels;
};
Files find_files(const std::string& folder) {
  const Entries top = entries(folder);
  Files f{folder, {}, {}, {}};
  const auto add = [&](const std::string& of, const std::vector<std::string>& images) {
    for (const std::string& name : images) {
      f.paths.push_back(of + "/" + name);
      f.labels.push_back(std::int64_t(f.classes.size()));
    }
  };
  for (const std::string& name : top.folders) {
    const std::string path = folder + "/" + name;
    const Entries inside = entries(path);
    if (inside.images.empty()) continue;  // no class: a folder of runs, or of anything else
    add(path, inside.images);
    f.classes.push_back(name);
  }
  if (!f.classes.empty() && !top.images.empty())
    fail(folder, {"images beside folders of images", "images, or a folder of images for each class",
                  concat(top.images[0], " beside ", f.classes[0], "/"), "move one of them away"});
  add(folder, top.images);
  if (f.paths.empty())
    fail(folder,
         {"no images in the folder", "PNG or JPEG files, or a folder of them for each class",
          "none", "give a folder that holds .png, .jpg or .jpeg files"});
  return f;
}
// The classes of train are the classes of all splits.
void relabel(Files& f, const Files& train) {
  std::vector<std::int64_t> label;
  for (const std::string& name : f.classes) {
    const auto at = std::find(train.classes.begin(), train.classes.end(), name);
    if (at == train.classes.end())
      fail(f.folder, {"a class that train has not", "classes of " + train.folder, name + "/"});
    label.push_back(at - train.classes.begin());
  }
  if (f.classes.empty() != train.classes.empty())
    fail(f.folder, {"the splits differ", "a folder of images for each class, as in train",
                    "images without classes"});
  if (!label.empty())
    for (std::int64_t& l : f.labels) l = label[std::size_t(l)];
}

// Images into arrays of their splits; all have the size and channels of the first.
class Reader {
 public:
  explicit Reader(io::Size resize) : resize_(resize) {}
  void read(const Files& files, HostSplit& s) {
    splits_.push_back(&s);
    const Index n = Index(files.paths.size());
    folder_ = files.folder;
    images_ += files.paths.size();
    for (Index i = 0; i < n; i++) {
      const io::Image image = shaped(files.paths[std::size_t(i)]);
      if (i == 0) {
        check_memory();
        s.x = io::zeros(DType::u8, {n, height_, width_, channels_});
      }
      std::memcpy(s.x.bytes.data() + std::size_t(i) * image.pixels.size(), image.pixels.data(),
                  image.pixels.size());
    }
    if (!files.classes.empty()) s.labels = io::host_array(files.labels, {n});
  }

 private:
  io::Image shaped(const std::string& path) {
    io::Image image = io::read_image(path);
    if (resize_) image = io::fitted(image, resize_);
    if (first_.empty()) {
      first_ = path;
      height_ = image.height;
      width_ = image.width;
      channels_ = image.channels;
    }
    if (resize_ && image.channels < channels_) image = io::to_rgb(image);
    if (resize_ && image.channels > channels_) widen();
    if (image.height != height_ || image.width != width_ || image.channels != channels_)
      fail(path, {"images of different sizes or channels",
                  concat(height_, " x ", width_, " x ", channels_, " as ", first_),
                  concat(image.height, " x ", image.width, " x ", image.channels),
                  "bring them to one size with --resize N or HxW"});
    return image;
  }
  // The arrays of all splits so far; beyond the limit the system would rather end the process than
  // say no.
  void check_memory() const {
    const std::size_t known = memory_stats(cpu_device).limit,
                      limit = known ? known : std::size_t(PTRDIFF_MAX),
                      size = std::size_t(height_) * std::size_t(width_) * std::size_t(channels_);
    if (images_ > limit / size)
      throw Error(
          ErrorKind::device,
          {"the images do not fit into memory", folder_, concat("at most ", limit, " bytes"),
           concat(images_, " images of ", height_, " x ", width_, " x ", channels_),
           "use fewer images, a smaller --resize, or a machine with more memory"});
  }
  // Everything read so far was grey and becomes RGB, in place.
  void widen() {
    channels_ = 3;
    check_memory();
    for (HostSplit* s : splits_) {
      if (s->empty()) continue;
      io::Bytes& bytes = s->x.bytes;
      std::size_t i = bytes.size();
      bytes.resize(3 * i);
      while (i-- > 0) std::fill_n(bytes.begin() + std::ptrdiff_t(3 * i), 3, std::byte(bytes[i]));
      s->x.shape = {s->x.shape[0], height_, width_, channels_};
    }
  }
  io::Size resize_;
  std::string first_, folder_;
  std::size_t images_ = 0;
  Index height_ = 0, width_ = 0;
  int channels_ = 0;
  std::vector<HostSplit*> splits_;
};

}  // namespace

HostSet read_image_folder(const std::string& path, io::Size resize) {
  HostSet s;
  s.where = path;
  const Entries top = entries(path);
  const auto has = [&](const char* name) {
    return std::binary_search(top.folders.begin(), top.folders.end(), name);
  };
  Reader reader(resize);
  if (!has("train") && !has("valid") && !has("test")) {
    reader.read(find_files(path), s.train);
    return s;
  }
  // What the splits do not name would be left out in silence.
  std::string other = top.images.empty() ? "" : top.images[0];
  for (const std::string& name : top.folders)
    if (name != "train" && name != "valid" && name != "test" &&
        (name == "val" || !entries(path + "/" + name).images.empty()))
      other = name + "/";
  if (!other.empty())
    fail(path, {"more than the splits in the folder", "train/, valid/ and test/ alone", other,
                "rename it to a split, or move it away"});
  if (!has("train"))
    fail(path, {"no training data in the folder", "train/ beside valid/ and test/", "no train/"});
  Files train = find_files(path + "/train"), valid, test;
  for (const auto& [name, files] : {std::pair{"valid", &valid}, std::pair{"test", &test}})
    if (has(name)) {
      *files = find_files(path + "/" + name);
      relabel(*files, train);
    }
  reader.read(train, s.train);
  if (has("valid")) reader.read(valid, s.valid);
  if (has("test")) reader.read(test, s.test);
  return s;
}

}  // namespace imago::data
