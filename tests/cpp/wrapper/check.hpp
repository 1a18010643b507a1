// Checks for the tests of the C++ wrapper, in the manner of tests/c/check.h. They need neither exceptions nor RTTI.
#ifndef CHECK_HPP
#define CHECK_HPP

#include <shotgrid/shotgrid.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>

inline std::atomic<int> check_failures{0};

inline std::string shown(std::string_view text) { return '"' + std::string(text) + '"'; }
inline std::string shown(const char *text) { return shown(std::string_view(text)); }
inline std::string shown(const std::string &text) { return shown(std::string_view(text)); }
inline std::string shown(bool truth) { return truth ? "true" : "false"; }
inline std::string shown(sg_status status) { return sg_status_name(status); }
template <class T, class = std::enable_if_t<std::is_arithmetic_v<T>>>
std::string shown(T number) {
  return std::to_string(number);
}

inline bool check_that(bool holds, const std::string &what, const char *file, int line) {
  if (!holds) {
    ++check_failures;
    std::fprintf(stderr, "%s:%d: %s\n", file, line, what.c_str());
  }
  return holds;
}

template <class Actual, class Expected>
bool check_equal(const Actual &actual, const Expected &expected, const char *what, const char *file, int line) {
  return check_that(actual == expected, std::string(what) + ": expected " + shown(expected) + ", found " + shown(actual), file, line);
}

inline bool check_has(std::string_view text, std::string_view part, const char *what, const char *file, int line) {
  return check_that(text.find(part) != std::string_view::npos, std::string(what) + ": expected " + shown(part) + " in " + shown(text), file,
                    line);
}

template <class T>
bool check_ok(const sg::result<T> &result, const char *what, const char *file, int line) {
  return check_that(result.has_value(),
                    std::string(what) + ": " + (result ? "" : std::string(result.error().name()) + ": " + std::string(result.error().message())),
                    file, line);
}

template <class T>
bool check_fails(const sg::result<T> &result, sg_status status, std::string_view part, const char *what, const char *file, int line) {
  if (!check_that(!result.has_value(), std::string(what) + ": expected a failure", file, line)) {
    return false;
  }
  return check_equal(result.error().status(), status, what, file, line) && check_has(result.error().message(), part, what, file, line);
}

#define CHECK(condition) check_that((condition) ? true : false, "expected " #condition, __FILE__, __LINE__)
#define EQUAL(actual, expected) check_equal((actual), (expected), #actual, __FILE__, __LINE__)
#define HAS(text, part) check_has((text), (part), #text, __FILE__, __LINE__)
#define OK(result) check_ok((result), #result, __FILE__, __LINE__)
// A failure with this very status, whose message holds this.
#define FAILS(result, status, part) check_fails((result), (status), (part), #result, __FILE__, __LINE__)

#define REQUIRE(condition)    \
  do {                        \
    if (!(condition)) {       \
      std::exit(1);           \
    }                         \
  } while (0)

// A value that the test was started with.
inline const char *setting(const char *name) {
  const char *value = std::getenv(name);
  if (value == nullptr || *value == '\0') {
    std::fprintf(stderr, "%s is not set; `cargo xtask test cpp` starts a site and sets it\n", name);
    std::exit(2);
  }
  return value;
}

inline sg::client script_client(const sg::options &options = {}) {
  auto client = sg::client::connect_script(setting("SG_TEST_URL"), setting("SG_TEST_SCRIPT_NAME"), setting("SG_TEST_API_KEY"), options);
  REQUIRE(OK(client));
  return *std::move(client);
}

inline sg::client artist_client() {
  auto client = sg::client::connect_user(setting("SG_TEST_URL"), setting("SG_TEST_ARTIST_LOGIN"), setting("SG_TEST_ARTIST_PASSWORD"));
  REQUIRE(OK(client));
  return *std::move(client);
}

void test_text();
void test_results();
void test_methods();
void test_values();
void test_calls();
void test_operations();
void test_coroutines();
void test_nlohmann();
void test_schema_fields();
void test_sign_in();
void test_events();
void test_recordings();

#endif
