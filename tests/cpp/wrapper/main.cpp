// The tests of the C++ wrapper, all of which talk to one site. Each file is a translation unit of its own, so that a function
// that is not inline does not link.
#include "check.hpp"
#include <shotgrid/shotgrid.hpp>

int main() {
  test_text();
  test_results();
  test_methods();
  test_values();
  test_calls();
  test_operations();
  test_coroutines();
  test_nlohmann();
  test_schema_fields();
  test_sign_in();
  test_events();
  test_recordings();
  const int failures = check_failures;
  if (failures > 0) {
    std::fprintf(stderr, "%d checks failed\n", failures);
  }
  return failures > 0 ? 1 : 0;
}
