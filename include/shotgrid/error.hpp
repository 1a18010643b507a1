/**
 * @file shotgrid/error.hpp
 * @brief sg::error: how a call failed, with everything that is known about it; sg::exception for those who want one.
 */
#ifndef SHOTGRID_ERROR_HPP
#define SHOTGRID_ERROR_HPP

#include "handle.hpp"

#include <chrono>
#include <memory>
#include <optional>

namespace sg {
inline namespace SG_CPP_ABI {

/** What a permission refusal forbids. Texts are empty and numbers unset where the site did not tell. */
struct refusal {
  std::string operation;    ///< "create", "read", "update", "delete", "revive" or "sudo"
  std::string entity_type;  ///< such as "Shot"
  std::optional<std::int64_t> entity_id;
  std::string field;  ///< such as "sg_status_list"
  std::string role;   ///< the permission role, by its display name
  std::optional<std::int64_t> rule_id;
  std::string rule_text;  ///< the rule, as the site words it
};

/**
 * The record of one failed call.
 *
 * Statuses are those of shotgrid.h: `if (error.is(SG_STATUS_PERMISSION))`. Texts are borrowed from the error and gone with
 * it, so a temporary gives none. Copies share one record, which never changes: any number of threads may read it at once.
 */
class [[nodiscard]] error {
 public:
  /** Takes over a record of the C library. NULL, which stands for no failure, is SG_STATUS_INTERNAL here. */
  explicit error(sg_error *owned)
      : record_(owned, sg_error_free), status_(owned != nullptr ? sg_error_status(owned) : SG_STATUS_INTERNAL) {}

  /** A failure that the library itself knows nothing of. */
  error(sg_status status, std::string message) : status_(status), message_(std::move(message)) {}

  /** Takes this thread's last failure, directly after the C function that failed. */
  static error last() { return error(sg_error_take_last()); }

  /** Class and detail. */
  sg_status status() const noexcept { return status_; }
  /** The class alone, to switch over. */
  sg_status status_class() const noexcept { return static_cast<sg_status>(SG_STATUS_CLASS(status_)); }
  /** Whether this is the status; one without a detail stands for its whole class. */
  bool is(sg_status status) const noexcept { return status_ == status || status_class() == status; }
  /** The status's name without its prefix, such as "PERMISSION". */
  std::string_view name() const noexcept { return detail::view(sg_status_name(status_)); }
  /** What the status means, in one sentence. */
  std::string_view describe() const noexcept { return detail::view(sg_status_describe(status_)); }

  /** What happened, in words for a person. It holds no secret. */
  std::string_view message() const & noexcept {
    return record_.get() != nullptr ? detail::view(sg_error_message(record_.get())) : std::string_view(message_);
  }
  /** The site's own words; empty where it said nothing. */
  std::string_view server_message() const & noexcept { return detail::view(sg_error_server_message(record_.get())); }
  std::string_view message() const && = delete;
  std::string_view server_message() const && = delete;

  /** The error code of the site's reply, such as 103. */
  std::optional<std::int64_t> server_code() const noexcept { return unless(sg_error_server_code(record_.get()), 0); }
  /** The HTTP status of the reply; unset where none came. */
  std::optional<int> http_status() const noexcept {
    const std::int32_t status = sg_error_http_status(record_.get());
    return status != 0 ? std::optional<int>(status) : std::nullopt;
  }
  /** Whether the same call may succeed if it is made again, and would do nothing twice. */
  bool retryable() const noexcept { return sg_error_is_retryable(record_.get()) != 0; }
  /** How long the site asks to wait before that. */
  std::optional<std::chrono::milliseconds> retry_after() const noexcept {
    const std::int64_t wait = sg_error_retry_after_ms(record_.get());
    return wait >= 0 ? std::optional<std::chrono::milliseconds>(wait) : std::nullopt;
  }
  /** Whether a write may have reached the site although no answer came back. Then look before you write again. */
  bool may_have_applied() const noexcept { return sg_error_may_have_applied(record_.get()) != 0; }
  /** Which request of a batch the site or the library refused, from 0. */
  std::optional<std::int64_t> batch_index() const noexcept { return unless(sg_error_batch_index(record_.get()), -1); }
  /** The Attachment that was uploaded before a later step failed. */
  std::optional<std::int64_t> attachment_id() const noexcept { return unless(sg_error_attachment_id(record_.get()), 0); }

  /** What was refused and why; set for SG_STATUS_PERMISSION, and for refusals to act for another person. */
  std::optional<sg::refusal> refusal() const {
    const sg_error *record = record_.get();
    if (!is(SG_STATUS_PERMISSION) && sg_error_operation(record) == nullptr) {
      return std::nullopt;
    }
    sg::refusal found;
    found.operation = detail::view(sg_error_operation(record));
    found.entity_type = detail::view(sg_error_entity_type(record));
    found.entity_id = unless(sg_error_entity_id(record), 0);
    found.field = detail::view(sg_error_field(record));
    found.role = detail::view(sg_error_role(record));
    found.rule_id = unless(sg_error_rule_id(record), 0);
    found.rule_text = detail::view(sg_error_rule_text(record));
    return found;
  }

  /** The C library's record, borrowed; NULL for a failure that it knows nothing of. */
  const sg_error *capi() const noexcept { return record_.get(); }

 private:
  static std::optional<std::int64_t> unless(std::int64_t number, std::int64_t none) noexcept {
    return number != none ? std::optional<std::int64_t>(number) : std::nullopt;
  }

  std::shared_ptr<sg_error> record_;
  sg_status status_;
  std::string message_;
};

/** What sg::result::value() throws where exceptions are enabled. */
class exception : public std::exception {
 public:
  explicit exception(sg::error failure)
      : failure_(std::make_shared<const sg::error>(std::move(failure))), what_(std::make_shared<const std::string>(text(*failure_))) {}

  /** Status and message, such as "PERMISSION: …". */
  const char *what() const noexcept override { return what_->c_str(); }
  /** All of it. */
  const sg::error &error() const noexcept { return *failure_; }

 private:
  static std::string text(const sg::error &failure) {
    std::string words(failure.name());
    return words.append(": ").append(failure.message());
  }

  // Exceptions are copied while they travel, and a copy must not throw.
  std::shared_ptr<const sg::error> failure_;
  std::shared_ptr<const std::string> what_;
};

}  // namespace SG_CPP_ABI
}  // namespace sg

#endif  // SHOTGRID_ERROR_HPP
