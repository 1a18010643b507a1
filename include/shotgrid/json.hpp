/**
 * @file shotgrid/json.hpp
 * @brief sg::json, sg::object and sg::array: the parameters of calls, built so that they cannot be broken JSON.
 */
#ifndef SHOTGRID_JSON_HPP
#define SHOTGRID_JSON_HPP

#include "json_text.hpp"
#include "result.hpp"
#include "types.hpp"

#include <initializer_list>
#include <vector>

namespace sg {
inline namespace SG_CPP_ABI {

class value;
class document;

namespace detail {

template <class T>
inline constexpr bool is_character = std::is_same_v<T, char> || std::is_same_v<T, wchar_t> || std::is_same_v<T, char16_t> ||
                                     std::is_same_v<T, char32_t>
#ifdef __cpp_char8_t
                                     || std::is_same_v<T, char8_t>
#endif
    ;

/** Whole numbers; neither bool nor the types of characters, of which nobody knows whether they are text. */
template <class T>
inline constexpr bool is_whole = std::is_integral_v<T> && !std::is_same_v<T, bool> && !is_character<T>;

template <class T>
using only_whole = std::enable_if_t<is_whole<T>, int>;
template <class T>
using only_floating = std::enable_if_t<std::is_floating_point_v<T>, int>;
template <class T>
using only_bool = std::enable_if_t<std::is_same_v<T, bool>, int>;

}  // namespace detail

/**
 * A JSON value: null, true or false, a number, a text, a list or an object.
 *
 * It is made from the C++ types by itself. What JSON has no form for (a NaN, text that is not UTF-8, a day that does not
 * exist) makes no broken JSON: problem() says what is wrong, and the call that it is given to fails with
 * SG_STATUS_INVALID_ARGUMENT and these words, with nothing sent.
 */
class json {
 public:
  json() : text_("null") {}
  json(std::nullptr_t) : json() {}
  template <class T, detail::only_bool<T> = 0>
  json(T truth) : text_(truth ? "true" : "false") {}
  template <class T, detail::only_whole<T> = 0, class = void>
  json(T number) : text_(std::to_string(number)) {}
  template <class T, detail::only_floating<T> = 0, class = void, class = void>
  json(T number) : text_(detail::number_text(static_cast<double>(number))) {
    if (text_.empty()) {
      refuse("is not a finite number, and JSON has no other");
    }
  }
  json(std::string_view text) { write(text); }
  json(const std::string &text) { write(text); }
  json(const char *text) : json() {
    if (text != nullptr) {
      write(text);
    }
  }
  json(const link &entity) : text_("{\"type\":") {
    if (!detail::append_quoted(text_, entity.type)) {
      refuse("has an entity type that is not UTF-8");
      return;
    }
    text_.append(",\"id\":").append(std::to_string(entity.id)).push_back('}');
  }
  json(const date &day) : text_('"' + day.text() + '"') {
    if (!day.exists()) {
      refuse("is no day of the calendar: " + day.text());
    }
  }
  template <class Duration>
  json(const std::chrono::time_point<std::chrono::system_clock, Duration> &moment) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(moment).time_since_epoch().count();
    if (const std::optional<std::string> utc = detail::utc_text(static_cast<std::int64_t>(seconds))) {
      text_ = '"' + *utc + '"';
    } else {
      refuse("is a time outside of the years 1 to 9999");
    }
  }
  template <class T>
  json(const std::optional<T> &value) : json() {
    if (value) {
      *this = json(*value);
    }
  }
  template <class T>
  json(const std::vector<T> &values) : json(list(values)) {}

  json(const value &place);
  json(const document &whole);

  // Neither pointers nor single characters: they would become true, or a number.
  template <class T, std::enable_if_t<!std::is_same_v<std::remove_cv_t<T>, char>, int> = 0>
  json(T *) = delete;
  template <class T, std::enable_if_t<detail::is_character<T>, int> = 0, class = void, class = void, class = void>
  json(T) = delete;

  /** Takes JSON that is written already, if it is JSON. */
  static result<json> parse(std::string_view text) {
    if (const std::optional<std::size_t> fault = detail::json_fault(text)) {
      return error(SG_STATUS_INVALID_ARGUMENT, "this is no JSON; what is wrong begins at byte " + std::to_string(*fault));
    }
    return trusted(std::string(text));
  }

  /** The JSON text; "null" where there is a problem. */
  const std::string &text() const & noexcept { return text_; }
  std::string text() && noexcept { return std::move(text_); }
  /** What is wrong with it and where, such as `data.sg_fps is not a finite number…`; empty when all is well. */
  const std::string &problem() const & noexcept { return problem_; }
  std::string problem() && noexcept { return std::move(problem_); }
  bool is_null() const noexcept { return text_ == "null" && problem_.empty(); }

 protected:
  static json trusted(std::string text) {
    json value;
    value.text_ = std::move(text);
    return value;
  }

  void refuse(std::string problem) {
    text_ = "null";
    if (problem_.empty()) {
      problem_ = std::move(problem);
    }
  }

  /** A problem of a part, with the part's place before it. */
  void refuse_part(std::string_view place, const std::string &problem) {
    const bool deeper = problem.front() == '.' || problem.front() == '[';
    refuse(std::string(place).append(deeper ? "" : " ").append(problem));
  }

  std::string text_;
  std::string problem_;

 private:
  template <class T>
  static json list(const std::vector<T> &values);

  void write(std::string_view text) {
    text_.clear();
    if (!detail::append_quoted(text_, text)) {
      refuse("is not UTF-8");
    }
  }

  friend class value;
  friend class document;
  friend class filter;
};

/**
 * A list: `sg::array{1, "two", nullptr}`.
 *
 * Braces round one sg::array copy it, as C++ has it for every type; a list that holds nothing but a list is
 * `sg::array().add(inner)`.
 */
class array : public json {
 public:
  array() { text_ = "[]"; }
  array(std::initializer_list<json> values) : array() {
    for (const json &value : values) {
      add(value);
    }
  }

  array &add(const json &value) & {
    if (!value.problem().empty()) {
      refuse_part('[' + std::to_string(count_) + ']', value.problem());
    }
    if (problem_.empty()) {
      text_.pop_back();
      text_.append(count_ > 0 ? "," : "").append(value.text()).push_back(']');
    }
    ++count_;
    return *this;
  }
  array &&add(const json &value) && { return std::move(add(value)); }

  std::size_t size() const noexcept { return count_; }
  bool empty() const noexcept { return count_ == 0; }

 private:
  std::size_t count_ = 0;
};

/** A member of an object. */
struct member {
  std::string_view key;
  json value;
};

/** Members with keys: `sg::object{{"code", "SQ010_0010"}, {"project", sg::link("Project", 70)}}`. */
class object : public json {
 public:
  object() { text_ = "{}"; }
  object(std::initializer_list<member> members) : object() {
    for (const member &each : members) {
      set(each.key, each.value);
    }
  }

  /** Adds a member. A key that is set twice is a problem: only one of the two could count. */
  object &set(std::string_view key, const json &value) & {
    std::string quoted;
    if (!detail::append_quoted(quoted, key)) {
      refuse("has a key that is not UTF-8");
    } else if (!value.problem().empty()) {
      refuse_part(std::string(".").append(key), value.problem());
    } else if (has(quoted)) {
      refuse_part(std::string(".").append(key), "is set twice");
    } else if (problem_.empty()) {
      text_.pop_back();
      text_.append(keys_.empty() ? "" : ",").append(quoted).append(":").append(value.text()).push_back('}');
    }
    keys_.push_back(std::move(quoted));
    return *this;
  }
  object &&set(std::string_view key, const json &value) && { return std::move(set(key, value)); }

  std::size_t size() const noexcept { return keys_.size(); }
  bool empty() const noexcept { return keys_.empty(); }

 private:
  bool has(const std::string &quoted) const noexcept {
    for (const std::string &key : keys_) {
      if (key == quoted) {
        return true;
      }
    }
    return false;
  }

  std::vector<std::string> keys_;
};

template <class T>
json json::list(const std::vector<T> &values) {
  array whole;
  for (const T &value : values) {
    whole.add(json(value));
  }
  return whole;
}

/** The names of fields: `{"code", "sg_status_list", "sg_sequence.Sequence.code"}`, or a vector of texts. */
class names {
 public:
  names() = default;
  // No std::initializer_list: GCC before 13 cannot have one in the expression of a co_await.
  template <class... Texts, std::enable_if_t<(sizeof...(Texts) > 0) && (std::is_convertible_v<const Texts &, std::string_view> && ...), int> = 0>
  names(const Texts &...texts) {
    list_.reserve(sizeof...(Texts));
    (list_.emplace_back(std::string_view(texts)), ...);
  }
  names(std::vector<std::string> list) : list_(std::move(list)) {}

  const std::vector<std::string> &list() const noexcept { return list_; }
  bool empty() const noexcept { return list_.empty(); }

 private:
  std::vector<std::string> list_;
};

}  // namespace SG_CPP_ABI
}  // namespace sg

#endif  // SHOTGRID_JSON_HPP
