import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * The story of examples/c/quickstart.c in Java, with many calls at once, and a collector that frees what is forgotten.
 *
 * <p>java -cp jna.jar:. Story site-url artist-login artist-password script-name api-key
 */
public final class Story {
  private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  private static void say(String form, Object... values) {
    OUT.println("   " + String.format(form, values));
  }

  private static <F extends Shotgrid.Failure> F refused(Class<F> kind, Runnable call) {
    try {
      call.run();
    } catch (Shotgrid.Failure failure) {
      return kind.cast(failure);
    }
    throw new IllegalStateException("expected a refusal");
  }

  private static Map<String, Object> link(Map<String, Object> row) {
    return Map.of("type", row.get("type"), "id", row.get("id"));
  }

  @SuppressWarnings("unchecked")
  private static Object type(Object link) {
    return ((Map<String, Object>) link).get("type");
  }

  public static void main(String[] arguments) throws Exception {
    if (arguments.length != 5) {
      System.err.println("usage: Story <site-url> <artist-login> <artist-password> <script-name> <api-key>");
      System.exit(2);
    }
    String siteUrl = arguments[0];
    String login = arguments[1];
    String scriptName = arguments[3];
    String apiKey = arguments[4];

    OUT.println("1. An artist signs in and lists the shots of a project");
    Shotgrid.Client artist = Shotgrid.connectUser(siteUrl, login, arguments[2]);
    var project = artist.one("find_one", "Project", List.of(), List.of("name"));
    var shots = artist.list("find", Map.of("entity_type", "Shot", "filters", List.of(List.of("project", "is", link(project))),
        "fields", List.of("code", "sg_status_list"), "limit", 8));
    say("%s: %s", project.get("name"), shots.stream().map(shot -> (String) shot.get("code")).collect(Collectors.joining(", ")));
    var last = shots.get(shots.size() - 1);
    Object shot = last.get("id");
    Object before = last.get("sg_status_list");
    String after = before.equals("ip") ? "fin" : "ip";
    var ofShot = List.of(List.of("id", "is", shot));

    OUT.println("2. The artist may not change a shot's status");
    var refusal = refused(Shotgrid.PermissionRefused.class, () -> artist.call("update", "Shot", shot, Map.of("sg_status_list", after)));
    say("%s: %s %s.%s, role %s", refusal.status, refusal.operation, refusal.entityType, refusal.field, refusal.role);
    var status = artist.one("find_one", "Shot", ofShot, List.of("sg_status_list")).get("sg_status_list");
    say("it is %s", status.equals(before) ? "as it was" : "changed");

    OUT.println("3. A wrong password is something else");
    say(refused(Shotgrid.AuthFailure.class, () -> Shotgrid.connectUser(siteUrl, login, "not my password")).status);

    OUT.println("4. A script signs in and changes the status");
    Shotgrid.Client script = Shotgrid.connectScript(siteUrl, scriptName, apiKey);
    script.call("update", "Shot", shot, Map.of("sg_status_list", after));
    status = artist.one("find_one", "Shot", ofShot, List.of("sg_status_list")).get("sg_status_list");
    say("it is %s", status.equals(after) ? "as asked for" : "as it was");

    OUT.println("5. It registers another script, which signs in with its key");
    var made = script.one("create", "ApiUser", Map.of("firstname", "story"), List.of("salted_password"));
    Shotgrid.Client newcomer = Shotgrid.connectScript(siteUrl, "story", (String) made.get("salted_password"));
    newcomer.call("update", "Shot", shot, Map.of("sg_status_list", before));
    say("and puts the status back");

    OUT.println("6. That script's events are turned off");
    script.call("update", "ApiUser", made.get("id"), Map.of("generate_event_log_entries", false));
    newcomer.call("update", "Shot", shot, Map.of("description", "Written without a trace"));
    var entries = script.list("find", "EventLogEntry", List.of(List.of("user", "is", link(made))), List.of("attribute_name"));
    say("logged: %s", entries.stream().map(entry -> (String) entry.get("attribute_name")).collect(Collectors.joining(", ")));

    OUT.println("7. The first script acts for the artist");
    Map<String, Object> note;
    try (var acting = Shotgrid.connectScript(siteUrl, scriptName, apiKey, settings -> settings.sudoAsLogin(login))) {
      note = acting.one("create", "Note", Map.of("project", link(project), "subject", "Für Anna — 日本"), List.of("created_by", "subject"));
    }
    var entry = script.one("find_one", "EventLogEntry",
        List.of(List.of("entity", "is", link(note)), List.of("event_type", "is", "Shotgun_Note_New")), List.of("user", "meta"));
    @SuppressWarnings("unchecked")
    Object behind = type(((Map<String, Object>) entry.get("meta")).get("sudo_actual_user"));
    say("%s: by a %s; in the log a %s, behind it: %s", note.get("subject"), type(note.get("created_by")), type(entry.get("user")), behind);

    OUT.println("8. Forty calls that nobody waits for");
    List<CompletableFuture<Object>> calls = new ArrayList<>();
    for (int n = 0; n < 40; n++) {
      calls.add(n % 4 == 0 ? artist.later("update", "Shot", shot, Map.of("sg_status_list", after)) : artist.later("find_one", "Shot", ofShot));
    }
    int answers = 0;
    int refusals = 0;
    for (var call : calls) {
      try {
        answers += call.orTimeout(60, TimeUnit.SECONDS).join() instanceof Map<?, ?> found && found.get("id").equals(shot) ? 1 : 0;
      } catch (CompletionException error) {
        refusals += error.getCause() instanceof Shotgrid.PermissionRefused ? 1 : 0;
      }
    }
    say("%d answers and %d refusals", answers, refusals);

    OUT.println("9. The collector frees in any order");
    for (int turn = 0; turn < 10; turn++) {
      List<Object> left = new ArrayList<>();
      for (int n = 0; n < 3; n++) {
        Shotgrid.Client client = Shotgrid.connectScript(siteUrl, scriptName, apiKey);
        left.add(client);
        left.add(client.later("find", "Shot", List.of()));
      }
      Collections.shuffle(left, new Random(turn));
      while (!left.isEmpty()) left.remove(left.size() - 1);
      System.gc();
    }
    say("and nothing was harmed");
  }
}
