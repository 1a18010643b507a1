/**
 * @file shotgrid/sign_in.hpp
 * @brief sg::sign_in, signing in by the person's browser.
 */
#ifndef SHOTGRID_SIGN_IN_HPP
#define SHOTGRID_SIGN_IN_HPP

#include "client.hpp"

namespace sg {
inline namespace SG_CPP_ABI {

/**
 * A sign-in by the person's browser: no password goes through the program.
 *
 * @code{.cpp}
 * auto sign_in = sg::sign_in::create("https://studio.shotgrid.autodesk.com", "Shot List", "workstation-12");
 * if (sign_in && sign_in->begin()) {
 *   std::cout << "Approve at " << sign_in->url() << "\n";
 *   (void)sign_in->open_browser();
 *   sg::result<sg::client> client = sign_in->wait();
 * }
 * @endcode
 *
 * Threads may share it. Each serves once; see sg_sign_in.
 */
class sign_in {
 public:
  /** Takes over a sign-in of the C library. */
  explicit sign_in(sg_sign_in *owned) noexcept : sign_in_(owned) {}

  /** Makes one; nothing is sent yet. The person reads both names before approving. */
  static result<sign_in> create(const c_text &site_url, const c_text &app_name, const c_text &machine_id, const options &settings = {}) {
    if (!app_name.whole() || !machine_id.whole()) {
      return error(SG_STATUS_INVALID_ARGUMENT, "app_name or machine_id is NULL or has a NUL inside");
    }
    if (std::optional<error> problem = detail::connect_problem({site_url}, settings)) {
      return *std::move(problem);
    }
    sg_sign_in *made = nullptr;
    if (sg_sign_in_new(site_url.c_str(), app_name.c_str(), machine_id.c_str(), settings.capi(), &made) != SG_STATUS_OK) {
      return error::last();
    }
    return sign_in(made);
  }

  /** Sets the pause between two questions to the site. Default: 2 s. */
  template <class Rep, class Period>
  result<void> set_poll_interval(std::chrono::duration<Rep, Period> interval) const {
    return set(sg_sign_in_set_poll_interval_ms, "the poll interval", interval);
  }
  /** Sets how long the site keeps a sign-in that nobody has decided about. Default: 305 s. */
  template <class Rep, class Period>
  result<void> set_lifetime(std::chrono::duration<Rep, Period> lifetime) const {
    return set(sg_sign_in_set_lifetime_ms, "the lifetime", lifetime);
  }

  /** Asks the site for a session. Afterwards there is a url(). */
  result<void> begin() const { return detail::checked(sg_sign_in_begin(sign_in_.get())); }
  /** As begin(), without the wait: it gives the address. */
  op<std::string> begin_async() const {
    sg_op *begun = nullptr;
    if (sg_sign_in_submit_begin(sign_in_.get(), &begun) != SG_STATUS_OK) {
      return op<std::string>(error::last());
    }
    return op<std::string>(begun);
  }

  /** The address that the person is to open; empty before it has begun. For this person alone: keep it out of logs. */
  std::string_view url() const & noexcept { return detail::view(sg_sign_in_url(sign_in_.get())); }
  std::string_view url() const && = delete;
  /** The login of the person who approved, as the site tells it. */
  std::string_view login() const & noexcept { return detail::view(sg_sign_in_login(sign_in_.get())); }
  std::string_view login() const && = delete;
  /** Has the system open the address. Show it as well. */
  result<void> open_browser() const { return detail::checked(sg_sign_in_open_browser(sign_in_.get())); }

  /** Waits until the person has decided. */
  result<client> wait() const {
    sg_client *made = nullptr;
    if (sg_sign_in_wait(sign_in_.get(), -1, &made) != SG_STATUS_OK) {
      return error::last();
    }
    return client(made);
  }
  /** Waits for at most so long: nothing where it is not decided yet. With no time at all it only looks, for a timer. */
  template <class Rep, class Period>
  result<std::optional<client>> wait_for(std::chrono::duration<Rep, Period> longest) const {
    sg_client *made = nullptr;
    const sg_status status = sg_sign_in_wait(sign_in_.get(), detail::wait_ms(longest), &made);
    if (status == SG_STATUS_TIMEOUT_WAIT) {
      return std::optional<client>();
    }
    if (status != SG_STATUS_OK) {
      return error::last();
    }
    return std::optional<client>(client(made));
  }
  /** As wait(), without the wait. To cancel the operation leaves the sign-in as it is. */
  op<client> wait_async() const {
    sg_op *begun = nullptr;
    if (sg_sign_in_submit_wait(sign_in_.get(), &begun) != SG_STATUS_OK) {
      return op<client>(error::last());
    }
    return op<client>(begun);
  }
  /** Gives it up, from any thread: whoever waits is told SG_STATUS_CANCELLED. */
  void cancel() const noexcept { static_cast<void>(sg_sign_in_cancel(sign_in_.get())); }

  /** The C library's object, borrowed. */
  const sg_sign_in *capi() const noexcept { return sign_in_.get(); }
  /** Gives the C library's object away: pass it to sg_sign_in_free(). */
  sg_sign_in *release() noexcept { return sign_in_.release(); }

 private:
  template <class Rep, class Period>
  result<void> set(sg_status (*setter)(const sg_sign_in *, std::uint32_t) SG_NOEXCEPT, std::string_view what,
                   std::chrono::duration<Rep, Period> time) const {
    const std::int64_t count = detail::wait_ms(time);
    if (count < 1 || count > (std::numeric_limits<std::uint32_t>::max)()) {
      return error(SG_STATUS_INVALID_ARGUMENT, std::string(what) + " must be more than 0 and at most 49 days");
    }
    return detail::checked(setter(sign_in_.get(), static_cast<std::uint32_t>(count)));
  }

  detail::handle<sg_sign_in, sg_sign_in_free> sign_in_;
};

}  // namespace SG_CPP_ABI
}  // namespace sg

#endif  // SHOTGRID_SIGN_IN_HPP
