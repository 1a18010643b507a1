// A session that is recorded, and replayed without its site.
#include "check.hpp"

#include <cstdio>

#include <unistd.h>

namespace {

sg::result<std::string> story(const sg::client &client) {
  auto shots = client.find("Shot", sg::field("code").starts_with("SQ"), {"code", "sg_status_list"});
  if (!shots) {
    return std::move(shots).error();
  }
  return std::string(shots->json());
}

}  // namespace

void test_recordings() {
  const std::string path = "/tmp/libshotgrid-" + std::to_string(getpid()) + "-wrapper.rec";
  auto recorder = script_client(sg::options().record(path));
  const auto recorded = story(recorder);
  REQUIRE(OK(recorded));
  HAS(*recorded, "sg_status_list");
  EQUAL(recorder.stats().value().unrecorded, std::uint64_t{0});

  sg::options replay;
  replay.replay(path);
  const auto player = sg::client::connect_user("http://127.0.0.1:1", "", "", replay);
  REQUIRE(OK(player));
  EQUAL(story(*player).value(), *recorded);
  const auto deleted = player->delete_("Shot", 1);
  FAILS(deleted, SG_STATUS_RECORDING_NO_MATCH, "holds no such request");
  if (!deleted) {
    CHECK(deleted.error().is(SG_STATUS_RECORDING));
  }
  FAILS(sg::client::connect_user("", "", "", sg::options().replay("/dev/null")), SG_STATUS_IO, "no regular file");
  const std::string empty = path + ".empty";
  std::FILE *nothing = std::fopen(empty.c_str(), "w");
  REQUIRE(nothing != nullptr);
  std::fclose(nothing);
  FAILS(sg::client::connect_user("", "", "", sg::options().replay(empty)), SG_STATUS_RECORDING, "it is empty");
  unlink(empty.c_str());
  FAILS(sg::client::connect_user("", "", "", sg::options().replay("")), SG_STATUS_INVALID_ARGUMENT, "path");
  unlink(path.c_str());
}
