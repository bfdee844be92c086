# A header that holds the report's page as one string: cmake -DHTML=F -DCSS=F -DJS=F -DOUT=F -P EmbedText.cmake. The style and
# the script go where the page says so.
cmake_minimum_required(VERSION 3.25)
file(READ ${HTML} page)
file(READ ${CSS} style)
file(READ ${JS} script)
string(REPLACE "{{style}}" "${style}" page "${page}")
string(REPLACE "{{script}}" "${script}" page "${page}")
string(FIND "${page}" ")page\"" found)
if(NOT found EQUAL -1)
  message(FATAL_ERROR "${HTML}, ${CSS} or ${JS} holds )page\", which ends the string they are embedded in")
endif()
file(WRITE ${OUT} "// Generated from ${HTML} by cmake/EmbedText.cmake.\n#pragma once\ninline constexpr char report_template[] = R\"page(${page})page\";\n")
