/*
 * libshotgrid in seven steps: sign in, read, be refused, write, register a script, read the event log, act for a person.
 *
 * `cargo xtask demo` compiles it, starts a local site and runs it there. It works on any site that you may change: it sets
 * the status and the description of one shot, registers one script, and writes one note.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <shotgrid.h>

/* What one step leaves for the next ones. */
struct demo {
    const char *site_url;
    const char *artist_login;
    const char *artist_password;
    const char *script_name;
    const char *api_key;
    sg_client *artist;    /* signed in with login and password */
    sg_client *script;    /* signed in with a script's name and key */
    sg_client *newcomer;  /* the script that step 5 registers */
    int64_t newcomer_id;
    int64_t project;
    int64_t shot;
    char status[16];      /* of the shot, as it is on the site */
    char next_status[16]; /* the one that we try to set */
};

/* ---- Helpers: the whole error handling of a program can be as short as this ------------------------------------ */

/* Tells how the last call of this thread failed. The message is fetched in a statement of its own, after the call: as an
 * argument beside the call it might be read before the call has set it. Gives 0, so that a step can return it. */
static int failed(const char *what, sg_status status)
{
    const char *message = sg_last_error();

    printf("  %s failed. %s: %s\n", what, sg_status_name(status), message);
    return 0;
}

/* Calls a method and tells if that fails. */
static int call(const sg_client *client, const char *method, const char *parameters, sg_result **result)
{
    sg_status status = sg_call(client, method, parameters, result);

    return status == SG_STATUS_OK || failed(method, status);
}

/* The text of a member, for printing. Cursors that lead nowhere are NULL, and NULL can be asked too. */
static const char *text(const sg_value *value, const char *pointer)
{
    const char *found = sg_value_string(sg_value_pointer(value, pointer), NULL);

    return found != NULL ? found : "-";
}

/* The number of a member; 0 where there is none. */
static int64_t number(const sg_value *value, const char *pointer)
{
    int64_t found = 0;

    return sg_value_int64(sg_value_pointer(value, pointer), &found) == SG_STATUS_OK ? found : 0;
}

static const char *known(const char *word)
{
    return word != NULL ? word : "(the site did not say)";
}

/* Sets one field of the shot. The JSON is put together from numbers and from words of our own; text that people type
 * must be escaped first. */
static sg_status set_shot(const sg_client *client, const struct demo *demo, const char *field, const char *value)
{
    char parameters[256];
    sg_result *result = NULL;
    sg_status status;

    snprintf(parameters, sizeof parameters,
             "{\"entity_type\": \"Shot\", \"entity_id\": %" PRId64 ", \"data\": {\"%s\": \"%s\"}}", demo->shot, field,
             value);
    status = sg_call(client, "update", parameters, &result);
    sg_result_free(result);
    return status;
}

/* Whether the site has this status for the shot. */
static int shot_has_status(const sg_client *client, const struct demo *demo, const char *expected)
{
    char parameters[256];
    sg_result *result = NULL;
    int same;

    snprintf(parameters, sizeof parameters,
             "{\"entity_type\": \"Shot\", \"filters\": [[\"id\", \"is\", %" PRId64 "]], \"fields\": [\"sg_status_list\"]}",
             demo->shot);
    if (!call(client, "find_one", parameters, &result))
        return 0;
    same = strcmp(text(sg_result_value(result), "/sg_status_list"), expected) == 0;
    printf("  The site says: the status is %s.\n", text(sg_result_value(result), "/sg_status_list"));
    sg_result_free(result);
    return same;
}

/* ---- 1 --------------------------------------------------------------------------------------------------------- */

static int list_shots(struct demo *demo)
{
    char parameters[256];
    sg_result *result = NULL;
    const sg_value *shot;
    sg_status status;

    /* NULL: all options at their defaults. */
    status = sg_connect_user(demo->site_url, demo->artist_login, demo->artist_password, NULL, &demo->artist);
    if (status != SG_STATUS_OK)
        return failed("Signing in", status);
    printf("  Signed in as %s.\n", demo->artist_login);

    /* Methods and parameters are those of the official Python client: sg.find_one("Project", [], ["name"]). */
    if (!call(demo->artist, "find_one", "[\"Project\", [], [\"name\"]]", &result))
        return 0;
    demo->project = number(sg_result_value(result), "/id");
    printf("  Project \"%s\" has these shots:\n", text(sg_result_value(result), "/name"));
    sg_result_free(result);

    snprintf(parameters, sizeof parameters,
             "{\"entity_type\": \"Shot\", \"filters\": [[\"project\", \"is\", {\"type\": \"Project\", \"id\": %" PRId64 "}]],"
             " \"fields\": [\"code\", \"sg_status_list\", \"sg_sequence\"], \"limit\": 8}",
             demo->project);
    if (!call(demo->artist, "find", parameters, &result))
        return 0;
    /* Cursors are borrowed from their result: there is nothing to free but the result. */
    for (shot = sg_value_first(sg_result_value(result)); shot != NULL; shot = sg_value_next(shot)) {
        printf("    %-16s %-4s %s\n", text(shot, "/code"), text(shot, "/sg_status_list"), text(shot, "/sg_sequence/name"));
        demo->shot = number(shot, "/id");
        snprintf(demo->status, sizeof demo->status, "%s", text(shot, "/sg_status_list"));
    }
    sg_result_free(result);
    strcpy(demo->next_status, strcmp(demo->status, "ip") == 0 ? "fin" : "ip");
    return demo->shot != 0;
}

/* ---- 2 --------------------------------------------------------------------------------------------------------- */

static int be_refused(struct demo *demo)
{
    sg_status status = set_shot(demo->artist, demo, "sg_status_list", demo->next_status);
    sg_error *error;
    int as_expected;

    if (SG_STATUS_CLASS(status) != SG_STATUS_PERMISSION) {
        printf("  Expected a refusal, but the status is %s.\n", sg_status_name(status));
        return 0;
    }
    /* The whole record of the failure. Taken out, it stays valid whatever this thread calls next. */
    error = sg_error_take_last();
    printf("  PERMISSION: %s\n", sg_error_message(error));
    printf("    operation  %s\n", known(sg_error_operation(error)));
    printf("    entity     %s %" PRId64 "\n", known(sg_error_entity_type(error)), sg_error_entity_id(error));
    printf("    field      %s\n", known(sg_error_field(error)));
    printf("    role       %s\n", known(sg_error_role(error)));
    as_expected = strcmp(known(sg_error_operation(error)), "update") == 0
                  && strcmp(known(sg_error_entity_type(error)), "Shot") == 0
                  && strcmp(known(sg_error_field(error)), "sg_status_list") == 0 && sg_error_role(error) != NULL;
    sg_error_free(error);
    return as_expected && shot_has_status(demo->artist, demo, demo->status);
}

/* ---- 3 --------------------------------------------------------------------------------------------------------- */

static int mistype_password(struct demo *demo)
{
    sg_client *client = NULL;
    sg_status status = sg_connect_user(demo->site_url, demo->artist_login, "not my password", NULL, &client);
    const char *message = sg_last_error();

    printf("  %s: %s\n", sg_status_name(status), message);
    /* AUTH asks who you are, PERMISSION says that you may not. A program can tell them apart without reading. */
    return SG_STATUS_CLASS(status) == SG_STATUS_AUTH && client == NULL;
}

/* ---- 4 --------------------------------------------------------------------------------------------------------- */

static int change_status(struct demo *demo)
{
    sg_status status = sg_connect_script(demo->site_url, demo->script_name, demo->api_key, NULL, &demo->script);

    if (status != SG_STATUS_OK)
        return failed("Signing in", status);
    printf("  Signed in as the script %s.\n", demo->script_name);
    status = set_shot(demo->script, demo, "sg_status_list", demo->next_status);
    if (status != SG_STATUS_OK)
        return failed("Changing the status", status);
    return shot_has_status(demo->script, demo, demo->next_status);
}

/* ---- 5 --------------------------------------------------------------------------------------------------------- */

static int register_script(struct demo *demo)
{
    char name[64];
    char parameters[512];
    sg_result *result = NULL;
    const sg_value *made;
    sg_status status;

    snprintf(name, sizeof name, "quickstart_%lu", (unsigned long)time(NULL));
    snprintf(parameters, sizeof parameters,
             "{\"entity_type\": \"ApiUser\", \"data\": {\"firstname\": \"%s\", \"description\": \"Made by quickstart.c\"},"
             " \"return_fields\": [\"firstname\", \"salted_password\", \"permission_rule_set\"]}",
             name);
    if (!call(demo->script, "create", parameters, &result))
        return 0;
    made = sg_result_value(result);
    demo->newcomer_id = number(made, "/id");
    /* This reply is the only place where the site shows the key. A real program stores it, and prints it nowhere. */
    printf("  Registered the script %s (ApiUser %" PRId64 ") with the role %s; its key begins with %.6s.\n", name,
           demo->newcomer_id, text(made, "/permission_rule_set/name"), text(made, "/salted_password"));
    status = sg_connect_script(demo->site_url, name, text(made, "/salted_password"), NULL, &demo->newcomer);
    sg_result_free(result);
    if (status != SG_STATUS_OK)
        return failed("Signing in with the new key", status);
    printf("  Signed in with it.\n");
    return 1;
}

/* ---- 6 --------------------------------------------------------------------------------------------------------- */

static int turn_events_off(struct demo *demo)
{
    char parameters[512];
    sg_result *result = NULL;
    const sg_value *entry;
    int loud_writes = 0;
    int quiet_writes = 0;
    sg_status status = set_shot(demo->newcomer, demo, "sg_status_list", demo->status);

    if (status != SG_STATUS_OK)
        return failed("Changing the status", status);
    printf("  The new script set the status to %s.\n", demo->status);

    snprintf(parameters, sizeof parameters,
             "{\"entity_type\": \"ApiUser\", \"entity_id\": %" PRId64 ", \"data\": {\"generate_event_log_entries\": false}}",
             demo->newcomer_id);
    if (!call(demo->script, "update", parameters, &result))
        return 0;
    sg_result_free(result);
    printf("  Its events are off now.\n");

    status = set_shot(demo->newcomer, demo, "description", "Written without a trace");
    if (status != SG_STATUS_OK)
        return failed("Writing the description", status);
    printf("  It wrote the description. The event log of the shot, newest first:\n");

    snprintf(parameters, sizeof parameters,
             "{\"entity_type\": \"EventLogEntry\", \"filters\": [[\"entity\", \"is\", {\"type\": \"Shot\", \"id\": %" PRId64 "}]],"
             " \"fields\": [\"event_type\", \"attribute_name\", \"user\", \"description\", \"meta\", \"created_at\"],"
             " \"order\": [{\"field_name\": \"id\", \"direction\": \"desc\"}], \"limit\": 5}",
             demo->shot);
    if (!call(demo->script, "find", parameters, &result))
        return 0;
    for (entry = sg_value_first(sg_result_value(result)); entry != NULL; entry = sg_value_next(entry)) {
        printf("    %s  %-20s %s: %s\n", text(entry, "/created_at"), text(entry, "/user/name"), text(entry, "/event_type"),
               text(entry, "/description"));
        if (number(entry, "/user/id") != demo->newcomer_id || strcmp(text(entry, "/user/type"), "ApiUser") != 0)
            continue;
        loud_writes += strcmp(text(entry, "/attribute_name"), "sg_status_list") == 0
                       && strcmp(text(entry, "/meta/new_value"), demo->status) == 0;
        quiet_writes += strcmp(text(entry, "/attribute_name"), "description") == 0;
    }
    sg_result_free(result);
    printf("  Its write with events on is %s, its write with events off is %s.\n", loud_writes ? "there" : "missing",
           quiet_writes ? "there" : "not there");
    return loud_writes == 1 && quiet_writes == 0;
}

/* ---- 7 --------------------------------------------------------------------------------------------------------- */

static int act_for_person(struct demo *demo)
{
    char parameters[512];
    sg_options *options = sg_options_new();
    sg_client *acting = NULL;
    sg_result *result = NULL;
    const sg_value *entry;
    int64_t note;
    int attributed;
    sg_status status = sg_options_set_sudo_as_login(options, demo->artist_login);

    if (status == SG_STATUS_OK)
        status = sg_connect_script(demo->site_url, demo->script_name, demo->api_key, options, &acting);
    sg_options_free(options); /* options are copied, and may serve for many connects */
    if (status != SG_STATUS_OK)
        return failed("Signing in for a person", status);

    snprintf(parameters, sizeof parameters,
             "{\"entity_type\": \"Note\", \"data\": {\"subject\": \"From quickstart.c\", \"content\": \"Hello\","
             " \"project\": {\"type\": \"Project\", \"id\": %" PRId64 "}}, \"return_fields\": [\"created_by\"]}",
             demo->project);
    status = sg_call(acting, "create", parameters, &result);
    sg_client_free(acting); /* a result outlives its client */
    if (status != SG_STATUS_OK)
        return failed("Writing the note", status);
    note = number(sg_result_value(result), "/id");
    printf("  The script %s wrote note %" PRId64 " for %s. Created by: %s.\n", demo->script_name, note, demo->artist_login,
           text(sg_result_value(result), "/created_by/name"));
    sg_result_free(result);

    snprintf(parameters, sizeof parameters,
             "{\"entity_type\": \"EventLogEntry\", \"filters\": [[\"entity\", \"is\", {\"type\": \"Note\", \"id\": %" PRId64 "}],"
             " [\"event_type\", \"is\", \"Shotgun_Note_New\"]], \"fields\": [\"user\", \"meta\", \"description\"]}",
             note);
    if (!call(demo->script, "find_one", parameters, &result))
        return 0;
    entry = sg_result_value(result);
    printf("  The event log: %s\n", text(entry, "/description"));
    printf("    user              %s %" PRId64 " (%s)\n", text(entry, "/user/type"), number(entry, "/user/id"),
           text(entry, "/user/name"));
    printf("    sudo_actual_user  %s %" PRId64 "\n", text(entry, "/meta/sudo_actual_user/type"),
           number(entry, "/meta/sudo_actual_user/id"));
    attributed = strcmp(text(entry, "/user/type"), "HumanUser") == 0
                 && strcmp(text(entry, "/meta/sudo_actual_user/type"), "ApiUser") == 0
                 && number(entry, "/meta/sudo_actual_user/id") != 0;
    sg_result_free(result);
    return attributed;
}

/* ---------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *title;
    int (*run)(struct demo *);
} steps[] = {
    {"An artist signs in and lists the shots of a project", list_shots},
    {"The artist may not change a shot's status", be_refused},
    {"A wrong password is something else", mistype_password},
    {"A script signs in and changes the status", change_status},
    {"It registers another script, which signs in with its key", register_script},
    {"That script's events are turned off", turn_events_off},
    {"The first script acts for the artist", act_for_person},
};

int main(int argc, char **argv)
{
    const size_t count = sizeof steps / sizeof steps[0];
    struct demo demo;
    size_t index;

    if (argc != 6) {
        fprintf(stderr, "usage: quickstart <site-url> <artist-login> <artist-password> <script-name> <api-key>\n");
        return 2;
    }
    memset(&demo, 0, sizeof demo);
    demo.site_url = argv[1];
    demo.artist_login = argv[2];
    demo.artist_password = argv[3];
    demo.script_name = argv[4];
    demo.api_key = argv[5];

    printf("libshotgrid %s\n", sg_lib_version());
    for (index = 0; index < count; index++) {
        printf("\n%u. %s\n", (unsigned)(index + 1), steps[index].title);
        if (!steps[index].run(&demo))
            break;
    }
    /* In any order; NULL is allowed. */
    sg_client_free(demo.artist);
    sg_client_free(demo.script);
    sg_client_free(demo.newcomer);
    if (index < count) {
        printf("\nStep %u did not go as it should.\n", (unsigned)(index + 1));
        return 1;
    }
    printf("\nAll %u steps went as they should.\n", (unsigned)count);
    return 0;
}
