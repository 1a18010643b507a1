// The methods against the site: reading, writing, refusals, files, pages, limits.
#include "check.hpp"

#include <cstdio>
#include <fstream>

namespace {

using namespace std::chrono_literals;

sg::link project_of(const sg::client &client) {
  auto project = client.find_one("Project", sg::field("name").is_not_empty(), {"name"});
  REQUIRE(OK(project));
  return project->as<sg::link>().value();
}

void writing(const sg::client &client) {
  const sg::link project = project_of(client);
  const std::string name = "C++ \"quoted\" \\ K\xc3\xa4se";
  auto made = client.create("Shot", {{"project", project}, {"code", name}, {"sg_cut_in", 1001}}, {"created_at"});
  REQUIRE(OK(made));
  const sg::document &shot = *made;
  const auto id = shot["id"].as<std::int64_t>().value();
  EQUAL(shot["code"].value_or(""), name);
  EQUAL(shot["sg_cut_in"].value_or(0), 1001);
  const auto age = std::chrono::system_clock::now() - shot["created_at"].as<std::chrono::system_clock::time_point>().value();
  CHECK(age > -1min && age < 10min);

  OK(client.update("Shot", id, {{"description", nullptr}, {"sg_status_list", "ip"}}));
  auto found = client.find("Shot", sg::text_field("code").is(name) && sg::link_field("project").is(project) && sg::list_field("sg_status_list").in({"ip", "fin"}) &&
                                       sg::date_field("created_at").in_last(1, sg::unit::day) && sg::number_field("sg_cut_in").between(1000, 1001),
                           {"project.Project.name"});
  REQUIRE(OK(found));
  REQUIRE(EQUAL(found->size(), std::size_t{1}));
  CHECK((*found)[0]["project.Project.name"].is_string());
  auto denied = client.find("Shot", sg::field("id").is(id) && !(sg::field("code").is(name) && sg::field("sg_status_list").is("ip")));
  CHECK(OK(denied) && denied->empty());
  auto reached = client.find_one("Shot", (sg::field("id").is(id) && sg::field("name").via("project", "Project").is_not("x")) || sg::field("id").is(-1));
  CHECK(OK(reached) && !reached->is_null());

  auto task = client.batch(sg::requests()
                               .create("Task", {{"project", project}, {"content", "a"}, {"entity", sg::link("Shot", id)}})
                               .update("Shot", id, {{"description", "batched"}}));
  CHECK(OK(task) && task->size() == 2 && (*task)[1]["description"].value_or("") == "batched");
  auto sums = client.summarize("Task", sg::field("entity").is(sg::link("Shot", id)), {{"id", "count"}});
  CHECK(OK(sums) && (*sums)["summaries"]["id"].value_or(0) == 1);

  auto gone = client.delete_("Shot", id);
  CHECK(OK(gone) && *gone);
  CHECK(client.delete_("Shot", id).value_or(true) == false);
  CHECK(client.revive("Shot", id).value_or(false));
  CHECK(client.delete_("Shot", id).value_or(false));
  auto none = client.find_one("Shot", sg::field("id").is(id));
  CHECK(OK(none) && none->is_null());
  sg::find_one_args retired;
  retired.retired_only = true;
  auto old = client.find_one("Shot", sg::field("id").is(id), {"code"}, retired);
  CHECK(OK(old) && (*old)["code"].value_or("") == name);
}

void refusals(const sg::client &artist) {
  auto shot = artist.find_one("Shot", {}, {"code"});
  REQUIRE(OK(shot));
  const auto id = (*shot)["id"].as<std::int64_t>().value();
  auto changed = artist.update("Shot", id, {{"sg_status_list", "fin"}});
  REQUIRE(FAILS(changed, SG_STATUS_PERMISSION, "sg_status_list"));
  const sg::error error = std::move(changed).error();
  CHECK(error.is(SG_STATUS_PERMISSION) && !error.is(SG_STATUS_AUTH) && !error.retryable() && !error.may_have_applied());
  CHECK(error.http_status() == 200 && !error.server_message().empty() && error.server_code());
  const auto refusal = error.refusal();
  REQUIRE(CHECK(refusal.has_value()));
  EQUAL(refusal->operation, "update");
  EQUAL(refusal->entity_type, "Shot");
  EQUAL(refusal->field, "sg_status_list");
  EQUAL(refusal->role, "Artist");
  CHECK(refusal->entity_id == id);

  auto wrong = sg::client::connect_user(setting("SG_TEST_URL"), setting("SG_TEST_ARTIST_LOGIN"), "not the password");
  FAILS(wrong, SG_STATUS_AUTH_CREDENTIALS, "");
  CHECK(!wrong.error().refusal());
#if SG_CPP_EXCEPTIONS
  try {
    static_cast<void>(artist.update("Shot", id, {{"sg_status_list", "fin"}}).value());
    check_that(false, "expected an exception", __FILE__, __LINE__);
  } catch (const sg::exception &caught) {
    EQUAL(caught.error().refusal()->field, "sg_status_list");
    HAS(caught.what(), "PERMISSION: ");
  }
  try {
    const auto kept = artist.update("Shot", id, {{"sg_status_list", "fin"}});
    static_cast<void>(kept.value());
    check_that(false, "expected an exception", __FILE__, __LINE__);
  } catch (const sg::exception &caught) {
    EQUAL(caught.error().refusal()->role, "Artist");
  }
#endif
}

// What is wrong with the arguments is told before anything is sent, with its place.
void arguments(const sg::client &client) {
  FAILS(client.update("Shot", 1, {{"sg_fps", 0.0 / static_cast<double>(*setting("SG_TEST_URL") - 'h')}}), SG_STATUS_INVALID_ARGUMENT,
        "data.sg_fps is not a finite number");
  FAILS(client.find("Shot", sg::field("code").is("\xff")), SG_STATUS_INVALID_ARGUMENT, "code: the value is not UTF-8");
  FAILS(client.find("Shot", {}, {"\xff"}), SG_STATUS_INVALID_ARGUMENT, "fields[0] is not UTF-8");
  FAILS(client.work_schedule_read(sg::date(2026, 2, 30), sg::date(2026, 3, 1)), SG_STATUS_INVALID_ARGUMENT, "start_date is no day");
  FAILS(client.delete_("Shot", 0), SG_STATUS_INVALID_ARGUMENT, "entity_id");
  FAILS(client.call("no_such_method"), SG_STATUS_INVALID_ARGUMENT, "no_such_method");
  FAILS(client.call(std::string("find\0x", 6)), SG_STATUS_INVALID_ARGUMENT, "NUL inside");
  FAILS(client.find("Shot", sg::field("no_such_field").is(1)), SG_STATUS_REJECTED, "no_such_field");
  OK(client.call("find_one", sg::array{"Shot", sg::array()}));
  OK(client.call_raw("info", {}));
  FAILS(client.with(sg::limits().timeout(0ms)).info(), SG_STATUS_INVALID_ARGUMENT, "timeout of a call");
  OK(client.with(sg::limits().timeout(20s).max_attempts(1)).find_one("Shot", {}));
}

// Each typed answer is what the site gives.
void answers(const sg::client &client) {
  const sg::link project = project_of(client);
  CHECK(OK(client.info()));
  auto token = client.get_session_token();
  REQUIRE(OK(token));
  auto joined = sg::client::connect_session(setting("SG_TEST_URL"), *token);
  CHECK(OK(joined) && joined->find_one("Shot", {}).has_value());
  auto person = client.authenticate_human_user(setting("SG_TEST_ARTIST_LOGIN"), setting("SG_TEST_ARTIST_PASSWORD"));
  REQUIRE(OK(person));
  const sg::link user = person->as<sg::link>().value_or(sg::link("HumanUser", (*person)["id"].value_or(0)));
  OK(client.follow(user, sg::link("Shot", client.find_one("Shot", {}).map([](sg::document row) { return row["id"].value_or(0); }).value())));
  CHECK(client.following(user).map([](sg::document rows) { return rows.size(); }).value_or(std::size_t{0}) > 0);
  OK(client.update_project_last_accessed(project, user));
  CHECK(OK(client.schema_field_read("Shot", "sg_status_list")));
  CHECK(OK(client.schema_entity_read(project)));
  CHECK(OK(client.work_schedule_read(sg::date(2026, 12, 21), sg::date(2026, 12, 22))));
  CHECK(OK(client.preferences_read()));
  CHECK(OK(client.text_search("SQ010", {{"Shot", sg::field("sg_status_list").is_not("omt")}})));
}

void files(const sg::client &client) {
  const std::string path = setting("SG_TEST_FOLDER") + std::string("/wrapper.txt");
  const std::string back = setting("SG_TEST_FOLDER") + std::string("/wrapper-back.txt");
  std::ofstream(path) << "hello";
  auto version = client.find_one("Version", {});
  REQUIRE(OK(version));
  auto attachment = client.upload("Version", (*version)["id"].value_or(0), path);
  REQUIRE(OK(attachment));
  auto content = client.download_attachment(*attachment);
  CHECK(OK(content) && *content == "aGVsbG8=");
  auto where = client.download_attachment(sg::link("Attachment", *attachment), back);
  CHECK(OK(where) && *where == back);
  std::string text;
  std::getline(std::ifstream(back), text);
  EQUAL(text, "hello");
  auto url = client.get_attachment_download_url(*attachment);
  CHECK(OK(url) && url->has_value());
  FAILS(client.upload("Version", (*version)["id"].value_or(0), path + ".missing"), SG_STATUS_IO, "");
  std::remove(path.c_str());
  std::remove(back.c_str());
}

void pages(const sg::client &client) {
  auto all = client.find("Shot", {}, {"code"});
  REQUIRE(OK(all));
  auto opened = client.pages("Shot", {}, {"code"});
  REQUIRE(OK(opened));
  std::size_t rows = 0;
  for (sg::result<sg::document> &page : *opened) {
    REQUIRE(OK(page));
    for (sg::value row : *page) {
      rows += row["code"].is_string() ? 1 : 0;
    }
  }
  EQUAL(rows, all->size());
  CHECK(opened->next().value().has_value() == false);

  sg::pages_args few;
  few.limit = 2;
  few.order = {sg::desc("id")};
  auto two = client.pages("Shot", {}, {}, few);
  REQUIRE(OK(two));
  auto first = two->next_async().get();
  CHECK(OK(first) && first->has_value() && (*first)->size() == 2);
  auto behind = two->next_async().get();
  CHECK(OK(behind) && !behind->has_value());

  auto wrong = client.pages("Shot", sg::field("no_such_field").is(1));
  REQUIRE(OK(wrong));
  int failures = 0;
  for (sg::result<sg::document> &page : *wrong) {
    failures += FAILS(page, SG_STATUS_REJECTED, "no_such_field") ? 1 : 0;
  }
  EQUAL(failures, 1);
}

}  // namespace

void test_calls() {
  const sg::client client = script_client(sg::options().timeout(30s).user_agent_suffix("wrapper-tests (1)"));
  writing(client);
  refusals(artist_client());
  arguments(client);
  answers(client);
  files(client);
  pages(client);
}
