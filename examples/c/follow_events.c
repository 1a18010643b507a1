/*
 * Follows the event log, says who changed what, and goes on where it was when it is started again.
 *
 *     follow_events <site-url> <script-name> <api-key> <state-file> [<seconds>]
 *
 * With a number of seconds it ends when so long nothing has happened; without, it follows for ever.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shotgrid.h>

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, sg_last_error());
    return 1;
}

/* The content of a small file, to be freed; NULL where there is none. */
static char *content(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    long size;

    if (file == NULL)
        return NULL;
    if (fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) > 0 && fseek(file, 0, SEEK_SET) == 0
        && (text = calloc(1, (size_t)size + 1)) != NULL && fread(text, 1, (size_t)size, file) != (size_t)size) {
        free(text);
        text = NULL;
    }
    fclose(file);
    return text;
}

/* Replaced in one step, so that whatever happens one whole state is there. */
static int keep(const char *path, const char *text)
{
    char draft[1024];
    FILE *file;
    int good;

    if (snprintf(draft, sizeof draft, "%s.new", path) >= (int)sizeof draft || (file = fopen(draft, "wb")) == NULL)
        return 0;
    good = fputs(text, file) >= 0;
    good = fclose(file) == 0 && good;
    return good && rename(draft, path) == 0;
}

/* A feed that begins now, or where the state says. */
static sg_events *open_feed(const sg_client *client, const char *state)
{
    const char *form = "{\"entity_types\": [\"Shot\", \"Task\", \"Version\"], \"state\": %s}";
    const char *from = state != NULL ? state : "null";
    size_t room = strlen(form) + strlen(from) + 1;
    char *options = malloc(room);
    sg_events *feed = NULL;

    if (options != NULL) {
        snprintf(options, room, form, from);
        sg_events_open(client, options, &feed);
    }
    free(options);
    return feed;
}

static void tell(const sg_value *event)
{
    const sg_value *actor = sg_value_get(event, "actor");
    const char *who = sg_value_string(sg_value_pointer(actor, "/user/name"), NULL);
    const char *kind = sg_value_string(sg_value_get(actor, "kind"), NULL);
    const char *what = sg_value_string(sg_value_get(event, "event_type"), NULL);
    const char *field = sg_value_string(sg_value_get(event, "attribute_name"), NULL);
    int32_t again = 0;

    sg_value_bool(sg_value_get(event, "duplicate_possible"), &again);
    printf("%s %s by %s (%s)%s\n", what != NULL ? what : "?", field != NULL ? field : "", who != NULL ? who : "the site",
           kind != NULL ? kind : "?", again ? ", perhaps told before" : "");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    sg_client *client = NULL;
    sg_events *feed = NULL;
    int64_t patience;
    char *state;
    int code = 0;

    if (argc < 5) {
        fprintf(stderr, "usage: follow_events <site-url> <script-name> <api-key> <state-file> [<seconds>]\n");
        return 2;
    }
    patience = argc > 5 ? 1000 * (int64_t)strtol(argv[5], NULL, 10) : -1;
    if (sg_connect_script(argv[1], argv[2], argv[3], NULL, &client) != SG_STATUS_OK)
        return failed("Signing in");
    state = content(argv[4]);
    feed = open_feed(client, state);
    free(state);
    if (feed == NULL)
        code = failed("Opening the feed");

    while (feed != NULL) {
        sg_result *events = NULL;
        sg_result *now = NULL;
        sg_status status = sg_events_next(feed, patience, &events);
        const sg_value *event = sg_value_first(sg_result_value(events));

        if (status == SG_STATUS_TIMEOUT_WAIT)
            break;
        if (status != SG_STATUS_OK) {
            sg_error *error = sg_error_take_last();
            const int passes = sg_error_is_retryable(error) != 0;

            fprintf(stderr, "Following: %s\n", sg_error_message(error));
            sg_error_free(error);
            /* What passes by itself is waited for: the feed looks again after a pause. */
            if (passes)
                continue;
            code = 1;
            break;
        }
        for (; event != NULL; event = sg_value_next(event))
            tell(event);
        sg_result_free(events);
        /* Kept only now that these events were handled. */
        if (sg_events_state(feed, &now) != SG_STATUS_OK || !keep(argv[4], sg_result_json(now, NULL))) {
            fprintf(stderr, "The place in the log could not be kept in %s\n", argv[4]);
            code = 1;
        }
        sg_result_free(now);
        if (code != 0)
            break;
    }
    sg_events_free(feed);
    sg_client_free(client);
    return code;
}
