/**
 * @file shotgrid/filter.hpp
 * @brief Filters that read like sentences: `sg::field("sg_status_list").is_not("omt") && sg::field("project").is(project)`.
 */
#ifndef SHOTGRID_FILTER_HPP
#define SHOTGRID_FILTER_HPP

#include "json.hpp"

namespace sg {
inline namespace SG_CPP_ABI {

/** Units of time for in_last() and in_next(). */
enum class unit { hour, day, week, month, year };

/**
 * Which rows: one condition, or several joined by `&&` and `||`, nested as C++ nests them.
 *
 * A filter without conditions finds every row, and joined with another one it is the other one, so that a loop may begin
 * with it. `!` denies what the site can deny, see sg::deniable.
 */
class filter {
 public:
  filter() = default;

  /** Takes conditions in the form of the official client, such as `{{"code", "is", "x"}}` in JSON: a list, all of which must hold. */
  static filter written(const array &conditions) {
    filter made;
    made.raw_ = conditions;
    made.kind_ = kind::written;
    return made;
  }

  /** Whether it has no conditions. */
  bool empty() const noexcept { return kind_ == kind::all && parts_.empty(); }

  /** As a list of conditions that must all hold: what the official client takes for `filters`. */
  json conditions() const {
    if (kind_ == kind::all) {
      return list();
    }
    return kind_ == kind::written ? raw_ : json(array{form()});
  }

  friend filter operator&&(const filter &left, const filter &right) { return joined(kind::all, left, right); }
  friend filter operator||(const filter &left, const filter &right) { return joined(kind::any, left, right); }

 protected:
  enum class kind { all, any, written, condition };

  static filter condition(const std::string &path, const char *relation, const char *opposite, const json &value) {
    filter made;
    made.kind_ = kind::condition;
    made.path_ = path;
    made.relation_ = relation;
    made.opposite_ = opposite;
    made.raw_ = value;
    return made;
  }

  static filter joined(kind how, const filter &left, const filter &right) {
    if (left.empty() || right.empty()) {
      return left.empty() ? right : left;
    }
    filter group;
    group.kind_ = how;
    for (const filter *part : {&left, &right}) {
      if (part->kind_ == how) {
        group.parts_.insert(group.parts_.end(), part->parts_.begin(), part->parts_.end());
      } else {
        group.parts_.push_back(*part);
      }
    }
    return group;
  }

  /** The opposite: of each condition, and of how they are joined. */
  static filter denied(const filter &of) {
    filter made = of;
    if (of.kind_ == kind::condition) {
      std::swap(made.relation_, made.opposite_);
      return made;
    }
    made.kind_ = of.kind_ == kind::all ? kind::any : kind::all;
    for (filter &part : made.parts_) {
      part = denied(part);
    }
    return made;
  }

 private:
  json list() const {
    array parts;
    for (const filter &part : parts_) {
      parts.add(part.form());
    }
    return parts;
  }

  json form() const {
    if (kind_ == kind::condition) {
      const json condition = array{path_, relation_, raw_};
      return raw_.problem().empty() ? condition : named(condition);
    }
    return object{{"filter_operator", kind_ == kind::any ? "any" : "all"}, {"filters", kind_ == kind::written ? raw_ : list()}};
  }

  /** A problem of a value, with the field's name in place of a position. */
  json named(json condition) const {
    condition.problem_ = "on " + path_ + ": the value " + raw_.problem();
    return condition;
  }

  friend void set_filters(object &parameters, const filter &filters);

  kind kind_ = kind::all;
  std::string path_;
  const char *relation_ = nullptr;
  const char *opposite_ = nullptr;
  json raw_;
  std::vector<filter> parts_;
};

/**
 * A filter that can be denied: `!(a && b)`.
 *
 * The wire has no word for "not", only relations that come in pairs (`is` and `is_not`, `in` and `not_in`). What has no
 * opposite there, such as `starts_with` or `less_than`, makes a plain sg::filter, which has no `!`.
 */
class deniable : public filter {
 public:
  friend deniable operator&&(const deniable &left, const deniable &right) { return deniable(joined(kind::all, left, right)); }
  friend deniable operator||(const deniable &left, const deniable &right) { return deniable(joined(kind::any, left, right)); }
  friend deniable operator!(const deniable &of) { return deniable(denied(of)); }

 private:
  explicit deniable(filter made) : filter(std::move(made)) {}

  template <class Kind>
  friend class basic_field;
};

/** The site has no opposite for one of these conditions: say it with another relation. */
filter operator!(const filter &) = delete;

namespace detail {

/** What a value is for the relations: the site compares likes only. */
enum class sort { null, truth, number, text, day, entity, dynamic, none };

template <class T>
inline constexpr bool is_time = false;
template <class Duration>
inline constexpr bool is_time<std::chrono::time_point<std::chrono::system_clock, Duration>> = true;

template <class T>
constexpr sort sort_of() {
  using V = std::decay_t<T>;
  if constexpr (std::is_same_v<V, std::nullptr_t>) {
    return sort::null;
  } else if constexpr (std::is_same_v<V, bool>) {
    return sort::truth;
  } else if constexpr (is_whole<V> || std::is_floating_point_v<V>) {
    return sort::number;
  } else if constexpr (std::is_same_v<V, link>) {
    return sort::entity;
  } else if constexpr (std::is_same_v<V, date>) {
    return sort::day;
  } else if constexpr (std::is_same_v<V, value> || std::is_same_v<V, document>) {
    return sort::dynamic;
  } else if constexpr (std::is_convertible_v<const V &, std::string_view>) {
    return sort::text;
  } else if constexpr (is_time<V>) {
    return sort::day;
  } else {
    return sort::none;
  }
}

}  // namespace detail

/** Kinds of fields, for those who want their relations checked: see sg::basic_field. */
namespace fields {
struct none {
  static constexpr bool has_words = false, has_spans = false, has_times = false, has_links = false, has_lists = true;
};
struct any : none {
  static constexpr bool takes(detail::sort) { return true; }
  static constexpr bool has_words = true, has_spans = true, has_times = true, has_links = true;
};
struct text : none {
  static constexpr bool takes(detail::sort given) { return given == detail::sort::text; }
  static constexpr bool has_words = true;
};
struct number : none {
  static constexpr bool takes(detail::sort given) { return given == detail::sort::number; }
  static constexpr bool has_spans = true;
};
struct date : none {
  static constexpr bool takes(detail::sort given) { return given == detail::sort::day; }
  static constexpr bool has_spans = true, has_times = true;
};
struct link : none {
  static constexpr bool takes(detail::sort given) { return given == detail::sort::entity; }
  static constexpr bool has_links = true;
};
struct choice : none {
  static constexpr bool takes(detail::sort given) { return given == detail::sort::text; }
};
struct checkbox : none {
  static constexpr bool takes(detail::sort given) { return given == detail::sort::truth; }
  static constexpr bool has_lists = false;
};
}  // namespace fields

/**
 * A field, by its name or its dotted path, from which conditions are made.
 *
 * sg::field knows nothing of the field's type and has every relation; sg::text_field, sg::number_field, sg::date_field,
 * sg::link_field, sg::list_field and sg::checkbox_field have those of their type alone, and take values of that type. What
 * the site would refuse then does not compile.
 */
template <class Kind>
class basic_field {
 public:
  basic_field(std::string_view path) : path_(path) {}
  basic_field(const std::string &path) : path_(path) {}
  basic_field(const char *path) : path_(path != nullptr ? path : "") {}

  /**
   * Reaches the field through a link: `sg::field("code").via("sg_sequence", "Sequence")` is `sg_sequence.Sequence.code`. Of
   * several, the last one is the outermost.
   */
  basic_field via(std::string_view link_field, std::string_view entity_type) const {
    return basic_field(std::string(link_field).append(".").append(entity_type).append(".").append(path_));
  }

  /** The whole path. */
  const std::string &path() const & noexcept { return path_; }
  std::string path() && noexcept { return std::move(path_); }

  /* Every field. nullptr stands for a field that is empty. */
  template <class T>
  deniable is(const T &value) const {
    return pair("is", "is_not", one(value));
  }
  template <class T>
  deniable is_not(const T &value) const {
    return pair("is_not", "is", one(value));
  }
  deniable is_empty() const { return pair("is", "is_not", nullptr); }
  deniable is_not_empty() const { return pair("is_not", "is", nullptr); }

  /* Every field but checkboxes: any of these, none of these. */
  template <class T>
  deniable in(std::initializer_list<T> values) const {
    return pair("in", "not_in", several(values));
  }
  template <class T>
  deniable in(const std::vector<T> &values) const {
    return pair("in", "not_in", several(values));
  }
  template <class T>
  deniable not_in(std::initializer_list<T> values) const {
    return pair("not_in", "in", several(values));
  }
  template <class T>
  deniable not_in(const std::vector<T> &values) const {
    return pair("not_in", "in", several(values));
  }

  /* Texts; and lists of links, which contain an entity. */
  template <class T>
  deniable contains(const T &part) const {
    return pair("contains", "not_contains", content(part));
  }
  template <class T>
  deniable not_contains(const T &part) const {
    return pair("not_contains", "contains", content(part));
  }
  template <class T>
  filter starts_with(const T &part) const {
    return plain("starts_with", words<Kind::has_words>(part));
  }
  template <class T>
  filter ends_with(const T &part) const {
    return plain("ends_with", words<Kind::has_words>(part));
  }

  /* Numbers, dates and times. */
  template <class T>
  filter less_than(const T &bound) const {
    return plain("less_than", measure(bound));
  }
  template <class T>
  filter greater_than(const T &bound) const {
    return plain("greater_than", measure(bound));
  }
  template <class T, class U>
  deniable between(const T &low, const U &high) const {
    return pair("between", "not_between", span(low, high));
  }
  template <class T, class U>
  deniable not_between(const T &low, const U &high) const {
    return pair("not_between", "between", span(low, high));
  }

  /* Dates and times: the last two weeks; this month (0), the one before (-1). */
  deniable in_last(unsigned count, unit of) const { return pair("in_last", "not_in_last", lapse(count, of)); }
  deniable not_in_last(unsigned count, unit of) const { return pair("not_in_last", "in_last", lapse(count, of)); }
  deniable in_next(unsigned count, unit of) const { return pair("in_next", "not_in_next", lapse(count, of)); }
  deniable not_in_next(unsigned count, unit of) const { return pair("not_in_next", "in_next", lapse(count, of)); }
  filter in_calendar_day(int offset) const { return calendar("in_calendar_day", offset); }
  filter in_calendar_week(int offset) const { return calendar("in_calendar_week", offset); }
  filter in_calendar_month(int offset) const { return calendar("in_calendar_month", offset); }
  filter in_calendar_year(int offset) const { return calendar("in_calendar_year", offset); }

  /* Links: the type of the entity that is linked to, and its name. */
  template <class T>
  deniable type_is(const T &entity_type) const {
    return pair("type_is", "type_is_not", words<Kind::has_links>(entity_type));
  }
  template <class T>
  deniable type_is_not(const T &entity_type) const {
    return pair("type_is_not", "type_is", words<Kind::has_links>(entity_type));
  }
  template <class T>
  filter name_is(const T &name) const {
    return plain("name_is", words<Kind::has_links>(name));
  }
  template <class T>
  deniable name_contains(const T &part) const {
    return pair("name_contains", "name_not_contains", words<Kind::has_links>(part));
  }
  template <class T>
  deniable name_not_contains(const T &part) const {
    return pair("name_not_contains", "name_contains", words<Kind::has_links>(part));
  }
  template <class T>
  filter name_starts_with(const T &part) const {
    return plain("name_starts_with", words<Kind::has_links>(part));
  }
  template <class T>
  filter name_ends_with(const T &part) const {
    return plain("name_ends_with", words<Kind::has_links>(part));
  }
  /** The id of a tag, for tag lists. */
  filter name_id(std::int64_t tag) const {
    static_assert(Kind::has_links, "sg: this relation is for links only");
    return plain("name_id", tag);
  }

 private:
  deniable pair(const char *relation, const char *opposite, const json &value) const {
    return deniable(filter(deniable::condition(path_, relation, opposite, value)));
  }
  filter plain(const char *relation, const json &value) const { return deniable::condition(path_, relation, nullptr, value); }

  template <class T>
  static constexpr bool comparable() {
    constexpr detail::sort given = detail::sort_of<T>();
    return given == detail::sort::dynamic || (given != detail::sort::none && Kind::takes(given));
  }

  template <class T>
  static json one(const T &value) {
    static_assert(detail::sort_of<T>() == detail::sort::null || comparable<T>(),
                  "sg: a value of this type cannot be compared with this field; for lists see in()");
    return value;
  }

  template <class List>
  static json several(const List &values) {
    using T = typename List::value_type;
    static_assert(Kind::has_lists, "sg: a checkbox is or is not, it is not in a list");
    static_assert(comparable<T>(), "sg: a value of this type cannot be compared with this field");
    array list;
    for (const auto &value : values) {
      list.add(value);
    }
    return list;
  }

  template <class T>
  static json content(const T &part) {
    constexpr detail::sort given = detail::sort_of<T>();
    static_assert((Kind::has_words && given == detail::sort::text) || (Kind::has_links && given == detail::sort::entity) ||
                      ((Kind::has_words || Kind::has_links) && given == detail::sort::dynamic),
                  "sg: texts contain a text, and lists of links contain an sg::link");
    return part;
  }

  template <bool Allowed, class T>
  static json words(const T &text) {
    static_assert(Allowed, "sg: this relation is not for fields of this type");
    static_assert(detail::sort_of<T>() == detail::sort::text || detail::sort_of<T>() == detail::sort::dynamic,
                  "sg: this relation takes a text");
    return text;
  }

  template <class T>
  static json measure(const T &bound) {
    constexpr detail::sort given = detail::sort_of<T>();
    static_assert(Kind::has_spans, "sg: this relation is for numbers, dates and times only");
    static_assert(given == detail::sort::number || given == detail::sort::day || given == detail::sort::dynamic,
                  "sg: this relation takes a number, an sg::date or a point of time");
    static_assert(comparable<T>(), "sg: a value of this type cannot be compared with this field");
    return bound;
  }

  template <class T, class U>
  static json span(const T &low, const U &high) {
    static_assert(detail::sort_of<T>() == detail::sort_of<U>(), "sg: both bounds must be of one type");
    return array{measure(low), measure(high)};
  }

  static json lapse(unsigned count, unit of) {
    static_assert(Kind::has_times, "sg: this relation is for dates and times only");
    constexpr const char *names[] = {"HOUR", "DAY", "WEEK", "MONTH", "YEAR"};
    return array{count, names[static_cast<std::size_t>(of)]};
  }

  filter calendar(const char *relation, int offset) const {
    static_assert(Kind::has_times, "sg: this relation is for dates and times only");
    return plain(relation, offset);
  }

  std::string path_;
};

using field = basic_field<fields::any>;
using text_field = basic_field<fields::text>;
using number_field = basic_field<fields::number>;  ///< numbers, currencies, percents, durations, timecodes
using date_field = basic_field<fields::date>;      ///< dates and date-times
using link_field = basic_field<fields::link>;      ///< links to entities, and lists of them
using list_field = basic_field<fields::choice>;    ///< lists and statuses
using checkbox_field = basic_field<fields::checkbox>;

/** Puts a filter into a call's parameters; `any` at the top is the call's own filter_operator. */
inline void set_filters(object &parameters, const filter &filters) {
  if (filters.kind_ == filter::kind::any) {
    parameters.set("filters", filters.list()).set("filter_operator", "any");
  } else {
    parameters.set("filters", filters.conditions());
  }
}

}  // namespace SG_CPP_ABI
}  // namespace sg

#endif  // SHOTGRID_FILTER_HPP
