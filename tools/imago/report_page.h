// The page of a run: one HTML text that holds all it shows, and loads nothing. Not here: reading
// the run, and the look and behaviour of the page, which are report.html, report.css and report.js.
#pragma once
#include <string>

#include "tools/imago/report_run.h"

namespace imago::tool {

std::string report_page(const ReportRun&);

}  // namespace imago::tool
