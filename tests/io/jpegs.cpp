#include "tests/io/jpegs.h"

#include <jpeglib.h>

#include <cstdio>  // jpeglib.h uses FILE without it
#include <cstdlib>

namespace imago::test {

std::string jpeg(int height, int width, int channels, const std::vector<std::uint8_t>& pixels,
                 JpegKind kind) {
  jpeg_compress_struct c = {};
  jpeg_error_mgr errors = {};
  c.err = jpeg_std_error(&errors);  // ends the program on an error: a test's mistake
  jpeg_create_compress(&c);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&c, &bytes, &size);
  c.image_height = JDIMENSION(height);
  c.image_width = JDIMENSION(width);
  c.input_components = channels;
  c.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&c);
  jpeg_set_quality(&c, 100, TRUE);
  c.comp_info[0].h_samp_factor = c.comp_info[0].v_samp_factor = 1;
  c.optimize_coding = TRUE;
  if (kind == JpegKind::progressive) jpeg_simple_progression(&c);
  const jpeg_scan_info scans[] = {
      {1, {0}, 0, 63, 0, 0}, {1, {1}, 0, 63, 0, 0}, {1, {2}, 0, 63, 0, 0}};
  if (kind == JpegKind::separate) {
    c.scan_info = scans;
    c.num_scans = channels;
  }
  jpeg_start_compress(&c, TRUE);
  while (c.next_scanline < c.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(pixels.data()) + c.next_scanline * c.image_width * channels;
    jpeg_write_scanlines(&c, &row, 1);
  }
  jpeg_finish_compress(&c);
  const std::string file(reinterpret_cast<char*>(bytes), size);
  jpeg_destroy_compress(&c);
  std::free(bytes);
  return file;
}

}  // namespace imago::test
