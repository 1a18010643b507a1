/**
 * @file shotgrid/op.hpp
 * @brief sg::op, a call that goes on by itself, and sg::queue, which calls back on a thread of yours.
 */
#ifndef SHOTGRID_OP_HPP
#define SHOTGRID_OP_HPP

#include "value.hpp"

#include <chrono>
#include <cmath>
#include <memory>

namespace sg {
inline namespace SG_CPP_ABI {

class client;
class queue;
template <class T>
class op_on_queue;

namespace detail {

/** What a method gives, from the answer. */
template <class T>
result<T> convert(document answer) {
  if constexpr (std::is_same_v<T, document>) {
    return answer;
  } else if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    result<T> converted = answer.root().template as<T>();
    if (!converted) {
      return error(SG_STATUS_PROTOCOL, "the answer is something else: " + std::string(converted.error().message()));
    }
    return converted;
  }
}

/** Takes what an operation that is at its end came to. */
template <class T>
result<T> take(const sg_op *op) {
  if constexpr (std::is_same_v<T, client>) {
    sg_client *made = nullptr;
    if (sg_op_take_client(op, &made) != SG_STATUS_OK) {
      return error::last();
    }
    return T(made);
  } else {
    sg_result *answer = nullptr;
    if (sg_op_take_result(op, &answer) != SG_STATUS_OK) {
      return error::last();
    }
    if constexpr (std::is_same_v<T, std::optional<document>>) {
      return answer != nullptr ? T(document(answer)) : T();
    } else {
      return convert<T>(document(answer));
    }
  }
}

/** Who is told of exceptions that leave callbacks and coroutines on a queue. */
struct exception_handler {
#if SG_CPP_EXCEPTIONS
  std::function<void(std::exception_ptr)> told;
#endif

  /** Calls it; what it throws goes to whoever is told, or ends the program. */
  template <class F>
  void guard(F &&callback) noexcept {
#if SG_CPP_EXCEPTIONS
    try {
      callback();
    } catch (...) {
      if (!told) {
        std::terminate();
      }
      told(std::current_exception());
    }
#else
    callback();
#endif
  }
};

template <class T>
class awaiter;

/** Milliseconds for waits: fractions are rounded up, so that a short wait is no glance. */
template <class Rep, class Period>
std::int64_t wait_ms(std::chrono::duration<Rep, Period> longest) noexcept {
  if (!(longest.count() > 0)) {
    return 0;
  }
  using wide = std::chrono::duration<double, std::milli>;
  const double count = std::ceil(std::chrono::duration_cast<wide>(longest).count());
  return count < 9e15 ? static_cast<std::int64_t>(count) : std::int64_t{9000000000000000};
}

}  // namespace detail

/** How far the files of an operation are. */
struct progress {
  std::uint64_t done = 0;   ///< bytes moved so far
  std::uint64_t total = 0;  ///< bytes in all; 0 while that is not known
};

/**
 * Where callbacks wait until your thread calls dispatch(): the way to be called back in applications whose interface or
 * scene may be touched by one thread alone.
 *
 * When the queue goes, callbacks that were not run never will be; what they hold is destroyed with it. Coroutines that wait
 * for it are resumed with SG_STATUS_CANCELLED.
 */
class queue {
 public:
  queue() : handler_(std::make_shared<detail::exception_handler>()) {
    sg_queue *made = nullptr;
    if (sg_queue_new(&made) == SG_STATUS_OK) {
      queue_.reset(made);
    }
  }

  /** Runs the callbacks that are due, at most `most` of them (0: all), and tells how many. Never waits: for once a frame. */
  result<std::uint32_t> dispatch(std::uint32_t most = 0) { return run(most, 0); }
  /** As dispatch(), and waits for so long if none is due. */
  template <class Rep, class Period>
  result<std::uint32_t> dispatch_for(std::chrono::duration<Rep, Period> longest, std::uint32_t most = 0) {
    return run(most, detail::wait_ms(longest));
  }
  /** Ends a dispatch_for() that waits, from any thread. */
  result<void> wake() const { return detail::checked(sg_queue_wake(queue_.get())); }
  /** A descriptor that is readable while callbacks are due, for event loops; -1 where there is none (Windows). */
  int fd() const noexcept { return sg_queue_fd(queue_.get()); }

#if SG_CPP_EXCEPTIONS
  /**
   * Sets who is told of exceptions that leave callbacks, and coroutines that go on in dispatch(): on the thread of dispatch(), which then goes on with the next one. Without a
   * handler, and where the handler throws, they end the program by std::terminate(). A queue that was moved from has no callbacks, and
   * ignores it.
   */
  void on_exception(std::function<void(std::exception_ptr)> told) {
    if (handler_ != nullptr) {
      handler_->told = std::move(told);
    }
  }
#endif

  /** The C library's object, borrowed. */
  const sg_queue *capi() const noexcept { return queue_.get(); }
  /** Gives the C library's object away: pass it to sg_queue_free(). */
  sg_queue *release() noexcept { return queue_.release(); }

 private:
  result<std::uint32_t> run(std::uint32_t most, std::int64_t milliseconds) {
    std::uint32_t count = 0;
    if (sg_queue_dispatch(queue_.get(), most, milliseconds, &count) != SG_STATUS_OK) {
      return error::last();
    }
    return count;
  }

  template <class T>
  friend class op;
  template <class T>
  friend class detail::awaiter;
  friend class client;

  std::shared_ptr<detail::exception_handler> handler_;
  detail::handle<sg_queue, sg_queue_free> queue_;
};

/**
 * A call under way, or at its end, that gives a T.
 *
 * A call that could not begin is an operation too, one that has failed. Letting go of an operation does not stop it: cancel()
 * does. One operation has one taker: get(), then() or co_await.
 */
template <class T>
class [[nodiscard]] op {
 public:
  using value_type = T;

  /** Takes over an operation of the C library that gives a T. */
  explicit op(sg_op *owned) noexcept : op_(owned) {}
  /** An operation that could not begin. */
  explicit op(sg::error failure) : failure_(std::move(failure)) {}

  /** Waits for as long as it takes, and takes what came of it. In callbacks of then(f), on the library's thread, it fails instead of waiting. */
  result<T> get() {
    if (failure_) {
      return *failure_;
    }
    if (sg_op_wait(op_.get(), -1) != SG_STATUS_OK) {
      return error::last();
    }
    return detail::take<T>(op_.get());
  }
  /**
   * Waits for at most so long. False only where that was too short: wait again. True when there is no more to wait for, and get() tells
   * what came of it, or why it cannot be waited for (in callbacks on the library's thread; of an operation that was moved from).
   */
  template <class Rep, class Period>
  [[nodiscard]] bool wait(std::chrono::duration<Rep, Period> longest) const noexcept {
    return failure_ || sg_op_wait(op_.get(), detail::wait_ms(longest)) != SG_STATUS_TIMEOUT_WAIT;
  }
  /** Whether it is at its end, well or not; so is one that was moved from. */
  [[nodiscard]] bool done() const noexcept { return failure_ || op_.get() == nullptr || sg_op_is_done(op_.get()) != 0; }
  /** Stops it: it fails with SG_STATUS_CANCELLED unless it is at its end already. From any thread, and again if you like. */
  void cancel() const noexcept {
    if (!failure_) {
      static_cast<void>(sg_op_cancel(op_.get()));
    }
  }
  /** How far its files are, for uploads and downloads. */
  sg::progress progress() const noexcept {
    sg::progress now;
    static_cast<void>(sg_op_progress(op_.get(), &now.done, &now.total));
    return now;
  }

  /**
   * Has `f(sg::result<T>)` called when the operation is at its end, once, in queue::dispatch(). Where that cannot be (the operation
   * could not begin, or has a callback already), f is called here and now. The operation may be let go.
   */
  template <class F>
  void then(queue &on, F f) const {
    using state = callback<F>;
    auto owned = std::make_unique<state>(state{std::move(f), on.handler_});
    const auto run = [](sg_op *done, void *data) noexcept {
      state *self = static_cast<state *>(data);
      self->handler->guard([&] { std::invoke(std::move(self->f), detail::take<T>(done)); });
    };
    begin(std::move(owned), [&](state *data, sg_finalize_fn drop) { return sg_queue_on_done(on.capi(), op_.get(), run, data, drop); });
  }

  /**
   * As above, on the library's own thread for callbacks: be brief there, do not wait for other calls, and let no exception out,
   * which would end the program by std::terminate().
   */
  template <class F>
  void then(F f) const {
    using state = callback<F>;
    auto owned = std::make_unique<state>(state{std::move(f), nullptr});
    const auto run = [](sg_op *done, void *data) noexcept { std::invoke(std::move(static_cast<state *>(data)->f), detail::take<T>(done)); };
    begin(std::move(owned), [&](state *data, sg_finalize_fn drop) { return sg_op_on_done(op_.get(), run, data, drop); });
  }

  /** For coroutines: `co_await client.async().find(…).on(queue)` goes on in queue::dispatch(). */
  op_on_queue<T> on(queue &where) && noexcept { return op_on_queue<T>(std::move(*this), where); }

  /** Why it could not begin; nothing where it did. */
  const std::optional<sg::error> &failure() const noexcept { return failure_; }
  /** The C library's object, borrowed; NULL for an operation that could not begin. */
  const sg_op *capi() const noexcept { return op_.get(); }
  /** Gives the C library's object away: pass it to sg_op_free(). */
  sg_op *release() noexcept { return op_.release(); }

 private:
  template <class F>
  struct callback {
    static_assert(std::is_invocable_v<F, result<T>>, "sg: then() takes a function of one parameter, an sg::result of what the call gives");
    F f;
    std::shared_ptr<detail::exception_handler> handler;
  };

  template <class State, class Register>
  void begin(std::unique_ptr<State> owned, Register &&registered) const {
    if (failure_) {
      std::invoke(std::move(owned->f), result<T>(*failure_));
      return;
    }
    const sg_finalize_fn drop = [](void *data) noexcept { delete static_cast<State *>(data); };
    if (registered(owned.get(), drop) == SG_STATUS_OK) {
      static_cast<void>(owned.release());
    } else {
      std::invoke(std::move(owned->f), result<T>(error::last()));
    }
  }

  detail::handle<sg_op, sg_op_free> op_;
  std::optional<sg::error> failure_;
};

/** An operation and where a coroutine that waits for it goes on; see op::on(). */
template <class T>
class [[nodiscard]] op_on_queue {
 public:
  op_on_queue(op<T> of, queue &where) noexcept : of_(std::move(of)), where_(&where) {}

  op<T> &of() noexcept { return of_; }
  queue &where() noexcept { return *where_; }

 private:
  op<T> of_;
  queue *where_;
};

}  // namespace SG_CPP_ABI
}  // namespace sg

#endif  // SHOTGRID_OP_HPP
