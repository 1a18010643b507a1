// Documents and values become nlohmann::json by themselves, where that library is there.
#include "check.hpp"

#if SG_CPP_EXCEPTIONS && defined(__has_include)
#if __has_include(<nlohmann/json.hpp>)
#define HAS_NLOHMANN 1
#include <nlohmann/json.hpp>
#endif
#endif

void test_nlohmann() {
#ifdef HAS_NLOHMANN
  const sg::client client = script_client();
  auto shots = client.find("Shot", {}, {"code", "project"});
  REQUIRE(OK(shots));
  const nlohmann::json all = *shots;
  REQUIRE(CHECK(all.is_array() && all.size() == shots->size()));
  EQUAL(all[0]["code"].get<std::string>(), (*shots)[0]["code"].value_or(""));
  const nlohmann::json project = (*shots)[0]["project"];
  EQUAL(project["id"].get<std::int64_t>(), (*shots)[0]["project"]["id"].value_or(std::int64_t{0}));
  const nlohmann::ordered_json kept = (*shots)[0];
  EQUAL(kept.dump(), nlohmann::ordered_json::parse((*shots)[0].json()).dump());
  CHECK(nlohmann::json((*shots)[0]["missing"]).is_null());
  // And back: what the other library wrote is JSON.
  const nlohmann::json data = {{"code", "from \"nlohmann\""}, {"project", project}};
  auto parsed = sg::json::parse(data.dump());
  CHECK(OK(parsed) && parsed->text() == data.dump());
#endif
}
