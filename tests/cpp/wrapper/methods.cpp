// Every method of docs/methods.md is there, and sends every parameter of it under its name.
#include "check.hpp"

#include <fstream>
#include <map>
#include <set>

namespace {

struct sent {
  std::string method;
  std::string parameters;
};

template <class T>
using recorded = sent;

// The methods of sg::client, but nothing is sent.
class recorder : public sg::methods<recorder, recorded> {
 public:
  template <class T>
  sent send_any(const sg::c_text &method, const sg::json &parameters, bool) const {
    EQUAL(parameters.problem(), "");
    OK(sg::json::parse(parameters.text()));
    return {method.c_str(), parameters.text()};
  }
};

using parameters = std::set<std::string>;

std::map<std::string, parameters> documented() {
  std::map<std::string, parameters> methods;
  std::ifstream page(setting("SG_TEST_METHODS"));
  std::string method;
  for (std::string line; std::getline(page, line);) {
    if (line.rfind("## ", 0) == 0) {
      method = line.substr(3);
      methods[method];
    } else if (line.rfind("| `", 0) == 0) {
      methods[method].insert(line.substr(3, line.find('`', 3) - 3));
    }
  }
  return methods;
}

// The keys of a JSON object, as our own builder writes it.
parameters keys(const std::string &json) {
  parameters found;
  int depth = 0;
  for (std::size_t at = 0; at < json.size(); ++at) {
    depth += json[at] == '{' || json[at] == '[' ? 1 : json[at] == '}' || json[at] == ']' ? -1 : 0;
    if (json[at] != '"') {
      continue;
    }
    const std::size_t start = ++at;
    while (json[at] != '"') {
      at += json[at] == '\\' ? 2 : 1;
    }
    if (depth == 1 && json[at + 1] == ':') {
      found.insert(json.substr(start, at - start));
    }
  }
  return found;
}

// Each method with everything that it takes.
std::vector<sent> everything() {
  using namespace std::chrono;
  const recorder all;
  const auto either = sg::field("code").is("x") || sg::field("code").is("y");
  const sg::link shot("Shot", 862), person("HumanUser", 24), project("Project", 70);
  const sg::json presets = sg::array{sg::object{{"preset_name", "LATEST"}, {"latest_by", "ENTITIES_CREATED_AT"}}};
  const sg::object entity_fields{{"Shot", sg::array{"code"}}};

  sg::find_args find;
  find.order = {sg::asc("code"), sg::desc("id")};
  find.limit = 5;
  find.retired_only = true;
  find.page = 2;
  find.include_archived_projects = false;
  find.additional_filter_presets = presets;
  sg::find_one_args find_one;
  find_one.order = find.order;
  find_one.retired_only = true;
  find_one.include_archived_projects = false;
  find_one.additional_filter_presets = presets;
  sg::summarize_args summarize;
  summarize.grouping = {{"sg_status_list"}};
  summarize.include_archived_projects = false;
  sg::update_args update;
  update.multi_entity_update_modes = {{"assets", sg::update_mode::add}};
  sg::permission_check_args permission;
  permission.entity_id = 862;
  permission.fields = {"code"};
  permission.data = {{"code", "x"}};
  permission.multi_entity_update_modes = update.multi_entity_update_modes;
  permission.dry_run = false;
  sg::upload_args upload;
  upload.display_name = "name";
  upload.tag_list = "a,b";
  upload.created_at = system_clock::time_point();
  sg::share_thumbnail_args share;
  share.thumbnail_path = "/x.png";
  share.source_entity = shot;
  share.filmstrip_thumbnail = true;
  sg::activity_stream_args stream;
  stream.entity_fields = entity_fields;
  stream.min_id = 1;
  stream.max_id = 0;
  stream.limit = 0;
  sg::text_search_args search;
  search.project_ids = {70};
  search.limit = 5;
  sg::following_args following;
  following.project = project;
  following.entity_type = "Task";
  sg::work_schedule_args schedule;
  schedule.project = project;
  schedule.user = person;
  sg::work_schedule_update_args day;
  day.description = "";
  day.project = project;
  day.user = person;
  day.recalculate_field = "due_date";
  sg::nav_args nav;
  nav.seed_entity_field = "PublishedFile.entity";
  nav.entity_fields = entity_fields;

  return {
      all.find("Shot", either, {"code"}, find),
      all.find_one("Shot", either, {"code"}, find_one),
      all.summarize("Task", either, {{"id", "count"}}, summarize),
      all.text_search("bunny", {{"Asset", either}, {"Task"}}, search),
      all.activity_stream_read("Shot", 862, stream),
      all.note_thread_read(6013, entity_fields),
      all.export_page(12, "csv", "layout"),
      all.create("Shot", {{"code", "x"}}, {"code"}),
      all.update("Shot", 862, {{"code", "x"}, {"assets", std::vector<sg::link>{shot}}}, update),
      all.delete_("Shot", 862),
      all.revive("Shot", 862),
      all.batch(sg::requests().create("Shot", {{"code", "x"}}, {"code"}).update("Shot", 862, {{"code", "x"}}, update).delete_("Shot", 863)),
      all.permission_check(sg::operation::update, "Shot", permission),
      all.upload("Version", 6944, "/x.mov", "sg_uploaded_movie", upload),
      all.upload_thumbnail("Version", 6944, std::string("/x.png"), upload),
      all.upload_filmstrip_thumbnail("Version", 6944, std::string_view("/x.png"), upload),
      all.share_thumbnail({shot, {"Task", 5117}}, share),
      all.download_attachment(sg::link("Attachment", 4271), "/x.mov"),
      all.get_attachment_download_url(4271),
      all.authenticate_human_user("anna", "her password", "123456"),
      all.follow(person, shot),
      all.unfollow(person, shot),
      all.followers(shot),
      all.following(person, following),
      all.update_project_last_accessed(project, person),
      all.user_subscriptions_read(),
      all.user_subscriptions_create({sg::object{{"humanUserId", 24}, {"subscription", nullptr}}}),
      all.schema_entity_read(project),
      all.schema_read(project),
      all.schema_field_read("Shot", "sg_status_list", project),
      all.schema_field_create("Shot", "list", "Mood", {{"valid_values", sg::array{"dark", "bright"}}}),
      all.schema_field_update("Shot", "sg_mood", {{"description", "x"}}, project),
      all.schema_field_delete("Shot", "sg_mood"),
      all.work_schedule_read(sg::date(2026, 12, 21), sg::date(2026, 12, 31), schedule),
      all.work_schedule_update(sg::date(2026, 12, 31), false, day),
      all.info(),
      all.preferences_read({"hours_per_day"}),
      all.get_session_token(),
      all.nav_expand("/Project/70", nav),
      all.nav_search_entity("/Project/70", shot, "x"),
      all.nav_search_string("/Project/70", "bunny", "x"),
  };
}

// What C++ says in another way: an attachment's id is given as the attachment.
bool said_otherwise(const std::string &method, const std::string &parameter) {
  return method == "download_attachment" && parameter == "attachment_id";
}

void whole() {
  const auto pages = documented();
  CHECK(pages.size() >= 40);
  std::map<std::string, parameters> ours;
  for (const sent &each : everything()) {
    CHECK(ours.emplace(each.method, keys(each.parameters)).second);
  }
  for (const auto &[method, expected] : pages) {
    const auto found = ours.find(method);
    check_that(found != ours.end(), "sg::client has no " + method, __FILE__, __LINE__);
    for (const std::string &parameter : expected) {
      const bool there = found == ours.end() || found->second.count(parameter) > 0 || said_otherwise(method, parameter);
      check_that(there, method + " cannot be given " + parameter, __FILE__, __LINE__);
    }
  }
  for (const auto &[method, given] : ours) {
    const auto page = pages.find(method);
    check_that(page != pages.end(), "docs/methods.md has no " + method, __FILE__, __LINE__);
    for (const std::string &parameter : given) {
      check_that(page == pages.end() || page->second.count(parameter) > 0, method + " has no parameter " + parameter, __FILE__, __LINE__);
    }
  }
}

// What is not given is not sent, and what is given is sent as it is written by hand.
void exact() {
  const recorder all;
  EQUAL(all.find("Shot", {}).parameters, R"({"entity_type":"Shot","filters":[]})");
  EQUAL(all.find("Shot", {}, {"code", "id"}).parameters, R"({"entity_type":"Shot","filters":[],"fields":["code","id"]})");
  sg::find_args args;
  args.order = {sg::desc("code")};
  args.limit = 3;
  EQUAL(all.find("Shot", sg::field("id").in({1, 2}), {}, args).parameters,
        R"({"entity_type":"Shot","filters":[["id","in",[1,2]]],"order":[{"field_name":"code","direction":"desc"}],"limit":3})");
#if __cplusplus >= 202002L
  EQUAL(all.find("Shot", {}, {}, {.order = {sg::desc("code")}, .limit = 3}).parameters,
        R"({"entity_type":"Shot","filters":[],"order":[{"field_name":"code","direction":"desc"}],"limit":3})");
#endif
  EQUAL(all.info().parameters, "{}");
  EQUAL(all.schema_read().parameters, "{}");
  EQUAL(all.update("Shot", 1, {{"code", "x"}}).parameters, R"({"entity_type":"Shot","entity_id":1,"data":{"code":"x"}})");
  EQUAL(all.create("Shot", {{"project", sg::link("Project", 70)}, {"code", nullptr}}).parameters,
        R"({"entity_type":"Shot","data":{"project":{"type":"Project","id":70},"code":null}})");
  EQUAL(all.permission_check(sg::operation::delete_, "Shot").parameters, R"({"operation":"delete","entity_type":"Shot"})");
  EQUAL(all.batch(sg::requests().delete_("Shot", 1)).parameters, R"({"requests":[{"request_type":"delete","entity_type":"Shot","entity_id":1}]})");
  EQUAL(all.text_search("x", {{"Asset", sg::field("code").is("x")}, {"Task"}}).parameters,
        R"({"text":"x","entity_types":{"Asset":[["code","is","x"]],"Task":[]}})");
  EQUAL(all.call("find", sg::array{"Shot", sg::array()}).parameters, R"(["Shot",[]])");
  EQUAL(all.call("info").parameters, "{}");
  EQUAL(all.call_raw("read", {}).parameters, "null");
}

}  // namespace

void test_methods() {
  whole();
  exact();
}
