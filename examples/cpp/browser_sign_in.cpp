// Signs in by the person's browser, and asks again when the session ends while the program runs.
//
//     c++ -std=c++17 browser_sign_in.cpp -I include -L target/release -lshotgrid -o browser_sign_in
//     ./browser_sign_in https://studio.shotgrid.autodesk.com [--show-only]
#include <shotgrid/shotgrid.hpp>

#include <iostream>

using namespace std::chrono_literals;

namespace {

int failed(const char *what, const sg::error &error) {
  std::cerr << what << ": " << error.name() << ": " << error.message() << "\n";
  return 1;
}

// Has the person approve, and gives the client.
sg::result<sg::client> sign_in(const char *site_url, bool opens_browser) {
  auto asked = sg::sign_in::create(site_url, "Sign-in example", "this machine", sg::options().user_agent_suffix("browser_sign_in (1.0)"));
  if (!asked) {
    return std::move(asked).error();
  }
  if (auto begun = asked->begin(); !begun) {
    return std::move(begun).error();
  }
  // Shown in any case: not every machine has a browser that opens by itself.
  std::cout << "Approve this sign-in at\n  " << asked->url() << std::endl;
  if (opens_browser) {
    if (auto opened = asked->open_browser(); !opened) {
      std::cerr << opened.error().message() << "\n";
    }
  }
  auto client = asked->wait();
  if (client) {
    std::cout << "Signed in as " << asked->login() << "\n";
  }
  return client;
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 2) {
    std::cerr << "usage: browser_sign_in <site-url> [--show-only]\n";
    return 2;
  }
  const bool opens_browser = argc < 3 || std::string_view(argv[2]) != "--show-only";
  auto client = sign_in(argv[1], opens_browser);
  if (!client) {
    return failed("Signing in", client.error());
  }

  // When the session ends, the queue tells this thread. Calls that ran into that wait for two minutes.
  sg::queue queue;
  auto watched = client->on_session_expired(queue, 120s, [&] {
    std::cout << "The session has ended.\n";
    auto again = sign_in(argv[1], opens_browser);
    auto token = again ? again->session_token() : sg::result<sg::secret>(std::move(again).error());
    if (!token || !client->renew_session(*token)) {
      static_cast<void>(client->give_up_session());
    }
  });
  if (!watched) {
    return failed("Watching the session", watched.error());
  }

  // Begun, and not waited for: this thread must be free to ask the person.
  auto projects = client->async().find("Project", {}, {"name"});
  while (!projects.done()) {
    if (auto dispatched = queue.dispatch_for(50ms); !dispatched) {
      return failed("Dispatching", dispatched.error());
    }
  }
  auto rows = projects.get();
  if (!rows) {
    return failed("Listing the projects", rows.error());
  }
  for (sg::value project : *rows) {
    std::cout << "  " << project["name"].value_or("(no name)") << "\n";
  }
  return 0;
}
