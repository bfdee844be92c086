#include "engine/io/jpeg.h"

#include <algorithm>

#if IMAGO_HAS_JPEG
#include <jpeglib.h>

#include <csetjmp>
#include <cstdio>  // jpeglib.h uses FILE without it
#endif

namespace imago::io::jpeg {

void missing(const std::string& path) {
  throw Error(ErrorKind::usage, {"this build of imago has no JPEG", path, "libjpeg", "none",
                                 "install libjpeg-dev and build again, or use PNG"});
}

#if !IMAGO_HAS_JPEG

bool available() { return false; }
Image decode(const Bytes&, const std::string& path) { missing(path); }

#else

bool available() { return true; }

namespace {

// libjpeg reports errors through error_exit, which must not return: a longjmp, which must not cross
// a destructor. As in png.cpp, the functions between setjmp and libjpeg hold plain values only.
struct Session {
  std::jmp_buf back;
  char message[JMSG_LENGTH_MAX] = "";
  jpeg_error_mgr errors = {};
  jpeg_source_mgr source = {};
  jpeg_progress_mgr progress = {};
  jpeg_decompress_struct jpeg = {};
  ~Session() { jpeg_destroy_decompress(&jpeg); }
};
Session* session(j_common_ptr c) { return static_cast<Session*>(c->client_data); }

[[noreturn]] void on_error(j_common_ptr c) {
  c->err->format_message(c, session(c)->message);
  std::longjmp(session(c)->back, 1);
}
// A warning (level -1) is a corrupt picture that libjpeg would fill with something plausible. Once
// the last row is out it can only be about what follows the picture.
void on_message(j_common_ptr c, int level) {
  const jpeg_decompress_struct& jpeg = session(c)->jpeg;
  const bool whole = jpeg.output_height > 0 && jpeg.output_scanline == jpeg.output_height;
  if (level < 0 && !whole) on_error(c);
}
[[noreturn]] void give_up(j_common_ptr c, const char* why) {
  std::snprintf(session(c)->message, sizeof session(c)->message, "%s", why);
  std::longjmp(session(c)->back, 1);
}
// Every scan passes over all pixels: a small file of thousands of empty ones would take hours.
void on_progress(j_common_ptr c) {
  if (session(c)->jpeg.input_scan_number > 500) give_up(c, "more than 500 scans");
}
void on_source(j_decompress_ptr) {}
boolean on_empty(j_decompress_ptr d) {
  give_up(reinterpret_cast<j_common_ptr>(d), "the file ends early");
}
void on_skip(j_decompress_ptr d, long n) {
  if (n <= 0) return;
  if (std::size_t(n) > d->src->bytes_in_buffer) on_empty(d);
  d->src->next_input_byte += n;
  d->src->bytes_in_buffer -= std::size_t(n);
}

bool read_header(Session* s, const JOCTET* bytes, std::size_t size) {
  s->jpeg.err = jpeg_std_error(&s->errors);
  s->errors.error_exit = on_error;
  s->errors.emit_message = on_message;
  s->jpeg.client_data = s;
  if (setjmp(s->back)) return false;
  jpeg_create_decompress(&s->jpeg);
  s->source = {bytes, size, on_source, on_empty, on_skip, jpeg_resync_to_restart, on_source};
  s->jpeg.src = &s->source;
  s->progress.progress_monitor = on_progress;
  s->jpeg.progress = &s->progress;
  jpeg_read_header(&s->jpeg, TRUE);
  return true;
}
bool read_rows(Session* s, JSAMPLE* pixels, std::size_t row) {
  if (setjmp(s->back)) return false;
  s->jpeg.out_color_space = s->jpeg.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
  s->jpeg.dct_method = JDCT_ISLOW;  // the one that gives the same bytes on every processor
  jpeg_start_decompress(&s->jpeg);
  while (s->jpeg.output_scanline < s->jpeg.output_height) {
    JSAMPROW at = pixels + s->jpeg.output_scanline * row;
    jpeg_read_scanlines(&s->jpeg, &at, 1);
  }
  jpeg_finish_decompress(&s->jpeg);
  return true;
}

}  // namespace

Image decode(const Bytes& file, const std::string& path) {
  Session s;
  const auto damaged = [&] {
    fail(path, file.size() - s.source.bytes_in_buffer,
         {"damaged JPEG file", "a whole JPEG image", s.message, "write the file again"});
  };
  if (!read_header(&s, reinterpret_cast<const JOCTET*>(file.data()), file.size())) damaged();
  const jpeg_decompress_struct& j = s.jpeg;
  if (j.num_components == 4)
    fail(path, {"a JPEG for printing", "grey or RGB", "CMYK", "convert it to RGB"});
  if (j.num_components != 1 && j.num_components != 3)
    fail(path, {"unknown kind of JPEG", "1 or 3 components", concat(j.num_components)});
  // Unlike a Huffman code, an arithmetic one bounds no picture's size by its file's.
  if (j.arith_code)
    fail(path, {"unknown kind of JPEG", "Huffman coding", "arithmetic coding", "save it again"});
  // Each block of 8 x 8 takes a bit at least.
  const std::uint64_t most = std::min<std::uint64_t>(512 * file.size(), 1u << 28);
  if (std::uint64_t(j.image_width) * j.image_height > most)
    fail(path, {"the size in the header is larger than the file can hold",
                concat("at most ", most, " pixels"), concat(j.image_width, " x ", j.image_height),
                "the file is damaged"});
  const std::size_t row = std::size_t(j.image_width) * std::size_t(j.num_components);
  Image image{Index(j.image_height), Index(j.image_width), j.num_components, {}};
  image.pixels.resize(row * j.image_height);
  if (!read_rows(&s, image.pixels.data(), row)) damaged();
  return image;
}

#endif

}  // namespace imago::io::jpeg
