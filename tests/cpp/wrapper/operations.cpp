// Calls that go on by themselves, and who is told of their end.
#include "check.hpp"
#include "peer.hpp"

#include <future>
#include <memory>
#include <poll.h>
#include <thread>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;

// Counts how many of it are alive, so that what callbacks hold is seen to go.
struct witness {
  static std::atomic<int> alive;
  witness() { ++alive; }
  witness(const witness &) { ++alive; }
  witness &operator=(const witness &) = default;
  ~witness() { --alive; }
};
std::atomic<int> witness::alive{0};

void taking(const sg::client &client) {
  auto op = client.async().find("Shot", {}, {"code"});
  CHECK(op.wait(30s) && op.done() && !op.failure());
  EQUAL(op.progress().total, std::uint64_t{0});
  auto shots = op.get();
  CHECK(OK(shots) && !shots->empty());
  FAILS(op.get(), SG_STATUS_INVALID_STATE, "taken");
  EQUAL(client.async().delete_("Shot", 999999).get().has_value(), false);
  CHECK(client.async(sg::limits().timeout(20s)).get_session_token().get().value_or("").size() > 4);
  OK(client.async().update_project_last_accessed(sg::link("Project", client.find_one("Project", {}).map([](sg::document row) { return row["id"].value_or(0); }).value()),
                                                 sg::link("HumanUser", client.find_one("HumanUser", {}).map([](sg::document row) { return row["id"].value_or(0); }).value()))
         .get());

  // What cannot begin is an operation that has failed.
  FAILS(client.async().call("no_such_method").get(), SG_STATUS_INVALID_ARGUMENT, "no_such_method");
  auto bad = client.async().call("find", "\xff");
  CHECK(bad.done() && bad.wait(0s) && bad.failure().has_value() && bad.capi() == nullptr);
  bad.cancel();
  FAILS(bad.get(), SG_STATUS_INVALID_ARGUMENT, "is not UTF-8");
  FAILS(client.async(sg::limits().max_attempts(0)).info().get(), SG_STATUS_INVALID_ARGUMENT, "max_attempts");

  // To wait in a loop ends, whatever the operation is.
  auto given_away = client.async().info();
  auto kept = std::move(given_away);
  int rounds = 0;
  while (!given_away.wait(1ms) && rounds < 100) {  // NOLINT: moved from on purpose
    ++rounds;
  }
  CHECK(rounds == 0 && given_away.done());
  FAILS(given_away.get(), SG_STATUS_INVALID_ARGUMENT, "op is NULL");
  OK(kept.get());

  // Many at once, each with its own answer.
  std::vector<sg::op<sg::document>> many;
  for (int id = 1; id <= 20; ++id) {
    many.push_back(client.async().find_one("HumanUser", sg::field("id").is(id)));
  }
  for (std::size_t index = 0; index < many.size(); ++index) {
    auto row = many[index].get();
    CHECK(OK(row) && (row->is_null() || (*row)["id"].value_or(std::size_t{0}) == index + 1));
  }
}

void cancelling() {
  const silence site;
  const sg::client client = site.client();
  auto op = client.async().find("Shot", {});
  CHECK(!op.wait(20ms) && !op.done());
  op.cancel();
  CHECK(op.wait(5s));
  FAILS(op.get(), SG_STATUS_CANCELLED, "");
  FAILS(client.with(sg::limits().timeout(50ms).max_attempts(1)).info(), SG_STATUS_TIMEOUT_TOTAL, "");
}

void cancelling_all() {
  const silence site;
  const sg::client client = site.client();
  std::atomic<bool> over{false};
  sg_status told = SG_STATUS_OK;
  std::thread waiting([&] {
    auto rows = client.find("Shot", {});
    told = rows ? SG_STATUS_OK : rows.error().status();
    over = true;
  });
  auto op = client.async().find("Shot", {});
  CHECK(!op.wait(50ms));
  // The thread may not have begun yet.
  for (int round = 0; round < 500 && !over; ++round) {
    OK(client.cancel_calls());
    std::this_thread::sleep_for(10ms);
  }
  waiting.join();
  EQUAL(told, SG_STATUS_CANCELLED);
  FAILS(op.get(), SG_STATUS_CANCELLED, "calls were cancelled");
}

void connecting() {
  auto script = sg::client::connect_script_async(setting("SG_TEST_URL"), setting("SG_TEST_SCRIPT_NAME"), setting("SG_TEST_API_KEY")).get();
  CHECK(OK(script) && script->find_one("Shot", {}).has_value());
  FAILS(sg::client::connect_user_async(setting("SG_TEST_URL"), setting("SG_TEST_ARTIST_LOGIN"), "wrong").get(), SG_STATUS_AUTH_CREDENTIALS, "");
  FAILS(sg::client::connect_session_async("no address", "token").get(), SG_STATUS_INVALID_ARGUMENT, "");
}

// Callbacks run in dispatch(), on the thread that calls it, once each.
void queued(const sg::client &client) {
  sg::queue queue;
  const auto here = std::this_thread::get_id();
  int ran = 0;
  std::unique_ptr<int> moved = std::make_unique<int>(5);
  client.async().find_one("Shot", {}, {"code"}).then(queue, [&, held = std::move(moved), w = witness()](sg::result<sg::document> shot) {
    ran += OK(shot) && !shot->is_null() && *held == 5 && std::this_thread::get_id() == here ? 1 : 0;
    // Whatever waits may be called here.
    OK(client.info());
  });
  EQUAL(witness::alive.load(), 1);
  if (queue.fd() >= 0) {
    pollfd watched{queue.fd(), POLLIN, 0};
    EQUAL(poll(&watched, 1, 30000), 1);
    EQUAL(ran, 0);
    EQUAL(queue.dispatch().value(), 1U);
    EQUAL(poll(&watched, 1, 0), 0);
  } else {
    EQUAL(queue.dispatch_for(30s).value(), 1U);
  }
  EQUAL(ran, 1);
  EQUAL(witness::alive.load(), 0);
  EQUAL(queue.dispatch().value(), 0U);

  // A few at a time.
  for (int count = 0; count < 5; ++count) {
    auto op = client.async().info();
    CHECK(op.wait(30s));
    op.then(queue, [&](auto) { ++ran; });
  }
  std::this_thread::sleep_for(50ms);
  EQUAL(queue.dispatch(2).value(), 2U);
  EQUAL(queue.dispatch().value(), 3U);
  EQUAL(ran, 6);

  // What cannot begin, or has a callback, is told at once.
  client.async().call("find", "\xff").then(queue, [&](sg::result<sg::document> answer) { ran += FAILS(answer, SG_STATUS_INVALID_ARGUMENT, "UTF-8") ? 1 : 0; });
  EQUAL(ran, 7);
  auto twice = client.async().info();
  twice.then(queue, [&](auto) { ++ran; });
  twice.then(queue, [&](sg::result<sg::document> answer) { ran += FAILS(answer, SG_STATUS_INVALID_STATE, "") ? 1 : 0; });
  EQUAL(ran, 8);
  EQUAL(queue.dispatch_for(30s).value(), 1U);
  EQUAL(ran, 9);

  // A connect, and what it leads to.
  std::optional<sg::client> connected;
  sg::client::connect_script_async(setting("SG_TEST_URL"), setting("SG_TEST_SCRIPT_NAME"), setting("SG_TEST_API_KEY"))
      .then(queue, [&](sg::result<sg::client> made) {
        connected = *std::move(made);
        connected->async().find_one("Shot", {}).then(queue, [&](auto) { ++ran; });
      });
  for (int round = 0; round < 20 && ran < 10; ++round) {
    OK(queue.dispatch_for(5s));
  }
  EQUAL(ran, 10);

  // Another thread ends the wait.
  std::thread waker([&] {
    std::this_thread::sleep_for(20ms);
    OK(queue.wake());
  });
  const auto start = std::chrono::steady_clock::now();
  EQUAL(queue.dispatch_for(30s).value(), 0U);
  CHECK(std::chrono::steady_clock::now() - start < 10s);
  waker.join();
}

// A queue that goes takes its callbacks with it, unrun.
void dropped() {
  const silence site;
  const sg::client client = site.client();
  int ran = 0;
  sg::op<sg::document> op = client.async().info();
  {
    sg::queue queue;
    op.then(queue, [&, w = witness()](auto) { ++ran; });
    EQUAL(witness::alive.load(), 1);
  }
  EQUAL(witness::alive.load(), 0);
  op.cancel();
  CHECK(op.wait(5s));
  EQUAL(ran, 0);
}

// On the library's thread nothing waits, and everything else works.
void on_the_library_s_thread(const sg::client &client) {
  std::promise<std::thread::id> told;
  auto future = told.get_future();
  client.async().find_one("Shot", {}).then([&, w = witness()](sg::result<sg::document> shot) {
    OK(shot);
    FAILS(client.info(), SG_STATUS_INVALID_STATE_REENTRANT, "");
    FAILS(client.async().info().get(), SG_STATUS_INVALID_STATE_REENTRANT, "");
    told.set_value(std::this_thread::get_id());
  });
  REQUIRE(CHECK(future.wait_for(30s) == std::future_status::ready));
  CHECK(future.get() != std::this_thread::get_id());
  for (int round = 0; round < 500 && witness::alive > 0; ++round) {
    std::this_thread::sleep_for(10ms);
  }
  EQUAL(witness::alive.load(), 0);
}

// The log and the counters tell of every call.
void told() {
  std::atomic<int> connects{0}, calls{0};
  OK(sg::set_log(SG_LOG_LEVEL_DEBUG, [&, w = witness()](sg_log_level level, std::string_view target, std::string_view message) {
    CHECK(level >= SG_LOG_LEVEL_ERROR && level <= SG_LOG_LEVEL_DEBUG && !message.empty());
    CHECK(message.find(setting("SG_TEST_API_KEY")) == std::string_view::npos);
    connects += target == "connect" ? 1 : 0;
    calls += target == "call" && message.find("find_one") != std::string_view::npos ? 1 : 0;
  }));
  const sg::client client = script_client();
  OK(client.find_one("Shot", {}));
  for (int round = 0; round < 500 && (connects == 0 || calls == 0); ++round) {
    std::this_thread::sleep_for(10ms);
  }
  CHECK(connects > 0 && calls > 0);
  OK(sg::clear_log());
  EQUAL(witness::alive.load(), 0);
  FAILS(sg::set_log(static_cast<sg_log_level>(77), [w = witness()](auto, auto, auto) {}), SG_STATUS_INVALID_ARGUMENT, "level");
  EQUAL(witness::alive.load(), 0);
  auto stats = client.stats();
  CHECK(OK(stats) && stats->calls >= 2 && stats->calls_failed == 0 && stats->requests >= 2 && stats->bytes_received > 0);
}

#if SG_CPP_EXCEPTIONS
void thrown(const sg::client &client) {
  sg::queue queue;
  std::string told;
  int ran = 0;
  queue.on_exception([&](std::exception_ptr caught) {
    try {
      std::rethrow_exception(caught);
    } catch (const std::exception &error) {
      told += error.what();
    }
  });
  for (int count = 0; count < 2; ++count) {
    auto op = client.async().call_raw("no_such_method");
    CHECK(op.wait(30s));
    op.then(queue, [&](sg::result<sg::document> answer) {
      ++ran;
      static_cast<void>(answer.value());
    });
  }
  for (int round = 0; round < 20 && ran < 2; ++round) {
    OK(queue.dispatch_for(5s));
  }
  EQUAL(ran, 2);
  CHECK(told.find(": ") != told.rfind(": "));
}
#endif

}  // namespace

void test_operations() {
  const sg::client client = script_client();
  taking(client);
  cancelling();
  cancelling_all();
  connecting();
  queued(client);
  dropped();
  on_the_library_s_thread(client);
  told();
#if SG_CPP_EXCEPTIONS
  thrown(client);
#endif
}
