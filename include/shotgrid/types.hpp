/**
 * @file shotgrid/types.hpp
 * @brief What the site's fields hold that C++ has no word for: links to entities, dates; and how times are written.
 */
#ifndef SHOTGRID_TYPES_HPP
#define SHOTGRID_TYPES_HPP

#include "handle.hpp"

#include <chrono>
#include <cstdio>
#include <optional>

namespace sg {
inline namespace SG_CPP_ABI {

/** An entity by its type and id, as fields link to it and calls name it. */
struct link {
  link() = default;
  link(std::string_view entity_type, std::int64_t entity_id) : type(entity_type), id(entity_id) {}
  link(std::string_view entity_type, std::int64_t entity_id, std::string_view display_name)
      : type(entity_type), id(entity_id), name(display_name) {}

  std::string type;  ///< such as "Shot"
  std::int64_t id = 0;
  std::string name;  ///< how the site shows it; empty where it is not known, and never sent

  /** The same entity, whatever it is called. */
  friend bool operator==(const link &left, const link &right) noexcept { return left.id == right.id && left.type == right.type; }
  friend bool operator!=(const link &left, const link &right) noexcept { return !(left == right); }
};

/** A day of the calendar, for date fields. */
class date {
 public:
  date(int year, unsigned month, unsigned day) noexcept : year_(year), month_(month), day_(day) {}

  /** Reads "2026-12-31"; nothing for other texts and for days that do not exist. */
  static std::optional<date> parse(std::string_view text) noexcept {
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') {
      return std::nullopt;
    }
    int number[3] = {0, 0, 0};
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (at == 4 || at == 7) {
        continue;
      }
      if (text[at] < '0' || text[at] > '9') {
        return std::nullopt;
      }
      int &part = number[at < 4 ? 0 : at < 7 ? 1 : 2];
      part = part * 10 + (text[at] - '0');
    }
    const date read(number[0], static_cast<unsigned>(number[1]), static_cast<unsigned>(number[2]));
    return read.exists() ? std::optional<date>(read) : std::nullopt;
  }

  int year() const noexcept { return year_; }
  unsigned month() const noexcept { return month_; }
  unsigned day() const noexcept { return day_; }

  /** Whether the calendar has this day, in the years 1 to 9999. Others are refused where they would be sent. */
  bool exists() const noexcept {
    constexpr unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year_ < 1 || year_ > 9999 || month_ < 1 || month_ > 12 || day_ < 1) {
      return false;
    }
    const bool leap = year_ % 4 == 0 && (year_ % 100 != 0 || year_ % 400 == 0);
    return day_ <= days[month_ - 1] + (month_ == 2 && leap ? 1U : 0U);
  }

  /** As the site writes it, such as "2026-12-31". */
  std::string text() const {
    char buffer[48];
    std::snprintf(buffer, sizeof buffer, "%04d-%02u-%02u", year_, month_, day_);
    return buffer;
  }

  friend bool operator==(const date &left, const date &right) noexcept {
    return left.year_ == right.year_ && left.month_ == right.month_ && left.day_ == right.day_;
  }
  friend bool operator!=(const date &left, const date &right) noexcept { return !(left == right); }

 private:
  int year_;
  unsigned month_;
  unsigned day_;
};

namespace detail {

/** A moment as the site writes it: in UTC, in whole seconds. Nothing outside of the years 1 to 9999. */
inline std::optional<std::string> utc_text(std::int64_t seconds) {
  constexpr std::int64_t day = 86400;
  if (seconds < -62135596800 || seconds > 253402300799) {
    return std::nullopt;
  }
  const std::int64_t days = (seconds >= 0 ? seconds : seconds - (day - 1)) / day;
  const std::int64_t second = seconds - days * day;
  // The calendar of 400 years, counted from a 1st of March, so that the leap day is the last one of a year.
  const std::int64_t shifted = days + 719468;
  const std::int64_t era = shifted / 146097;
  const std::int64_t of_era = shifted - era * 146097;
  const std::int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const std::int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t march_month = (5 * of_year + 2) / 153;
  const int dom = static_cast<int>(of_year - (153 * march_month + 2) / 5 + 1);
  const int month = static_cast<int>(march_month < 10 ? march_month + 3 : march_month - 9);
  const int year = static_cast<int>(year_of_era + era * 400 + (month <= 2 ? 1 : 0));
  char buffer[80];
  std::snprintf(buffer, sizeof buffer, "%04d-%02d-%02dT%02d:%02d:%02dZ", year, month, dom, static_cast<int>(second / 3600),
                static_cast<int>(second / 60 % 60), static_cast<int>(second % 60));
  return std::string(buffer);
}

}  // namespace detail

}  // namespace SG_CPP_ABI
}  // namespace sg

#endif  // SHOTGRID_TYPES_HPP
