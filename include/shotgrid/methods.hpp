/**
 * @file shotgrid/methods.hpp
 * @brief Every method of the official Python client, by its name, with typed arguments and its defaults, and our own.
 */
#ifndef SHOTGRID_METHODS_HPP
#define SHOTGRID_METHODS_HPP

#include "arguments.hpp"

namespace sg {
inline namespace SG_CPP_ABI {

/**
 * The methods, for whatever can send one: sg::client answers with sg::result, its async() with sg::op.
 *
 * docs/methods.md tells what each takes and returns. `delete` is `delete_`, for C++ keeps the word. There is no filter_operator:
 * `&&` and `||` say it. Rows come as an sg::document, everything else as the C++ type that it is.
 */
template <class Self, template <class> class Answer>
class methods {
 public:
  /* ---- Reading ------------------------------------------------------------------------------------------------- */

  /** Every entity that matches: a list of entities with `type`, `id` and the fields asked for. */
  Answer<document> find(std::string_view entity_type, const filter &filters, const names &fields = {}, const find_args &args = detail::usual<find_args>()) const {
    object parameters = detail::search(entity_type, filters, fields, args);
    detail::set_count(parameters, "limit", args.limit);
    detail::set_count(parameters, "page", args.page);
    return send<document>("find", parameters);
  }

  /** The first entity that matches; document::is_null() where there is none. */
  Answer<document> find_one(std::string_view entity_type, const filter &filters, const names &fields = {},
                            const find_one_args &args = detail::usual<find_one_args>()) const {
    return send<document>("find_one", detail::search(entity_type, filters, fields, args));
  }

  /** Counts, sums and compares: an object with `summaries` by field, and `groups`. */
  Answer<document> summarize(std::string_view entity_type, const filter &filters, const std::vector<summary_field> &summary_fields,
                             const summarize_args &args = detail::usual<summarize_args>()) const {
    object parameters{{"entity_type", entity_type}};
    set_filters(parameters, filters);
    array summaries;
    for (const summary_field &each : summary_fields) {
      summaries.add(object{{"field", each.field}, {"type", each.type}});
    }
    parameters.set("summary_fields", summaries);
    array grouping;
    for (const grouping_by &each : args.grouping) {
      grouping.add(object{{"field", each.field}, {"type", each.type}, {"direction", each.descending ? "desc" : "asc"}});
    }
    if (!grouping.empty()) {
      parameters.set("grouping", grouping);
    }
    detail::set_switch(parameters, "include_archived_projects", args.include_archived_projects, true);
    return send<document>("summarize", parameters);
  }

  /** Entities of several types whose names hold the words: an object with `matches` and `terms`. */
  Answer<document> text_search(std::string_view text, const std::vector<search_in> &entity_types, const text_search_args &args = detail::usual<text_search_args>()) const {
    object types;
    for (const search_in &each : entity_types) {
      types.set(each.entity_type, each.filters.conditions());
    }
    object parameters{{"text", text}, {"entity_types", types}};
    detail::set_given(parameters, "project_ids", args.project_ids);
    detail::set_given(parameters, "limit", args.limit);
    return send<document>("text_search", parameters);
  }

  /** What happened around an entity, newest first. */
  Answer<document> activity_stream_read(std::string_view entity_type, std::int64_t entity_id, const activity_stream_args &args = detail::usual<activity_stream_args>()) const {
    object parameters{{"entity_type", entity_type}, {"entity_id", entity_id}};
    detail::set_given(parameters, "entity_fields", args.entity_fields);
    detail::set_given(parameters, "min_id", args.min_id);
    detail::set_given(parameters, "max_id", args.max_id);
    detail::set_given(parameters, "limit", args.limit);
    return send<document>("activity_stream_read", parameters);
  }

  /** A note with its replies and attachments. */
  Answer<document> note_thread_read(std::int64_t note_id, const object &entity_fields = {}) const {
    object parameters{{"note_id", note_id}};
    detail::set_given(parameters, "entity_fields", entity_fields);
    return send<document>("note_thread_read", parameters);
  }

  /** A page of the web application as text, such as "csv". */
  Answer<std::string> export_page(std::int64_t page_id, std::string_view format, const std::optional<std::string> &layout_name = {}) const {
    object parameters{{"page_id", page_id}, {"format", format}};
    detail::set_given(parameters, "layout_name", layout_name);
    return send<std::string>("export_page", parameters);
  }

  /* ---- Writing ------------------------------------------------------------------------------------------------- */

  /** Makes an entity: it comes back with the fields that were set and those asked for. */
  Answer<document> create(std::string_view entity_type, const object &data, const names &return_fields = {}) const {
    object parameters{{"entity_type", entity_type}, {"data", data}};
    detail::set_given(parameters, "return_fields", return_fields);
    return send<document>("create", parameters);
  }

  /** Changes fields of an entity: they come back. */
  Answer<document> update(std::string_view entity_type, std::int64_t entity_id, const object &data, const update_args &args = detail::usual<update_args>()) const {
    object parameters{{"entity_type", entity_type}, {"entity_id", entity_id}, {"data", data}};
    detail::set_given(parameters, "multi_entity_update_modes", detail::mode_list(args.multi_entity_update_modes));
    return send<document>("update", parameters);
  }

  /** Retires an entity; false when it was retired already. */
  Answer<bool> delete_(std::string_view entity_type, std::int64_t entity_id) const {
    return send<bool>("delete", {{"entity_type", entity_type}, {"entity_id", entity_id}});
  }

  /** Brings a retired entity back; false when it was not retired. */
  Answer<bool> revive(std::string_view entity_type, std::int64_t entity_id) const {
    return send<bool>("revive", {{"entity_type", entity_type}, {"entity_id", entity_id}});
  }

  /** Several creates, updates and deletes, all or none: `client.batch(sg::requests().create(…).update(…))`. */
  Answer<document> batch(const requests &list) const { return send<document>("batch", {{"requests", list.list()}}); }

  /**
   * Whether the role allows an operation, for the whole and for each field: an object with `allowed` ("yes", "no" or
   * "depends"), `reason`, `role`, `rule` and `fields`. It changes nothing. The official client has no such method.
   */
  Answer<document> permission_check(operation what, std::string_view entity_type,
                                    const permission_check_args &args = detail::usual<permission_check_args>()) const {
    object parameters{{"operation", detail::name_of(what)}, {"entity_type", entity_type}};
    detail::set_given(parameters, "entity_id", args.entity_id);
    detail::set_given(parameters, "fields", args.fields);
    detail::set_given(parameters, "data", args.data);
    detail::set_given(parameters, "multi_entity_update_modes", detail::mode_list(args.multi_entity_update_modes));
    detail::set_switch(parameters, "dry_run", args.dry_run, true);
    return send<document>("permission_check", parameters);
  }

  /* ---- Files --------------------------------------------------------------------------------------------------- */

  /** Uploads a file to an entity, or to one of its fields, and gives the id of the new Attachment. */
  Answer<std::int64_t> upload(std::string_view entity_type, std::int64_t entity_id, const file_path &path,
                              const std::optional<std::string> &field_name = {}, const upload_args &args = detail::usual<upload_args>()) const {
    object parameters = file(entity_type, entity_id, path, args);
    detail::set_given(parameters, "field_name", field_name);
    return send<std::int64_t>("upload", parameters);
  }

  /** Uploads an image as the thumbnail of an entity. */
  Answer<std::int64_t> upload_thumbnail(std::string_view entity_type, std::int64_t entity_id, const file_path &path,
                                        const upload_args &args = detail::usual<upload_args>()) const {
    return send<std::int64_t>("upload_thumbnail", file(entity_type, entity_id, path, args));
  }

  /** Uploads an image as the filmstrip of an entity's thumbnail. */
  Answer<std::int64_t> upload_filmstrip_thumbnail(std::string_view entity_type, std::int64_t entity_id, const file_path &path,
                                                  const upload_args &args = detail::usual<upload_args>()) const {
    return send<std::int64_t>("upload_filmstrip_thumbnail", file(entity_type, entity_id, path, args));
  }

  /** Gives several entities one thumbnail; nothing when the source has none. */
  Answer<std::optional<std::int64_t>> share_thumbnail(const std::vector<link> &entities, const share_thumbnail_args &args) const {
    object parameters{{"entities", entities}};
    detail::set_given(parameters, "thumbnail_path", args.thumbnail_path);
    detail::set_given(parameters, "source_entity", args.source_entity);
    detail::set_switch(parameters, "filmstrip_thumbnail", args.filmstrip_thumbnail, false);
    return send<std::optional<std::int64_t>>("share_thumbnail", parameters);
  }

  /**
   * Downloads an attachment to a file and gives the path; nothing for an attachment that has no address.
   *
   * @param attachment  an id, an sg::link, or the value of a field that holds a file.
   * @param path        the file, which is replaced when the whole of the attachment has come; without one the content is given, in base64.
   */
  Answer<std::optional<std::string>> download_attachment(const json &attachment, const std::optional<file_path> &path = {}) const {
    object parameters{{"attachment", attachment}};
    detail::set_given(parameters, "file_path", path);
    return send<std::optional<std::string>>("download_attachment", parameters);
  }

  /** The address from which an attachment is downloaded; nothing where it has none. */
  Answer<std::optional<std::string>> get_attachment_download_url(const json &attachment) const {
    return send<std::optional<std::string>>("get_attachment_download_url", {{"attachment", attachment}});
  }

  /* ---- People -------------------------------------------------------------------------------------------------- */

  /** Proves a person's login and password: the person, or null for one who is not active. */
  Answer<document> authenticate_human_user(std::string_view user_login, std::string_view user_password,
                                           const std::optional<std::string> &auth_token = {}) const {
    object parameters{{"user_login", user_login}, {"user_password", user_password}};
    detail::set_given(parameters, "auth_token", auth_token);
    return send<document>("authenticate_human_user", parameters);
  }

  /** Makes a person follow an entity. */
  Answer<document> follow(const link &user, const link &entity) const { return send<document>("follow", {{"user", user}, {"entity", entity}}); }

  /** Makes a person no longer follow an entity. */
  Answer<document> unfollow(const link &user, const link &entity) const {
    return send<document>("unfollow", {{"user", user}, {"entity", entity}});
  }

  /** The people who follow an entity. */
  Answer<document> followers(const link &entity) const { return send<document>("followers", {{"entity", entity}}); }

  /** The entities that a person follows. */
  Answer<document> following(const link &user, const following_args &args = detail::usual<following_args>()) const {
    object parameters{{"user", user}};
    detail::set_given(parameters, "project", args.project);
    detail::set_given(parameters, "entity_type", args.entity_type);
    return send<document>("following", parameters);
  }

  /** Notes that a person uses a project now: the one given, else the one whom this client acts for or is. */
  Answer<void> update_project_last_accessed(const link &project, const std::optional<link> &user = {}) const {
    object parameters{{"project", project}};
    detail::set_given(parameters, "user", user);
    return send<void>("update_project_last_accessed", parameters);
  }

  /** The subscriptions of every person, as the site sends them. */
  Answer<document> user_subscriptions_read() const { return send<document>("user_subscriptions_read", {}); }

  /** Gives people subscriptions; true when the site reports success. */
  Answer<bool> user_subscriptions_create(const array &users) const { return send<bool>("user_subscriptions_create", {{"users", users}}); }

  /* ---- Schema -------------------------------------------------------------------------------------------------- */

  /** The entity types that the caller may see. */
  Answer<document> schema_entity_read(const std::optional<link> &project_entity = {}) const {
    return send<document>("schema_entity_read", of_project(project_entity));
  }

  /** Every field of every entity type. */
  Answer<document> schema_read(const std::optional<link> &project_entity = {}) const {
    return send<document>("schema_read", of_project(project_entity));
  }

  /** The fields of an entity type, or one of them. */
  Answer<document> schema_field_read(std::string_view entity_type, const std::optional<std::string> &field_name = {},
                                     const std::optional<link> &project_entity = {}) const {
    object parameters{{"entity_type", entity_type}};
    detail::set_given(parameters, "field_name", field_name);
    detail::set_given(parameters, "project_entity", project_entity);
    return send<document>("schema_field_read", parameters);
  }

  /** Makes a field and gives its name. */
  Answer<std::string> schema_field_create(std::string_view entity_type, std::string_view data_type, std::string_view display_name,
                                          const object &properties = {}) const {
    object parameters{{"entity_type", entity_type}, {"data_type", data_type}, {"display_name", display_name}};
    detail::set_given(parameters, "properties", properties);
    return send<std::string>("schema_field_create", parameters);
  }

  /** Changes properties of a field, for all projects or for one. */
  Answer<bool> schema_field_update(std::string_view entity_type, std::string_view field_name, const object &properties,
                                   const std::optional<link> &project_entity = {}) const {
    object parameters{{"entity_type", entity_type}, {"field_name", field_name}, {"properties", properties}};
    detail::set_given(parameters, "project_entity", project_entity);
    return send<bool>("schema_field_update", parameters);
  }

  /** Deletes a field. */
  Answer<bool> schema_field_delete(std::string_view entity_type, std::string_view field_name) const {
    return send<bool>("schema_field_delete", {{"entity_type", entity_type}, {"field_name", field_name}});
  }

  /* ---- Work schedule ------------------------------------------------------------------------------------------- */

  /** For each day between two dates whether it is worked, and why. */
  Answer<document> work_schedule_read(const date &start_date, const date &end_date, const work_schedule_args &args = detail::usual<work_schedule_args>()) const {
    object parameters{{"start_date", start_date}, {"end_date", end_date}};
    detail::set_given(parameters, "project", args.project);
    detail::set_given(parameters, "user", args.user);
    return send<document>("work_schedule_read", parameters);
  }

  /** Makes a day a working day or a day off, for the studio, a project or a person. */
  Answer<document> work_schedule_update(const date &day, bool working, const work_schedule_update_args &args = detail::usual<work_schedule_update_args>()) const {
    object parameters{{"date", day}, {"working", working}};
    detail::set_given(parameters, "description", args.description);
    detail::set_given(parameters, "project", args.project);
    detail::set_given(parameters, "user", args.user);
    detail::set_given(parameters, "recalculate_field", args.recalculate_field);
    return send<document>("work_schedule_update", parameters);
  }

  /* ---- Site ---------------------------------------------------------------------------------------------------- */

  /** What the site says about itself. */
  Answer<document> info() const { return send<document>("info", {}); }

  /** The site's preferences: those named, or all. */
  Answer<document> preferences_read(const names &prefs = {}) const {
    object parameters;
    detail::set_given(parameters, "prefs", prefs);
    return send<document>("preferences_read", parameters);
  }

  /** The token of this client's session. It is a secret: whoever has it is this client's person or script. */
  Answer<std::string> get_session_token() const { return send<std::string>("get_session_token", {}); }

  /** Expands a path of the project navigation. */
  Answer<document> nav_expand(std::string_view path, const nav_args &args = detail::usual<nav_args>()) const {
    object parameters{{"path", path}};
    detail::set_given(parameters, "seed_entity_field", args.seed_entity_field);
    detail::set_given(parameters, "entity_fields", args.entity_fields);
    return send<document>("nav_expand", parameters);
  }

  /** Searches the project navigation for an entity. */
  Answer<document> nav_search_entity(std::string_view root_path, const link &entity, const json &seed_entity_field = {}) const {
    object parameters{{"root_path", root_path}, {"entity", entity}};
    detail::set_given(parameters, "seed_entity_field", seed_entity_field);
    return send<document>("nav_search_entity", parameters);
  }

  /** Searches the project navigation for a text. */
  Answer<document> nav_search_string(std::string_view root_path, std::string_view search_string, const json &seed_entity_field = {}) const {
    object parameters{{"root_path", root_path}, {"search_string", search_string}};
    detail::set_given(parameters, "seed_entity_field", seed_entity_field);
    return send<document>("nav_search_string", parameters);
  }

  /* ---- Any other ----------------------------------------------------------------------------------------------- */

  /** A method by its name, with an sg::object of keyword arguments or an sg::array of positional ones. */
  Answer<document> call(const c_text &method, const json &parameters = object()) const {
    return self().template send_any<document>(method, parameters, false);
  }

  /** A method of the wire with the wire's parameters, for what the library does not know. */
  Answer<document> call_raw(const c_text &wire_method, const json &parameters = {}) const {
    return self().template send_any<document>(wire_method, parameters, true);
  }

 protected:
  methods() = default;
  methods(const methods &) = default;
  methods(methods &&) = default;
  methods &operator=(const methods &) = default;
  methods &operator=(methods &&) = default;
  ~methods() = default;

 private:
  const Self &self() const noexcept { return static_cast<const Self &>(*this); }

  template <class T>
  Answer<T> send(const char *method, const object &parameters) const {
    return self().template send_any<T>(c_text(method), parameters, false);
  }

  static object file(std::string_view entity_type, std::int64_t entity_id, const file_path &path, const upload_args &args) {
    object parameters{{"entity_type", entity_type}, {"entity_id", entity_id}, {"path", path.text()}};
    detail::set_given(parameters, "display_name", args.display_name);
    detail::set_given(parameters, "tag_list", args.tag_list);
    detail::set_given(parameters, "created_at", args.created_at);
    return parameters;
  }

  static object of_project(const std::optional<link> &project_entity) {
    object parameters;
    detail::set_given(parameters, "project_entity", project_entity);
    return parameters;
  }
};

}  // namespace SG_CPP_ABI
}  // namespace sg

#endif  // SHOTGRID_METHODS_HPP
