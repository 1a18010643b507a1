// co_await, where the compiler has it; the file is empty for the others.
#include "check.hpp"

#include <thread>

#if defined(__cpp_impl_coroutine) && __cpp_impl_coroutine >= 201902L
namespace {

using namespace std::chrono_literals;

sg::detached two_calls(const sg::client &client, sg::queue &queue, std::thread::id here, int &step) {
  step = 1;
  auto shots = co_await client.async().find("Shot", {}, {"code"}).on(queue);
  REQUIRE(OK(shots));
  CHECK(std::this_thread::get_id() == here);
  step = 2;
  auto again = co_await client.async().find_one("Shot", sg::field("code").is((*shots)[0]["code"].value_or("")), {"code"}).on(queue);
  CHECK(OK(again) && (*again)["code"].value_or("") == (*shots)[0]["code"].value_or("?"));
  step = 3;
  auto bad = co_await client.async().call("no_such_method").on(queue);
  FAILS(bad, SG_STATUS_INVALID_ARGUMENT, "no_such_method");
  step = 4;
}

sg::detached elsewhere(const sg::client &client, std::atomic<int> &step) {
  auto info = co_await client.async().info();
  OK(info);
  FAILS(client.info(), SG_STATUS_INVALID_STATE_REENTRANT, "");
  step = 1;
}

sg::detached abandoned(const sg::client &client, sg::queue &queue, int &step) {
  auto info = co_await client.async().info().on(queue);
  FAILS(info, SG_STATUS_CANCELLED, "the queue has gone");
  step = 1;
}

sg::detached in_many_pages(sg::pages &pages, sg::queue &queue, std::size_t &rows, bool &end) {
  for (;;) {
    auto page = co_await pages.next_async().on(queue);
    if (!OK(page) || !page->has_value()) {
      break;
    }
    rows += (*page)->size();
  }
  end = true;
}

#if SG_CPP_EXCEPTIONS
sg::detached throwing(const sg::client &client, sg::queue &queue, std::shared_ptr<int> held) {
  auto info = co_await client.async().info().on(queue);
  OK(info);
  throw std::runtime_error("thrown behind " + std::to_string(*held));
}

/** As libraries have them, whose exceptions leave resume(). */
struct passing {
  struct promise_type {
    passing get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() { throw; }
  };
  std::coroutine_handle<promise_type> handle;
};

passing throwing_on(const sg::client &client, sg::queue &queue) {
  OK(co_await client.async().info().on(queue));
  throw std::runtime_error("passed on");
}

void exceptions(const sg::client &client) {
  sg::queue queue;
  std::vector<std::string> told;
  queue.on_exception([&](std::exception_ptr caught) {
    try {
      std::rethrow_exception(caught);
    } catch (const std::exception &error) {
      told.emplace_back(error.what());
    }
  });
  auto held = std::make_shared<int>(7);
  const std::weak_ptr<int> alive = held;
  throwing(client, queue, std::move(held));
  for (int round = 0; round < 20 && told.empty(); ++round) {
    OK(queue.dispatch_for(5s));
  }
  passing other = throwing_on(client, queue);
  for (int round = 0; round < 20 && told.size() < 2; ++round) {
    OK(queue.dispatch_for(5s));
  }
  REQUIRE(told.size() == 2);
  EQUAL(told[0], std::string("thrown behind 7"));
  EQUAL(told[1], std::string("passed on"));
  CHECK(other.handle.done());
  other.handle.destroy();
  CHECK(alive.expired());
  OK(queue.dispatch());
}
#endif

}  // namespace

void test_coroutines() {
  const sg::client client = script_client();
  int step = 0;
  {
    sg::queue queue;
    two_calls(client, queue, std::this_thread::get_id(), step);
    EQUAL(step, 1);
    for (int round = 0; round < 20 && step < 4; ++round) {
      OK(queue.dispatch_for(5s));
    }
    EQUAL(step, 4);

    auto pages = client.pages("Shot", {}, {"code"});
    REQUIRE(OK(pages));
    std::size_t rows = 0;
    bool end = false;
    in_many_pages(*pages, queue, rows, end);
    for (int round = 0; round < 50 && !end; ++round) {
      OK(queue.dispatch_for(5s));
    }
    EQUAL(rows, client.find("Shot", {}).map([](sg::document all) { return all.size(); }).value());
  }
#if SG_CPP_EXCEPTIONS
  exceptions(client);
#endif
  std::atomic<int> other{0};
  elsewhere(client, other);
  for (int round = 0; round < 500 && other == 0; ++round) {
    std::this_thread::sleep_for(10ms);
  }
  EQUAL(other.load(), 1);

  step = 0;
  {
    sg::queue queue;
    abandoned(client, queue, step);
  }
  EQUAL(step, 1);
}
#else
void test_coroutines() {}
#endif
