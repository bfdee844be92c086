#include "engine/core/types.h"

#include <ostream>

#include "kernels/runtime.h"

namespace imago {

std::size_t size_of(DType t) {
  switch (t) {
    case DType::f32: return 4;
    case DType::f64:
    case DType::i64: return 8;
    case DType::u8: return 1;
  }
  return 0;
}
const char* name(DType t) {
  switch (t) {
    case DType::f32: return "float32";
    case DType::f64: return "float64";
    case DType::i64: return "int64";
    case DType::u8: return "uint8";
  }
  return "?";
}
std::ostream& operator<<(std::ostream& s, DType t) { return s << name(t); }

std::string name(Device d) {
  switch (d.backend) {
    case Backend::cpu: return "cpu";
    case Backend::cuda: return concat("cuda:", d.index);
    case Backend::emulated: return "emulated";
  }
  return "?";
}
std::ostream& operator<<(std::ostream& s, Device d) { return s << name(d); }

Device device_from(const std::string& text) {
  const char* choices = "auto, cpu, cuda, cuda:N or emulated";
  if (text == "cpu") return cpu_device;
  const int n = runtime::device_count(Backend::cuda);
  if (text == "auto") return n > 0 ? Device{Backend::cuda, 0} : cpu_device;
  if (text == "emulated") {
    if (runtime::device_count(Backend::emulated) > 0) return {Backend::emulated, 0};
    throw Error(ErrorKind::device, {"this build has no emulated device",
                                    {},
                                    "cpu or cuda",
                                    "emulated",
                                    "configure with -DIMAGO_CUDA=EMULATED"});
  }
  int index = 0;
  if (text.rfind("cuda:", 0) == 0) {
    const std::string digits = text.substr(5);
    if (digits.empty() || digits.size() > 4 ||
        digits.find_first_not_of("0123456789") != std::string::npos)
      throw Error(ErrorKind::usage, {"unknown device", {}, choices, text});
    index = std::stoi(digits);
  } else if (text != "cuda") {
    throw Error(ErrorKind::usage, {"unknown device", {}, choices, text});
  }
  if (index >= n)
    throw Error(ErrorKind::device,
                {concat("no such cuda device"),
                 {},
                 n ? concat("cuda:0 to cuda:", n - 1) : std::string("a CUDA device that answers"),
                 text,
                 "use --device cpu, or see `imago devices`"});
  return {Backend::cuda, index};
}
std::vector<Device> devices() {
  std::vector<Device> all{cpu_device};
  for (Backend b : {Backend::cuda, Backend::emulated})
    for (int i = 0; i < runtime::device_count(b); i++) all.push_back({b, i});
  return all;
}

Shape::Shape(std::vector<Index> d) : d_(std::move(d)) {
  for (Index n : d_) {
    if (n < 0)
      throw Error(ErrorKind::usage,
                  {"negative size in a shape", {}, "sizes of 0 or more", concat(n)});
    if (n && numel_ > (Index(1) << 59) / n)  // so that bytes fit in 64 bits, whatever the dtype
      throw Error(ErrorKind::usage, {"shape too large", {}, "at most 2^59 elements", str()});
    numel_ *= n;
  }
}
std::string Shape::str() const {
  std::string s = "[";
  for (int i = 0; i < rank(); i++)
    s.append(i ? ", " : "").append(std::to_string(d_[std::size_t(i)]));
  return s += ']';
}
std::ostream& operator<<(std::ostream& s, const Shape& x) { return s << x.str(); }

}  // namespace imago
