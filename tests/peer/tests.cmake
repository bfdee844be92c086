# Checks against programs from PyPI, label peer, never part of tools/test.sh: -DIMAGO_PEER_PYTHON=<python with torch, numpy,
# safetensors, tensorboard>.
set(IMAGO_PEER_PYTHON "" CACHE FILEPATH "a Python with torch, numpy, safetensors and tensorboard, for the tests of label peer")
if(IMAGO_PEER_PYTHON AND TARGET imago_program)
  add_test(NAME peer.exchange COMMAND ${IMAGO_PEER_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/exchange.py $<TARGET_FILE:imago_program>
    ${PROJECT_SOURCE_DIR}/README.md)
  set_tests_properties(peer.exchange PROPERTIES LABELS peer TIMEOUT 900)
endif()
