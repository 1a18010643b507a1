// A test of a plug-in without a site: what the plug-in does is recorded with a site once, and then done again with the recording.
//
//     c++ -std=c++17 -I include examples/cpp/recorded.cpp -o recorded -L target/release -lshotgrid -Wl,-rpath,$PWD/target/release
//     ./recorded <site-url> <login> <password> shots.rec     makes shots.rec, and replays it
//     ./recorded shots.rec                                   replays it
#include <shotgrid/shotgrid.hpp>

#include <iostream>

namespace {

// What the plug-in does, and the test is about: it takes the first shot up, or says why not.
std::string take_up_a_shot(const sg::client &client) {
  auto shot = client.find_one("Shot", sg::field("sg_status_list").is("wtg"), {"code"});
  if (!shot) {
    return std::string(shot.error().message());
  }
  auto taken = client.update("Shot", (*shot)["id"].value_or(std::int64_t{0}), {{"sg_status_list", "ip"}});
  if (!taken && taken.error().is(SG_STATUS_PERMISSION)) {
    return "you may not, as " + taken.error().refusal()->role;
  }
  return taken ? "taken up: " + std::string((*shot)["code"].value_or("")) : std::string(taken.error().message());
}

int told(const char *how, const sg::result<sg::client> &client) {
  std::cout << how << ": " << (client ? take_up_a_shot(*client) : std::string(client.error().message())) << "\n";
  return client ? 0 : 1;
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 2 && argc != 5) {
    std::cerr << "usage: recorded [<site-url> <login> <password>] <recording>\n";
    return 2;
  }
  const char *recording = argv[argc - 1];
  if (argc == 5) {
    const int failed = told("recorded", sg::client::connect_user(argv[1], argv[2], argv[3], sg::options().record(recording)));
    if (failed != 0) {
      return failed;
    }
  }
  return told("replayed", sg::client::connect_user("", "", "", sg::options().replay(recording)));
}
