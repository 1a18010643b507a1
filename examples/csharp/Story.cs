// The story of examples/c/quickstart.c in C#, with many calls at once, and a collector that frees what is forgotten.
//
//     mcs -out:story.exe Shotgrid.cs Story.cs && mono story.exe site-url artist-login artist-password script-name api-key
//
// With "frames" behind these, tasks are completed in a loop of frames, as a game engine does it, on the main thread.

using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Shotgrid;

internal static class Story
{
    private static object[] Filters(params object[][] conditions) { return conditions; }

    private static object[] If(params object[] condition) { return condition; }

    private static void Say(string form, params object[] values) { Console.WriteLine("   " + string.Format(form, values)); }

    private static T Refused<T>(Action call) where T : ShotgridException
    {
        try { call(); }
        catch (T refusal) { return refusal; }
        throw new InvalidOperationException("expected a refusal");
    }

    private static object TypeOf(object link) { return ((Row)link)["type"]; }

    private static int Main(string[] arguments)
    {
        Completions.Manual = arguments.Length == 6 && arguments[5] == "frames";
        if (arguments.Length != 5 && !Completions.Manual)
        {
            Console.Error.WriteLine("usage: story.exe <site-url> <artist-login> <artist-password> <script-name> <api-key> [frames]");
            return 2;
        }
        Console.OutputEncoding = new UTF8Encoding(false);
        Tell(arguments[0], arguments[1], arguments[2], arguments[3], arguments[4]);
        return 0;
    }

    private static void Tell(string siteUrl, string login, string password, string scriptName, string apiKey)
    {
        Console.WriteLine("1. An artist signs in and lists the shots of a project");
        Client artist = Client.ConnectUser(siteUrl, login, password);
        Row project = artist.FindOne("Project", Filters(), "name");
        Row[] shots = artist.Find("Shot", Filters(If("project", "is", project.Link)), new[] { "code", "sg_status_list" }, 8).ToArray();
        Say("{0}: {1}", project["name"], string.Join(", ", shots.Select(row => row["code"])));
        object shot = shots.Last()["id"];
        object before = shots.Last()["sg_status_list"];
        string after = before.Equals("ip") ? "fin" : "ip";
        Func<object> status = () => artist.FindOne("Shot", Filters(If("id", "is", shot)), "sg_status_list")["sg_status_list"];

        Console.WriteLine("2. The artist may not change a shot's status");
        var refusal = Refused<PermissionRefusedException>(() => artist.Update("Shot", shot, new Row { { "sg_status_list", after } }));
        Say("{0}: {1} {2}.{3}, role {4}", refusal.Status, refusal.Operation, refusal.EntityType, refusal.Field, refusal.Role);
        Say("it is {0}", status().Equals(before) ? "as it was" : "changed");

        Console.WriteLine("3. A wrong password is something else");
        Say(Refused<AuthException>(() => Client.ConnectUser(siteUrl, login, "not my password")).Status);

        Console.WriteLine("4. A script signs in and changes the status");
        Client script = Client.ConnectScript(siteUrl, scriptName, apiKey);
        script.Update("Shot", shot, new Row { { "sg_status_list", after } });
        Say("it is {0}", status().Equals(after) ? "as asked for" : "as it was");

        Console.WriteLine("5. It registers another script, which signs in with its key");
        Row made = script.Create("ApiUser", new Row { { "firstname", "story" } }, "salted_password");
        Client newcomer = Client.ConnectScript(siteUrl, "story", (string)made["salted_password"]);
        newcomer.Update("Shot", shot, new Row { { "sg_status_list", before } });
        Say("and puts the status back");

        Console.WriteLine("6. That script's events are turned off");
        script.Update("ApiUser", made["id"], new Row { { "generate_event_log_entries", false } });
        newcomer.Update("Shot", shot, new Row { { "description", "Written without a trace" } });
        IEnumerable<Row> entries = script.Find("EventLogEntry", Filters(If("user", "is", made.Link)), new[] { "attribute_name" });
        Say("logged: {0}", string.Join(", ", entries.Select(row => row["attribute_name"])));

        Console.WriteLine("7. The first script acts for the artist");
        Row note;
        using (Client acting = Client.ConnectScript(siteUrl, scriptName, apiKey, new Settings { SudoAsLogin = login }))
        {
            var data = new Row { { "project", project.Link }, { "subject", "Für Anna — 日本" } };
            note = acting.Create("Note", data, "created_by", "subject");
        }
        object ofNote = Filters(If("entity", "is", note.Link), If("event_type", "is", "Shotgun_Note_New"));
        Row entry = script.FindOne("EventLogEntry", ofNote, "user", "meta");
        object behind = TypeOf(((Row)entry["meta"])["sudo_actual_user"]);
        Say("{0}: by a {1}; in the log a {2}, behind it: {3}", note["subject"], TypeOf(note["created_by"]), TypeOf(entry["user"]), behind);

        Console.WriteLine("8. Forty calls that nobody waits for");
        Task<bool?>[] calls = Enumerable.Range(0, 40).Select(n => One(artist, n, shot, after)).ToArray();
        if (Completions.Manual) Frames(calls);
        if (!Task.WaitAll(calls, 60000)) throw new TimeoutException("not done within a minute");
        Say("{0} answers and {1} refusals", calls.Count(call => call.Result == true), calls.Count(call => call.Result == false));

        Console.WriteLine("9. The collector frees in any order");
        for (int turn = 0; turn < 10; turn++)
        {
            Forget(siteUrl, scriptName, apiKey);
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        Say("and nothing was harmed");
    }

    private static void Frames(Task[] calls)
    {
        for (int frame = 0; frame < 6000 && !calls.All(call => call.IsCompleted); frame++)
        {
            Completions.Dispatch();
            Thread.Sleep(10);
        }
    }

    /// <summary>true: the right answer; false: a refusal; null: anything else.</summary>
    private static async Task<bool?> One(Client client, int n, object shot, string status)
    {
        try
        {
            object[] write = { "Shot", shot, new Row { { "sg_status_list", status } } };
            object[] read = { "Shot", Filters(If("id", "is", shot)) };
            object row = await client.CallAsync(n % 4 == 0 ? "update" : "find_one", n % 4 == 0 ? write : read);
            return ((Row)row)["id"].Equals(shot) ? true : (bool?)null;
        }
        catch (PermissionRefusedException)
        {
            return false;
        }
    }

    private static void Forget(string siteUrl, string scriptName, string apiKey)
    {
        for (int n = 0; n < 3; n++)
            Client.ConnectScript(siteUrl, scriptName, apiKey).CallAsync("find", new object[] { "Shot", Filters() });
    }
}
