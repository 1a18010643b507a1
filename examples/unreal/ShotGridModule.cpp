// An editor module for Unreal Engine 5: signs in when the editor starts, lists the shots, and never holds up a tick.
//
// NOT RUN in this project's tests, which have no Unreal: it is compiled there against declarations that stand in for the engine's
// (tests/stand_ins/unreal.h), without exceptions and RTTI, as Unreal builds.
//
// In the module's Build.cs:
//     PublicIncludePaths.Add(Path.Combine(Shotgrid, "include"));
//     PublicAdditionalLibraries.Add(Path.Combine(Shotgrid, "lib", "libshotgrid.so"));
//     RuntimeDependencies.Add(Path.Combine(Shotgrid, "lib", "libshotgrid.so.0"));
// The three settings stand in the project's DefaultEditor.ini; the key comes from the environment, so that it is in no repository.
#include "Containers/Ticker.h"
#include "CoreMinimal.h"
#include "HAL/PlatformMisc.h"
#include "Misc/ConfigCacheIni.h"
#include "Modules/ModuleManager.h"

#include <shotgrid/shotgrid.hpp>

#include <memory>

DEFINE_LOG_CATEGORY_STATIC(LogShotGrid, Log, All);

namespace {

std::string utf8(const FString &text) { return std::string(TCHAR_TO_UTF8(*text)); }

FString shown(std::string_view text) { return FString(UTF8_TO_TCHAR(std::string(text).c_str())); }

// Everything here is touched by the game thread alone: answers come out of the queue in the ticker.
struct session {
  sg::queue answers;
  std::optional<sg::client> client;

  void begin() {
    FString site, script;
    GConfig->GetString(TEXT("ShotGrid"), TEXT("Site"), site, GEditorIni);
    GConfig->GetString(TEXT("ShotGrid"), TEXT("Script"), script, GEditorIni);
    const FString key = FPlatformMisc::GetEnvironmentVariable(TEXT("SHOTGRID_KEY"));
    sg::client::connect_script_async(utf8(site), utf8(script), utf8(key)).then(answers, [this](sg::result<sg::client> made) {
      if (!made) return complain(made.error());
      client = *std::move(made);
      list();
    });
  }

  void list() {
    client->async().find("Shot", sg::field("sg_status_list").is("ip"), {"code"}).then(answers, [](sg::result<sg::document> shots) {
      if (!shots) return complain(shots.error());
      for (sg::value shot : *shots) UE_LOG(LogShotGrid, Display, TEXT("%s"), *shown(shot["code"].value_or("-")));
    });
  }

  static void complain(const sg::error &error) {
    if (const auto refusal = error.refusal())
      UE_LOG(LogShotGrid, Warning, TEXT("Your role %s may not do this."), *shown(refusal->role));
    UE_LOG(LogShotGrid, Error, TEXT("%s"), *shown(error.message()));
  }
};

}  // namespace

class FShotGridModule : public IModuleInterface {
 public:
  void StartupModule() override {
    Session = std::make_unique<session>();
    Session->begin();
    Ticker = FTSTicker::GetCoreTicker().AddTicker(FTickerDelegate::CreateRaw(this, &FShotGridModule::Tick), 0.0f);
  }

  void ShutdownModule() override {
    FTSTicker::GetCoreTicker().RemoveTicker(Ticker);
    // The queue goes first: what has not been called by now never will be.
    Session.reset();
    if (auto down = sg::shutdown(std::chrono::seconds(2)); !down) UE_LOG(LogShotGrid, Warning, TEXT("%s"), *shown(down.error().message()));
  }

 private:
  bool Tick(float) {
    // Eight answers a frame at most, and no wait.
    if (auto ran = Session->answers.dispatch(8); !ran) UE_LOG(LogShotGrid, Error, TEXT("%s"), *shown(ran.error().message()));
    return true;
  }

  std::unique_ptr<session> Session;
  FTSTicker::FDelegateHandle Ticker;
};

IMPLEMENT_MODULE(FShotGridModule, ShotGrid)
