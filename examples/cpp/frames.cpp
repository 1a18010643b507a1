// A game loop that never waits for the site: calls go on by themselves, and their answers are taken once a frame.
//
//     c++ -std=c++17 frames.cpp -I include -L target/release -lshotgrid -o frames
//     ./frames https://studio.shotgrid.autodesk.com my_tool "the key"
#include <shotgrid/shotgrid.hpp>

#include <iostream>
#include <thread>

using namespace std::chrono_literals;

namespace {

// What the game shows. One thread alone touches it: the one that draws.
struct panel {
  sg::queue answers;
  std::optional<sg::client> client;
  std::vector<std::string> lines;
  std::string message = "Signing in …";
  bool finished = false;

  void fail(const sg::error &error) {
    message = std::string(error.name()) + ": " + std::string(error.message());
    finished = true;
  }

  // Each step begins the next one. Everything here runs in answers.dispatch(), between two frames.
  void signed_in(sg::result<sg::client> signed_in) {
    if (!signed_in) {
      return fail(signed_in.error());
    }
    client = *std::move(signed_in);
    message = "Loading …";
    client->async().find("Asset", sg::field("sg_asset_type").is("Character"), {"code"}).then(answers, [this](auto assets) { loaded(std::move(assets)); });
  }

  void loaded(sg::result<sg::document> assets) {
    if (!assets) {
      return fail(assets.error());
    }
    for (sg::value asset : *assets) {
      lines.emplace_back(asset["code"].value_or("(no code)"));
    }
    message = std::to_string(lines.size()) + " characters";
    finished = true;
  }
};

}  // namespace

int main(int argc, char **argv) {
  if (argc != 4) {
    std::cerr << "usage: frames <site-url> <script-name> <api-key>\n";
    return 2;
  }
  panel ui;
  sg::client::connect_script_async(argv[1], argv[2], argv[3]).then(ui.answers, [&ui](auto client) { ui.signed_in(std::move(client)); });

  int frame = 0;
  std::string shown;
  for (; frame < 3600 && !ui.finished; ++frame) {
    // At most four answers a frame, and no wait: a frame has 16 ms for everything.
    if (auto ran = ui.answers.dispatch(4); !ran) {
      ui.fail(ran.error());
    }
    if (ui.message != shown) {
      shown = ui.message;
      std::cout << "frame " << frame << ": " << shown << "\n";
    }
    std::this_thread::sleep_for(16ms);  // where a game draws
  }
  for (const std::string &line : ui.lines) {
    std::cout << "  " << line << "\n";
  }

  // When the game ends, or its plug-in is unloaded: no thread of the library stays behind.
  ui.client.reset();
  if (auto down = sg::shutdown(2s); !down) {
    std::cerr << down.error().message() << "\n";
  }
  return ui.lines.empty() ? 1 : 0;
}
