/**
 * @file shotgrid/coroutine.hpp
 * @brief co_await for operations, where the language has it (C++20).
 *
 * GCC 12 and older mistreat lists in braces inside the expression of a co_await (some do not compile, some are destroyed twice,
 * whatever the types). Where arguments have braces of their own, as `{{"code", "x"}}` or `{.limit = 5}`, begin the
 * operation in a statement before: `auto saving = client.async().update(…); auto saved = co_await std::move(saving).on(queue);`
 */
#ifndef SHOTGRID_COROUTINE_HPP
#define SHOTGRID_COROUTINE_HPP

#include "op.hpp"

#if defined(__cpp_impl_coroutine) && __cpp_impl_coroutine >= 201902L
#include <coroutine>

namespace sg {
inline namespace SG_CPP_ABI {

struct detached;

namespace detail {

struct detached_promise;

/** What a coroutine waits in. It lives in the coroutine, and may be gone as soon as the callback is registered. */
template <class T>
class awaiter {
 public:
  awaiter(op<T> of, queue *where) noexcept : of_(std::move(of)), where_(where) {}

  // On a queue a coroutine always goes on in dispatch(), as callbacks do, also where the operation is done already.
  bool await_ready() const noexcept { return of_.failure() || (where_ == nullptr && of_.done()); }

  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiting) {
    std::shared_ptr<exception_handler> handler = where_ != nullptr ? where_->handler_ : nullptr;
    if constexpr (std::is_same_v<Promise, detached_promise>) {
      waiting.promise().handler = handler;
    }
    auto owned = std::make_unique<state>(state{waiting, this, std::move(handler), false});
    const sg_done_fn run = [](sg_op *, void *data) noexcept {
      state *self = static_cast<state *>(data);
      self->resumed = true;
      self->resume();
    };
    const sg_finalize_fn drop = [](void *data) noexcept {
      const std::unique_ptr<state> self(static_cast<state *>(data));
      if (!self->resumed) {
        self->waits->refused_.emplace(SG_STATUS_CANCELLED, "the queue has gone");
        self->resume();
      }
    };
    state *data = owned.release();
    const sg_status status = where_ != nullptr ? sg_queue_on_done(where_->capi(), of_.capi(), run, data, drop)
                                               : sg_op_on_done(of_.capi(), run, data, drop);
    if (status == SG_STATUS_OK) {
      return true;
    }
    owned.reset(data);
    refused_ = error::last();
    return false;
  }

  result<T> await_resume() {
    if (refused_) {
      return *std::move(refused_);
    }
    return of_.failure() ? result<T>(*of_.failure()) : take<T>(of_.capi());
  }

 private:
  struct state {
    std::coroutine_handle<> waiting;
    awaiter *waits;
    std::shared_ptr<exception_handler> handler;
    bool resumed;

    /** What leaves a coroutine by its promise leaves this. */
    void resume() noexcept {
      if (handler != nullptr) {
        handler->guard([this] { waiting.resume(); });
      } else {
        waiting.resume();
      }
    }
  };

  op<T> of_;
  queue *where_;
  std::optional<error> refused_;
};

struct detached_promise {
  /** Of the queue in whose dispatch() the coroutine goes on. */
  std::shared_ptr<exception_handler> handler;

  inline detached get_return_object() noexcept;
  std::suspend_never initial_suspend() noexcept { return {}; }
  std::suspend_never final_suspend() noexcept { return {}; }
  void return_void() noexcept {}
  void unhandled_exception() noexcept {
#if SG_CPP_EXCEPTIONS
    if (handler != nullptr) {
      return handler->guard([] { throw; });
    }
#endif
    std::terminate();
  }
};

}  // namespace detail

/** `co_await client.async().find(…)` gives an sg::result, and goes on on the library's thread for callbacks: be brief there. */
template <class T>
detail::awaiter<T> operator co_await(op<T> &&of) noexcept {
  return {std::move(of), nullptr};
}
/** `co_await client.async().find(…).on(queue)` goes on in queue::dispatch(). */
template <class T>
detail::awaiter<T> operator co_await(op_on_queue<T> &&of) noexcept {
  return {std::move(of.of()), &of.where()};
}

/**
 * What a coroutine returns that nobody waits for: it runs up to its first co_await, and further when that is due. An exception
 * that leaves it once it has gone on in queue::dispatch() is told to queue::on_exception(); any other ends the program by
 * std::terminate().
 */
struct detached {
  using promise_type = detail::detached_promise;
};

inline detached detail::detached_promise::get_return_object() noexcept { return {}; }

}  // namespace SG_CPP_ABI
}  // namespace sg

#endif

#endif  // SHOTGRID_COROUTINE_HPP
