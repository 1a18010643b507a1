// The same as main.c by the C++ wrapper.
#include <shotgrid/shotgrid.hpp>

#include <cstdlib>
#include <iostream>

int main() {
  auto client = sg::client::connect_script(std::getenv("SG_TEST_URL"), std::getenv("SG_TEST_SCRIPT_NAME"), std::getenv("SG_TEST_API_KEY"));
  if (!client) return std::cerr << client.error().name() << ": " << client.error().message() << "\n", 1;
  auto shots = client->find("Shot", sg::field("code").is_not("none has this name"), {"code"});
  if (!shots) return std::cerr << shots.error().name() << ": " << shots.error().message() << "\n", 1;
  std::size_t count = 0;
  for (sg::value shot : *shots) count += shot["code"].value_or("").empty() ? 0 : 1;
  std::cout << "libshotgrid " << sg_lib_version() << " found " << (count > 0 ? "some" : "no") << " shots\n";
}
