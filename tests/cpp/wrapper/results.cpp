// sg::result, sg::error, sg::exception and sg::options, which need no site.
#include "check.hpp"

#include <memory>

namespace {

sg::error refused(const char *words = "no") { return sg::error(SG_STATUS_NETWORK_DNS, words); }

sg::result<std::string> word(bool good) {
  if (!good) {
    return refused();
  }
  return std::string("word");
}

void values() {
  auto good = word(true);
  CHECK(good.has_value() && good);
  EQUAL(*good, "word");
  EQUAL(good->size(), std::size_t{4});
  EQUAL(word(true).value(), "word");
  EQUAL(word(false).value_or("other"), "other");
  EQUAL(word(true).value_or("other"), "word");
  EQUAL(word(true).map([](std::string text) { return text.size(); }).value(), std::size_t{4});
  FAILS(word(false).map([](std::string text) { return text.size(); }), SG_STATUS_NETWORK_DNS, "no");
  FAILS(word(true).and_then([](std::string) -> sg::result<int> { return refused("later"); }), SG_STATUS_NETWORK_DNS, "later");
  EQUAL(word(false).or_else([](sg::error error) -> sg::result<std::string> { return std::string(error.message()); }).value(), "no");
  OK(word(true).map([](std::string) {}));
  FAILS(sg::result<void>(refused()).and_then([] { return sg::result<void>(); }), SG_STATUS_NETWORK_DNS, "no");
  EQUAL(sg::result<void>().map([] { return 3; }).value(), 3);
  OK(sg::result<void>(refused()).or_else([](sg::error) { return sg::result<void>(); }));
  // What can only be moved, moves through.
  sg::result<std::unique_ptr<int>> owned = std::make_unique<int>(7);
  EQUAL(**owned, 7);
  const std::unique_ptr<int> taken = *std::move(owned);
  EQUAL(*taken, 7);
}

void errors() {
  const sg::error error = refused("nobody is called so");
  EQUAL(error.status(), SG_STATUS_NETWORK_DNS);
  EQUAL(error.status_class(), SG_STATUS_NETWORK);
  CHECK(error.is(SG_STATUS_NETWORK) && error.is(SG_STATUS_NETWORK_DNS));
  CHECK(!error.is(SG_STATUS_NETWORK_RESET) && !error.is(SG_STATUS_TLS) && !error.is(SG_STATUS_OK));
  EQUAL(error.name(), sg_status_name(SG_STATUS_NETWORK_DNS));
  EQUAL(error.describe(), sg_status_describe(SG_STATUS_NETWORK_DNS));
  EQUAL(error.message(), "nobody is called so");
  EQUAL(error.server_message(), "");
  CHECK(!error.server_code() && !error.http_status() && !error.retry_after() && !error.batch_index() && !error.attachment_id());
  CHECK(!error.retryable() && !error.may_have_applied() && !error.refusal() && error.capi() == nullptr);

  // The record of the C library, from the thread that failed, and shared by copies.
  sg_client *none = nullptr;
  CHECK(sg_connect_script("no address", "a", "b", nullptr, &none) != SG_STATUS_OK);
  const sg::error last = sg::error::last();
  EQUAL(last.status(), SG_STATUS_INVALID_ARGUMENT);
  CHECK(last.capi() != nullptr && !last.message().empty());
  const sg::error copy = last;
  EQUAL(copy.message(), last.message());
  CHECK(copy.capi() == last.capi());
  EQUAL(std::string_view(sg_last_error()), "");
  EQUAL(sg::error::last().status(), SG_STATUS_INTERNAL);
}

void settings() {
  using namespace std::chrono_literals;
  CHECK(!sg::options().timeout(30s).connect_timeout(1500us).no_timeout().max_attempts(1).max_download_bytes(0).user_agent_suffix("t (1)").no_proxy().problem());
  const auto problem = [](const sg::options &options) { return options.problem() ? std::string(options.problem()->message()) : std::string("none"); };
  HAS(problem(sg::options().timeout(0s)), "timeout must be more than 0");
  HAS(problem(sg::options().timeout(-1s)), "no_timeout()");
  HAS(problem(sg::options().connect_timeout(24h * 365)), "connect_timeout must");
  HAS(problem(sg::options().max_attempts(0)), "attempts");
  HAS(problem(sg::options().ca_file("")), "path");
  HAS(problem(sg::options().proxy(std::string("a\0b", 3))), "proxy is NULL or has a NUL inside");
  // The first one counts, and a connect tells it.
  sg::options both;
  both.max_attempts(0).timeout(0s);
  HAS(problem(both), "attempts");
  FAILS(sg::client::connect_script("https://x.example", "a", "b", both), SG_STATUS_INVALID_ARGUMENT, "attempts");
  FAILS(sg::client::connect_script_async("https://x.example", "a", "b", both).get(), SG_STATUS_INVALID_ARGUMENT, "attempts");
  FAILS(sg::client::connect_user("https://x.example", "a", std::string("b\0c", 3)), SG_STATUS_INVALID_ARGUMENT, "NUL");
  FAILS(sg::client::connect_session("no address", "token"), SG_STATUS_INVALID_ARGUMENT, "");
  EQUAL(sg::limits().timeout(1500us).capi()->timeout_ms, 2U);
  HAS(sg::limits().timeout(0ms).problem(), "more than 0");
  EQUAL(sg::version(), sg_lib_version());
}

#if SG_CPP_EXCEPTIONS
template <class F>
sg_status thrown_by(F &&f) {
  try {
    f();
  } catch (const std::exception &caught) {
    const auto *ours = static_cast<const sg::exception *>(&caught);
    const sg::exception copy = *ours;
    HAS(copy.what(), "NETWORK_DNS: no");
    EQUAL(copy.error().message(), "no");
    return copy.error().status();
  }
  return SG_STATUS_OK;
}

void exceptions() {
  EQUAL(thrown_by([] { static_cast<void>(word(false).value()); }), SG_STATUS_NETWORK_DNS);
  EQUAL(thrown_by([] { static_cast<void>(*word(false)); }), SG_STATUS_NETWORK_DNS);
  EQUAL(thrown_by([] {
          auto kept = word(false);
          static_cast<void>(kept->size());
        }),
        SG_STATUS_NETWORK_DNS);
  EQUAL(thrown_by([] { sg::result<void>(refused()).value(); }), SG_STATUS_NETWORK_DNS);
  EQUAL(thrown_by([] { static_cast<void>(word(true).value()); }), SG_STATUS_OK);
}
#endif

static_assert(!std::is_copy_constructible_v<sg::result<int>> && std::is_nothrow_move_constructible_v<sg::result<int>>);
static_assert(!std::is_copy_constructible_v<sg::client> && !std::is_copy_constructible_v<sg::document> && !std::is_copy_constructible_v<sg::options>);
static_assert(!std::is_copy_constructible_v<sg::pages> && !std::is_copy_constructible_v<sg::queue> && !std::is_copy_constructible_v<sg::op<int>>);
static_assert(std::is_nothrow_move_constructible_v<sg::client> && std::is_nothrow_move_constructible_v<sg::document>);
static_assert(std::is_nothrow_copy_constructible_v<sg::exception> == SG_CPP_EXCEPTIONS || !SG_CPP_EXCEPTIONS);

}  // namespace

void test_results() {
  values();
  errors();
  settings();
#if SG_CPP_EXCEPTIONS
  exceptions();
#endif
}
