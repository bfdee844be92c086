#include "models/plot.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

namespace imago::models {

namespace {

constexpr double side = 320, gap = 56, top = 64;
// Okabe and Ito 2008: told apart by colour-blind eyes too.
// The last two are dashed: what lies below them shows.
constexpr const char* strokes[] = {"#000000", "#d55e00", "#0072b2",
                                   "#009e73' stroke-dasharray='7 5",
                                   "#cc79a7' stroke-dasharray='7 5"};

std::string number(double x, const char* format = "%.6g") {
  char text[32];
  std::snprintf(text, sizeof text, format, x == 0 ? 0. : x);
  return text;
}
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text)
    out += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : std::string(1, c);
  return out;
}
std::string label(double x, double y, const std::string& anchor, const std::string& text) {
  return "<text x='" + number(x) + "' y='" + number(y) + "' text-anchor='" + anchor + "'>" +
         escaped(text) + "</text>\n";
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
    for (double k = std::ceil(low / step); k * step <= high; k++) all.push_back(k * step);
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
    out += "<line class='grid' x1='" + number(across(t)) + "' y1='" + number(top) + "' x2='" +
           number(across(t)) + "' y2='" + number(bottom) + "'/>\n" +
           label(across(t), bottom + 16, "middle", number(t));
  for (const double t : y.ticks())
    out += "<line class='grid' x1='" + number(left) + "' y1='" + number(down(t)) + "' x2='" +
           number(left + side) + "' y2='" + number(down(t)) + "'/>\n" +
           label(left - 6, down(t) + 4, "end", number(t));
  out += "<rect class='frame' x='" + number(left) + "' y='" + number(top) + "' width='" +
         number(side) + "' height='" + number(side) + "'/>\n";
  double line = bottom + 38;
  for (const Curve& c : panel.curves) {
    std::string path;
    bool pen = false;  // a point that is not finite interrupts the line
    for (std::size_t i = 0; i < c.x.size(); i++) {
      const bool there = std::isfinite(c.x[i]) && std::isfinite(c.y[i]);
      if (there)
        path +=
            (pen ? "L" : "M") + number(across(c.x[i]), "%.2f") + " " + number(down(c.y[i]), "%.2f");
      pen = there;
    }
    const std::string stroke = "' stroke='" + std::string(colour(c.name)) + "'/>\n";
    out += "<path d='" + path + stroke + "<path d='M" + number(left) + " " + number(line - 4) +
           "h24" + stroke + label(left + 32, line, "start", c.name);
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
  std::string out = "<svg xmlns='http://www.w3.org/2000/svg' width='" + number(width) +
                    "' height='" + number(height) + "' viewBox='0 0 " + number(width) + " " +
                    number(height) +
                    "'>\n<style>text{font:13px sans-serif}path{fill:none;stroke-width:1.6}"
                    ".grid{stroke:#ddd}.frame{fill:none;stroke:#888}</style>\n"
                    "<rect width='100%' height='100%' fill='white'/>\n" +
                    label(width / 2, 24, "middle", title);
  for (std::size_t i = 0; i < panels.size(); i++)
    out += drawn(panels[i], gap + double(i) * (side + gap), colour);
  return out + "</svg>\n";
}

}  // namespace imago::models
