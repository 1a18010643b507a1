/**
 * @file shotgrid/json_text.hpp
 * @brief JSON as text: how strings and numbers are written, and whether a text is JSON. For the wrapper itself.
 */
#ifndef SHOTGRID_JSON_TEXT_HPP
#define SHOTGRID_JSON_TEXT_HPP

#include "handle.hpp"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <optional>

namespace sg {
inline namespace SG_CPP_ABI {
namespace detail {

/** The length of the UTF-8 character at a place; 0 where there is none, as for surrogates and overlong forms. */
inline std::size_t utf8_length(std::string_view text, std::size_t at) noexcept {
  const auto byte = [&](std::size_t index) -> unsigned { return static_cast<unsigned char>(text[index]); };
  const unsigned first = byte(at);
  if (first < 0x80) {
    return 1;
  }
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() - at < length) {
    return 0;
  }
  for (std::size_t index = 1; index < length; ++index) {
    if (byte(at + index) >> 6 != 2) {
      return 0;
    }
  }
  const unsigned second = byte(at + 1);
  const bool wrong = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) || (first == 0xf0 && second < 0x90) ||
                     (first == 0xf4 && second > 0x8f);
  return wrong ? 0 : length;
}

/** Writes a text as a JSON string behind what is there; false, and something cut short, where it is not UTF-8. */
inline bool append_quoted(std::string &out, std::string_view text) {
  out.reserve(out.size() + text.size() + 2);
  out.push_back('"');
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text, at);
    const char letter = text[at];
    if (length == 0) {
      return false;
    }
    if (letter == '"' || letter == '\\') {
      out.append({'\\', letter});
    } else if (length == 1 && (static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f)) {
      constexpr char digits[] = "0123456789abcdef";
      out.append({'\\', 'u', '0', '0', digits[static_cast<unsigned char>(letter) >> 4], digits[letter & 0xf]});
    } else {
      out.append(text, at, length);
    }
    at += length;
  }
  out.push_back('"');
  return true;
}

/** The shortest text that reads back as this number, whatever the locale; empty for what is not finite. */
inline std::string number_text(double number) {
  if (!std::isfinite(number)) {
    return {};
  }
  char buffer[64];
  for (int digits = 15; digits <= 17; ++digits) {
    std::snprintf(buffer, sizeof buffer, "%.*g", digits, number);
    if (std::strtod(buffer, nullptr) == number) {
      break;
    }
  }
  std::string text;
  bool whole = true;
  for (const char *at = buffer; *at != '\0'; ++at) {
    if ((*at >= '0' && *at <= '9') || *at == '-' || *at == '+' || *at == 'e') {
      whole = whole && *at != 'e';
      text.push_back(*at);
    } else if (text.back() != '.') {
      // The locale's decimal sign, of one byte or several.
      whole = false;
      text.push_back('.');
    }
  }
  return whole ? text + ".0" : text;
}

/** Looks through a JSON text (RFC 8259) without keeping any of it. */
class json_check {
 public:
  explicit json_check(std::string_view text) noexcept : text_(text) {}

  /** Where the text stops to be JSON; nothing if it is. */
  std::optional<std::size_t> fault() {
    std::string open;
    blanks();
    for (;;) {
      // A value begins here.
      if (take('{')) {
        blanks();
        if (!take('}')) {
          open.push_back('}');
          if (!key()) {
            return at_;
          }
          continue;
        }
      } else if (take('[')) {
        blanks();
        if (!take(']')) {
          open.push_back(']');
          continue;
        }
      } else if (!scalar()) {
        return at_;
      }
      // A value has ended: so may those around it.
      blanks();
      while (!open.empty() && take(open.back())) {
        open.pop_back();
        blanks();
      }
      if (open.empty()) {
        return at_ == text_.size() ? std::nullopt : std::optional<std::size_t>(at_);
      }
      if (!take(',')) {
        return at_;
      }
      blanks();
      if (open.back() == '}' && !key()) {
        return at_;
      }
    }
  }

 private:
  bool take(char letter) noexcept {
    const bool there = at_ < text_.size() && text_[at_] == letter;
    at_ += there ? 1 : 0;
    return there;
  }

  void blanks() noexcept {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  bool key() noexcept {
    if (!string()) {
      return false;
    }
    blanks();
    if (!take(':')) {
      return false;
    }
    blanks();
    return true;
  }

  bool scalar() noexcept {
    for (const std::string_view word : {std::string_view("null"), std::string_view("true"), std::string_view("false")}) {
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return true;
      }
    }
    return at_ < text_.size() && text_[at_] == '"' ? string() : number();
  }

  bool digits() noexcept {
    const std::size_t start = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      ++at_;
    }
    return at_ > start;
  }

  bool number() noexcept {
    take('-');
    if (!take('0') && !digits()) {
      return false;
    }
    if (take('.') && !digits()) {
      return false;
    }
    if (take('e') || take('E')) {
      if (!take('+')) {
        take('-');
      }
      return digits();
    }
    return true;
  }

  bool string() noexcept {
    if (!take('"')) {
      return false;
    }
    while (at_ < text_.size()) {
      if (take('"')) {
        return true;
      }
      if (text_[at_] == '\\') {
        const std::size_t length = escape();
        if (length == 0) {
          return false;
        }
        at_ += length;
        continue;
      }
      const std::size_t length = utf8_length(text_, at_);
      if (length == 0 || static_cast<unsigned char>(text_[at_]) < 0x20) {
        return false;
      }
      at_ += length;
    }
    return false;
  }

  /** The length of the escape that begins here; 0 where it is none. */
  std::size_t escape() const noexcept {
    const std::string_view rest = text_.substr(at_ + 1);
    if (rest.empty()) {
      return 0;
    }
    if (rest[0] != 'u') {
      return std::string_view("\"\\/bfnrt").find(rest[0]) != std::string_view::npos ? 2 : 0;
    }
    const bool four = rest.size() >= 5 && rest.substr(1, 4).find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
    return four ? 6 : 0;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

inline std::optional<std::size_t> json_fault(std::string_view text) {
  return json_check(text).fault();
}

}  // namespace detail
}  // namespace SG_CPP_ABI
}  // namespace sg

#endif  // SHOTGRID_JSON_TEXT_HPP
