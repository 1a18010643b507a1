/**
 * @file shotgrid/events.hpp
 * @brief sg::events, the event log as it grows.
 */
#ifndef SHOTGRID_EVENTS_HPP
#define SHOTGRID_EVENTS_HPP

#include "client.hpp"

namespace sg {
inline namespace SG_CPP_ABI {

/**
 * A feed of events: every one at least once.
 *
 * @code{.cpp}
 * auto feed = sg::events::open(client, sg::object{{"entity_types", sg::array{"Shot"}}});
 * for (sg::result<sg::document> &events : *feed) {   // waits; ends behind the failure that it was given
 *   if (!events) break;
 *   for (sg::value event : *events) std::cout << event["event_type"].value_or("") << "\n";
 *   save(feed->state()->json());
 * }
 * @endcode
 *
 * The options are those of sg_events_open(). A feed is for one thread at a time, and goes on after its client has gone.
 */
class events {
 public:
  /** Takes over a feed of the C library. */
  explicit events(sg_events *owned) noexcept : events_(owned) {}

  /** Opens a feed of what the client may see. */
  static result<events> open(const client &by, const json &options = object()) {
    if (std::optional<error> problem = detail::call_problem("events", options)) {
      return *std::move(problem);
    }
    sg_events *opened = nullptr;
    if (sg_events_open(by.capi(), std::string(options.text()).c_str(), &opened) != SG_STATUS_OK) {
      return error::last();
    }
    return events(opened);
  }

  /** Waits for the next events, a list of one or more. To ask for them says that those before have been handled. */
  result<document> next() { return take(-1); }
  /** As next(), for at most so long: nothing where there were none. */
  template <class Rep, class Period>
  result<std::optional<document>> next_for(std::chrono::duration<Rep, Period> longest) {
    result<document> given = take(detail::wait_ms(longest));
    if (given) {
      return std::optional<document>(*std::move(given));
    }
    if (given.error().is(SG_STATUS_TIMEOUT_WAIT)) {
      return std::optional<document>();
    }
    return std::move(given).error();
  }
  /** As next(), without the wait. One at a time. */
  op<document> next_async() {
    sg_op *begun = nullptr;
    if (sg_events_submit_next(events_.get(), &begun) != SG_STATUS_OK) {
      return op<document>(error::last());
    }
    return op<document>(begun);
  }
  /** Where the host is, to be kept once the events were handled: its json() is "state" of the options. See sg_events_state(). */
  result<document> state() const {
    sg_result *now = nullptr;
    if (sg_events_state(events_.get(), &now) != SG_STATUS_OK) {
      return error::last();
    }
    return document(now);
  }

  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = result<document>;
    using difference_type = std::ptrdiff_t;
    using reference = result<document> &;
    using pointer = result<document> *;

    iterator() noexcept = default;
    explicit iterator(events *of) : of_(of) { of_->current_.emplace(of_->next()); }
    reference operator*() const noexcept { return *of_->current_; }
    pointer operator->() const noexcept { return &*of_->current_; }
    iterator &operator++() {
      if (*of_->current_) {
        of_->current_.emplace(of_->next());
      } else {
        of_ = nullptr;
      }
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator &left, const iterator &right) noexcept { return left.of_ == right.of_; }
    friend bool operator!=(const iterator &left, const iterator &right) noexcept { return left.of_ != right.of_; }

   private:
    events *of_ = nullptr;
  };

  /** Waits for the first events. A new loop goes on behind a failure. */
  iterator begin() & { return iterator(this); }
  iterator end() & noexcept { return iterator(); }

  /** The C library's object, borrowed. */
  const sg_events *capi() const noexcept { return events_.get(); }
  /** Gives the C library's object away: pass it to sg_events_free(). */
  sg_events *release() noexcept { return events_.release(); }

 private:
  result<document> take(std::int64_t milliseconds) {
    sg_result *found = nullptr;
    if (sg_events_next(events_.get(), milliseconds, &found) != SG_STATUS_OK) {
      return error::last();
    }
    return document(found);
  }

  detail::handle<sg_events, sg_events_free> events_;
  std::optional<result<document>> current_;
};

}  // namespace SG_CPP_ABI
}  // namespace sg

#endif  // SHOTGRID_EVENTS_HPP
