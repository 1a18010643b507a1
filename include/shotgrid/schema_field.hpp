/**
 * @file shotgrid/schema_field.hpp
 * @brief sg::schema_field: a field whose type is known, as shotgrid-codegen writes it from a site's schema.
 */
#ifndef SHOTGRID_SCHEMA_FIELD_HPP
#define SHOTGRID_SCHEMA_FIELD_HPP

#include "filter.hpp"
#include "read.hpp"

namespace sg {
inline namespace SG_CPP_ABI {

namespace detail {

template <class T>
inline constexpr bool is_list = false;
template <class T>
inline constexpr bool is_list<std::vector<T>> = true;

}  // namespace detail

/** A date-time field's value. */
using moment = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

/**
 * A field of an entity type: its name, the kind of its relations, and the C++ type of its values.
 *
 * `Shot::code` stands for the field's name where one is wanted, in a list of fields and as a key. Conditions begin with sg::where(),
 * values are read with of() and written with to(). The constants are made by shotgrid-codegen, so that a mistyped name does not compile.
 */
template <class Kind, class Value>
class schema_field {
 public:
  using value_type = Value;

  constexpr explicit schema_field(const char *name) noexcept : name_(name) {}

  /** As the site knows it. */
  constexpr const char *name() const noexcept { return name_; }
  constexpr operator std::string_view() const noexcept { return name_; }

  /** Its value in a row; nothing where it is null, was not asked for, or is of another type. */
  std::optional<Value> of(value row) const {
    auto found = read(row);
    return found ? *std::move(found) : std::nullopt;
  }
  /** The same, with an error where it is of another type: the schema has changed since the constants were made. */
  result<std::optional<Value>> read(value row) const { return row[name_].template as<std::optional<Value>>(); }

  /** The field with a value to be written: `client.update("Shot", 862, {Shot::description.to("retimed")})`. nullptr empties it. */
  template <class T>
  member to(const T &given) const {
    static_assert(writable<T>(), "sg: a value of this type cannot be written to this field");
    return {name_, given};
  }

 private:
  template <class T>
  static constexpr bool writable() {
    constexpr detail::sort given = detail::sort_of<T>();
    return given == detail::sort::null || given == detail::sort::dynamic || std::is_same_v<Kind, fields::any> || std::is_same_v<T, Value> ||
           (!detail::is_list<Value> && given != detail::sort::none && Kind::takes(given));
  }

  const char *name_;
};

/** Begins a condition on a field: `sg::where(Shot::sg_status_list).in({"ip", "rev"})`. */
template <class Kind, class Value>
basic_field<Kind> where(const schema_field<Kind, Value> &named) {
  return basic_field<Kind>(named.name());
}

}  // namespace SG_CPP_ABI
}  // namespace sg

#endif  // SHOTGRID_SCHEMA_FIELD_HPP
