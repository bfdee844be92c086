// A flow of control with its own stack, for the threads of an emulated block. Who runs when is
// simt.cpp's business.
#pragma once
#include <cstddef>

#if defined(IMAGO_SIMT_UCONTEXT) || !defined(__x86_64__)
#include <ucontext.h>
#define IMAGO_USE_UCONTEXT 1
#else
#define IMAGO_USE_UCONTEXT 0
#endif
#if defined(__SANITIZE_ADDRESS__)
#define IMAGO_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IMAGO_ASAN 1
#endif
#endif
#ifndef IMAGO_ASAN
#define IMAGO_ASAN 0
#endif

namespace imago::emu {

// Without start(): the flow that a host thread brings along.
class Flow {
 public:
  Flow() = default;
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;
  // The first switch to it calls entry, which calls arrived() first and never returns. number: of
  // this flow among all; below the stack lies a page that nobody may touch. False when there is no
  // memory.
  bool start(void (*entry)(), std::size_t number);
  void switch_to(Flow& to);
  void arrived();  // tells the sanitizer

 private:
#if IMAGO_USE_UCONTEXT
  ucontext_t registers_{};
#else
  void* stack_pointer_ = nullptr;
#endif
  void* fake_stack_ = nullptr;  // the sanitizer's
  const void* bottom_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace imago::emu
