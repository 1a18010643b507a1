// Follows the event log, says who changed what, and goes on where it was when it is started again.
//
//     c++ -std=c++17 follow_events.cpp -I include -L target/release -lshotgrid -o follow_events
//     ./follow_events <site-url> <script-name> <api-key> <state-file> [<seconds>]
//
// With a number of seconds it ends when so long nothing has happened; without, it follows for ever.
#include <shotgrid/shotgrid.hpp>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

namespace {

int failed(const char *what, const sg::error &error) {
  std::cerr << what << ": " << error.name() << ": " << error.message() << "\n";
  return 1;
}

std::string content(const char *path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Replaced in one step, so that whatever happens one whole state is there.
bool keep(const std::string &path, std::string_view text) {
  const std::string draft = path + ".new";
  std::ofstream file(draft, std::ios::binary);
  file << text;
  file.close();
  return file.good() && std::rename(draft.c_str(), path.c_str()) == 0;
}

void tell(sg::value event) {
  const sg::value actor = event["actor"];
  std::cout << event["event_type"].value_or("?") << " " << event["attribute_name"].value_or("") << " by "
            << actor["user"]["name"].value_or("the site") << " (" << actor["kind"].value_or("?") << ")"
            << (event["late"].value_or(false) ? ", late" : "") << (event["duplicate_possible"].value_or(false) ? ", perhaps told before" : "")
            << std::endl;
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 5) {
    std::cerr << "usage: follow_events <site-url> <script-name> <api-key> <state-file> [<seconds>]\n";
    return 2;
  }
  auto client = sg::client::connect_script(argv[1], argv[2], argv[3]);
  if (!client) {
    return failed("Signing in", client.error());
  }
  // A feed begins now, or where the state says.
  sg::object options{{"entity_types", sg::array{"Shot", "Task", "Version"}}};
  if (const std::string state = content(argv[4]); !state.empty()) {
    options.set("state", state);
  }
  auto feed = sg::events::open(*client, options);
  if (!feed) {
    return failed("Opening the feed", feed.error());
  }

  const bool for_ever = argc < 6;
  const std::chrono::seconds patience(for_ever ? 3600 : std::atoi(argv[5]));
  for (;;) {
    auto events = feed->next_for(patience);
    if (!events) {
      // What passes by itself is waited for: the feed looks again after a pause.
      if (events.error().retryable()) {
        std::cerr << "Following: " << events.error().message() << "\n";
        continue;
      }
      return failed("Following", events.error());
    }
    if (!*events) {
      if (for_ever) {
        continue;
      }
      return 0;
    }
    for (sg::value event : **events) {
      tell(event);
    }
    // Kept only now that these events were handled.
    auto now = feed->state();
    if (!now || !keep(argv[4], now->json())) {
      std::cerr << "The place in the log could not be kept in " << argv[4] << "\n";
      return 1;
    }
  }
}
