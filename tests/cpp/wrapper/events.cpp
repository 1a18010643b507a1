// The event feed: a loop, a state to resume from, and a wait that is none.
#include "check.hpp"

namespace {

using namespace std::chrono_literals;

sg::object quick(const char *from) {
  return sg::object{{"poll_min_ms", 10}, {"poll_max_ms", 50}, {"from", from}, {"batch", 1}};
}

}  // namespace

void test_events() {
  const sg::client client = script_client();
  // Several events of one row.
  OK(client.create("Shot", {{"code", "followed"}, {"project", client.find_one("Project", {}).value()}}));
  auto feed = sg::events::open(client, quick("beginning"));
  REQUIRE(OK(feed));
  int count = 0;
  for (sg::result<sg::document> &events : *feed) {
    REQUIRE(OK(events));
    CHECK(!(*events)[0]["actor"]["kind"].value_or("").empty());
    if (++count == 2) {
      break;
    }
  }
  auto state = feed->state();
  REQUIRE(OK(state));
  sg::object resumed = quick("now");
  resumed.set("state", std::string(state->json()));
  auto again = sg::events::open(client, resumed);
  REQUIRE(OK(again));
  auto next = again->next_async().get();
  CHECK(OK(next) && (*next)[0]["duplicate_possible"].value_or(false));
  auto now = sg::events::open(client, quick("now"));
  REQUIRE(OK(now));
  auto none = now->next_for(50ms);
  CHECK(OK(none));
  FAILS(sg::events::open(client, sg::object{{"no_option", 1}}), SG_STATUS_INVALID_ARGUMENT, "there are projects");
}
