// What comes in: cursors, loops and conversions.
#include "check.hpp"
#include "peer.hpp"

#include <algorithm>
#if __cplusplus >= 202002L
#include <ranges>
#endif

namespace {

struct point {
  int x = 0;
  int y = 0;
};

}  // namespace

// A type of the host's own.
template <>
struct sg::reader<point> {
  static result<point> read(value place) {
    result<int> x = place["x"].as<int>();
    return x ? std::move(x).and_then([&](int found) { return place["y"].as<int>().map([&](int y) { return point{found, y}; }); }) : std::move(x).error();
  }
};

namespace {

void rows(const sg::client &client) {
  auto found = client.find("Shot", {}, {"code", "sg_sequence", "created_at", "sg_cut_in", "assets", "sg_status_list"});
  REQUIRE(OK(found));
  const sg::document &shots = *found;
  REQUIRE(CHECK(shots.size() > 3));
  CHECK(shots.root().is_array() && !shots.is_null() && !shots.empty());

  std::size_t count = 0;
  for (sg::value shot : shots) {
    CHECK(shot.is_object());
    CHECK(shot == shots[count]);
    EQUAL(shot["type"].value_or(""), "Shot");
    CHECK(shot["id"].as<std::int64_t>().value() > 0);
    ++count;
  }
  EQUAL(count, shots.size());
  EQUAL(static_cast<std::size_t>(std::distance(shots.begin(), shots.end())), count);
  CHECK(std::all_of(shots.begin(), shots.end(), [](sg::value shot) { return shot["code"].is_string(); }));

  const sg::value shot = shots[0];
  bool id = false;
  for (auto [key, field] : shot.members()) {
    CHECK(field == shot[key]);
    EQUAL(field.key(), key);
    id = id || key == "id";
  }
  CHECK(id);
  CHECK(shots.root().members().begin() == shots.root().members().end());

  // Below nothing there is nothing.
  const sg::value none = shots[99999]["a"]["b"][3].pointer("/c");
  CHECK(!none.exists() && none.is_null() && none.empty() && none.begin() == none.end());
  EQUAL(none.json(), "");
  EQUAL(none.key(), "");
  CHECK(!shots[-1].exists());
  EQUAL(shots.pointer("/0/code").value_or(""), shot["code"].value_or("?"));
  EQUAL(shot[std::string("code")].json(), shot[std::string_view("code_").substr(0, 4)].json());

  // A temporary is moved out, and lives as long as the loop.
  std::size_t again = 0;
  for (sg::value each : client.find("Shot", {}, {"code"}).value()) {
    again += each["code"].is_string() ? 1 : 0;
  }
  EQUAL(again, count);
  // A document outlives its result, and moves.
  sg::document moved = *std::move(found);
  EQUAL(moved.size(), count);
  sg_result *raw = moved.release();
  CHECK(moved.capi() == nullptr && moved.is_null());
  EQUAL(sg::document(raw).size(), count);
}

void conversions(const sg::document &all) {
  const sg::value v = all.root();
  EQUAL(v["text"].as<std::string>().value(), "K\xc3\xa4se");
  EQUAL(v["text"].as<std::string_view>().value(), "K\xc3\xa4se");
  FAILS(v["text"].as<int>(), SG_STATUS_INVALID_ARGUMENT, "text: expected a whole number between -2147483648 and 2147483647, found a text");
  FAILS(v["five"].as<std::string>(), SG_STATUS_INVALID_ARGUMENT, "five: expected a text, found a number (5)");
  FAILS(v["none"].as<std::string>(), SG_STATUS_INVALID_ARGUMENT, "found null");
  FAILS(v["missing"].as<std::string>(), SG_STATUS_INVALID_ARGUMENT, "expected a text, found nothing");
  EQUAL(v["five"].as<int>().value(), 5);
  EQUAL(v["five"].as<double>().value(), 5.0);
  EQUAL(v["five"].as<std::uint8_t>().value(), std::uint8_t{5});
  EQUAL(v["big"].as<std::int16_t>().value(), std::int16_t{300});
  FAILS(v["big"].as<std::uint8_t>(), SG_STATUS_INVALID_ARGUMENT, "between 0 and 255, found a number (300)");
  FAILS(v["minus"].as<unsigned>(), SG_STATUS_INVALID_ARGUMENT, "between 0 and");
  EQUAL(v["minus"].as<std::int8_t>().value(), std::int8_t{-1});
  EQUAL(v["max64"].as<std::int64_t>().value(), std::numeric_limits<std::int64_t>::max());
  EQUAL(v["maxu64"].as<std::uint64_t>().value(), std::numeric_limits<std::uint64_t>::max());
  FAILS(v["maxu64"].as<std::int64_t>(), SG_STATUS_INVALID_ARGUMENT, "18446744073709551615");
  FAILS(v["over64"].as<std::uint64_t>(), SG_STATUS_INVALID_ARGUMENT, "whole number");
  EQUAL(v["half"].as<double>().value(), 0.5);
  EQUAL(v["half"].as<float>().value(), 0.5F);
  FAILS(v["half"].as<int>(), SG_STATUS_INVALID_ARGUMENT, "found a number (0.5)");
  FAILS(v["huge"].as<float>(), SG_STATUS_INVALID_ARGUMENT, "within range");
  EQUAL(v["huge"].as<double>().value(), 1e300);
  EQUAL(v["yes"].as<bool>().value(), true);
  FAILS(v["five"].as<bool>(), SG_STATUS_INVALID_ARGUMENT, "true or false");

  CHECK(!v["none"].as<std::optional<int>>().value());
  CHECK(!v["missing"].as<std::optional<int>>().value());
  CHECK(v["five"].as<std::optional<int>>().value() == 5);
  FAILS(v["text"].as<std::optional<int>>(), SG_STATUS_INVALID_ARGUMENT, "whole number");
  CHECK((v["list"].as<std::vector<int>>().value() == std::vector<int>{1, 2, 3}));
  FAILS(v["mixed"].as<std::vector<int>>(), SG_STATUS_INVALID_ARGUMENT, "[1]: expected a whole number");
  FAILS(v["five"].as<std::vector<int>>(), SG_STATUS_INVALID_ARGUMENT, "a list");
  CHECK(v["mixed"].as<std::vector<sg::value>>().value().size() == 3);

  const sg::link entity = v["entity"].as<sg::link>().value();
  CHECK(entity == sg::link("Shot", 862));
  EQUAL(entity.name, "SQ010_0010");
  FAILS(v["five"].as<sg::link>(), SG_STATUS_INVALID_ARGUMENT, "an entity");
  CHECK(v["day"].as<sg::date>().value() == sg::date(2026, 12, 31));
  FAILS(v["text"].as<sg::date>(), SG_STATUS_INVALID_ARGUMENT, "a date such as");

  using namespace std::chrono;
  const system_clock::time_point moment = v["moment"].as<system_clock::time_point>().value();
  EQUAL(duration_cast<seconds>(moment.time_since_epoch()).count(), 1798761599);
  EQUAL(sg::json(moment).text(), v["moment"].json());
  FAILS(v["far"].as<system_clock::time_point>(), SG_STATUS_INVALID_ARGUMENT, "beyond this clock");
  EQUAL((v["far"].as<time_point<system_clock, seconds>>().value().time_since_epoch().count()), 253402214400);
  FAILS(v["text"].as<system_clock::time_point>(), SG_STATUS_INVALID_ARGUMENT, "a date or a time");

  EQUAL(v["text"].value_or("x"), "K\xc3\xa4se");
  EQUAL(v["missing"].value_or("x"), "x");
  EQUAL(v["none"].value_or(std::string("x")), "x");
  EQUAL(v["five"].value_or(7), 5);
  EQUAL(v["text"].value_or(7), 7);
  EQUAL(v["yes"].value_or(false), true);

  EQUAL(sg::json(v["mixed"]).text(), v["mixed"].json());
  EQUAL(sg::json(v["missing"]).text(), "null");
  EQUAL(v["point"].as<point>().value().y, 2);
  FAILS(v["five"].as<point>(), SG_STATUS_INVALID_ARGUMENT, "found");
}

static_assert(std::is_trivially_copyable_v<sg::value> && sizeof(sg::value) == sizeof(void *));
#if __cplusplus >= 202002L
static_assert(std::ranges::forward_range<sg::value> && std::ranges::forward_range<const sg::document &>);
static_assert(!std::ranges::borrowed_range<sg::document>);
static_assert(std::ranges::input_range<sg::pages &>);
#endif

}  // namespace

void test_values() {
  const sg::client client = script_client();
  rows(client);

  const peer site(R"({"results":{"text":"K\u00e4se","five":5,"none":null,"big":300,"minus":-1,"max64":9223372036854775807,
    "maxu64":18446744073709551615,"over64":18446744073709551616,"half":0.5,"huge":1e300,"yes":true,"list":[1,2,3],"mixed":[1,"x",null],
    "entity":{"type":"Shot","id":862,"name":"SQ010_0010"},"day":"2026-12-31","moment":"2026-12-31T23:59:59Z","far":"9999-12-31",
    "point":{"x":1,"y":2}}})");
  auto client_of_it = sg::client::connect_script(site.url(), "script", "key", sg::options().verify_on_connect(false));
  REQUIRE(OK(client_of_it));
  auto all = client_of_it->call_raw("anything");
  REQUIRE(OK(all));
  conversions(*all);
}
