// The scheduler of the emulation: fibers, barriers, warp collectives, shared memory. One block runs
// at a time, its threads one at a time; blocks never overlap. What CUDA forbids is checked here,
// and nowhere else.
#include "kernels/emulation/simt.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "kernels/emulation/fiber.h"

namespace imago::emu {

uint3 threadIdx{}, blockIdx{};
dim3 blockDim, gridDim;

namespace {

constexpr std::size_t kSharedDefault = 48 << 10, kSharedMost = 227 << 10;

struct Thread;
struct Fiber {
  Flow flow;
  Thread* thread = nullptr;  // null: idle
};
enum class State : std::uint8_t { fresh, running, ready, barrier, warp, done };
struct Thread {
  uint3 index{};
  unsigned id = 0;
  State state = State::fresh;
  Fiber* fiber = nullptr;
  // What it waits for, and what it gets.
  BarrierKind barrier{};
  WarpKind collective{};
  int predicate = 0, source = 0, line = 0;
  const char* file = "";
  std::uint32_t mask = 0;
  std::uint64_t value = 0, result = 0;
};
// Bits are lanes.
struct Warp {
  std::uint32_t live = 0, waiting = 0;
};
struct SharedBlock {
  const void* tag;
  std::size_t bytes;
  std::unique_ptr<char, decltype(&std::free)> memory;
  bool filled;
};
struct Launch {
  const char* kernel;
  dim3 grid, block;
  std::size_t dynamic_bytes, shared_limit;
  void (*body)(void*);
  void* argument;
  std::uint64_t order;
};

std::uint64_t mix(std::uint64_t x) {  // splitmix64
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
  x = (x ^ x >> 27) * 0x94D049BB133111EBu;
  return x ^ x >> 31;
}

// exact-size memory that holds NaN
std::unique_ptr<char, decltype(&std::free)> poisoned(std::size_t bytes) {
  void* p = nullptr;
  if (posix_memalign(&p, 128, bytes) != 0) std::abort();
  std::memset(p, 0xFF, bytes);
  return {static_cast<char*>(p), &std::free};
}

// "(row_reduce_warp<A, F, G>)" is row_reduce_warp.
std::string plain_name(const char* kernel) {
  std::string s(kernel);
  s.erase(0, s.find_first_not_of("( "));
  s.resize(std::min(s.size(), s.find_first_of("<() ")));
  const auto scope = s.rfind("::");
  return scope == std::string::npos ? s : s.substr(scope + 2);
}

// Names of the kernels that were launched, appended to the file IMAGO_EMULATED_LOG when the program
// ends.
class Names {
 public:
  void add(const char* kernel) {
    if (last_ == kernel) return;  // the same literal again
    last_ = kernel;
    if (names_.empty()) std::atexit([] { names().write(); });
    names_.insert(plain_name(kernel));
  }
  static Names& names() {
    static Names* const n = new Names;  // outlives the exit handlers
    return *n;
  }

 private:
  void write() const {
    const char* path = std::getenv("IMAGO_EMULATED_LOG");
    if (!path || !*path) return;
    std::string text;
    for (const auto& n : names_) text += n + '\n';
    const int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    // One write, so that programs that end together do not mix their lines.
    if (file < 0 || ::write(file, text.data(), text.size()) != ssize_t(text.size()))
      std::fprintf(stderr, "imago emulation: cannot write %s\n", path);
    if (file >= 0) close(file);
  }
  const char* last_ = nullptr;
  std::set<std::string> names_;
};

class Scheduler {
 public:
  void run(const Launch& launch);
  int barrier(BarrierKind, int predicate, const char* file, int line);
  std::uint64_t collective(std::uint32_t mask, WarpKind, std::uint64_t value, int source);
  void* shared(const void* tag, std::size_t bytes);
  void* dynamic() {
    if (!launch_->dynamic_bytes) fail("dynamic shared memory in a launch that has none");
    return dynamic_.get();
  }
  int lane() const { return int(self_->id % 32); }

  std::mutex mutex;
  std::map<std::string, std::size_t> shared_limits;

 private:
  [[noreturn]] void fail(const char* format, ...) __attribute__((format(printf, 2, 3)));
  [[noreturn]] void deadlock();
  void run_block(std::uint64_t block);
  void set_order(std::uint64_t block);
  Fiber* next_fiber();
  void enter(Fiber*);
  void suspend();
  void take(Thread&);
  void wake(Thread&);
  void finish(Thread&);
  void release_barrier();
  bool release_warp(unsigned warp, std::uint32_t mask);
  Fiber* idle_fiber();
  static void loop();

  const Launch* launch_ = nullptr;
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::vector<unsigned> order_;  // threads in the order in which they first run
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> idle_;
  std::deque<Thread*> ready_;
  std::uint64_t lots_ = 0;
  unsigned next_ = 0;  // of order_
  unsigned live_ = 0, at_barrier_ = 0;
  Flow host_;
  Fiber* current_ = nullptr;
  Thread* self_ = nullptr;
  std::vector<SharedBlock> shared_;
  std::unique_ptr<char, decltype(&std::free)> dynamic_{nullptr, &std::free};
};

Scheduler& scheduler() {
  static Scheduler* const s = new Scheduler;  // its fibers outlive every exit handler
  return *s;
}

void Scheduler::fail(const char* format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  int n = std::vsnprintf(text, sizeof text / 2, format, arguments);
  va_end(arguments);
  n = std::min(n, int(sizeof text / 2) - 1);
  n += std::snprintf(text + n, 256, "; kernel %.100s block (%u,%u,%u)",
                     launch_ ? plain_name(launch_->kernel).c_str() : "?", blockIdx.x, blockIdx.y,
                     blockIdx.z);
  if (self_)
    std::snprintf(text + n, 128, " thread (%u,%u,%u)", self_->index.x, self_->index.y,
                  self_->index.z);
  std::fprintf(stderr, "imago emulation: %s\n", text);
  std::abort();
}

void Scheduler::deadlock() {
  unsigned barrier = 0, warp = 0;
  const Thread* waiting = nullptr;
  for (const Thread& t : threads_) {
    barrier += t.state == State::barrier;
    warp += t.state == State::warp;
    if (t.state == State::barrier) waiting = &t;
  }
  self_ = nullptr;
  fail(
      "deadlock: of %u live threads %u wait in a block barrier (%s:%d) and %u in a warp collective",
      live_, barrier, waiting ? waiting->file : "none", waiting ? waiting->line : 0, warp);
}

// ---- fibers

// Who runs next: a thread that was woken, else a fresh one; null when there is neither. In order 0
// threads advance side by side; in order 1 the last that was woken goes on, so that a warp runs
// ahead of the others as far as barriers let it; else by lot.
Fiber* Scheduler::next_fiber() {
  if (ready_.empty()) return next_ < order_.size() ? idle_fiber() : nullptr;
  std::size_t at = ready_.size() - 1;
  if (launch_->order == 0) at = 0;
  if (launch_->order > 1) at = mix(launch_->order ^ ++lots_) % ready_.size();
  Thread* const t = ready_[at];
  if (at == 0) {
    ready_.pop_front();
  } else {
    ready_[at] = ready_.back();
    ready_.pop_back();
  }
  return t->fiber;
}

void Scheduler::enter(Fiber* f) {
  current_ = f;
  if (f->thread) take(*f->thread);
  host_.switch_to(f->flow);
  self_ = nullptr;
}

// Straight to the next fiber, or to the host when none can run.
void Scheduler::suspend() {
  Flow& own = current_->flow;
  Fiber* const f = next_fiber();
  if (f) {
    current_ = f;
    if (f->thread) take(*f->thread);
  }
  own.switch_to(f ? f->flow : host_);
}

Fiber* Scheduler::idle_fiber() {
  if (idle_.empty()) {
    auto f = std::make_unique<Fiber>();
    if (!f->flow.start(&Scheduler::loop, fibers_.size()))
      fail("no memory for the stack of a thread");
    idle_.push_back(f.get());
    fibers_.push_back(std::move(f));
  }
  Fiber* f = idle_.back();
  idle_.pop_back();
  return f;
}

// A fiber takes fresh threads until none is left: a kernel that never waits needs one fiber alone.
void Scheduler::loop() {
  Scheduler& s = scheduler();
  s.current_->flow.arrived();
  for (;;) {
    Fiber* f = s.current_;
    while (s.next_ < s.order_.size()) {
      Thread& t = s.threads_[s.order_[s.next_++]];
      t.fiber = f;
      f->thread = &t;
      s.take(t);
      s.launch_->body(s.launch_->argument);
      s.finish(t);
      f->thread = nullptr;
    }
    s.idle_.push_back(f);
    s.suspend();
  }
}

// ---- one block

void Scheduler::take(Thread& t) {
  t.state = State::running;
  self_ = &t;
  threadIdx = t.index;
}

void Scheduler::wake(Thread& t) {
  if (&t == self_) {
    t.state = State::running;
  } else {
    t.state = State::ready;
    ready_.push_back(&t);
  }
}

void Scheduler::set_order(std::uint64_t block) {
  const std::uint64_t order = launch_->order;
  std::iota(order_.begin(), order_.end(), 0u);
  if (order == 1) std::reverse(order_.begin(), order_.end());
  if (order < 2) return;
  for (std::size_t i = order_.size(); i > 1; i--)
    std::swap(order_[i - 1], order_[mix(order << 40 ^ block << 10 ^ i) % i]);
}

void Scheduler::run_block(std::uint64_t block) {
  const dim3 grid = launch_->grid, dim = launch_->block;
  blockIdx = {unsigned(block % grid.x), unsigned(block / grid.x % grid.y),
              unsigned(block / grid.x / grid.y)};
  const unsigned n = dim.x * dim.y * dim.z;
  threads_.assign(n, {});
  warps_.assign((n + 31) / 32, {});
  order_.resize(n);
  set_order(block);
  for (unsigned i = 0; i < n; i++) {
    threads_[i].id = i;
    threads_[i].index = {i % dim.x, i / dim.x % dim.y, i / (dim.x * dim.y)};
    warps_[i / 32].live |= 1u << (i % 32);
  }
  for (auto& s : shared_) s.filled = false;
  if (launch_->dynamic_bytes) std::memset(dynamic_.get(), 0xFF, launch_->dynamic_bytes);
  next_ = at_barrier_ = 0;
  lots_ = block << 20;
  live_ = n;
  ready_.clear();
  while (live_) {
    Fiber* const f = next_fiber();
    if (!f) deadlock();
    enter(f);
  }
}

void Scheduler::run(const Launch& launch) {
  launch_ = &launch;
  gridDim = launch.grid;
  blockDim = launch.block;
  dynamic_ = poisoned(std::max<std::size_t>(launch.dynamic_bytes, 1));
  const std::uint64_t n = std::uint64_t(launch.grid.x) * launch.grid.y * launch.grid.z;
  // A shuffle of the blocks: multiples of a number that shares no factor with n.
  std::uint64_t start = 0, stride = 1;
  if (launch.order > 1) {
    start = mix(launch.order) % n;
    stride = mix(start ^ launch.order) % n | 1;
    while (std::gcd(stride, n) != 1) stride += 2;
  }
  for (std::uint64_t b = 0; b < n; b++)
    run_block(launch.order == 1 ? n - 1 - b : (start + b * stride) % n);
  shared_.clear();
  dynamic_.reset();
  launch_ = nullptr;
}

void Scheduler::finish(Thread& t) {
  t.state = State::done;
  live_--;
  const unsigned w = t.id / 32;
  warps_[w].live &= ~(1u << (t.id % 32));
  if (live_ && at_barrier_ == live_) release_barrier();
  for (std::uint32_t m = warps_[w].waiting; m; m &= m - 1) {
    const unsigned lane = unsigned(__builtin_ctz(m));
    if (warps_[w].waiting >> lane & 1) release_warp(w, threads_[w * 32 + lane].mask);
  }
}

// ---- what threads wait for

int Scheduler::barrier(BarrierKind kind, int predicate, const char* file, int line) {
  Thread& t = *self_;
  t.state = State::barrier;
  t.barrier = kind;
  t.predicate = predicate != 0;
  t.file = file;
  t.line = line;
  if (++at_barrier_ < live_)
    suspend();
  else
    release_barrier();
  return int(t.result);
}

void Scheduler::release_barrier() {
  int count = 0, n = 0;
  const Thread* first = nullptr;
  for (const Thread& t : threads_) {
    if (t.state != State::barrier) continue;
    if (!first) first = &t;
    if (t.line != first->line || t.barrier != first->barrier ||
        (t.file != first->file && std::strcmp(t.file, first->file) != 0))
      fail("divergent barrier: threads of one block wait at %s:%d and at %s:%d", first->file,
           first->line, t.file, t.line);
    count += t.predicate;
    n++;
  }
  int result = 0;
  switch (first->barrier) {
    case BarrierKind::sync: break;
    case BarrierKind::count: result = count; break;
    case BarrierKind::all: result = count == n; break;
    case BarrierKind::any: result = count > 0; break;
  }
  at_barrier_ = 0;
  for (Thread& t : threads_) {
    if (t.state != State::barrier) continue;
    t.result = std::uint64_t(result);
    wake(t);
  }
}

std::uint64_t Scheduler::collective(std::uint32_t mask, WarpKind kind, std::uint64_t value,
                                    int source) {
  Thread& t = *self_;
  const unsigned lane = t.id % 32;
  if (!(mask >> lane & 1))
    fail("lane %u calls a warp collective with mask %08x, which leaves it out", lane, mask);
  t.state = State::warp;
  t.mask = mask;
  t.collective = kind;
  t.value = value;
  t.source = source;
  warps_[t.id / 32].waiting |= 1u << lane;
  if (!release_warp(t.id / 32, mask)) suspend();
  return t.result;
}

// Lets the lanes of mask go when all that live have come.
bool Scheduler::release_warp(unsigned warp, std::uint32_t mask) {
  Warp& w = warps_[warp];
  const std::uint32_t need = mask & w.live;
  if (need & ~w.waiting) return false;
  Thread* const lanes = &threads_[warp * 32];
  const WarpKind kind = lanes[__builtin_ctz(need)].collective;
  std::uint32_t vote = 0;
  for (std::uint32_t m = need; m; m &= m - 1) {
    const Thread& t = lanes[__builtin_ctz(m)];
    if (t.mask != mask || t.collective != kind)
      fail("lanes of mask %08x wait in different warp collectives or with different masks", mask);
    vote |= std::uint32_t(t.value & 1) << (t.id % 32);
  }
  for (std::uint32_t m = need; m; m &= m - 1) {
    Thread& t = lanes[__builtin_ctz(m)];
    t.result = kind == WarpKind::ballot ? vote : 0;
    if (kind != WarpKind::shuffle) continue;
    if (!(need >> t.source & 1))
      fail("lane %u shuffles from missing lane %d: mask %08x, live lanes %08x", t.id % 32, t.source,
           mask, w.live);
    t.result = lanes[t.source].value;
  }
  w.waiting &= ~need;
  for (std::uint32_t m = need; m; m &= m - 1) wake(lanes[__builtin_ctz(m)]);
  return true;
}

void* Scheduler::shared(const void* tag, std::size_t bytes) {
  auto s = std::find_if(shared_.begin(), shared_.end(),
                        [&](const SharedBlock& b) { return b.tag == tag; });
  if (s == shared_.end()) {
    std::size_t total = launch_->dynamic_bytes + bytes;
    for (const auto& b : shared_) total += b.bytes;
    if (total > launch_->shared_limit)
      fail("%zu bytes of shared memory; expected at most %zu", total, launch_->shared_limit);
    shared_.push_back({tag, bytes, poisoned(bytes), true});
    s = shared_.end() - 1;
  }
  if (!s->filled) std::memset(s->memory.get(), 0xFF, bytes);
  s->filled = true;
  return s->memory.get();
}

std::uint64_t order_from_environment() {
  const char* text = std::getenv("IMAGO_SIMT_ORDER");
  if (!text || !*text) return 0;
  char* end = nullptr;
  const unsigned long long order = std::strtoull(text, &end, 10);
  if (*end) {
    std::fprintf(stderr, "imago emulation: IMAGO_SIMT_ORDER is '%s'; expected a number\n", text);
    std::abort();
  }
  return order;
}

}  // namespace

void launch_emulated(const char* kernel, dim3 grid, dim3 block, std::size_t dynamic_shared,
                     cudaStream_t stream, void (*body)(void*), void* argument) {
  Scheduler& s = scheduler();
  const std::lock_guard lock(s.mutex);
  if (!body) return void(set_last_error(cudaErrorInvalidDeviceFunction));
  if (!is_stream(stream)) return void(set_last_error(cudaErrorInvalidResourceHandle));
  const auto threads = std::uint64_t(block.x) * block.y * block.z;
  const bool fits = grid.x > 0 && grid.x <= 0x7fffffff && grid.y > 0 && grid.y <= 65535 &&
                    grid.z > 0 && grid.z <= 65535 && block.x <= 1024 && block.y <= 1024 &&
                    block.z <= 64 && threads > 0 && threads <= 1024;
  if (!fits) return void(set_last_error(cudaErrorInvalidConfiguration));
  const auto opted = s.shared_limits.find(kernel);
  const std::size_t limit = opted == s.shared_limits.end() ? kSharedDefault : opted->second;
  if (dynamic_shared > limit) return void(set_last_error(cudaErrorInvalidValue));
  Names::names().add(kernel);
  s.run({kernel, grid, block, dynamic_shared, limit, body, argument, order_from_environment()});
}

void allow_shared_emulated(const char* kernel, std::size_t bytes) {
  if (bytes > kSharedMost) return void(set_last_error(cudaErrorInvalidValue));
  const std::lock_guard lock(scheduler().mutex);
  scheduler().shared_limits[kernel] = std::max(kSharedDefault, bytes);
}

void* shared_memory(const void* tag, std::size_t bytes) { return scheduler().shared(tag, bytes); }
void* dynamic_shared_memory() { return scheduler().dynamic(); }
int block_barrier(BarrierKind kind, int predicate, const char* file, int line) {
  return scheduler().barrier(kind, predicate, file, line);
}
std::uint64_t warp_collective(std::uint32_t mask, WarpKind kind, std::uint64_t value, int source) {
  return scheduler().collective(mask, kind, value, source);
}
int lane_of_thread() { return scheduler().lane(); }

}  // namespace imago::emu
