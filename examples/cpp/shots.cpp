// Lists the shots of a project that are still to do, and sets one of them in progress: what a plug-in begins as.
//
//     c++ -std=c++17 shots.cpp -I include -L target/release -lshotgrid -o shots
//     ./shots https://studio.shotgrid.autodesk.com anna "her password" ["the project's name"]
#include <shotgrid/shotgrid.hpp>

#include <iostream>

using namespace std::chrono_literals;

namespace {

// What a person wants to know of a failure.
int failed(const char *what, const sg::error &error) {
  std::cerr << what << ": " << error.name() << ": " << error.message() << "\n";
  if (error.is(SG_STATUS_AUTH)) {
    std::cerr << "  Check login and password.\n";
  }
  if (error.may_have_applied()) {
    std::cerr << "  It may have been done all the same: look before you try again.\n";
  }
  return 1;
}

// A refusal is no breakdown: a tool greys out the button and says why.
void explain(const sg::refusal &refusal) {
  std::cout << "You may not " << refusal.operation << " " << refusal.entity_type << "." << refusal.field;
  if (!refusal.role.empty()) {
    std::cout << ": your role is " << refusal.role;
  }
  std::cout << ".\n";
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 4) {
    std::cerr << "usage: shots <site-url> <login> <password> [<project>]\n";
    return 2;
  }

  // Sign in. Settings are a chain, and all of them have sensible defaults.
  auto client = sg::client::connect_user(argv[1], argv[2], argv[3], sg::options().timeout(30s).user_agent_suffix("shots (1.0)"));
  if (!client) {
    return failed("Signing in", client.error());
  }

  // The project: the one with the name, or any. Rows are read in place, without a JSON library.
  sg::filter which;
  if (argc > 4) {
    which = sg::field("name").is(argv[4]);
  }
  auto project = client->find_one("Project", which, {"name"});
  if (!project) {
    return failed("Looking for the project", project.error());
  }
  if (project->is_null()) {
    std::cerr << "There is no such project.\n";
    return 1;
  }

  // Its shots that are neither omitted nor final.
  auto shots = client->find("Shot", sg::field("project").is(*project) && sg::field("sg_status_list").not_in({"omt", "fin"}),
                            {"code", "sg_status_list", "sg_sequence"});
  if (!shots) {
    return failed("Listing the shots", shots.error());
  }
  std::cout << "To do in " << (*project)["name"].value_or("(no name)") << ":\n";
  for (sg::value shot : *shots) {
    std::cout << "  " << shot["code"].value_or("(no code)") << "  " << shot["sg_status_list"].value_or("-") << "  "
              << shot["sg_sequence"]["name"].value_or("(no sequence)") << "\n";
  }
  if (shots->empty()) {
    return 0;
  }

  // Change the first one. Where the role forbids it, the error says so in its own status, with all that is known.
  auto changed = client->update("Shot", (*shots)[0]["id"].value_or(std::int64_t{0}), {{"sg_status_list", "ip"}});
  if (changed) {
    std::cout << "The first one is in progress now.\n";
  } else if (auto refusal = changed.error().refusal()) {
    explain(*refusal);
  } else {
    return failed("Setting the status", changed.error());
  }
  return 0;
}
