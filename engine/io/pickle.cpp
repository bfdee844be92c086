#include "engine/io/pickle.h"

#include <algorithm>
#include <bit>
#include <map>

namespace imago::io {

using Kind = PickleValue::Kind;

// The machine that runs a pickle: a stack of values, marks in it, and a memo.
class PickleReader {
 public:
  PickleReader(Pickle& pickle, Cursor& c, const std::string& path,
               std::span<const std::string_view> globals)
      : pickle_(pickle), c_(c), path_(path), globals_(globals) {}

  void run() {
    if (byte() != 0x80) refuse("not a pickle", "protocol 2", "something else");
    if (const int protocol = byte(); protocol != 2)
      refuse("a pickle of another protocol", "2", concat(protocol),
             "write it with torch.save(model.state_dict(), path)");
    while (step(byte())) {
    }
  }

 private:
  int byte() {
    at_ = c_.offset();
    return int(c_.little(1, "the pickle"));
  }
  [[noreturn]] void refuse(const std::string& what, const std::string& expected,
                           const std::string& received, const std::string& remedy = {}) const {
    fail(path_, at_, {what, expected, received, remedy});
  }
  [[noreturn]] void damaged(const std::string& expected, const std::string& received) const {
    refuse("damaged pickle", expected, received, "fetch or write the file again");
  }

  PickleValue& push(Kind kind) {
    stack_.push_back(std::uint32_t(pickle_.values_.size()));
    PickleValue& v = pickle_.values_.emplace_back();
    v.kind = kind;
    return v;
  }
  void push_integer(std::int64_t value) { push(Kind::integer).integer = value; }
  // What lies above the last mark cannot be taken from below it.
  std::uint32_t pop() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back()))
      damaged("a value on the stack", "none");
    const std::uint32_t v = stack_.back();
    stack_.pop_back();
    return v;
  }
  std::uint32_t top() {
    const std::uint32_t v = pop();
    stack_.push_back(v);
    return v;
  }
  std::vector<std::uint32_t> pop_to_mark() {
    if (marks_.empty()) damaged("a mark on the stack", "none");
    const auto first = stack_.begin() + std::ptrdiff_t(marks_.back());
    std::vector<std::uint32_t> items(first, stack_.end());
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return items;
  }
  PickleValue& top_of(Kind kind, const char* name) {
    PickleValue& v = pickle_.values_[top()];
    if (v.kind != kind) damaged(name, "another value");
    return v;
  }
  void tuple(std::size_t n) {
    std::vector<std::uint32_t> items(n);
    for (std::size_t i = n; i-- > 0;) items[i] = pop();
    push(Kind::tuple).items = std::move(items);
  }
  void put(std::uint64_t key) { memo_[key] = top(); }
  void get(std::uint64_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) damaged("a value kept before", concat("number ", key));
    stack_.push_back(found->second);
  }
  std::string line() {
    std::string s;
    for (int ch; (ch = int(c_.little(1, "a name"))) != '\n';) s += char(ch);
    return s;
  }
  void text(std::size_t size) {
    const auto bytes = c_.take(size, "a text");
    push(Kind::text).text.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  void integer_of(std::size_t size) {  // two's complement, little-endian
    if (size > 8) refuse("a number is too large", "at most 8 bytes", concat(size));
    std::uint64_t v = c_.little(int(size), "a number");
    if (size && size < 8 && v >> (8 * size - 1)) v |= ~std::uint64_t(0) << (8 * size);
    push_integer(std::int64_t(v));
  }
  void global() {
    const std::string module = line(), name = module + "." + line();
    if (name == kOrderedDict || std::find(globals_.begin(), globals_.end(), name) != globals_.end())
      push(Kind::global).text = name;
    else
      refuse("the file asks for a name that no state dict needs", "tensors and dicts only", name,
             "write it with torch.save(model.state_dict(), path)");
  }
  void call() {
    const std::uint32_t arguments = pop(), function = pop();
    const PickleValue &f = pickle_.values_[function], &a = pickle_.values_[arguments];
    if (f.kind != Kind::global || a.kind != Kind::tuple)
      damaged("a name and a tuple of arguments", "other values");
    if (f.text == kOrderedDict) {
      if (!a.items.empty()) refuse("an OrderedDict that begins with values", "empty", "arguments");
      push(Kind::dict);
    } else {
      push(Kind::call).items = {function, arguments};
    }
  }
  void set(const std::vector<std::uint32_t>& items) {
    if (items.size() % 2) damaged("a value for every key", "one fewer");
    PickleValue& dict = top_of(Kind::dict, "a dict");
    dict.items.insert(dict.items.end(), items.begin(), items.end());
  }
  void append(const std::vector<std::uint32_t>& items) {
    PickleValue& list = top_of(Kind::list, "a list");
    list.items.insert(list.items.end(), items.begin(), items.end());
  }

  // False at the end.
  bool step(int opcode) {
    switch (opcode) {
      case 'N': push(Kind::none); break;
      case 0x88: push(Kind::boolean).integer = 1; break;
      case 0x89: push(Kind::boolean); break;
      case 'K': push_integer(std::int64_t(c_.little(1, "a number"))); break;
      case 'M': push_integer(std::int64_t(c_.little(2, "a number"))); break;
      case 'J': integer_of(4); break;
      case 0x8a: integer_of(c_.little(1, "a number's size")); break;
      case 'G': push(Kind::real).real = std::bit_cast<double>(c_.big(8, "a number")); break;
      case 'X': text(c_.little(4, "a text's size")); break;
      case 'c': global(); break;
      case '(': marks_.push_back(stack_.size()); break;
      case ')': push(Kind::tuple); break;
      case ']': push(Kind::list); break;
      case '}': push(Kind::dict); break;
      case 't': {
        std::vector<std::uint32_t> items = pop_to_mark();
        push(Kind::tuple).items = std::move(items);
        break;
      }
      case 0x85: tuple(1); break;
      case 0x86: tuple(2); break;
      case 0x87: tuple(3); break;
      case 'R': call(); break;
      case 'Q': {
        const std::uint32_t id = pop();
        push(Kind::persistent).items = {id};
        break;
      }
      case 's': {
        const std::uint32_t value = pop(), key = pop();
        set({key, value});
        break;
      }
      case 'u': set(pop_to_mark()); break;
      case 'a': append({pop()}); break;
      case 'e': append(pop_to_mark()); break;
      case 'b':
        pop();
        top_of(Kind::dict, "a dict that has a state");
        break;
      case 'q': put(c_.little(1, "a number")); break;
      case 'r': put(c_.little(4, "a number")); break;
      case 'h': get(c_.little(1, "a number")); break;
      case 'j': get(c_.little(4, "a number")); break;
      case '.':
        pickle_.root_ = pop();
        if (!stack_.empty() || !marks_.empty()) damaged("one value at the end", "more");
        return false;
      default:
        refuse("an opcode that no state dict needs", "one of torch.save's protocol 2",
               concat(opcode), "write it with torch.save(model.state_dict(), path)");
    }
    return true;
  }

  static constexpr std::string_view kOrderedDict = "collections.OrderedDict";
  Pickle& pickle_;
  Cursor& c_;
  const std::string& path_;
  std::span<const std::string_view> globals_;
  std::uint64_t at_ = 0;  // of the opcode
  std::vector<std::uint32_t> stack_;
  std::vector<std::size_t> marks_;
  std::map<std::uint64_t, std::uint32_t> memo_;
};

Pickle::Pickle(Cursor& c, const std::string& path, std::span<const std::string_view> globals) {
  PickleReader(*this, c, path, globals).run();
}

}  // namespace imago::io
