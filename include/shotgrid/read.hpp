/**
 * @file shotgrid/read.hpp
 * @brief How values become C++ types: the specialisations of sg::reader.
 */
#ifndef SHOTGRID_READ_HPP
#define SHOTGRID_READ_HPP

#include "value.hpp"

namespace sg {
inline namespace SG_CPP_ABI {
namespace detail {

/** "a text, not a number", with the key or the beginning of what is there. */
inline error not_a(std::string_view wanted, const value &found) {
  constexpr const char *names[] = {"there is no value", "null", "true or false", "a number", "a text", "a list", "an object"};
  const auto type = static_cast<std::size_t>(found.type());
  std::string words;
  if (!found.key().empty()) {
    words.append(found.key()).append(": ");
  }
  words.append("expected ").append(wanted).append(", found ");
  words.append(found.exists() ? (type < 7 ? names[type] : "something else") : "nothing");
  if (found.is_number()) {
    words.append(" (").append(found.json().substr(0, 40)).append(")");
  }
  return error(SG_STATUS_INVALID_ARGUMENT, std::move(words));
}

inline result<std::int64_t> milliseconds_of(const value &place) {
  std::int64_t milliseconds = 0;
  if (sg_value_time_ms(place.capi(), &milliseconds) != SG_STATUS_OK) {
    return not_a("a date or a time", place);
  }
  return milliseconds;
}

}  // namespace detail

template <class T, class>
struct reader {
  static_assert(detail::never<T>, "sg: values do not convert to this type by themselves; specialise sg::reader for it");
};

template <>
struct reader<value> {
  static result<value> read(value place) { return place; }
};

template <>
struct reader<bool> {
  static result<bool> read(value place) {
    std::int32_t truth = 0;
    if (sg_value_bool(place.capi(), &truth) != SG_STATUS_OK) {
      return detail::not_a("true or false", place);
    }
    return truth != 0;
  }
};

template <class T>
struct reader<T, std::enable_if_t<detail::is_whole<T>>> {
  static result<T> read(value place) {
    std::int64_t number = 0;
    if (sg_value_int64(place.capi(), &number) == SG_STATUS_OK) {
      const bool fits = number < 0 ? std::is_signed_v<T> && number >= static_cast<std::int64_t>((std::numeric_limits<T>::min)())
                                   : static_cast<std::uint64_t>(number) <= static_cast<std::uint64_t>((std::numeric_limits<T>::max)());
      if (fits) {
        return static_cast<T>(number);
      }
    } else if (std::is_unsigned_v<T> && sizeof(T) == sizeof(std::uint64_t) && place.is_number()) {
      // The upper half of the range, which is beyond the C library's.
      T large = 0;
      const std::string_view text = place.json();
      const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), large);
      if (fault == std::errc() && end == text.data() + text.size()) {
        return large;
      }
    }
    return detail::not_a("a whole number between " + std::to_string((std::numeric_limits<T>::min)()) + " and " +
                             std::to_string((std::numeric_limits<T>::max)()),
                         place);
  }
};

template <class T>
struct reader<T, std::enable_if_t<std::is_floating_point_v<T>>> {
  static result<T> read(value place) {
    double number = 0;
    if (sg_value_double(place.capi(), &number) != SG_STATUS_OK || std::abs(number) > static_cast<double>((std::numeric_limits<T>::max)())) {
      return detail::not_a("a number within range", place);
    }
    return static_cast<T>(number);
  }
};

template <>
struct reader<std::string_view> {
  static result<std::string_view> read(value place) {
    std::size_t length = 0;
    const char *text = sg_value_text(place.capi(), &length);
    if (text == nullptr) {
      return detail::not_a("a text", place);
    }
    return std::string_view(text, length);
  }
};

template <>
struct reader<std::string> {
  static result<std::string> read(value place) {
    return reader<std::string_view>::read(place).map([](std::string_view text) { return std::string(text); });
  }
};

template <class Duration>
struct reader<std::chrono::time_point<std::chrono::system_clock, Duration>> {
  using moment = std::chrono::time_point<std::chrono::system_clock, Duration>;

  static result<moment> read(value place) {
    using std::chrono::milliseconds;
    result<std::int64_t> found = detail::milliseconds_of(place);
    if (!found) {
      return std::move(found).error();
    }
    // A clock of nanoseconds ends in the year 2262.
    const std::chrono::duration<double, std::milli> wanted{static_cast<double>(*found)};
    if (wanted >= (Duration::max)() || wanted <= (Duration::min)()) {
      return error(SG_STATUS_INVALID_ARGUMENT,
                   "the time " + std::string(place.json()) + " is beyond this clock; take a time_point of milliseconds or seconds");
    }
    return moment(std::chrono::duration_cast<Duration>(milliseconds(*found)));
  }
};

template <>
struct reader<date> {
  static result<date> read(value place) {
    result<std::string_view> text = reader<std::string_view>::read(place);
    const std::optional<date> day = text ? date::parse(*text) : std::nullopt;
    if (!day) {
      return detail::not_a("a date such as \"2026-12-31\"", place);
    }
    return *day;
  }
};

/** An entity: an object with "type" and "id", and with its name where there is one. */
template <>
struct reader<link> {
  static result<link> read(value place) {
    result<std::string_view> type = place["type"].as<std::string_view>();
    result<std::int64_t> id = place["id"].as<std::int64_t>();
    if (!type || !id) {
      return detail::not_a("an entity with \"type\" and \"id\"", place);
    }
    return link(*type, *id, place["name"].value_or(""));
  }
};

/** Nothing for null and for what is missing; what is there must be of the type. */
template <class T>
struct reader<std::optional<T>> {
  static result<std::optional<T>> read(value place) {
    if (place.is_null()) {
      return std::optional<T>();
    }
    return place.as<T>().map([](T found) { return std::optional<T>(std::move(found)); });
  }
};

template <class T>
struct reader<std::vector<T>> {
  static result<std::vector<T>> read(value place) {
    if (!place.is_array()) {
      return detail::not_a("a list", place);
    }
    std::vector<T> all;
    all.reserve(place.size());
    for (const value each : place) {
      result<T> one = each.as<T>();
      if (!one) {
        return error(SG_STATUS_INVALID_ARGUMENT, '[' + std::to_string(all.size()) + "]: " + std::string(one.error().message()));
      }
      all.push_back(*std::move(one));
    }
    return all;
  }
};

}  // namespace SG_CPP_ABI
}  // namespace sg

#endif  // SHOTGRID_READ_HPP
