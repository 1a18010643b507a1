/**
 * @file shotgrid/options.hpp
 * @brief sg::options for connecting, sg::limits for one call.
 */
#ifndef SHOTGRID_OPTIONS_HPP
#define SHOTGRID_OPTIONS_HPP

#include "result.hpp"

#include <chrono>
#include <cmath>
#include <limits>

namespace sg {
inline namespace SG_CPP_ABI {

namespace detail {

/** Milliseconds for C, where 0 means something else. Fractions are rounded up. */
template <class Rep, class Period>
result<std::uint32_t> milliseconds(std::string_view what, std::chrono::duration<Rep, Period> limit) {
  using wide = std::chrono::duration<double, std::milli>;
  const double count = std::ceil(std::chrono::duration_cast<wide>(limit).count());
  if (!(count >= 1 && count <= static_cast<double>((std::numeric_limits<std::uint32_t>::max)()))) {
    return error(SG_STATUS_INVALID_ARGUMENT, std::string(what) + " must be more than 0 and at most 49 days; for none see no_" + std::string(what) + "()");
  }
  return static_cast<std::uint32_t>(count);
}

}  // namespace detail

/**
 * Settings for connecting: `sg::options().timeout(30s).user_agent_suffix("shot-list (1.0)")`.
 *
 * One object may serve any number of connects. What cannot be (an empty path, a time limit of nothing) is told by the
 * connect: its error is that of the first setter that failed.
 */
class options {
 public:
  options() noexcept : options_(sg_options_new()) {}

  /** Limits one exchange with the site, its retries included. Default: 60 s. */
  template <class Rep, class Period>
  options &timeout(std::chrono::duration<Rep, Period> limit) & {
    return limited(sg_options_set_timeout_ms, detail::milliseconds("timeout", limit));
  }
  options &no_timeout() & { return set(sg_options_set_timeout_ms, std::uint32_t{0}); }
  /** Limits the making of one connection, in each attempt anew. Default: 10 s. */
  template <class Rep, class Period>
  options &connect_timeout(std::chrono::duration<Rep, Period> limit) & {
    return limited(sg_options_set_connect_timeout_ms, detail::milliseconds("connect_timeout", limit));
  }
  options &no_connect_timeout() & { return set(sg_options_set_connect_timeout_ms, std::uint32_t{0}); }
  /** How often a read is tried in all; a write, only while nothing was sent. Default: 3. */
  options &max_attempts(std::uint32_t attempts) & { return set(sg_options_set_max_attempts, attempts); }
  /** How many requests are under way at once. Default: 32. */
  options &max_connections(std::uint32_t connections) & { return set(sg_options_set_max_connections, connections); }
  /** Limits the size of a reply. Default: 1 GiB. */
  options &max_reply_bytes(std::uint64_t bytes) & { return set(sg_options_set_max_reply_bytes, bytes); }
  options &max_download_bytes(std::uint64_t bytes) & { return set(sg_options_set_max_download_bytes, bytes); }
  /** Names your tool to the site, such as "my-tool (2.1)". */
  options &user_agent_suffix(const c_text &suffix) & { return set_text(sg_options_set_user_agent_suffix, "user_agent_suffix", suffix); }
  /** A PEM file of certificates to trust besides the system's; UTF-8 on every system. */
  options &ca_file(const c_text &path) & { return set_text(sg_options_set_ca_file, "ca_file", path); }
  /** [user:password@]host[:port], or an http:// URL. */
  options &proxy(const c_text &address) & { return set_text(sg_options_set_proxy, "proxy", address); }
  /** Goes straight to the site, whatever the environment says. */
  options &no_proxy(bool on = true) & { return set(sg_options_set_no_proxy, std::int32_t{on}); }
  /** Acts for another person. */
  options &sudo_as_login(const c_text &login) & { return set_text(sg_options_set_sudo_as_login, "sudo_as_login", login); }
  /** The second factor of a person's sign-in. */
  options &auth_token(const c_text &token) & { return set_text(sg_options_set_auth_token, "auth_token", token); }
  /** Tags the event log entries of this client's writes. */
  options &session_uuid(const c_text &uuid) & { return set_text(sg_options_set_session_uuid, "session_uuid", uuid); }
  /** Allows http:// to other machines: passwords and keys then cross the network in clear text. */
  options &allow_insecure_http(bool on = true) & { return set(sg_options_set_allow_insecure_http, std::int32_t{on}); }
  /** Proves the credentials while connecting. Default: on. */
  options &verify_on_connect(bool on) & { return set(sg_options_set_verify_on_connect, std::int32_t{on}); }
  /** Writes all that goes to the site and comes from it to a file that must not be there yet, without secrets. */
  options &record(const c_text &path) & { return set_text(sg_options_set_record, "record", path); }
  /** Answers from such a file, in place of the site. Clients that are connected with these options share their place in it. */
  options &replay(const c_text &path) & { return set_text(sg_options_set_replay, "replay", path); }

  /* The same on a temporary, so that a chain can be handed over whole. */
  template <class Rep, class Period>
  options &&timeout(std::chrono::duration<Rep, Period> limit) && { return std::move(timeout(limit)); }
  options &&no_timeout() && { return std::move(no_timeout()); }
  template <class Rep, class Period>
  options &&connect_timeout(std::chrono::duration<Rep, Period> limit) && { return std::move(connect_timeout(limit)); }
  options &&no_connect_timeout() && { return std::move(no_connect_timeout()); }
  options &&max_attempts(std::uint32_t attempts) && { return std::move(max_attempts(attempts)); }
  options &&max_connections(std::uint32_t connections) && { return std::move(max_connections(connections)); }
  options &&max_reply_bytes(std::uint64_t bytes) && { return std::move(max_reply_bytes(bytes)); }
  options &&max_download_bytes(std::uint64_t bytes) && { return std::move(max_download_bytes(bytes)); }
  options &&user_agent_suffix(const c_text &suffix) && { return std::move(user_agent_suffix(suffix)); }
  options &&ca_file(const c_text &path) && { return std::move(ca_file(path)); }
  options &&proxy(const c_text &address) && { return std::move(proxy(address)); }
  options &&no_proxy(bool on = true) && { return std::move(no_proxy(on)); }
  options &&sudo_as_login(const c_text &login) && { return std::move(sudo_as_login(login)); }
  options &&auth_token(const c_text &token) && { return std::move(auth_token(token)); }
  options &&session_uuid(const c_text &uuid) && { return std::move(session_uuid(uuid)); }
  options &&allow_insecure_http(bool on = true) && { return std::move(allow_insecure_http(on)); }
  options &&verify_on_connect(bool on) && { return std::move(verify_on_connect(on)); }
  options &&record(const c_text &path) && { return std::move(record(path)); }
  options &&replay(const c_text &path) && { return std::move(replay(path)); }

  /** What the first setter that failed has to say; nothing while all is well. */
  const std::optional<error> &problem() const noexcept { return problem_; }

  /** The C library's object, borrowed. */
  const sg_options *capi() const noexcept { return options_.get(); }
  /** Gives the C library's object away: pass it to sg_options_free(). */
  sg_options *release() noexcept { return options_.release(); }

 private:
  template <class Argument>
  options &set(sg_status (*setter)(sg_options *, Argument) SG_NOEXCEPT, Argument argument) {
    if (setter(options_.get(), argument) != SG_STATUS_OK) {
      keep(error::last());
    }
    return *this;
  }

  options &limited(sg_status (*setter)(sg_options *, std::uint32_t) SG_NOEXCEPT, result<std::uint32_t> limit) {
    if (!limit) {
      keep(std::move(limit).error());
      return *this;
    }
    return set(setter, *limit);
  }

  options &set_text(sg_status (*setter)(sg_options *, const char *) SG_NOEXCEPT, const char *name, const c_text &text) {
    if (!text.whole()) {
      keep(error(SG_STATUS_INVALID_ARGUMENT, std::string(name) + " is NULL or has a NUL inside"));
      return *this;
    }
    return set(setter, text.c_str());
  }

  void keep(error failure) {
    if (!problem_) {
      problem_ = std::move(failure);
    }
  }

  detail::handle<sg_options, sg_options_free> options_;
  std::optional<error> problem_;
};

/** The limits of one call: `client.with(sg::limits().timeout(5s)).find(…)`. What is not set is as the client has it. */
class limits {
 public:
  template <class Rep, class Period>
  limits &timeout(std::chrono::duration<Rep, Period> limit) & {
    result<std::uint32_t> count = detail::milliseconds("timeout", limit);
    if (count) {
      options_.timeout_ms = *count;
    } else {
      problem_ = "the timeout of a call must be more than 0 and at most 49 days";
    }
    return *this;
  }
  limits &max_attempts(std::uint32_t attempts) & {
    options_.max_attempts = attempts;
    if (attempts == 0) {
      problem_ = "max_attempts must be 1 or more";
    }
    return *this;
  }
  template <class Rep, class Period>
  limits &&timeout(std::chrono::duration<Rep, Period> limit) && { return std::move(timeout(limit)); }
  limits &&max_attempts(std::uint32_t attempts) && { return std::move(max_attempts(attempts)); }

  /** What cannot be; empty while all is well. */
  std::string_view problem() const noexcept { return problem_; }
  /** The C library's form. */
  const sg_call_options *capi() const noexcept { return &options_; }

 private:
  sg_call_options options_ = SG_CALL_OPTIONS_INIT;
  const char *problem_ = "";
};

}  // namespace SG_CPP_ABI
}  // namespace sg

#endif  // SHOTGRID_OPTIONS_HPP
