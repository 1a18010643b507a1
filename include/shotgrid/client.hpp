/**
 * @file shotgrid/client.hpp
 * @brief sg::client, a signed-in connection to a site, and sg::pages, a find of any size.
 */
#ifndef SHOTGRID_CLIENT_HPP
#define SHOTGRID_CLIENT_HPP

#include "methods.hpp"
#include "op.hpp"
#include "options.hpp"
#include "secret.hpp"

namespace sg {
inline namespace SG_CPP_ABI {

namespace detail {

/** What is wrong with a call before the library is asked; nothing if all is well. */
inline std::optional<error> call_problem(const c_text &method, const json &parameters) {
  if (!method.whole()) {
    return error(SG_STATUS_INVALID_ARGUMENT, "the method's name is NULL or has a NUL inside");
  }
  if (!parameters.problem().empty()) {
    const std::string &problem = parameters.problem();
    return error(SG_STATUS_INVALID_ARGUMENT, problem.substr(problem.find_first_not_of(". ")));
  }
  return std::nullopt;
}

/** What is wrong with a connect before the library is asked. */
inline std::optional<error> connect_problem(std::initializer_list<c_text> texts, const options &settings) {
  for (const c_text &text : texts) {
    if (!text.whole()) {
      return error(SG_STATUS_INVALID_ARGUMENT, "the address or a part of the credentials is NULL or has a NUL inside");
    }
  }
  return settings.problem();
}

inline result<sg_op *> submit(const sg_client *client, const c_text &method, const json &parameters, bool raw, const limits &within) {
  if (std::optional<error> problem = call_problem(method, parameters)) {
    return *std::move(problem);
  }
  if (!within.problem().empty()) {
    return error(SG_STATUS_INVALID_ARGUMENT, std::string(within.problem()));
  }
  const std::string &text = parameters.text();
  sg_op *begun = nullptr;
  const sg_status status = raw ? sg_submit_raw_n(client, method.c_str(), text.data(), text.size(), within.capi(), &begun)
                               : sg_submit_n(client, method.c_str(), text.data(), text.size(), within.capi(), &begun);
  if (status != SG_STATUS_OK) {
    return error::last();
  }
  return begun;
}

}  // namespace detail

/** The methods, each begun without a wait: they answer with an sg::op. It borrows from its client. */
class async_client : public methods<async_client, op> {
 public:
  async_client(const sg_client *client, limits within) noexcept : client_(client), within_(within) {}

 private:
  template <class T>
  op<T> send_any(const c_text &method, const json &parameters, bool raw) const {
    result<sg_op *> begun = detail::submit(client_, method, parameters, raw, within_);
    return begun ? op<T>(*begun) : op<T>(std::move(begun).error());
  }

  friend class methods<async_client, op>;

  const sg_client *client_;
  limits within_;
};

/** The methods, each within limits of its own. It borrows from its client. */
class limited_client : public methods<limited_client, result> {
 public:
  limited_client(const sg_client *client, limits within) noexcept : client_(client), within_(within) {}

 private:
  template <class T>
  result<T> send_any(const c_text &method, const json &parameters, bool raw) const {
    result<sg_op *> begun = detail::submit(client_, method, parameters, raw, within_);
    if (!begun) {
      return std::move(begun).error();
    }
    return op<T>(*begun).get();
  }

  friend class methods<limited_client, result>;

  const sg_client *client_;
  limits within_;
};

/**
 * A find in progress, page by page: a million rows never take more memory than a few pages.
 *
 * `for (sg::result<sg::document> &page : pages)` ends behind the last page, or behind the failure that it was given. It works on
 * after its client has gone.
 */
class pages {
 public:
  /** Takes over pages of the C library. */
  explicit pages(sg_pages *owned) noexcept : pages_(owned) {}

  /** The next page, a list of rows; nothing behind the last one. After a failure it fails for ever. */
  result<std::optional<document>> next() {
    sg_result *page = nullptr;
    if (sg_pages_next(pages_.get(), &page) != SG_STATUS_OK) {
      return error::last();
    }
    return page != nullptr ? std::optional<document>(document(page)) : std::nullopt;
  }
  /** As next(), without the wait. Several may be begun. */
  op<std::optional<document>> next_async() {
    sg_op *begun = nullptr;
    if (sg_pages_submit_next(pages_.get(), &begun) != SG_STATUS_OK) {
      return op<std::optional<document>>(error::last());
    }
    return op<std::optional<document>>(begun);
  }

  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = result<document>;
    using difference_type = std::ptrdiff_t;
    using reference = result<document> &;
    using pointer = result<document> *;

    iterator() noexcept = default;
    explicit iterator(pages *of) : of_(of) { step(); }
    reference operator*() const noexcept { return *of_->current_; }
    pointer operator->() const noexcept { return &*of_->current_; }
    iterator &operator++() {
      step();
      return *this;
    }
    void operator++(int) { step(); }
    friend bool operator==(const iterator &left, const iterator &right) noexcept { return left.of_ == right.of_; }
    friend bool operator!=(const iterator &left, const iterator &right) noexcept { return left.of_ != right.of_; }

   private:
    void step() {
      if (of_->current_ && !*of_->current_) {
        of_ = nullptr;
        return;
      }
      result<std::optional<document>> page = of_->next();
      if (!page) {
        of_->current_.emplace(std::move(page).error());
      } else if (*page) {
        of_->current_.emplace(**std::move(page));
      } else {
        of_ = nullptr;
      }
    }

    pages *of_ = nullptr;
  };

  /** Goes on where the last loop or next() has stopped. */
  iterator begin() & { return iterator(this); }
  iterator end() & noexcept { return iterator(); }

  /** The C library's object, borrowed. */
  const sg_pages *capi() const noexcept { return pages_.get(); }
  /** Gives the C library's object away: pass it to sg_pages_free(). */
  sg_pages *release() noexcept { return pages_.release(); }

 private:
  detail::handle<sg_pages, sg_pages_free> pages_;
  std::optional<result<document>> current_;
};

/**
 * A signed-in connection to one site.
 *
 * Any number of threads may use it at once. Make one and keep it. Credentials are not copied on the way in.
 */
class client : public methods<client, result> {
 public:
  /** Takes over a client of the C library. */
  explicit client(sg_client *owned) noexcept : client_(owned) {}

  /** Signs in as a person. */
  static result<client> connect_user(const c_text &site_url, const c_text &login, const c_text &password, const options &settings = {}) {
    return connect(settings, sg_connect_user, site_url, login, password);
  }
  /** Signs in as a script, with the name and the application key that the site shows for it. */
  static result<client> connect_script(const c_text &site_url, const c_text &script_name, const c_text &api_key,
                                       const options &settings = {}) {
    return connect(settings, sg_connect_script, site_url, script_name, api_key);
  }
  /** Joins a session that was opened elsewhere. */
  static result<client> connect_session(const c_text &site_url, const c_text &session_token, const options &settings = {}) {
    return connect(settings, sg_connect_session, site_url, session_token);
  }

  /* The same without the wait. */
  static op<client> connect_user_async(const c_text &site_url, const c_text &login, const c_text &password, const options &settings = {}) {
    return submit(settings, sg_submit_connect_user, site_url, login, password);
  }
  static op<client> connect_script_async(const c_text &site_url, const c_text &script_name, const c_text &api_key,
                                         const options &settings = {}) {
    return submit(settings, sg_submit_connect_script, site_url, script_name, api_key);
  }
  static op<client> connect_session_async(const c_text &site_url, const c_text &session_token, const options &settings = {}) {
    return submit(settings, sg_submit_connect_session, site_url, session_token);
  }

  /** The same methods without the wait: `client.async().find(…)` is an sg::op. */
  async_client async(const limits &within = {}) const & noexcept { return async_client(client_.get(), within); }
  async_client async(const limits &within = {}) const && = delete;
  /** The same methods within limits of one call: `client.with(sg::limits().timeout(5s)).find(…)`. */
  limited_client with(const limits &within) const & noexcept { return limited_client(client_.get(), within); }
  limited_client with(const limits &within) const && = delete;

  /** Begins to read a find page by page. */
  result<sg::pages> pages(std::string_view entity_type, const filter &filters, const names &fields = {}, const pages_args &args = detail::usual<pages_args>()) const {
    object parameters = detail::search(entity_type, filters, fields, args);
    detail::set_count(parameters, "limit", args.limit);
    if (std::optional<error> problem = detail::call_problem("find", parameters)) {
      return *std::move(problem);
    }
    sg_pages *opened = nullptr;
    if (sg_pages_open(client_.get(), parameters.text().c_str(), &opened) != SG_STATUS_OK) {
      return error::last();
    }
    return sg::pages(opened);
  }

  /** The token of the session that this client is in, to be kept and joined later with connect_session(); see sg_client_session_token(). */
  result<secret> session_token() const {
    for (std::size_t room = 128;;) {
      std::unique_ptr<char[]> buffer(new char[room]());
      std::size_t length = 0;
      const sg_status status = sg_client_session_token(client_.get(), buffer.get(), room, &length);
      if (status == SG_STATUS_OK) {
        return secret(std::move(buffer), length);
      }
      if (length < room) {
        return error::last();
      }
      room = length + 1;
    }
  }
  /** Goes on in another session, such as after the person has signed in again; see sg_client_renew_session(). */
  result<void> renew_session(const c_text &session_token) const {
    if (!session_token.whole()) {
      return error(SG_STATUS_INVALID_ARGUMENT, "session_token is NULL or has a NUL inside");
    }
    return detail::checked(sg_client_renew_session(client_.get(), session_token.c_str()));
  }
  /** Nobody will sign in again: calls that wait for another session fail at once. */
  result<void> give_up_session() const { return detail::checked(sg_client_renew_session(client_.get(), nullptr)); }
  /**
   * Has `f()` called in queue::dispatch() when the session ends and cannot be renewed, in place of the function before. Calls that run into
   * that wait for renew_session() for at most so long; see sg_client_on_session_expired().
   */
  template <class Rep, class Period, class F>
  result<void> on_session_expired(queue &on, std::chrono::duration<Rep, Period> wait, F f) const {
    return watch(on.capi(), on.handler_, detail::wait_ms(wait), std::move(f));
  }
  /** As above, on the library's own thread for callbacks: be brief there, do not wait for calls, and let no exception out. */
  template <class Rep, class Period, class F>
  result<void> on_session_expired(std::chrono::duration<Rep, Period> wait, F f) const {
    return watch(nullptr, nullptr, detail::wait_ms(wait), std::move(f));
  }
  /** Nobody is told any more when the session ends. */
  result<void> clear_session_expired() const {
    return detail::checked(sg_client_on_session_expired(client_.get(), nullptr, nullptr, nullptr, nullptr, 0));
  }

  /** What this client has done since it connected. */
  result<sg_stats> stats() const {
    sg_stats counters = SG_STATS_INIT;
    if (sg_client_stats(client_.get(), &counters) != SG_STATUS_OK) {
      return error::last();
    }
    return counters;
  }

  /**
   * Ends every call that is under way, on whatever thread and whoever waits for it: each fails with SG_STATUS_CANCELLED. Calls that begin later go
   * on as usual.
   */
  result<void> cancel_calls() const { return detail::checked(sg_client_cancel_calls(client_.get())); }

  /** The C library's object, borrowed. */
  const sg_client *capi() const noexcept { return client_.get(); }
  /** Gives the C library's object away: pass it to sg_client_free(). */
  sg_client *release() noexcept { return client_.release(); }

 private:
  template <class T>
  result<T> send_any(const c_text &method, const json &parameters, bool raw) const {
    if (std::optional<error> problem = detail::call_problem(method, parameters)) {
      return *std::move(problem);
    }
    const std::string &text = parameters.text();
    sg_result *answer = nullptr;
    const sg_status status = raw ? sg_call_raw_n(client_.get(), method.c_str(), text.data(), text.size(), &answer)
                                 : sg_call_n(client_.get(), method.c_str(), text.data(), text.size(), &answer);
    if (status != SG_STATUS_OK) {
      return error::last();
    }
    return detail::convert<T>(document(answer));
  }

  template <class F>
  result<void> watch(const sg_queue *on, std::shared_ptr<detail::exception_handler> handler, std::int64_t wait, F f) const {
    static_assert(std::is_invocable_v<F &>, "sg: on_session_expired() takes a function without parameters");
    struct state {
      F f;
      std::shared_ptr<detail::exception_handler> handler;
    };
    auto owned = std::make_unique<state>(state{std::move(f), std::move(handler)});
    const sg_session_expired_fn run = [](void *data) noexcept {
      state *self = static_cast<state *>(data);
      if (self->handler) {
        self->handler->guard([&] { std::invoke(self->f); });
      } else {
        std::invoke(self->f);
      }
    };
    const sg_finalize_fn drop = [](void *data) noexcept { delete static_cast<state *>(data); };
    constexpr std::int64_t most = (std::numeric_limits<std::uint32_t>::max)();
    const auto milliseconds = static_cast<std::uint32_t>(wait < most ? wait : most);
    if (sg_client_on_session_expired(client_.get(), on, run, owned.get(), drop, milliseconds) != SG_STATUS_OK) {
      return error::last();
    }
    static_cast<void>(owned.release());
    return {};
  }

  template <class Connect, class... Texts>
  static result<client> connect(const options &settings, Connect function, const Texts &...texts) {
    if (std::optional<error> problem = detail::connect_problem({texts...}, settings)) {
      return *std::move(problem);
    }
    sg_client *made = nullptr;
    if (function(texts.c_str()..., settings.capi(), &made) != SG_STATUS_OK) {
      return error::last();
    }
    return client(made);
  }

  template <class Submit, class... Texts>
  static op<client> submit(const options &settings, Submit function, const Texts &...texts) {
    if (std::optional<error> problem = detail::connect_problem({texts...}, settings)) {
      return op<client>(*std::move(problem));
    }
    sg_op *begun = nullptr;
    if (function(texts.c_str()..., settings.capi(), &begun) != SG_STATUS_OK) {
      return op<client>(error::last());
    }
    return op<client>(begun);
  }

  friend class methods<client, result>;

  detail::handle<sg_client, sg_client_free> client_;
};

/**
 * Ends the library's threads, for a plug-in's unload hook; see sg_runtime_shutdown(). Waits for their end for at most so long.
 */
template <class Rep, class Period>
result<void> shutdown(std::chrono::duration<Rep, Period> longest) {
  const std::int64_t wait = detail::wait_ms(longest);
  constexpr std::int64_t most = (std::numeric_limits<std::uint32_t>::max)();
  return detail::checked(sg_runtime_shutdown(static_cast<std::uint32_t>(wait < most ? wait : most)));
}

}  // namespace SG_CPP_ABI
}  // namespace sg

#endif  // SHOTGRID_CLIENT_HPP
