// Just enough of Unreal Engine's names for examples/unreal to be compiled. What they do is not imitated.
#pragma once
#include <string>

#define TEXT(text) u##text
#define DEFINE_LOG_CATEGORY_STATIC(name, level, compiled) static const int name = 0
#define UE_LOG(category, level, ...) stand_in::log(category, __VA_ARGS__)
#define IMPLEMENT_MODULE(type, name) IModuleInterface *make_##name() { return new type; }
#define TCHAR_TO_UTF8(text) stand_in::to_utf8(text).c_str()
#define UTF8_TO_TCHAR(text) stand_in::from_utf8(text).c_str()

namespace stand_in {
void log(int, const char16_t *, ...);
std::string to_utf8(const char16_t *);
std::u16string from_utf8(const char *);
}  // namespace stand_in

struct FString {
  FString() = default;
  explicit FString(const char16_t *text) : text(text) {}
  const char16_t *operator*() const { return text.c_str(); }
  std::u16string text;
};

extern const FString GEditorIni;
struct FConfigCacheIni {
  bool GetString(const char16_t *section, const char16_t *key, FString &value, const FString &file);
};
extern FConfigCacheIni *GConfig;

struct FPlatformMisc {
  static FString GetEnvironmentVariable(const char16_t *name);
};

struct FTickerDelegate {
  template <class T>
  static FTickerDelegate CreateRaw(T *, bool (T::*)(float)) {
    return {};
  }
};

struct FTSTicker {
  struct FDelegateHandle {};
  static FTSTicker &GetCoreTicker();
  FDelegateHandle AddTicker(const FTickerDelegate &, float);
  void RemoveTicker(FDelegateHandle);
};

struct IModuleInterface {
  virtual ~IModuleInterface() = default;
  virtual void StartupModule() {}
  virtual void ShutdownModule() {}
};
