/**
 * @file shotgrid/secret.hpp
 * @brief sg::secret, a text that is wiped when it goes.
 */
#ifndef SHOTGRID_SECRET_HPP
#define SHOTGRID_SECRET_HPP

#include "handle.hpp"

#include <memory>

namespace sg {
inline namespace SG_CPP_ABI {

/** A text that must not be seen, such as a session's token. It is moved, never copied, and wiped when it goes. */
class secret {
 public:
  /** Takes over a text of this length with a NUL behind it. */
  secret(std::unique_ptr<char[]> text, std::size_t length) noexcept : text_(std::move(text)), length_(length) {}
  secret(secret &&other) noexcept : text_(std::move(other.text_)), length_(std::exchange(other.length_, 0)) {}
  secret &operator=(secret &&other) noexcept {
    if (this != &other) {
      wipe();
      text_ = std::move(other.text_);
      length_ = std::exchange(other.length_, 0);
    }
    return *this;
  }
  secret(const secret &) = delete;
  secret &operator=(const secret &) = delete;
  ~secret() { wipe(); }

  /** The text, for the one place that needs it; never NULL. */
  const char *c_str() const & noexcept { return text_ ? text_.get() : ""; }
  const char *c_str() const && = delete;
  std::size_t size() const noexcept { return length_; }
  /** For connect_session() and renew_session(). */
  operator c_text() const & noexcept { return c_text(c_str()); }
  operator c_text() const && = delete;

 private:
  void wipe() noexcept {
    // A compiler may leave out writes that nobody reads, but not volatile ones.
    for (volatile char *at = text_.get(); length_ > 0; --length_) {
      *at++ = '\0';
    }
  }

  std::unique_ptr<char[]> text_;
  std::size_t length_;
};

}  // namespace SG_CPP_ABI
}  // namespace sg

#endif  // SHOTGRID_SECRET_HPP
