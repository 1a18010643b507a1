// Signing in by the browser, against a site of the test's own, and a session that is taken along, ends, and is replaced.
#include "check.hpp"
#include "peer.hpp"

#include <thread>

namespace {

using namespace std::chrono_literals;

// A site with a sign-in by the browser, on which the third question finds it approved. Only one token is good.
class browser_site {
 public:
  browser_site() : peer_([this](const std::string &request) { return answer(request); }) {}

  const std::string &url() const { return peer_.url(); }
  void know(const char *token) { known_ = token; }

 private:
  std::string answer(const std::string &request) {
    const auto has = [&](const char *part) { return request.find(part) != std::string::npos; };
    if (has("POST /internal_api/app_session_request")) {
      return R"({"sessionRequestId": "r1", "url": "http://127.0.0.1/app_session_request/r1"})";
    }
    if (has("PUT /internal_api/app_session_request/r1")) {
      return ++asked_ < 3 ? R"({"approved": false})" : R"({"approved": true, "sessionToken": "first", "userLogin": "anna"})";
    }
    if (has("\"info\"")) {
      return R"({"version": [8, 60, 0], "authentication_app_session_launcher_enabled": true})";
    }
    return has(known_) ? R"({"results": {"entities": [], "paging_info": {"has_next_page": false}}})"
                       : R"({"exception": true, "error_code": 102, "message": "Can't authenticate session token ending with 'xxxx'"})";
  }

  std::atomic<const char *> known_{"\"first\""};
  std::atomic<int> asked_{0};
  peer peer_;
};

sg::sign_in make(const std::string &url) {
  auto made = sg::sign_in::create(url, "Paint", "box");
  REQUIRE(OK(made));
  REQUIRE(OK(made->set_poll_interval(10ms)) && OK(made->set_lifetime(300s)));
  return *std::move(made);
}

void waiting() {
  const browser_site site;
  sg::sign_in sign_in = make(site.url());
  CHECK(sign_in.url().empty() && sign_in.login().empty());
  FAILS(sign_in.wait(), SG_STATUS_INVALID_STATE, "begin");
  OK(sign_in.begin());
  EQUAL(sign_in.url(), "http://127.0.0.1/app_session_request/r1");
  std::optional<sg::client> client;
  for (int look = 0; !client && look < 1000; ++look) {
    auto decided = sign_in.wait_for(10ms);
    REQUIRE(OK(decided));
    client = *std::move(decided);
  }
  REQUIRE(CHECK(client.has_value()));
  EQUAL(sign_in.login(), "anna");
  auto token = client->session_token();
  REQUIRE(OK(token));
  EQUAL(token->c_str(), std::string_view("first"));
  EQUAL(token->size(), std::size_t{5});
  OK(sg::client::connect_session(site.url(), *token));
  sg::secret moved = *std::move(token);
  EQUAL(moved.size(), std::size_t{5});
  OK(sign_in.wait());
}

void without_waiting() {
  const browser_site site;
  const sg::sign_in sign_in = make(site.url());
  auto url = sign_in.begin_async().get();
  CHECK(OK(url) && *url == sign_in.url());
  sg::queue queue;
  bool signed_in = false;
  sign_in.wait_async().then(queue, [&](sg::result<sg::client> client) { signed_in = OK(client) && OK(client->find("Shot", {})); });
  for (int turn = 0; !signed_in && turn < 1000; ++turn) {
    OK(queue.dispatch_for(20ms));
  }
  CHECK(signed_in);
}

void giving_up() {
  const silence site;
  FAILS(sg::sign_in::create(site.url(), "", "box"), SG_STATUS_INVALID_ARGUMENT, "app_name is empty");
  FAILS(sg::sign_in::create(site.url(), std::string("a\0b", 3), "box"), SG_STATUS_INVALID_ARGUMENT, "NUL");
  FAILS(sg::sign_in::create(site.url(), "a", "b", sg::options().user_agent_suffix("")), SG_STATUS_INVALID_ARGUMENT, "empty");
  const sg::sign_in sign_in = make(site.url());
  FAILS(sign_in.set_poll_interval(0ms), SG_STATUS_INVALID_ARGUMENT, "more than 0");
  FAILS(sign_in.open_browser(), SG_STATUS_INVALID_STATE, "begin");
  auto begun = sign_in.begin_async();
  CHECK(!begun.wait(20ms));
  sign_in.cancel();
  CHECK(begun.wait(5s));
  FAILS(begun.get(), SG_STATUS_CANCELLED, "cancelled");
  FAILS(sign_in.begin(), SG_STATUS_CANCELLED, "cancelled");
}

void a_session_that_ends() {
  browser_site site;
  auto client = sg::client::connect_session(site.url(), "first");
  REQUIRE(OK(client));
  site.know("\"second\"");
  sg::queue queue;
  int told = 0;
  auto kept = std::make_shared<int>(0);
  OK(client->on_session_expired(queue, 30s, [&told, kept, &client] {
    ++told;
    OK(client->renew_session("second"));
  }));
  EQUAL(kept.use_count(), 2);
  auto call = client->async().find("Shot", {});
  for (int turn = 0; !call.done() && turn < 1000; ++turn) {
    OK(queue.dispatch_for(20ms));
  }
  OK(call.get());
  EQUAL(told, 1);
  auto second = client->session_token();
  CHECK(OK(second) && std::string_view(second->c_str()) == "second");

  // On the library's own thread; and nobody signs in.
  site.know("\"third\"");
  std::atomic<bool> heard{false};
  OK(client->on_session_expired(20s, [&heard, &client] {
    heard = true;
    OK(client->give_up_session());
  }));
  FAILS(client->find("Shot", {}), SG_STATUS_AUTH_SESSION_EXPIRED, "");
  CHECK(heard);
  OK(client->clear_session_expired());
  for (int turn = 0; kept.use_count() > 1 && turn < 1000; ++turn) {
    std::this_thread::sleep_for(5ms);
  }
  EQUAL(kept.use_count(), 1);
  FAILS(script_client().session_token(), SG_STATUS_INVALID_STATE, "script");
  FAILS(script_client().on_session_expired(0s, [] {}), SG_STATUS_INVALID_STATE, "script");
}

}  // namespace

void test_sign_in() {
  waiting();
  without_waiting();
  giving_up();
  a_session_that_ends();
}
