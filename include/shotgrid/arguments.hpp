/**
 * @file shotgrid/arguments.hpp
 * @brief What the methods of sg::client take beyond the usual: structs of named arguments with the official client's defaults.
 *
 * In C++20 they read as in Python: `client.find("Shot", filters, {"code"}, {.order = {sg::asc("code")}, .limit = 20})`. In C++17,
 * set the members of a variable.
 */
#ifndef SHOTGRID_ARGUMENTS_HPP
#define SHOTGRID_ARGUMENTS_HPP

#include "filter.hpp"
#include "value.hpp"

namespace sg {
inline namespace SG_CPP_ABI {

/** A field to sort by; see sg::asc() and sg::desc(). */
struct order_by {
  std::string field_name;
  bool descending = false;
};
inline order_by asc(std::string_view field_name) {
  return {std::string(field_name), false};
}
inline order_by desc(std::string_view field_name) {
  return {std::string(field_name), true};
}

/** A field to sum up, and how: "count", "sum", "average", "minimum", "maximum", "record_count" and others. */
struct summary_field {
  std::string field;
  std::string type;
};

/** A field to group by, and how: "exact", "day", "month", "first_letter" and others. */
struct grouping_by {
  std::string field;
  std::string type = "exact";
  bool descending = false;
};

/** What an update does to a field that holds several entities. */
enum class update_mode { set, add, remove };

/** A field that holds several entities, and what an update does to it. */
struct multi_entity_mode {
  std::string field;
  update_mode mode = update_mode::set;
};

/** An entity type to search, and which of its rows. */
struct search_in {
  std::string entity_type;
  filter filters = {};
};

/** A file to send, by its path in UTF-8 or as a std::filesystem::path. */
class file_path {
 public:
  file_path(const char *path) : text_(path != nullptr ? path : "") {}
  file_path(std::string path) : text_(std::move(path)) {}
  file_path(std::string_view path) : text_(path) {}
  template <class Path, class = decltype(std::declval<const Path &>().u8string())>
  file_path(const Path &path) {
    const auto text = path.u8string();
    text_.assign(text.begin(), text.end());
  }
  const std::string &text() const noexcept { return text_; }

 private:
  std::string text_;
};

struct find_args {
  std::vector<order_by> order = {};
  std::uint64_t limit = 0;  ///< 0: all
  bool retired_only = false;
  std::uint64_t page = 0;  ///< 0: all, joined
  bool include_archived_projects = true;
  json additional_filter_presets = {};
};
struct find_one_args {
  std::vector<order_by> order = {};
  bool retired_only = false;
  bool include_archived_projects = true;
  json additional_filter_presets = {};
};
/** For sg::client::pages(): `limit` is the most rows in all. */
struct pages_args {
  std::vector<order_by> order = {};
  std::uint64_t limit = 0;
  bool retired_only = false;
  bool include_archived_projects = true;
  json additional_filter_presets = {};
};
struct summarize_args {
  std::vector<grouping_by> grouping = {};
  bool include_archived_projects = true;
};
struct update_args {
  std::vector<multi_entity_mode> multi_entity_update_modes = {};
};
/** For sg::client::permission_check(). */
enum class operation { create, read, update, delete_, revive };
struct permission_check_args {
  std::optional<std::int64_t> entity_id = {};  ///< the row; none for a create
  names fields = {};
  object data = {};  ///< the values to be written: then the answer is exact
  std::vector<multi_entity_mode> multi_entity_update_modes = {};
  bool dry_run = true;  ///< false: only reads are made, and less is known
};
struct upload_args {
  std::optional<std::string> display_name = {};
  std::optional<std::string> tag_list = {};
  std::optional<std::chrono::system_clock::time_point> created_at = {};
};
struct share_thumbnail_args {
  std::optional<file_path> thumbnail_path = {};  ///< either an image file
  std::optional<link> source_entity = {};        ///< or the entity that has the thumbnail already
  bool filmstrip_thumbnail = false;
};
struct activity_stream_args {
  object entity_fields = {};  ///< for each entity type a list of fields
  std::optional<std::uint64_t> min_id = {};
  std::optional<std::uint64_t> max_id = {};
  std::optional<std::uint64_t> limit = {};
};
struct text_search_args {
  std::vector<std::int64_t> project_ids = {};
  std::optional<std::uint64_t> limit = {};
};
struct following_args {
  std::optional<link> project = {};
  std::optional<std::string> entity_type = {};
};
struct work_schedule_args {
  std::optional<link> project = {};
  std::optional<link> user = {};
};
struct work_schedule_update_args {
  std::optional<std::string> description = {};
  std::optional<link> project = {};
  std::optional<link> user = {};
  std::optional<std::string> recalculate_field = {};
};
struct nav_args {
  json seed_entity_field = {};
  json entity_fields = {};
};

namespace detail {

/** The arguments when none are given. No temporary: GCC before 13 destroys those of aggregates twice in a co_await's expression. */
template <class Arguments>
const Arguments &usual() {
  static const Arguments none{};
  return none;
}

}  // namespace detail

/** What a batch is to do, in order, all of it or nothing. */
class requests {
 public:
  requests &create(std::string_view entity_type, const object &data, const names &return_fields = {}) & {
    object request{{"request_type", "create"}, {"entity_type", entity_type}, {"data", data}};
    if (!return_fields.empty()) {
      request.set("return_fields", return_fields.list());
    }
    list_.add(request);
    return *this;
  }
  requests &update(std::string_view entity_type, std::int64_t entity_id, const object &data, const update_args &args = detail::usual<update_args>()) &;
  requests &delete_(std::string_view entity_type, std::int64_t entity_id) & {
    list_.add(object{{"request_type", "delete"}, {"entity_type", entity_type}, {"entity_id", entity_id}});
    return *this;
  }
  requests &&create(std::string_view entity_type, const object &data, const names &return_fields = {}) && {
    return std::move(create(entity_type, data, return_fields));
  }
  requests &&update(std::string_view entity_type, std::int64_t entity_id, const object &data, const update_args &args = detail::usual<update_args>()) && {
    return std::move(update(entity_type, entity_id, data, args));
  }
  requests &&delete_(std::string_view entity_type, std::int64_t entity_id) && { return std::move(delete_(entity_type, entity_id)); }

  std::size_t size() const noexcept { return list_.size(); }
  /** In the form of the official client. */
  const array &list() const noexcept { return list_; }

 private:
  array list_;
};

namespace detail {

/** Adds an argument that was given. */
template <class T>
void set_given(object &parameters, std::string_view name, const std::optional<T> &value) {
  if (value) {
    parameters.set(name, *value);
  }
}
template <class T>
void set_given(object &parameters, std::string_view name, const std::vector<T> &values) {
  if (!values.empty()) {
    parameters.set(name, values);
  }
}
inline void set_given(object &parameters, std::string_view name, const std::optional<file_path> &path) {
  if (path) {
    parameters.set(name, path->text());
  }
}
inline void set_given(object &parameters, std::string_view name, const names &fields) {
  set_given(parameters, name, fields.list());
}
inline void set_given(object &parameters, std::string_view name, const object &members) {
  if (!members.empty()) {
    parameters.set(name, members);
  }
}
inline void set_given(object &parameters, std::string_view name, const json &value) {
  if (!value.is_null()) {
    parameters.set(name, value);
  }
}
/** Adds a switch that is not as it is by itself. */
inline void set_switch(object &parameters, std::string_view name, bool value, bool unless) {
  if (value != unless) {
    parameters.set(name, value);
  }
}
inline void set_count(object &parameters, std::string_view name, std::uint64_t count) {
  if (count != 0) {
    parameters.set(name, count);
  }
}

inline array order_list(const std::vector<order_by> &order) {
  array list;
  for (const order_by &each : order) {
    list.add(object{{"field_name", each.field_name}, {"direction", each.descending ? "desc" : "asc"}});
  }
  return list;
}

inline object mode_list(const std::vector<multi_entity_mode> &modes) {
  object list;
  for (const multi_entity_mode &each : modes) {
    list.set(each.field, each.mode == update_mode::add ? "add" : each.mode == update_mode::remove ? "remove" : "set");
  }
  return list;
}

inline std::string_view name_of(operation what) noexcept {
  switch (what) {
    case operation::create:
      return "create";
    case operation::read:
      return "read";
    case operation::update:
      return "update";
    case operation::delete_:
      return "delete";
    case operation::revive:
      return "revive";
  }
  return "";
}

/** What find(), find_one() and pages() have in common. */
template <class Arguments>
object search(std::string_view entity_type, const filter &filters, const names &fields, const Arguments &args) {
  object parameters{{"entity_type", entity_type}};
  set_filters(parameters, filters);
  set_given(parameters, "fields", fields);
  if (!args.order.empty()) {
    parameters.set("order", order_list(args.order));
  }
  set_switch(parameters, "retired_only", args.retired_only, false);
  set_switch(parameters, "include_archived_projects", args.include_archived_projects, true);
  set_given(parameters, "additional_filter_presets", args.additional_filter_presets);
  return parameters;
}

}  // namespace detail

inline requests &requests::update(std::string_view entity_type, std::int64_t entity_id, const object &data, const update_args &args) & {
  object request{{"request_type", "update"}, {"entity_type", entity_type}, {"entity_id", entity_id}, {"data", data}};
  detail::set_given(request, "multi_entity_update_modes", detail::mode_list(args.multi_entity_update_modes));
  list_.add(request);
  return *this;
}

}  // namespace SG_CPP_ABI
}  // namespace sg

#endif  // SHOTGRID_ARGUMENTS_HPP
