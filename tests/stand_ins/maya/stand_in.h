// Just enough of Maya's names for examples/maya to be compiled. What they do is not imitated.
#pragma once

using MCallbackId = unsigned long long;

struct MStatus {
  enum MStatusCode { kSuccess, kFailure };
  MStatus(MStatusCode) {}
};

struct MString {
  explicit MString(const char *);
  const char *asChar() const;
};

struct MObject {};

struct MArgList {
  MString asString(unsigned index) const;
};

struct MGlobal {
  static void displayInfo(const MString &);
  static void displayError(const MString &);
};

struct MPxCommand {
  virtual ~MPxCommand() = default;
  virtual MStatus doIt(const MArgList &) = 0;
};

struct MFnPlugin {
  explicit MFnPlugin(MObject &, const char *vendor = "", const char *version = "");
  MStatus registerCommand(const char *, void *(*creator)());
  MStatus deregisterCommand(const char *);
};

struct MMessage {
  static MStatus removeCallback(MCallbackId);
};

struct MTimerMessage : MMessage {
  static MCallbackId addTimerCallback(float, void (*)(float, float, void *), void *);
};
