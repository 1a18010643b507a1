/**
 * @file shotgrid/value.hpp
 * @brief sg::document, the answer to a call, and sg::value, a place in it.
 */
#ifndef SHOTGRID_VALUE_HPP
#define SHOTGRID_VALUE_HPP

#include "json.hpp"

#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>

namespace sg {
inline namespace SG_CPP_ABI {

/** How a value becomes a T. Specialise it for types of your own: `static sg::result<T> read(sg::value)`. */
template <class T, class = void>
struct reader;

/**
 * A place in a document, or none.
 *
 * It is as small as a pointer, borrows from its document and is gone with it; a temporary document gives none. Look-ups
 * chain without checks: below nothing there is nothing.
 * `shot["sg_sequence"]["name"].value_or("(no sequence)")`
 */
class value {
 public:
  class iterator;
  class member_range;

  /** No place. */
  value() noexcept = default;
  /** A cursor of the C library, borrowed; NULL is no place. */
  explicit value(const sg_value *place) noexcept : place_(place) {}

  sg_value_type type() const noexcept { return sg_value_get_type(place_); }
  /** Whether there is a value at all, be it null. */
  bool exists() const noexcept { return place_ != nullptr; }
  /** Whether there is the JSON null, or no value. */
  bool is_null() const noexcept { return sg_value_is_null(place_) != 0; }
  bool is_string() const noexcept { return type() == SG_VALUE_TYPE_STRING; }
  bool is_number() const noexcept { return type() == SG_VALUE_TYPE_NUMBER; }
  bool is_bool() const noexcept { return type() == SG_VALUE_TYPE_BOOL; }
  bool is_array() const noexcept { return type() == SG_VALUE_TYPE_ARRAY; }
  bool is_object() const noexcept { return type() == SG_VALUE_TYPE_OBJECT; }

  /** The member with this key. */
  value operator[](std::string_view key) const noexcept { return value(sg_value_get_n(place_, key.data(), key.size())); }
  value operator[](const char *key) const noexcept { return value(sg_value_get(place_, key)); }
  value operator[](const std::string &key) const noexcept { return (*this)[std::string_view(key)]; }
  /** The element or member at a position, from 0. */
  template <class Index, detail::only_whole<Index> = 0>
  value operator[](Index index) const noexcept {
    const bool below = std::is_signed_v<Index> && index < Index(0);
    return below ? value() : value(sg_value_at(place_, static_cast<std::size_t>(index)));
  }
  /** The value at a JSON pointer, such as "/entities/0/code". */
  value pointer(const c_text &path) const noexcept { return path.whole() ? value(sg_value_pointer(place_, path.c_str())) : value(); }

  /** How many elements an array or members an object has. */
  std::size_t size() const noexcept { return sg_value_count(place_); }
  bool empty() const noexcept { return size() == 0; }
  /** The elements of an array, or the values of an object's members: `for (sg::value shot : shots)`. */
  iterator begin() const noexcept;
  iterator end() const noexcept;
  /** The members of an object with their keys: `for (auto [key, field] : shot.members())`. */
  member_range members() const noexcept;

  /** The key of the member that this is; empty for what is none. */
  std::string_view key() const noexcept {
    std::size_t length = 0;
    const char *text = sg_value_key_text(place_, &length);
    return {text != nullptr ? text : "", text != nullptr ? length : 0};
  }
  /** The JSON text: the site's bytes, but for what sg_call() changes in records (`&lt;`, local paths); empty for no value. */
  std::string_view json() const noexcept {
    std::size_t length = 0;
    const char *text = sg_value_json(place_, &length);
    return {text != nullptr ? text : "", text != nullptr ? length : 0};
  }

  /**
   * The value as a C++ type, or SG_STATUS_INVALID_ARGUMENT with what it is instead.
   *
   * Known are bool; whole numbers, within their range; double and float; std::string, and std::string_view, which
   * borrows; std::chrono time points of the system clock; sg::date; sg::link; std::optional of these, for what may be null
   * or missing; std::vector of these; and what sg::reader was specialised for.
   */
  template <class T>
  result<T> as() const {
    return reader<T>::read(*this);
  }
  /** The value as this type, or `fallback` where it is null, missing, or something else. A literal gives a std::string_view. */
  template <class T>
  auto value_or(T fallback) const {
    using V = std::conditional_t<std::is_convertible_v<T, std::string_view> && !std::is_same_v<T, std::string>, std::string_view, T>;
    result<V> read = as<V>();
    return read ? *std::move(read) : V(std::move(fallback));
  }

  /** The cursor of the C library, borrowed; NULL for no place. */
  const sg_value *capi() const noexcept { return place_; }

  /** Whether both are the same place, which says nothing of what stands there. */
  friend bool operator==(value left, value right) noexcept { return left.place_ == right.place_; }
  friend bool operator!=(value left, value right) noexcept { return left.place_ != right.place_; }

 private:
  const sg_value *place_ = nullptr;
};

/** Walks elements and members, one step each. */
class value::iterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using iterator_concept = std::forward_iterator_tag;
  using value_type = value;
  using difference_type = std::ptrdiff_t;
  using reference = value;
  using pointer = const value *;

  iterator() noexcept = default;
  explicit iterator(value at) noexcept : at_(at) {}
  value operator*() const noexcept { return at_; }
  const value *operator->() const noexcept { return &at_; }
  iterator &operator++() noexcept {
    at_ = value(sg_value_next(at_.capi()));
    return *this;
  }
  iterator operator++(int) noexcept { return std::exchange(*this, iterator(value(sg_value_next(at_.capi())))); }
  friend bool operator==(const iterator &left, const iterator &right) noexcept { return left.at_ == right.at_; }
  friend bool operator!=(const iterator &left, const iterator &right) noexcept { return left.at_ != right.at_; }

 private:
  value at_;
};

/** The members of an object as pairs of key and value. */
class value::member_range {
 public:
  struct entry {
    std::string_view key;
    sg::value value;
  };
  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using iterator_concept = std::forward_iterator_tag;
    using value_type = entry;
    using difference_type = std::ptrdiff_t;
    using reference = entry;
    using pointer = void;

    iterator() noexcept = default;
    explicit iterator(value::iterator at) noexcept : at_(at) {}
    entry operator*() const noexcept { return {at_->key(), *at_}; }
    iterator &operator++() noexcept {
      ++at_;
      return *this;
    }
    iterator operator++(int) noexcept { return iterator(at_++); }
    friend bool operator==(const iterator &left, const iterator &right) noexcept { return left.at_ == right.at_; }
    friend bool operator!=(const iterator &left, const iterator &right) noexcept { return left.at_ != right.at_; }

   private:
    value::iterator at_;
  };

  explicit member_range(value of) noexcept : of_(of) {}
  iterator begin() const noexcept { return iterator(of_.begin()); }
  iterator end() const noexcept { return iterator(of_.end()); }

 private:
  value of_;
};

inline value::iterator value::begin() const noexcept {
  return iterator(value(sg_value_first(place_)));
}
inline value::iterator value::end() const noexcept {
  return iterator();
}
inline value::member_range value::members() const noexcept {
  return member_range(is_object() ? *this : value());
}

/**
 * The answer to a call.
 *
 * It never changes, outlives its client, and may be read by any number of threads. It reads as the sg::value that it
 * holds; since these borrow from it, a temporary document gives none: give it a name first.
 */
class document {
 public:
  /** Takes over a result of the C library. */
  explicit document(sg_result *owned) noexcept : result_(owned) {}

  value root() const & noexcept { return value(sg_result_value(result_.get())); }
  value operator[](std::string_view key) const & noexcept { return root()[key]; }
  value operator[](const char *key) const & noexcept { return root()[key]; }
  value operator[](const std::string &key) const & noexcept { return root()[key]; }
  template <class Index, detail::only_whole<Index> = 0>
  value operator[](Index index) const & noexcept {
    return root()[index];
  }
  value pointer(const c_text &path) const & noexcept { return root().pointer(path); }
  value::iterator begin() const & noexcept { return root().begin(); }
  value::iterator end() const & noexcept { return root().end(); }
  value::member_range members() const & noexcept { return root().members(); }
  /** The whole JSON text: the site's bytes, but for what sg_call() changes in records (`&lt;`, local paths). */
  std::string_view json() const & noexcept {
    std::size_t length = 0;
    const char *text = sg_result_json(result_.get(), &length);
    return {text != nullptr ? text : "", text != nullptr ? length : 0};
  }

  value root() const && = delete;
  template <class Key>
  value operator[](Key &&) const && = delete;
  value pointer(const c_text &) const && = delete;
  value::iterator begin() const && = delete;
  value::iterator end() const && = delete;
  value::member_range members() const && = delete;
  std::string_view json() const && = delete;

  std::size_t size() const noexcept { return root().size(); }
  bool empty() const noexcept { return root().empty(); }
  /** Whether the answer is null, as that of a find_one() that finds nothing. */
  bool is_null() const noexcept { return root().is_null(); }

  /** As value::as(). */
  template <class T>
  result<T> as() const & {
    return root().as<T>();
  }
  template <class T>
  result<T> as() const && {
    static_assert(!std::is_same_v<T, std::string_view> && !std::is_same_v<T, value>, "sg: this would borrow from a temporary document");
    return root().as<T>();
  }

  /** The C library's object, borrowed. */
  const sg_result *capi() const noexcept { return result_.get(); }
  /** Gives the C library's object away: pass it to sg_result_free(). */
  sg_result *release() noexcept { return result_.release(); }

 private:
  detail::handle<sg_result, sg_result_free> result_;
};

inline json::json(const value &place) : text_(place.exists() ? place.json() : std::string_view("null")) {}
inline json::json(const document &whole) : json(whole.root()) {}

/** For nlohmann::json, which finds it by itself: `nlohmann::json shots = *answer;`. Nothing of nlohmann's is needed here. */
template <class NlohmannJson>
auto to_json(NlohmannJson &out, const value &place) -> decltype(out = NlohmannJson::parse(std::string_view()), void()) {
  out = place.exists() ? NlohmannJson::parse(place.json()) : NlohmannJson(nullptr);
}
template <class NlohmannJson>
auto to_json(NlohmannJson &out, const document &whole) -> decltype(out = NlohmannJson::parse(std::string_view()), void()) {
  to_json(out, whole.root());
}

}  // namespace SG_CPP_ABI
}  // namespace sg

#include "read.hpp"

#endif  // SHOTGRID_VALUE_HPP
