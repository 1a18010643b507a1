/**
 * @file shotgrid/log.hpp
 * @brief The library's log, for the host's own.
 */
#ifndef SHOTGRID_LOG_HPP
#define SHOTGRID_LOG_HPP

#include "result.hpp"

#include <memory>

namespace sg {
inline namespace SG_CPP_ABI {

/**
 * Has a function take the messages of all clients of this process, in place of the one before.
 *
 * @param most  the least important level that is wanted, such as SG_LOG_LEVEL_INFO; see sg_log_set().
 * @param f     called as `f(sg_log_level, std::string_view target, std::string_view message)` on the library's thread for callbacks:
 *              be brief there, and let no exception out, which would end the program by std::terminate(). No message holds a secret.
 */
template <class F>
result<void> set_log(sg_log_level most, F f) {
  static_assert(std::is_invocable_v<F &, sg_log_level, std::string_view, std::string_view>,
                "sg: a log is called with sg_log_level, std::string_view target and std::string_view message");
  auto owned = std::make_unique<F>(std::move(f));
  const sg_log_fn take = [](sg_log_level level, const char *target, const char *message, void *data) noexcept {
    std::invoke(*static_cast<F *>(data), level, detail::view(target), detail::view(message));
  };
  const sg_finalize_fn drop = [](void *data) noexcept { delete static_cast<F *>(data); };
  if (sg_log_set(take, most, owned.get(), drop) != SG_STATUS_OK) {
    return error::last();
  }
  static_cast<void>(owned.release());
  return {};
}

/** No function takes the log any more. When this returns, the one before is not being called and is destroyed. */
inline result<void> clear_log() {
  return detail::checked(sg_log_set(nullptr, SG_LOG_LEVEL_ERROR, nullptr, nullptr));
}

}  // namespace SG_CPP_ABI
}  // namespace sg

#endif  // SHOTGRID_LOG_HPP
