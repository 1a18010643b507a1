// Just enough of Unity's names for examples/unity to be compiled. What they do is not imitated.
using System;

namespace UnityEngine
{
    public static class GUILayout
    {
        public static bool Button(string text) { return false; }
        public static void Label(string text) { }
    }

    public static class Debug
    {
        public static void LogWarning(object message) { }
        public static void LogError(object message) { }
    }
}

namespace UnityEditor
{
    [AttributeUsage(AttributeTargets.Method)]
    public sealed class MenuItem : Attribute
    {
        public MenuItem(string path) { }
    }

    public class EditorWindow
    {
        public static T GetWindow<T>(string title) where T : EditorWindow { return null; }
        public void Repaint() { }
    }

    public static class EditorPrefs
    {
        public static string GetString(string key) { return ""; }
    }

    public static class EditorApplication
    {
        public delegate void CallbackFunction();
        public static CallbackFunction update = delegate { };
        public static event Action quitting = delegate { };
        internal static void Quit() { quitting(); }
    }

    public static class AssemblyReloadEvents
    {
        public delegate void AssemblyReloadCallback();
        public static event AssemblyReloadCallback beforeAssemblyReload = delegate { };
        internal static void Reload() { beforeAssemblyReload(); }
    }
}
