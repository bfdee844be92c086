// Stacks with guard pages, and the switch between them.
#include "kernels/emulation/fiber.h"

#include <sys/mman.h>
#if IMAGO_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

#if !IMAGO_USE_UCONTEXT
extern "C" void imago_emu_switch(void** save, void* load);
// Ten times faster than swapcontext, which asks the kernel for the signal mask.
asm(R"(
.pushsection .text
.type imago_emu_switch,@function
imago_emu_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  popq %rcx
  jmp *%rcx
.size imago_emu_switch,.-imago_emu_switch
.popsection)");
#endif

namespace imago::emu {
namespace {
constexpr std::size_t kGuard = 4096;
constexpr std::size_t kStack = IMAGO_ASAN ? 256 << 10 : 64 << 10;  // sanitized frames are larger
Flow* left = nullptr;  // the flow before the running one; one launch runs at a time
}  // namespace

bool Flow::start(void (*entry)(), [[maybe_unused]] std::size_t number) {
  void* const memory = mmap(nullptr, kStack + kGuard, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory, kGuard, PROT_NONE) != 0) return false;
  char* const stack = static_cast<char*>(memory) + kGuard;
  bottom_ = stack;
  bytes_ = kStack;
#if IMAGO_USE_UCONTEXT
  getcontext(&registers_);
  registers_.uc_stack.ss_sp = stack;
  registers_.uc_stack.ss_size = kStack;
  makecontext(&registers_, entry, 0);
#else
  // Stacks begin in different cache sets. Above the six saved registers: where to jump, and the
  // alignment of a call.
  void** const top = reinterpret_cast<void**>(stack + kStack - number % 32 * 192) - 2;
  top[0] = reinterpret_cast<void*>(entry);
  top[1] = nullptr;
  stack_pointer_ = top - 6;
#endif
  return true;
}

void Flow::switch_to(Flow& to) {
  left = this;
#if IMAGO_ASAN
  __sanitizer_start_switch_fiber(&fake_stack_, to.bottom_, to.bytes_);
#endif
#if IMAGO_USE_UCONTEXT
  swapcontext(&registers_, &to.registers_);
#else
  imago_emu_switch(&stack_pointer_, to.stack_pointer_);
#endif
  arrived();
}

// What was left tells its bounds here: a host thread's are not known otherwise, and launches come
// from different ones.
void Flow::arrived() {
#if IMAGO_ASAN
  __sanitizer_finish_switch_fiber(fake_stack_, &left->bottom_, &left->bytes_);
#endif
}

}  // namespace imago::emu
