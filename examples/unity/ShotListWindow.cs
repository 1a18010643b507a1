// A window for Unity's editor: lists the shots that are in progress, and never holds up the editor.
//
// NOT RUN in this project's tests, which have no Unity: it is compiled there against declarations that stand in for Unity's
// (tests/stand_ins/unity.cs). Put it into an Editor folder, ../csharp/Shotgrid.cs into the same assembly, and libshotgrid into Plugins.
// The key comes from the environment, so that it is in no repository.

using System;
using System.Collections.Generic;
using System.Threading;
using Shotgrid;
using UnityEditor;
using UnityEngine;

public sealed class ShotListWindow : EditorWindow
{
    private readonly List<string> lines = new List<string>();
    private CancellationTokenSource closing;
    private Client site;

    [MenuItem("Window/ShotGrid/Shots")]
    private static void Open() { GetWindow<ShotListWindow>("Shots"); }

    private void OnEnable()
    {
        // What follows an await runs on the main thread, inside Dispatch().
        Completions.Manual = true;
        closing = new CancellationTokenSource();
        EditorApplication.update += Dispatch;
        // After a reload of assemblies no delegate of the old ones may be called.
        AssemblyReloadEvents.beforeAssemblyReload += Leave;
        EditorApplication.quitting += Leave;
    }

    private void OnDisable()
    {
        EditorApplication.update -= Dispatch;
        AssemblyReloadEvents.beforeAssemblyReload -= Leave;
        EditorApplication.quitting -= Leave;
        closing.Cancel();
        if (site != null) site.Dispose();
        site = null;
    }

    private static void Leave() { Client.Shutdown(2000); }

    private static void Dispatch() { Completions.Dispatch(); }

    private void OnGUI()
    {
        if (GUILayout.Button("Refresh")) Refresh();
        foreach (string line in lines) GUILayout.Label(line);
    }

    private async void Refresh()
    {
        try
        {
            site = site ?? Client.ConnectScript(EditorPrefs.GetString("ShotGrid.Site"), EditorPrefs.GetString("ShotGrid.Script"),
                Environment.GetEnvironmentVariable("SHOTGRID_KEY"));
            var filters = new object[] { new object[] { "sg_status_list", "is", "ip" } };
            object shots = await site.CallAsync("find", new object[] { "Shot", filters, new[] { "code" } }, closing.Token);
            lines.Clear();
            foreach (object shot in (object[])shots) lines.Add((string)((Row)shot)["code"]);
        }
        catch (PermissionRefusedException refusal)
        {
            Debug.LogWarning("Your role " + refusal.Role + " may not read this.");
        }
        catch (ShotgridException error)
        {
            Debug.LogError(error.Status + ": " + error.Message);
        }
        Repaint();
    }
}
