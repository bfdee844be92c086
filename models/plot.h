// Curves in panels as one self-contained SVG. Not here: pictures of samples, which are
// models/pictures.h.
#pragma once
#include <string>
#include <vector>

namespace imago::models {

struct Curve {
  std::string name;
  std::vector<double> x, y;
};
struct Panel {
  std::string title;
  std::vector<Curve> curves;
};
// Panels in a row, each on axes that hold its finite points; a legend names its curves. Curves of
// one name have one colour in all panels.
std::string svg(const std::string& title, const std::vector<Panel>& panels);

}  // namespace imago::models
