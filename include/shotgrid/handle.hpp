/**
 * @file shotgrid/handle.hpp
 * @brief What all parts of the C++ wrapper stand on: the C header, the language's switches, handles.
 */
#ifndef SHOTGRID_HANDLE_HPP
#define SHOTGRID_HANDLE_HPP

#include "../shotgrid.h"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

#if !defined(_MSVC_LANG) && __cplusplus < 201703L
#error "shotgrid.hpp needs C++17"
#endif

/* Code with and without exceptions may be linked into one program: the names of the two differ, so that neither takes
 * the other's functions. */
#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#define SG_CPP_EXCEPTIONS 1
#define SG_CPP_ABI with_exceptions
#else
#define SG_CPP_EXCEPTIONS 0
#define SG_CPP_ABI without_exceptions
#endif

namespace sg {
inline namespace SG_CPP_ABI {

/**
 * Text for C: NUL-terminated, and borrowed for the time of one call.
 *
 * It is made from a literal or a std::string by itself, and copies neither, so that no second copy of a password stays
 * behind. A std::string_view need not end with a NUL: make a std::string of it.
 */
class c_text {
 public:
  c_text(const char *text) noexcept : text_(text != nullptr ? text : ""), whole_(text != nullptr) {}
  c_text(const std::string &text) noexcept : text_(text.c_str()), whole_(text.find('\0') == std::string::npos) {}
  c_text(std::nullptr_t) = delete;

  /** The text, never NULL. */
  const char *c_str() const noexcept { return text_; }
  /** Whether it is what the caller has: no NULL, and no NUL inside that would cut it short. */
  bool whole() const noexcept { return whole_; }

 private:
  const char *text_;
  bool whole_;
};

namespace detail {

/** Owns one object of the C library. */
template <class Object, void (*Free)(Object *) SG_NOEXCEPT>
class handle {
 public:
  handle() noexcept = default;
  explicit handle(Object *object) noexcept : object_(object) {}
  handle(handle &&other) noexcept : object_(other.release()) {}
  handle &operator=(handle &&other) noexcept {
    reset(other.release());
    return *this;
  }
  handle(const handle &) = delete;
  handle &operator=(const handle &) = delete;
  ~handle() { Free(object_); }

  Object *get() const noexcept { return object_; }
  Object *release() noexcept { return std::exchange(object_, nullptr); }
  void reset(Object *object) noexcept { Free(std::exchange(object_, object)); }

 private:
  Object *object_ = nullptr;
};

/** A borrowed text of the C library; NULL is the empty one. */
inline std::string_view view(const char *text) noexcept { return text != nullptr ? std::string_view(text) : std::string_view(); }

template <class>
inline constexpr bool never = false;

}  // namespace detail

/** The version of the loaded library, such as "0.1.0". */
inline std::string_view version() noexcept { return detail::view(sg_lib_version()); }

/** What every method takes and returns, as JSON: for tools that offer methods by their names. See sg_methods_json(). */
inline std::string_view methods_json() noexcept { return detail::view(sg_methods_json()); }

}  // namespace SG_CPP_ABI
}  // namespace sg

#endif  // SHOTGRID_HANDLE_HPP
