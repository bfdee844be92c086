#include "engine/io/png.h"

#include "engine/io/inflate.h"

#if IMAGO_HAS_PNG
#include <png.h>

#include <csetjmp>
#include <cstring>
#endif

namespace imago::io::png {

void missing(const std::string& path) {
  throw Error(ErrorKind::usage, {"this build of imago has no PNG", path, "libpng", "none",
                                 "install libpng-dev and build again, or use .npy"});
}

#if !IMAGO_HAS_PNG

bool available() { return false; }
Image decode(const Bytes&, const std::string& path) { missing(path); }
Bytes encode(const Image&, const std::string& path) { missing(path); }

#else

bool available() { return true; }

namespace {

// libpng reports errors by longjmp, which must not cross a destructor: the functions between setjmp
// and libpng hold plain values only, and everything with a destructor lives in the caller.
struct Session {
  std::jmp_buf back;
  char message[160] = "";
  png_structp png = nullptr;
  png_infop info = nullptr;
  const std::byte* in = nullptr;
  std::size_t size = 0, at = 0;
  Bytes* out = nullptr;
};
Session* session(png_structp png) { return static_cast<Session*>(png_get_io_ptr(png)); }

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
  auto* s = static_cast<Session*>(png_get_error_ptr(png));
  std::strncpy(s->message, message, sizeof s->message - 1);
  std::longjmp(s->back, 1);
}
void on_warning(png_structp, png_const_charp) {}
void on_read(png_structp png, png_bytep to, std::size_t n) {
  Session* s = session(png);
  if (n > s->size - s->at) png_error(png, "the file ends early");
  std::memcpy(to, s->in + s->at, n);
  s->at += n;
}
void on_write(png_structp png, png_bytep from, std::size_t n) {
  bool full = false;
  try {
    const auto* p = reinterpret_cast<const std::byte*>(from);
    session(png)->out->insert(session(png)->out->end(), p, p + n);
  } catch (...) {
    full = true;
  }
  if (full) png_error(png, "out of memory");
}
void on_flush(png_structp) {}

// Header and conversions to 8-bit grey or RGB.
bool read_header(Session* s, png_uint_32* width, png_uint_32* height, int* channels) {
  if (setjmp(s->back)) return false;
  s->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, s, on_error, on_warning);
  if (!s->png) return false;
  s->info = png_create_info_struct(s->png);
  if (!s->info) return false;
  png_set_read_fn(s->png, s, on_read);
  png_set_user_limits(s->png, 1'000'000, 1'000'000);
  png_set_chunk_cache_max(s->png, 1);  // none: texts are not kept, each of which may unpack to 8 MB
  png_read_info(s->png, s->info);
  const int colour = png_get_color_type(s->png, s->info),
            depth = png_get_bit_depth(s->png, s->info);
  if (colour == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(s->png);
  if (colour == PNG_COLOR_TYPE_GRAY && depth < 8) png_set_expand_gray_1_2_4_to_8(s->png);
  if (depth == 16) png_set_scale_16(s->png);
  // A palette with tRNS expands to RGBA; stripping removes that channel too.
  png_set_strip_alpha(s->png);
  png_set_interlace_handling(s->png);
  png_read_update_info(s->png, s->info);
  *width = png_get_image_width(s->png, s->info);
  *height = png_get_image_height(s->png, s->info);
  *channels = png_get_channels(s->png, s->info);
  return true;
}
bool read_rows(Session* s, png_bytepp rows) {
  if (setjmp(s->back)) return false;
  png_read_image(s->png, rows);
  png_read_end(s->png, nullptr);
  return true;
}
bool write_all(Session* s, png_uint_32 width, png_uint_32 height, int colour, png_bytepp rows) {
  if (setjmp(s->back)) return false;
  s->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, s, on_error, on_warning);
  if (!s->png) return false;
  s->info = png_create_info_struct(s->png);
  if (!s->info) return false;
  png_set_write_fn(s->png, s, on_write, on_flush);
  png_set_IHDR(s->png, s->info, width, height, 8, colour, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(s->png, s->info);
  png_write_image(s->png, rows);
  png_write_end(s->png, nullptr);
  return true;
}

struct Reader : Session {
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
};
struct Writer : Session {
  ~Writer() { png_destroy_write_struct(&png, &info); }
};

}  // namespace

Image decode(const Bytes& file, const std::string& path) {
  if (file.size() < 8 || png_sig_cmp(reinterpret_cast<png_const_bytep>(file.data()), 0, 8))
    fail(path, 0,
         {"not a PNG file", "the PNG signature",
          file.size() < 8 ? concat(file.size(), " bytes") : "other bytes"});
  Reader s;
  s.in = file.data();
  s.size = file.size();
  const auto damaged = [&] {
    fail(path, s.at, {"damaged PNG file", "a whole PNG image", s.message, "write the file again"});
  };
  png_uint_32 width = 0, height = 0;
  int channels = 0;
  if (!read_header(&s, &width, &height, &channels)) damaged();
  Image image{Index(height), Index(width), channels, {}};
  const std::uint64_t row = std::uint64_t(width) * std::uint64_t(channels), size = row * height;
  // A palette, or 1-bit grey, expands eight or three times beyond the deflated bytes.
  if (!can_inflate_to(size / 24, file.size()))
    fail(path, 16,
         {"the size in the header is larger than the file can hold",
          concat("at most ", file.size() * 1032 * 24, " pixels"), concat(width, " x ", height),
          "the file is damaged"});
  if (channels != 1 && channels != 3)
    fail(path, {"unknown kind of PNG", "1 or 3 channels", concat(channels)});
  image.pixels.resize(size);
  std::vector<png_bytep> rows(height);
  for (png_uint_32 i = 0; i < height; i++) rows[i] = image.pixels.data() + i * row;
  if (!read_rows(&s, rows.data())) damaged();
  return image;
}

Bytes encode(const Image& image, const std::string& path) {
  Bytes out;
  Writer s;
  s.out = &out;
  std::vector<png_bytep> rows(std::size_t(image.height));
  for (std::size_t i = 0; i < rows.size(); i++)
    rows[i] =
        const_cast<png_bytep>(image.pixels.data()) + i * std::size_t(image.width * image.channels);
  if (!write_all(&s, png_uint_32(image.width), png_uint_32(image.height),
                 image.channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, rows.data()))
    throw Error(ErrorKind::internal, {"libpng does not write the image", path, {}, s.message});
  return out;
}

#endif

}  // namespace imago::io::png
