// A plug-in for Maya: the command `shotgridShots "SQ010"` lists the shots of a sequence in the script editor, and Maya stays alive meanwhile.
//
// NOT RUN in this project's tests, which have no Maya: it is compiled there against declarations that stand in for Maya's
// (tests/stand_ins/maya). Who signs in is taken from the environment: SHOTGRID_SITE, SHOTGRID_LOGIN, SHOTGRID_PASSWORD.
//
//     c++ -std=c++17 -shared -fPIC shotgridShots.cpp -o shotgridShots.so -I $MAYA_LOCATION/include $(pkg-config --cflags --libs shotgrid)
#include <maya/MArgList.h>
#include <maya/MFnPlugin.h>
#include <maya/MGlobal.h>
#include <maya/MPxCommand.h>
#include <maya/MTimerMessage.h>

#include <shotgrid/shotgrid.hpp>

#include <cstdlib>

namespace {

// Touched by Maya's main thread alone.
struct session {
  sg::queue answers;
  std::optional<sg::client> client;
};
std::optional<session> here;
MCallbackId timer;

MString shown(std::string_view text) { return MString(std::string(text).c_str()); }

std::string setting(const char *name) {
  const char *value = std::getenv(name);
  return value != nullptr ? value : "";
}

void complain(const sg::error &error) {
  if (const auto refusal = error.refusal()) MGlobal::displayError(shown("Your role may not do this: " + std::string(refusal->role)));
  MGlobal::displayError(shown(error.message()));
}

void list(const std::string &sequence) {
  const auto filters = sg::field("sg_sequence.Sequence.code").is(sequence);
  here->client->async().find("Shot", filters, {"code", "sg_status_list"}).then(here->answers, [](sg::result<sg::document> shots) {
    if (!shots) return complain(shots.error());
    for (sg::value shot : *shots)
      MGlobal::displayInfo(shown(std::string(shot["code"].value_or("-")) + "  " + std::string(shot["sg_status_list"].value_or("-"))));
  });
}

class shotgrid_shots : public MPxCommand {
 public:
  static void *creator() { return new shotgrid_shots; }

  MStatus doIt(const MArgList &arguments) override {
    const std::string sequence = arguments.asString(0).asChar();
    if (here->client) return list(sequence), MStatus::kSuccess;
    // Signs in on first use: batch jobs load plug-ins that they do not use.
    sg::client::connect_user_async(setting("SHOTGRID_SITE"), setting("SHOTGRID_LOGIN"), setting("SHOTGRID_PASSWORD"))
        .then(here->answers, [sequence](sg::result<sg::client> made) {
          if (!made) return complain(made.error());
          here->client = *std::move(made);
          list(sequence);
        });
    return MStatus::kSuccess;
  }
};

void on_timer(float, float, void *) {
  if (auto ran = here->answers.dispatch(8); !ran) complain(ran.error());
}

}  // namespace

MStatus initializePlugin(MObject object) {
  here.emplace();
  timer = MTimerMessage::addTimerCallback(0.05f, on_timer, nullptr);
  return MFnPlugin(object, "libshotgrid", "0.1").registerCommand("shotgridShots", shotgrid_shots::creator);
}

MStatus uninitializePlugin(MObject object) {
  MMessage::removeCallback(timer);
  here.reset();
  // Maya unmaps the plug-in next. No thread of the library may run then.
  if (auto down = sg::shutdown(std::chrono::seconds(5)); !down) complain(down.error());
  return MFnPlugin(object).deregisterCommand("shotgridShots");
}
