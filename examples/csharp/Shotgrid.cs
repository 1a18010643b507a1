// libshotgrid for C#, by P/Invoke: one file to put beside your tool, nothing to build. .NET, Mono and Unity.
//
//     using (var site = Client.ConnectScript("https://studio.shotgrid.autodesk.com", "my_tool", "its key"))
//         foreach (Row shot in site.Find("Shot", new object[] { }, new[] { "code" }))
//             Console.WriteLine(shot["code"]);
//
// Methods and their arguments are those of the official Python client, by position; with a Row as the only argument, by name. What
// fails throws a ShotgridException; what a permission role forbids a PermissionRefusedException, which says what was refused and by
// which role. Objects become Rows, lists object[], numbers long or double, and null null.
//
// CallAsync does not wait. Its tasks are completed on a thread of this file's own, or, once Completions.Manual is set, inside
// Completions.Dispatch(): in Unity, set it at the start and call Dispatch() in an Update(), and what follows an await runs on the main
// thread.
//
// The library is found as the system finds "shotgrid": beside the program, by LD_LIBRARY_PATH, as a Unity plug-in.

using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace Shotgrid
{
    /// <summary>An object of the site: fields by name. A field that is not there is null.</summary>
    public sealed class Row : Dictionary<string, object>
    {
        public new object this[string field]
        {
            get { object value; return TryGetValue(field, out value) ? value : null; }
            set { base[field] = value; }
        }

        /// <summary>The entity that this row is, for filters and links.</summary>
        public Row Link { get { return new Row { { "type", this["type"] }, { "id", this["id"] } }; } }
    }

    /// <summary>A call that failed: everything that the library knows about it.</summary>
    public class ShotgridException : Exception
    {
        public string Status { get; private set; }
        public string ServerMessage { get; private set; }
        public string Operation { get; private set; }
        public string EntityType { get; private set; }
        public long EntityId { get; private set; }
        public string Field { get; private set; }
        public string Role { get; private set; }
        public long RuleId { get; private set; }
        public bool Retryable { get; private set; }
        public bool MayHaveApplied { get; private set; }

        internal ShotgridException(IntPtr record) : base(Text.Read(Native.sg_error_message(record)))
        {
            Status = Text.Read(Native.sg_status_name(Native.sg_error_status(record)));
            ServerMessage = Text.Read(Native.sg_error_server_message(record));
            Operation = Text.Read(Native.sg_error_operation(record));
            EntityType = Text.Read(Native.sg_error_entity_type(record));
            EntityId = Native.sg_error_entity_id(record);
            Field = Text.Read(Native.sg_error_field(record));
            Role = Text.Read(Native.sg_error_role(record));
            RuleId = Native.sg_error_rule_id(record);
            Retryable = Native.sg_error_is_retryable(record) == 1;
            MayHaveApplied = Native.sg_error_may_have_applied(record) == 1;
        }

        internal static ShotgridException Of(IntPtr record)
        {
            switch (Native.sg_error_status(record) & 0xff)
            {
                case 32: return new AuthException(record);
                case 33: return new PermissionRefusedException(record);
                default: return new ShotgridException(record);
            }
        }

        internal static void Check(int status)
        {
            if (status == 0) return;
            IntPtr record = Native.sg_error_take_last();
            try { throw Of(record); }
            finally { Native.sg_error_free(record); }
        }
    }

    /// <summary>Who are you: the site does not accept the credentials.</summary>
    public sealed class AuthException : ShotgridException
    {
        internal AuthException(IntPtr record) : base(record) { }
    }

    /// <summary>You may not: see Operation, EntityType, EntityId, Field, Role and RuleId.</summary>
    public sealed class PermissionRefusedException : ShotgridException
    {
        internal PermissionRefusedException(IntPtr record) : base(record) { }
    }

    /// <summary>Settings of a sign-in; what is null stays at its default.</summary>
    public sealed class Settings
    {
        public uint? TimeoutMs;
        public string SudoAsLogin;
        public string CaFile;
        public string Proxy;
    }

    /// <summary>A signed-in connection to a site, for any number of threads at once.</summary>
    public sealed class Client : IDisposable
    {
        private readonly ClientHandle handle;

        private delegate int Connect(OptionsHandle options, out ClientHandle client);

        private Client(Settings settings, Connect connect)
        {
            using (OptionsHandle options = Native.sg_options_new())
            {
                settings = settings ?? new Settings();
                if (settings.TimeoutMs != null)
                    ShotgridException.Check(Native.sg_options_set_timeout_ms(options, settings.TimeoutMs.Value));
                if (settings.SudoAsLogin != null)
                    ShotgridException.Check(Native.sg_options_set_sudo_as_login(options, Text.Utf8(settings.SudoAsLogin)));
                if (settings.CaFile != null)
                    ShotgridException.Check(Native.sg_options_set_ca_file(options, Text.Utf8(settings.CaFile)));
                if (settings.Proxy != null)
                    ShotgridException.Check(Native.sg_options_set_proxy(options, Text.Utf8(settings.Proxy)));
                ShotgridException.Check(connect(options, out handle));
            }
        }

        public static Client ConnectUser(string siteUrl, string login, string password, Settings settings = null)
        {
            return new Client(settings, (OptionsHandle options, out ClientHandle client) =>
                Native.sg_connect_user(Text.Utf8(siteUrl), Text.Utf8(login), Text.Utf8(password), options, out client));
        }

        public static Client ConnectScript(string siteUrl, string scriptName, string apiKey, Settings settings = null)
        {
            return new Client(settings, (OptionsHandle options, out ClientHandle client) =>
                Native.sg_connect_script(Text.Utf8(siteUrl), Text.Utf8(scriptName), Text.Utf8(apiKey), options, out client));
        }

        public static Client ConnectSession(string siteUrl, string sessionToken, Settings settings = null)
        {
            return new Client(settings, (OptionsHandle options, out ClientHandle client) =>
                Native.sg_connect_session(Text.Utf8(siteUrl), Text.Utf8(sessionToken), options, out client));
        }

        /// <summary>Calls a method and waits for the answer.</summary>
        public object Call(string method, params object[] arguments)
        {
            ResultHandle result;
            ShotgridException.Check(Native.sg_call(handle, Text.Utf8(method), Json.Parameters(arguments), out result));
            return Values.Taken(result);
        }

        /// <summary>Begins a call.</summary>
        public Task<object> CallAsync(string method, object[] arguments, CancellationToken cancel = default(CancellationToken))
        {
            OpHandle op;
            ShotgridException.Check(Native.sg_submit(handle, Text.Utf8(method), Json.Parameters(arguments), IntPtr.Zero, out op));
            return Completions.Of(op, cancel);
        }

        public Row FindOne(string entityType, object filters, params string[] fields)
        {
            return (Row)Call("find_one", entityType, filters, fields);
        }

        public IEnumerable<Row> Find(string entityType, object filters, string[] fields, int limit = 0)
        {
            var named = new Row { { "entity_type", entityType }, { "filters", filters }, { "fields", fields }, { "limit", limit } };
            foreach (object row in (object[])Call("find", named)) yield return (Row)row;
        }

        public Row Create(string entityType, Row data, params string[] returnFields)
        {
            return (Row)Call("create", entityType, data, returnFields);
        }

        public Row Update(string entityType, object id, Row data)
        {
            return (Row)Call("update", entityType, id, data);
        }

        /// <summary>Frees the client now; the collector does it else.</summary>
        public void Dispose() { handle.Dispose(); }

        /// <summary>Ends the library's threads, for hosts that unload it.</summary>
        public static void Shutdown(uint timeoutMs) { ShotgridException.Check(Native.sg_runtime_shutdown(timeoutMs)); }
    }

    /// <summary>Where tasks are completed.</summary>
    public static class Completions
    {
        private sealed class Waiting
        {
            public OpHandle Op;
            public TaskCompletionSource<object> Task;
            public CancellationTokenRegistration Cancel;
        }

        private static readonly object Lock = new object();
        private static readonly Dictionary<IntPtr, Waiting> UnderWay = new Dictionary<IntPtr, Waiting>();
        // Held here, since the collector knows nothing of a delegate that only C holds.
        private static readonly Native.Done DoneFunction = Done;
        private static QueueHandle queue;
        private static long last;

        /// <summary>Whether the program calls Dispatch() itself. To be set before the first call.</summary>
        public static bool Manual { get; set; }

        /// <summary>Completes the tasks that are due, waiting for one at most so long; gives how many.</summary>
        public static uint Dispatch(long timeoutMs = 0)
        {
            uint count;
            ShotgridException.Check(Native.sg_queue_dispatch(Queue(), 0, timeoutMs, out count));
            return count;
        }

        private static QueueHandle Queue()
        {
            lock (Lock)
            {
                if (queue != null) return queue;
                ShotgridException.Check(Native.sg_queue_new(out queue));
                if (!Manual) new Thread(Run) { IsBackground = true, Name = "shotgrid" }.Start();
                return queue;
            }
        }

        private static void Run()
        {
            // Not without end: Mono waits at its exit for threads that are inside C, and could not call this one back.
            while (true) Dispatch(200);
        }

        internal static Task<object> Of(OpHandle op, CancellationToken cancel)
        {
            QueueHandle here = Queue();
            // On our own thread, what follows an await must not hold up other completions.
            var options = Manual ? TaskCreationOptions.None : TaskCreationOptions.RunContinuationsAsynchronously;
            var waiting = new Waiting { Op = op, Task = new TaskCompletionSource<object>(options) };
            IntPtr key;
            lock (Lock)
            {
                key = new IntPtr(++last);
                UnderWay.Add(key, waiting);
            }
            int status = Native.sg_queue_on_done(here, op, DoneFunction, key, IntPtr.Zero);
            if (status != 0)
            {
                lock (Lock) UnderWay.Remove(key);
                ShotgridException.Check(status);
            }
            waiting.Cancel = cancel.Register(() => { if (!op.IsClosed) Native.sg_op_cancel(op); });
            return waiting.Task.Task;
        }

        [MonoPInvokeCallback(typeof(Native.Done))]
        private static void Done(IntPtr op, IntPtr key)
        {
            Waiting waiting;
            lock (Lock)
            {
                waiting = UnderWay[key];
                UnderWay.Remove(key);
            }
            try
            {
                IntPtr failure = Native.sg_op_error(waiting.Op);
                if (failure != IntPtr.Zero) throw ShotgridException.Of(failure);
                ResultHandle result;
                ShotgridException.Check(Native.sg_op_take_result(waiting.Op, out result));
                waiting.Task.SetResult(Values.Taken(result));
            }
            catch (Exception error)
            {
                waiting.Task.TrySetException(error);
            }
            waiting.Cancel.Dispose();
            waiting.Op.Dispose();
        }
    }

    /// <summary>Tells Unity's IL2CPP that C calls a method; it knows the attribute by its name.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    internal sealed class MonoPInvokeCallbackAttribute : Attribute
    {
        public MonoPInvokeCallbackAttribute(Type type) { }
    }

    internal static class Text
    {
        internal static byte[] Utf8(string text)
        {
            if (text == null) return null;
            if (text.IndexOf('\0') >= 0) throw new ArgumentException("a text for the site holds a NUL character");
            return Encoding.UTF8.GetBytes(text + "\0");
        }

        internal static string Read(IntPtr text)
        {
            if (text == IntPtr.Zero) return null;
            int length = 0;
            while (Marshal.ReadByte(text, length) != 0) length++;
            return Read(text, new UIntPtr((uint)length));
        }

        internal static string Read(IntPtr text, UIntPtr length)
        {
            var bytes = new byte[(int)length];
            Marshal.Copy(text, bytes, 0, bytes.Length);
            return Encoding.UTF8.GetString(bytes);
        }
    }

    internal static class Values
    {
        internal static object Taken(ResultHandle result)
        {
            // The handle lives until the values are copied.
            using (result) return Value(Native.sg_result_value(result));
        }

        private static object Value(IntPtr cursor)
        {
            UIntPtr length;
            switch (Native.sg_value_get_type(cursor))
            {
                case 2:
                    int truth;
                    ShotgridException.Check(Native.sg_value_bool(cursor, out truth));
                    return truth != 0;
                case 3:
                    long whole;
                    if (Native.sg_value_int64(cursor, out whole) == 0) return whole;
                    double number;
                    ShotgridException.Check(Native.sg_value_double(cursor, out number));
                    return number;
                case 4:
                    IntPtr text = Native.sg_value_text(cursor, out length);
                    return Text.Read(text, length);
                case 5:
                    var list = new List<object>();
                    for (IntPtr child = Native.sg_value_first(cursor); child != IntPtr.Zero; child = Native.sg_value_next(child))
                        list.Add(Value(child));
                    return list.ToArray();
                case 6:
                    var row = new Row();
                    for (IntPtr child = Native.sg_value_first(cursor); child != IntPtr.Zero; child = Native.sg_value_next(child))
                    {
                        IntPtr key = Native.sg_value_key_text(child, out length);
                        row[Text.Read(key, length)] = Value(child);
                    }
                    return row;
                default:
                    return null;
            }
        }
    }

    /// <summary>Writes what goes to a site.</summary>
    internal static class Json
    {
        internal static byte[] Parameters(object[] arguments)
        {
            var json = new StringBuilder();
            Write(arguments.Length == 1 && arguments[0] is Row ? arguments[0] : arguments, json);
            return Text.Utf8(json.ToString());
        }

        private static void Write(object value, StringBuilder json)
        {
            var row = value as IDictionary<string, object>;
            var text = value as string;
            if (value == null) json.Append("null");
            else if (value is bool) json.Append((bool)value ? "true" : "false");
            else if (text != null) Quote(text, json);
            else if (row != null)
            {
                json.Append('{');
                string comma = "";
                foreach (KeyValuePair<string, object> member in row)
                {
                    json.Append(comma);
                    Quote(member.Key, json);
                    json.Append(':');
                    Write(member.Value, json);
                    comma = ",";
                }
                json.Append('}');
            }
            else if (value is IEnumerable)
            {
                json.Append('[');
                string comma = "";
                foreach (object element in (IEnumerable)value)
                {
                    json.Append(comma);
                    Write(element, json);
                    comma = ",";
                }
                json.Append(']');
            }
            else if (value is double || value is float)
            {
                double number = Convert.ToDouble(value);
                if (double.IsNaN(number) || double.IsInfinity(number)) throw new ArgumentException(number + " cannot be sent to a site");
                json.Append(number.ToString("R", CultureInfo.InvariantCulture));
            }
            else if (value is int || value is long || value is short || value is byte || value is uint)
                json.Append(Convert.ToString(value, CultureInfo.InvariantCulture));
            else throw new ArgumentException("a " + value.GetType() + " cannot be sent to a site");
        }

        private static void Quote(string text, StringBuilder json)
        {
            json.Append('"');
            foreach (char c in text)
            {
                if (c == '"' || c == '\\') json.Append('\\').Append(c);
                else if (c < ' ' || char.IsSurrogate(c)) json.Append("\\u").Append(((int)c).ToString("x4"));
                else json.Append(c);
            }
            json.Append('"');
        }
    }

    /// <summary>Owns one object of the library: freed once, by whoever comes first, in any order with others.</summary>
    internal abstract class OwnedHandle : SafeHandle
    {
        protected OwnedHandle() : base(IntPtr.Zero, true) { }

        public override bool IsInvalid { get { return handle == IntPtr.Zero; } }
    }

    internal sealed class OptionsHandle : OwnedHandle
    {
        protected override bool ReleaseHandle() { Native.sg_options_free(handle); return true; }
    }

    internal sealed class ClientHandle : OwnedHandle
    {
        protected override bool ReleaseHandle() { Native.sg_client_free(handle); return true; }
    }

    internal sealed class ResultHandle : OwnedHandle
    {
        protected override bool ReleaseHandle() { Native.sg_result_free(handle); return true; }
    }

    internal sealed class OpHandle : OwnedHandle
    {
        protected override bool ReleaseHandle() { Native.sg_op_free(handle); return true; }
    }

    internal sealed class QueueHandle : OwnedHandle
    {
        protected override bool ReleaseHandle() { Native.sg_queue_free(handle); return true; }
    }

    /// <summary>The functions of shotgrid.h.</summary>
    internal static class Native
    {
        private const string Library = "shotgrid";

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate void Done(IntPtr op, IntPtr userData);

        [DllImport(Library)] internal static extern IntPtr sg_status_name(int status);
        [DllImport(Library)] internal static extern OptionsHandle sg_options_new();
        [DllImport(Library)] internal static extern void sg_options_free(IntPtr options);
        [DllImport(Library)] internal static extern int sg_options_set_timeout_ms(OptionsHandle options, uint milliseconds);
        [DllImport(Library)] internal static extern int sg_options_set_sudo_as_login(OptionsHandle options, byte[] login);
        [DllImport(Library)] internal static extern int sg_options_set_ca_file(OptionsHandle options, byte[] path);
        [DllImport(Library)] internal static extern int sg_options_set_proxy(OptionsHandle options, byte[] proxy);
        [DllImport(Library)] internal static extern int sg_connect_user(byte[] url, byte[] login, byte[] password, OptionsHandle options, out ClientHandle client);
        [DllImport(Library)] internal static extern int sg_connect_script(byte[] url, byte[] name, byte[] key, OptionsHandle options, out ClientHandle client);
        [DllImport(Library)] internal static extern int sg_connect_session(byte[] url, byte[] token, OptionsHandle options, out ClientHandle client);
        [DllImport(Library)] internal static extern void sg_client_free(IntPtr client);
        [DllImport(Library)] internal static extern int sg_call(ClientHandle client, byte[] method, byte[] parameters, out ResultHandle result);
        [DllImport(Library)] internal static extern int sg_submit(ClientHandle client, byte[] method, byte[] parameters, IntPtr options, out OpHandle op);
        [DllImport(Library)] internal static extern int sg_op_cancel(OpHandle op);
        [DllImport(Library)] internal static extern int sg_op_take_result(OpHandle op, out ResultHandle result);
        [DllImport(Library)] internal static extern IntPtr sg_op_error(OpHandle op);
        [DllImport(Library)] internal static extern void sg_op_free(IntPtr op);
        [DllImport(Library)] internal static extern int sg_queue_new(out QueueHandle queue);
        [DllImport(Library)] internal static extern int sg_queue_dispatch(QueueHandle queue, uint max, long timeoutMs, out uint count);
        [DllImport(Library)] internal static extern int sg_queue_on_done(QueueHandle queue, OpHandle op, Done done, IntPtr userData, IntPtr finalize);
        [DllImport(Library)] internal static extern void sg_queue_free(IntPtr queue);
        [DllImport(Library)] internal static extern IntPtr sg_result_value(ResultHandle result);
        [DllImport(Library)] internal static extern void sg_result_free(IntPtr result);
        [DllImport(Library)] internal static extern int sg_value_get_type(IntPtr value);
        [DllImport(Library)] internal static extern IntPtr sg_value_first(IntPtr value);
        [DllImport(Library)] internal static extern IntPtr sg_value_next(IntPtr value);
        [DllImport(Library)] internal static extern IntPtr sg_value_key_text(IntPtr value, out UIntPtr length);
        [DllImport(Library)] internal static extern IntPtr sg_value_text(IntPtr value, out UIntPtr length);
        [DllImport(Library)] internal static extern int sg_value_int64(IntPtr value, out long number);
        [DllImport(Library)] internal static extern int sg_value_double(IntPtr value, out double number);
        [DllImport(Library)] internal static extern int sg_value_bool(IntPtr value, out int truth);
        [DllImport(Library)] internal static extern IntPtr sg_error_take_last();
        [DllImport(Library)] internal static extern void sg_error_free(IntPtr error);
        [DllImport(Library)] internal static extern int sg_error_status(IntPtr error);
        [DllImport(Library)] internal static extern IntPtr sg_error_message(IntPtr error);
        [DllImport(Library)] internal static extern IntPtr sg_error_server_message(IntPtr error);
        [DllImport(Library)] internal static extern IntPtr sg_error_operation(IntPtr error);
        [DllImport(Library)] internal static extern IntPtr sg_error_entity_type(IntPtr error);
        [DllImport(Library)] internal static extern long sg_error_entity_id(IntPtr error);
        [DllImport(Library)] internal static extern IntPtr sg_error_field(IntPtr error);
        [DllImport(Library)] internal static extern IntPtr sg_error_role(IntPtr error);
        [DllImport(Library)] internal static extern long sg_error_rule_id(IntPtr error);
        [DllImport(Library)] internal static extern int sg_error_is_retryable(IntPtr error);
        [DllImport(Library)] internal static extern int sg_error_may_have_applied(IntPtr error);
        [DllImport(Library)] internal static extern int sg_runtime_shutdown(uint timeoutMs);
    }
}
