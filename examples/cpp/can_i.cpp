// Greys out a button: may this person do it? Asked beforehand, and nothing is changed by it.
//
//     c++ -std=c++17 can_i.cpp -I include -L target/release -lshotgrid -o can_i
//     ./can_i https://studio.shotgrid.autodesk.com anna "her password" ["Shot" 862 "sg_status_list"]
#include <shotgrid/shotgrid.hpp>

#include <cstdlib>
#include <iostream>

namespace {

// What a button can look like, and its tool tip.
struct look {
  bool lit = true;
  std::string why;
};

// When the site cannot be asked, the button stays lit: the update itself will tell.
look look_of(const sg::client &client, const std::string &entity_type, std::int64_t id, const std::string &field) {
  sg::permission_check_args which;
  which.entity_id = id;
  which.fields = {field};
  auto answer = client.permission_check(sg::operation::update, entity_type, which);
  if (!answer) {
    return {true, std::string(answer.error().message())};
  }
  const std::string allowed((*answer)["allowed"].value_or("depends"));
  const std::string role((*answer)["role"].value_or(""));
  if (allowed == "no" && !role.empty()) {
    return {false, "Your role is " + role + ", which does not let you change " + field + "."};
  }
  return {allowed != "no", std::string((*answer)["message"].value_or(""))};
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 4 && argc != 7) {
    std::cerr << "usage: can_i <site-url> <login> <password> [<entity-type> <id> <field>]\n";
    return 2;
  }
  auto client = sg::client::connect_user(argv[1], argv[2], argv[3]);
  if (!client) {
    std::cerr << client.error().message() << "\n";
    return 1;
  }
  std::string entity_type = "Shot", field = "sg_status_list";
  std::int64_t id = 0;
  if (argc == 7) {
    entity_type = argv[4];
    id = std::strtoll(argv[5], nullptr, 10);
    field = argv[6];
  } else if (auto shot = client->find_one("Shot", {})) {
    id = (*shot)["id"].value_or(std::int64_t{0});
  }
  const look button = look_of(*client, entity_type, id, field);
  std::cout << "The button is " << (button.lit ? "lit. " : "greyed out. ") << button.why << "\n";
  return 0;
}
