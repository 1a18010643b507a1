import com.sun.jna.Callback;
import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.DoubleByReference;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.PointerByReference;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * libshotgrid for Java, by JNA: one file to put beside your tool, nothing to build.
 *
 * <pre>{@code
 * try (var site = Shotgrid.connectScript("https://studio.shotgrid.autodesk.com", "my_tool", "its key")) {
 *   for (var shot : site.list("find", "Shot", List.of(), List.of("code"))) System.out.println(shot.get("code"));
 * }
 * }</pre>
 *
 * Methods and their arguments are those of the official Python client, by position; with a Map as the only argument, by name. What fails
 * throws a {@link Shotgrid.Failure}; what a permission role forbids a {@link Shotgrid.PermissionRefused}, which says what was refused
 * and by which role. Objects become Maps, lists Lists, numbers Doubles or, where they are whole, Longs. {@link Shotgrid.Client#later}
 * does not wait.
 *
 * <p>The environment variable SHOTGRID_LIBRARY may name the shared library.
 */
public final class Shotgrid {
  private Shotgrid() {}

  /** The functions of shotgrid.h. */
  private interface C extends Library {
    interface Done extends Callback {
      void done(Pointer op, Pointer userData);
    }

    String sg_status_name(int status);
    Pointer sg_options_new();
    void sg_options_free(Pointer options);
    int sg_options_set_timeout_ms(Pointer options, int milliseconds);
    int sg_options_set_sudo_as_login(Pointer options, String login);
    int sg_options_set_ca_file(Pointer options, String path);
    int sg_options_set_proxy(Pointer options, String proxy);
    int sg_connect_user(String siteUrl, String login, String password, Pointer options, PointerByReference out);
    int sg_connect_script(String siteUrl, String name, String key, Pointer options, PointerByReference out);
    int sg_connect_session(String siteUrl, String token, Pointer options, PointerByReference out);
    void sg_client_free(Pointer client);
    int sg_call(Pointer client, String method, String parameters, PointerByReference out);
    int sg_submit(Pointer client, String method, String parameters, Pointer options, PointerByReference out);
    int sg_op_cancel(Pointer op);
    int sg_op_take_result(Pointer op, PointerByReference out);
    Pointer sg_op_error(Pointer op);
    void sg_op_free(Pointer op);
    int sg_queue_new(PointerByReference out);
    int sg_queue_dispatch(Pointer queue, int max, long timeoutMs, IntByReference count);
    int sg_queue_on_done(Pointer queue, Pointer op, Done done, Pointer userData, Pointer finalize);
    Pointer sg_result_value(Pointer result);
    void sg_result_free(Pointer result);
    int sg_value_get_type(Pointer value);
    Pointer sg_value_first(Pointer value);
    Pointer sg_value_next(Pointer value);
    Pointer sg_value_key_text(Pointer value, PointerByReference length);
    Pointer sg_value_text(Pointer value, PointerByReference length);
    int sg_value_int64(Pointer value, long[] out);
    int sg_value_double(Pointer value, DoubleByReference out);
    int sg_value_bool(Pointer value, IntByReference out);
    Pointer sg_error_take_last();
    void sg_error_free(Pointer error);
    int sg_error_status(Pointer error);
    String sg_error_message(Pointer error);
    String sg_error_server_message(Pointer error);
    String sg_error_operation(Pointer error);
    String sg_error_entity_type(Pointer error);
    long sg_error_entity_id(Pointer error);
    String sg_error_field(Pointer error);
    String sg_error_role(Pointer error);
    long sg_error_rule_id(Pointer error);
    int sg_error_is_retryable(Pointer error);
    int sg_error_may_have_applied(Pointer error);
    int sg_runtime_shutdown(int timeoutMs);
  }

  private static final C C = load();
  private static final Cleaner CLEANER = Cleaner.create();

  private static C load() {
    String named = System.getenv("SHOTGRID_LIBRARY");
    Map<String, Object> utf8 = Map.of(Library.OPTION_STRING_ENCODING, "UTF-8");
    return Native.load(named != null ? named : "shotgrid", C.class, utf8);
  }

  /** A call that failed: everything that the library knows about it. */
  public static class Failure extends RuntimeException {
    private static final long serialVersionUID = 1;
    public final String status;
    public final String serverMessage;
    public final String operation;
    public final String entityType;
    public final long entityId;
    public final String field;
    public final String role;
    public final long ruleId;
    public final boolean retryable;
    public final boolean mayHaveApplied;

    private Failure(Pointer record) {
      super(C.sg_error_message(record));
      status = C.sg_status_name(C.sg_error_status(record));
      serverMessage = C.sg_error_server_message(record);
      operation = C.sg_error_operation(record);
      entityType = C.sg_error_entity_type(record);
      entityId = C.sg_error_entity_id(record);
      field = C.sg_error_field(record);
      role = C.sg_error_role(record);
      ruleId = C.sg_error_rule_id(record);
      retryable = C.sg_error_is_retryable(record) == 1;
      mayHaveApplied = C.sg_error_may_have_applied(record) == 1;
    }

    private static Failure of(Pointer record) {
      return switch (C.sg_error_status(record) & 0xff) {
        case 32 -> new AuthFailure(record);
        case 33 -> new PermissionRefused(record);
        default -> new Failure(record);
      };
    }
  }

  /** Who are you: the site does not accept the credentials. */
  public static final class AuthFailure extends Failure {
    private static final long serialVersionUID = 1;

    private AuthFailure(Pointer record) {
      super(record);
    }
  }

  /** You may not: see operation, entityType, entityId, field, role and ruleId. */
  public static final class PermissionRefused extends Failure {
    private static final long serialVersionUID = 1;

    private PermissionRefused(Pointer record) {
      super(record);
    }
  }

  private static void check(int status) {
    if (status != 0) {
      Pointer record = C.sg_error_take_last();
      try {
        throw Failure.of(record);
      } finally {
        C.sg_error_free(record);
      }
    }
  }

  private interface Make {
    int into(PointerByReference out);
  }

  private static Pointer made(Make make) {
    PointerByReference out = new PointerByReference();
    check(make.into(out));
    return out.getValue();
  }

  /** What to do with the options of a sign-in. */
  public static final class Settings {
    private final Pointer options;

    private Settings(Pointer options) {
      this.options = options;
    }

    public Settings timeoutMs(int milliseconds) {
      check(C.sg_options_set_timeout_ms(options, milliseconds));
      return this;
    }

    public Settings sudoAsLogin(String login) {
      check(C.sg_options_set_sudo_as_login(options, login));
      return this;
    }

    public Settings caFile(String path) {
      check(C.sg_options_set_ca_file(options, path));
      return this;
    }

    public Settings proxy(String proxy) {
      check(C.sg_options_set_proxy(options, proxy));
      return this;
    }
  }

  @SafeVarargs
  private static Client connect(Function<Pointer, Make> connect, Consumer<Settings>... settings) {
    Pointer options = C.sg_options_new();
    try {
      for (Consumer<Settings> set : settings) set.accept(new Settings(options));
      return new Client(made(connect.apply(options)));
    } finally {
      C.sg_options_free(options);
    }
  }

  @SafeVarargs
  public static Client connectUser(String siteUrl, String login, String password, Consumer<Settings>... settings) {
    return connect(options -> out -> C.sg_connect_user(siteUrl, login, password, options, out), settings);
  }

  @SafeVarargs
  public static Client connectScript(String siteUrl, String scriptName, String apiKey, Consumer<Settings>... settings) {
    return connect(options -> out -> C.sg_connect_script(siteUrl, scriptName, apiKey, options, out), settings);
  }

  @SafeVarargs
  public static Client connectSession(String siteUrl, String sessionToken, Consumer<Settings>... settings) {
    return connect(options -> out -> C.sg_connect_session(siteUrl, sessionToken, options, out), settings);
  }

  /** Ends the library's threads, for hosts that unload it. */
  public static void shutdown(int timeoutMs) {
    check(C.sg_runtime_shutdown(timeoutMs));
  }

  /** A signed-in connection to a site, for any number of threads at once. */
  public static final class Client implements AutoCloseable {
    private final Pointer pointer;
    private final Cleaner.Cleanable cleanable;

    private Client(Pointer pointer) {
      this.pointer = pointer;
      cleanable = CLEANER.register(this, () -> C.sg_client_free(pointer));
    }

    /** Calls a method and waits for the answer. */
    public Object call(String method, Object... arguments) {
      try {
        return taken(made(out -> C.sg_call(pointer, method, Json.parameters(arguments), out)));
      } finally {
        // Not collected, and so not freed, in the middle of a call.
        Reference.reachabilityFence(this);
      }
    }

    /** Calls a method that answers with one object. */
    @SuppressWarnings("unchecked")
    public Map<String, Object> one(String method, Object... arguments) {
      return (Map<String, Object>) call(method, arguments);
    }

    /** Calls a method that answers with a list of objects. */
    @SuppressWarnings("unchecked")
    public List<Map<String, Object>> list(String method, Object... arguments) {
      return (List<Map<String, Object>>) call(method, arguments);
    }

    /** Begins a call. To cancel the future cancels the call. */
    public CompletableFuture<Object> later(String method, Object... arguments) {
      Pointer op = made(out -> C.sg_submit(pointer, method, Json.parameters(arguments), null, out));
      Reference.reachabilityFence(this);
      return Waiting.of(op);
    }

    /** Frees the client now; the collector does it else. */
    @Override
    public void close() {
      cleanable.clean();
    }
  }

  /** Operations under way: one queue, and one thread of Java's own that completes the futures. */
  private static final class Waiting {
    private static final Map<Pointer, CompletableFuture<Object>> FUTURES = new ConcurrentHashMap<>();
    private static final Pointer QUEUE = made(C::sg_queue_new);
    // Held here, since JNA frees a callback that Java no longer knows.
    private static final C.Done DONE = Waiting::done;

    static {
      Thread thread = new Thread(() -> {
        while (true) C.sg_queue_dispatch(QUEUE, 0, -1, null);
      }, "shotgrid");
      thread.setDaemon(true);
      thread.start();
    }

    static CompletableFuture<Object> of(Pointer op) {
      CompletableFuture<Object> future = new CompletableFuture<>();
      FUTURES.put(op, future);
      check(C.sg_queue_on_done(QUEUE, op, DONE, null, null));
      future.whenComplete((value, failure) -> {
        // done() takes the future out before it completes it: one that is still here was cancelled by its owner.
        FUTURES.computeIfPresent(op, (pointer, waiting) -> {
          C.sg_op_cancel(pointer);
          return waiting;
        });
      });
      return future;
    }

    private static void done(Pointer op, Pointer userData) {
      CompletableFuture<Object> future = FUTURES.remove(op);
      Pointer failure = C.sg_op_error(op);
      if (failure != null) {
        future.completeExceptionally(Failure.of(failure));
      } else {
        try {
          future.complete(taken(made(out -> C.sg_op_take_result(op, out))));
        } catch (RuntimeException error) {
          future.completeExceptionally(error);
        }
      }
      C.sg_op_free(op);
    }
  }

  private static Object taken(Pointer result) {
    try {
      return value(C.sg_result_value(result));
    } finally {
      C.sg_result_free(result);
    }
  }

  private static String text(Pointer bytes, PointerByReference length) {
    int count = (int) Pointer.nativeValue(length.getValue());
    return new String(bytes.getByteArray(0, count), StandardCharsets.UTF_8);
  }

  private static Object value(Pointer cursor) {
    PointerByReference length = new PointerByReference();
    switch (C.sg_value_get_type(cursor)) {
      case 2 -> {
        IntByReference truth = new IntByReference();
        check(C.sg_value_bool(cursor, truth));
        return truth.getValue() != 0;
      }
      case 3 -> {
        long[] whole = new long[1];
        if (C.sg_value_int64(cursor, whole) == 0) return whole[0];
        DoubleByReference number = new DoubleByReference();
        check(C.sg_value_double(cursor, number));
        return number.getValue();
      }
      case 4 -> {
        Pointer bytes = C.sg_value_text(cursor, length);
        return text(bytes, length);
      }
      case 5 -> {
        List<Object> list = new ArrayList<>();
        for (Pointer child = C.sg_value_first(cursor); child != null; child = C.sg_value_next(child)) list.add(value(child));
        return list;
      }
      case 6 -> {
        Map<String, Object> object = new LinkedHashMap<>();
        for (Pointer child = C.sg_value_first(cursor); child != null; child = C.sg_value_next(child)) {
          Pointer key = C.sg_value_key_text(child, length);
          object.put(text(key, length), value(child));
        }
        return object;
      }
      default -> {
        return null;
      }
    }
  }

  /** Writes what goes to a site. */
  private static final class Json {
    static String parameters(Object... arguments) {
      return write(arguments.length == 1 && arguments[0] instanceof Map ? arguments[0] : List.of(arguments));
    }

    private static String write(Object value) {
      StringBuilder json = new StringBuilder();
      write(value, json);
      return json.toString();
    }

    private static void write(Object value, StringBuilder json) {
      if (value == null || value instanceof Boolean) {
        json.append(value);
      } else if (value instanceof Number number) {
        if (Double.isNaN(number.doubleValue()) || Double.isInfinite(number.doubleValue())) {
          throw new IllegalArgumentException(number + " cannot be sent to a site");
        }
        json.append(number);
      } else if (value instanceof CharSequence) {
        quote(value.toString(), json);
      } else if (value instanceof Map<?, ?> map) {
        json.append('{');
        String comma = "";
        for (var member : map.entrySet()) {
          json.append(comma);
          quote(member.getKey().toString(), json);
          json.append(':');
          write(member.getValue(), json);
          comma = ",";
        }
        json.append('}');
      } else if (value instanceof Iterable<?> elements) {
        json.append('[');
        String comma = "";
        for (Object element : elements) {
          json.append(comma);
          write(element, json);
          comma = ",";
        }
        json.append(']');
      } else {
        throw new IllegalArgumentException("a " + value.getClass().getName() + " cannot be sent to a site");
      }
    }

    private static void quote(String text, StringBuilder json) {
      json.append('"');
      for (char c : text.toCharArray()) {
        if (c == '"' || c == '\\') {
          json.append('\\').append(c);
        } else if (c < ' ' || Character.isSurrogate(c)) {
          json.append(String.format("\\u%04x", (int) c));
        } else {
          json.append(c);
        }
      }
      json.append('"');
    }
  }
}
