#include "models/plot.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "engine/core/error.h"

namespace imago::models {

namespace {

constexpr double side = 320, gap = 56, top = 64;
// Okabe and Ito 2008: told apart by colour-blind eyes too.
// The last two are dashed: what lies below them shows.
constexpr const char* strokes[] = {"#000000", "#d55e00", "#0072b2",
                                   "#009e73' stroke-dasharray='7 5",
                                   "#cc79a7' stroke-dasharray='7 5"};

// To a hundredth of a pixel.
std::string pixels(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", x);
  return text;
}
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text)
    out += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : std::string(1, c);
  return out;
}
std::string label(double x, double y, const char* anchor, const std::string& text) {
  return concat("<text x='", x, "' y='", y, "' text-anchor='", anchor, "'>", escaped(text),
                "</text>\n");
}
std::string grid_line(double x1, double y1, double x2, double y2) {
  return concat("<line class='grid' x1='", x1, "' y1='", y1, "' x2='", x2, "' y2='", y2, "'/>\n");
}

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void hold(double v) {
    if (std::isfinite(v)) low = std::min(low, v), high = std::max(high, v);
  }
  void widen() {
    if (!(low <= high)) low = 0, high = 1;
    const double margin = high > low ? .04 * (high - low) : .5;
    low -= margin, high += margin;
  }
  double share(double v) const { return (v - low) / (high - low); }
  // Multiples of 1, 2 or 5 times a power of ten.
  std::vector<double> ticks() const {
    const double rough = (high - low) / 5, ten = std::pow(10, std::floor(std::log10(rough)));
    const double step = ten * (rough > 5 * ten ? 10 : rough > 2 * ten ? 5 : rough > ten ? 2 : 1);
    std::vector<double> all;
    for (double k = std::ceil(low / step); k * step <= high; k++)
      all.push_back(k == 0 ? 0 : k * step);  // no -0
    return all;
  }
};

// left: of the axes. colour(name) is the same in all panels.
template <class F>
std::string drawn(const Panel& panel, double left, F colour) {
  Range x, y;
  for (const Curve& c : panel.curves)
    for (std::size_t i = 0; i < c.x.size(); i++) x.hold(c.x[i]), y.hold(c.y[i]);
  x.widen();
  y.widen();
  const double bottom = top + side;
  const auto across = [&](double v) { return left + side * x.share(v); };
  const auto down = [&](double v) { return bottom - side * y.share(v); };
  std::string out = label(left + side / 2, top - 10, "middle", panel.title);
  for (const double t : x.ticks())
    out += grid_line(across(t), top, across(t), bottom) +
           label(across(t), bottom + 16, "middle", concat(t));
  for (const double t : y.ticks())
    out += grid_line(left, down(t), left + side, down(t)) +
           label(left - 6, down(t) + 4, "end", concat(t));
  out += concat("<rect class='frame' x='", left, "' y='", top, "' width='", side, "' height='",
                side, "'/>\n");
  double line = bottom + 38;
  for (const Curve& c : panel.curves) {
    std::string path;
    bool pen = false;  // a point that is not finite interrupts the line
    for (std::size_t i = 0; i < c.x.size(); i++) {
      const bool there = std::isfinite(c.x[i]) && std::isfinite(c.y[i]);
      if (there) path += concat(pen ? "L" : "M", pixels(across(c.x[i])), " ", pixels(down(c.y[i])));
      pen = there;
    }
    for (const std::string& d : {path, concat("M", left, " ", line - 4, "h24")})
      out += concat("<path d='", d, "' stroke='", colour(c.name), "'/>\n");
    out += label(left + 32, line, "start", c.name);
    line += 18;
  }
  return out;
}

}  // namespace

std::string svg(const std::string& title, const std::vector<Panel>& panels) {
  std::vector<std::string> names;
  std::size_t most = 0;
  for (const Panel& p : panels) {
    most = std::max(most, p.curves.size());
    for (const Curve& c : p.curves)
      if (std::find(names.begin(), names.end(), c.name) == names.end()) names.push_back(c.name);
  }
  const auto colour = [&](const std::string& name) {
    const auto at = std::size_t(std::find(names.begin(), names.end(), name) - names.begin());
    return strokes[at % std::size(strokes)];
  };
  const double width = gap / 2 + double(panels.size()) * (side + gap),
               height = top + side + 40 + 18 * double(most);
  std::string out = concat("<svg xmlns='http://www.w3.org/2000/svg' width='", width, "' height='",
                           height, "' viewBox='0 0 ", width, " ", height,
                           "'>\n<style>text{font:13px sans-serif}path{fill:none;stroke-width:1.6}"
                           ".grid{stroke:#ddd}.frame{fill:none;stroke:#888}</style>\n"
                           "<rect width='100%' height='100%' fill='white'/>\n",
                           label(width / 2, 24, "middle", title));
  for (std::size_t i = 0; i < panels.size(); i++)
    out += drawn(panels[i], gap + double(i) * (side + gap), colour);
  return out + "</svg>\n";
}

}  // namespace imago::models
