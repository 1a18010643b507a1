/**
 * @file shotgrid/result.hpp
 * @brief sg::result: what a call gives, or how it failed, in the manner of std::expected.
 */
#ifndef SHOTGRID_RESULT_HPP
#define SHOTGRID_RESULT_HPP

#include "error.hpp"

#include <functional>
#include <type_traits>
#include <variant>

namespace sg {
inline namespace SG_CPP_ABI {

template <class T>
class result;

namespace detail {

/** The end of a program's path that took a failure for a value: sg::exception, or std::terminate without exceptions. */
[[noreturn]] inline void no_value(error failure) {
#if SG_CPP_EXCEPTIONS
  throw exception(std::move(failure));
#else
  static_cast<void>(failure);
  std::terminate();
#endif
}

template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<result<T>> = true;

}  // namespace detail

/**
 * A value, or the error that stands in its place.
 *
 * `if (shots)` asks which. `*shots`, `shots->` and `shots.value()` give the value; where there is none they throw
 * sg::exception, or end the program by std::terminate() where exceptions are disabled. `shots.error()` must only be asked
 * for where there is no value.
 *
 * What a temporary result holds is moved out by value, so `for (sg::value shot : client.find(…).value())` is safe.
 */
template <class T>
class [[nodiscard]] result {
 public:
  using value_type = T;
  using error_type = sg::error;

  result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
  result(sg::error failure) : held_(std::in_place_index<1>, std::move(failure)) {}
  result(result &&) noexcept(std::is_nothrow_move_constructible_v<T>) = default;
  result &operator=(result &&) = default;
  result(const result &) = delete;
  result &operator=(const result &) = delete;
  ~result() = default;

  bool has_value() const noexcept { return held_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  T &value() & { return kept(*this); }
  const T &value() const & { return kept(*this); }
  T value() && {
    if (T *value = std::get_if<0>(&held_)) {
      return std::move(*value);
    }
    detail::no_value(std::move(*this).error());
  }
  T &operator*() & { return value(); }
  const T &operator*() const & { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T *operator->() & { return &value(); }
  const T *operator->() const & { return &value(); }
  // It would point into what is gone at the end of the statement.
  T *operator->() && = delete;

  /** The value, or another one where there is none. */
  template <class U>
  T value_or(U &&fallback) && {
    T *value = std::get_if<0>(&held_);
    return value != nullptr ? std::move(*value) : static_cast<T>(std::forward<U>(fallback));
  }
  template <class U>
  T value_or(U &&fallback) const & {
    const T *value = std::get_if<0>(&held_);
    return value != nullptr ? *value : static_cast<T>(std::forward<U>(fallback));
  }

  /** The failure. To ask for it where there is none is a fault of the program, and ends it. */
  const sg::error &error() const & noexcept {
    const sg::error *failure = std::get_if<1>(&held_);
    if (failure == nullptr) {
      std::terminate();
    }
    return *failure;
  }
  sg::error error() && noexcept {
    sg::error *failure = std::get_if<1>(&held_);
    if (failure == nullptr) {
      std::terminate();
    }
    return std::move(*failure);
  }

  /** Goes on with the value: `f(T)` gives another type, and the result is of that. A failure stays as it is. */
  template <class F>
  auto map(F &&f) && -> result<std::invoke_result_t<F, T>> {
    using U = std::invoke_result_t<F, T>;
    T *value = std::get_if<0>(&held_);
    if (value == nullptr) {
      return std::move(*this).error();
    }
    if constexpr (std::is_void_v<U>) {
      std::invoke(std::forward<F>(f), std::move(*value));
      return {};
    } else {
      return std::invoke(std::forward<F>(f), std::move(*value));
    }
  }

  /** Goes on with the value where that may fail too: `f(T)` gives a result. */
  template <class F>
  auto and_then(F &&f) && -> std::invoke_result_t<F, T> {
    static_assert(detail::is_result<std::invoke_result_t<F, T>>, "and_then takes a function that gives an sg::result; see map");
    T *value = std::get_if<0>(&held_);
    if (value == nullptr) {
      return std::move(*this).error();
    }
    return std::invoke(std::forward<F>(f), std::move(*value));
  }

  /** Goes on with the failure: `f(sg::error)` gives a result of the same type. */
  template <class F>
  result or_else(F &&f) && {
    static_assert(std::is_same_v<std::invoke_result_t<F, sg::error>, result>, "or_else takes a function that gives the same sg::result");
    return has_value() ? std::move(*this) : std::invoke(std::forward<F>(f), std::move(*this).error());
  }

 private:
  template <class Self>
  static auto &kept(Self &self) {
    auto *value = std::get_if<0>(&self.held_);
    if (value == nullptr) {
      detail::no_value(self.error());
    }
    return *value;
  }

  std::variant<T, sg::error> held_;
};

/** Success without a value, or an error. */
template <>
class [[nodiscard]] result<void> {
 public:
  using value_type = void;
  using error_type = sg::error;

  result() noexcept = default;
  result(sg::error failure) : failure_(std::move(failure)) {}

  bool has_value() const noexcept { return !failure_; }
  explicit operator bool() const noexcept { return has_value(); }

  void value() const & {
    if (failure_) {
      detail::no_value(*failure_);
    }
  }
  void value() && {
    if (failure_) {
      detail::no_value(std::move(*failure_));
    }
  }

  const sg::error &error() const & noexcept {
    if (!failure_) {
      std::terminate();
    }
    return *failure_;
  }
  sg::error error() && noexcept {
    if (!failure_) {
      std::terminate();
    }
    return std::move(*failure_);
  }

  template <class F>
  auto map(F &&f) && -> result<std::invoke_result_t<F>> {
    if (failure_) {
      return std::move(*failure_);
    }
    if constexpr (std::is_void_v<std::invoke_result_t<F>>) {
      std::invoke(std::forward<F>(f));
      return {};
    } else {
      return std::invoke(std::forward<F>(f));
    }
  }
  template <class F>
  auto and_then(F &&f) && -> std::invoke_result_t<F> {
    static_assert(detail::is_result<std::invoke_result_t<F>>, "and_then takes a function that gives an sg::result; see map");
    if (failure_) {
      return std::move(*failure_);
    }
    return std::invoke(std::forward<F>(f));
  }
  template <class F>
  result or_else(F &&f) && {
    static_assert(std::is_same_v<std::invoke_result_t<F, sg::error>, result>, "or_else takes a function that gives the same sg::result");
    return has_value() ? std::move(*this) : std::invoke(std::forward<F>(f), std::move(*failure_));
  }

 private:
  std::optional<sg::error> failure_;
};

namespace detail {

/** What a C function came to. */
inline result<void> checked(sg_status status) {
  if (status != SG_STATUS_OK) {
    return error::last();
  }
  return {};
}

}  // namespace detail

}  // namespace SG_CPP_ABI
}  // namespace sg

#endif  // SHOTGRID_RESULT_HPP
