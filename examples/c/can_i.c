/*
 * Greys out a button: may this person do it? Asked beforehand, and nothing is changed by it.
 *
 *     cc -std=c99 -I include examples/c/can_i.c -o can_i -L target/release -lshotgrid -Wl,-rpath,$PWD/target/release
 *     ./can_i <site-url> <login> <password> [<entity-type> <id> <field>]
 *
 * Without the last three it asks for the status of a shot.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shotgrid.h>

/* What a button can look like. */
enum look { GREY, LIT, LIT_BUT_MAY_FAIL };

static const char *text(const sg_value *value, const char *name)
{
    const char *found = sg_value_string(sg_value_get(value, name), NULL);

    return found != NULL ? found : "";
}

/* How a button for this update should look, and into `why` a tool tip. When the site cannot be asked, the button stays lit:
 * the update itself will tell. */
static enum look look_of(const sg_client *client, const char *entity_type, int64_t id, const char *field, char *why, size_t room)
{
    char parameters[512];
    sg_result *result = NULL;
    const sg_value *answer;
    enum look look = LIT_BUT_MAY_FAIL;

    /* Names of types and fields are words; text that people type would have to be escaped, see sg_json_quote(). */
    snprintf(parameters, sizeof parameters,
             "{\"operation\": \"update\", \"entity_type\": \"%s\", \"entity_id\": %" PRId64 ", \"fields\": [\"%s\"]}", entity_type,
             id, field);
    if (sg_call(client, "permission_check", parameters, &result) != SG_STATUS_OK) {
        snprintf(why, room, "%s", sg_last_error());
        return look;
    }
    answer = sg_result_value(result);
    if (strcmp(text(answer, "allowed"), "no") == 0) {
        const char *role = text(answer, "role");

        look = GREY;
        if (strcmp(text(answer, "reason"), "permission") == 0 && role[0] != '\0')
            snprintf(why, room, "Your role is %s, which does not let you change %s.", role, field);
        else
            snprintf(why, room, "%s", text(answer, "message"));
    } else {
        look = strcmp(text(answer, "allowed"), "yes") == 0 ? LIT : LIT_BUT_MAY_FAIL;
        snprintf(why, room, "%s", text(answer, "message"));
    }
    sg_result_free(result);
    return look;
}

/* The first shot that this person sees; 0 where there is none. */
static int64_t any_shot(const sg_client *client)
{
    sg_result *result = NULL;
    int64_t id = 0;

    if (sg_call(client, "find_one", "[\"Shot\", []]", &result) == SG_STATUS_OK)
        (void)sg_value_int64(sg_value_get(sg_result_value(result), "id"), &id);
    sg_result_free(result);
    return id;
}

int main(int argc, char **argv)
{
    static const char *const looks[] = {"greyed out", "lit", "lit, and may fail"};
    sg_client *client = NULL;
    char why[512] = "";
    enum look look;
    int64_t id;

    if (argc != 4 && argc != 7) {
        fprintf(stderr, "usage: %s <site-url> <login> <password> [<entity-type> <id> <field>]\n", argv[0]);
        return 2;
    }
    if (sg_connect_user(argv[1], argv[2], argv[3], NULL, &client) != SG_STATUS_OK) {
        fprintf(stderr, "%s\n", sg_last_error());
        return 1;
    }
    id = argc == 7 ? strtoll(argv[5], NULL, 10) : any_shot(client);
    look = look_of(client, argc == 7 ? argv[4] : "Shot", id, argc == 7 ? argv[6] : "sg_status_list", why, sizeof why);
    printf("The button is %s. %s\n", looks[look], why);
    sg_client_free(client);
    return 0;
}
