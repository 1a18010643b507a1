/*
 * A test of a plug-in without a site. It was recorded with one once; from then on the recording answers.
 *
 *     cc -std=c99 -I include examples/c/recorded.c -o recorded -L target/release -lshotgrid -Wl,-rpath,$PWD/target/release
 *     ./recorded shots.rec <site-url> <script-name> <api-key>     once: makes shots.rec
 *     ./recorded shots.rec                                        ever after: with no site and no key
 */
#include <stdio.h>
#include <string.h>

#include <shotgrid.h>

/* What the plug-in does, and the test is about: the name of the first shot that is in work. */
static sg_status shot_in_work(const sg_client *client, char *name, size_t room)
{
    sg_result *result = NULL;
    const char *code;
    sg_status status = sg_call(client, "find_one",
                               "{\"entity_type\": \"Shot\", \"filters\": [[\"sg_status_list\", \"is\", \"ip\"]],"
                               " \"fields\": [\"code\"], \"order\": [{\"field_name\": \"code\", \"direction\": \"asc\"}]}",
                               &result);

    code = sg_value_string(sg_value_get(sg_result_value(result), "code"), NULL);
    snprintf(name, room, "%s", code != NULL ? code : "none");
    sg_result_free(result);
    return status;
}

int main(int argc, char **argv)
{
    sg_options *options;
    sg_client *client = NULL;
    sg_status status;
    char name[256] = "";

    if (argc != 2 && argc != 5) {
        fprintf(stderr, "usage: %s <recording> [<site-url> <script-name> <api-key>]\n", argv[0]);
        return 2;
    }
    options = sg_options_new();
    if (argc == 5) {
        sg_options_set_record(options, argv[1]);
        status = sg_connect_script(argv[2], argv[3], argv[4], options, &client);
    } else {
        sg_options_set_replay(options, argv[1]);
        status = sg_connect_script("", "", "", options, &client);
    }
    sg_options_free(options);
    if (status == SG_STATUS_OK)
        status = shot_in_work(client, name, sizeof name);
    if (status != SG_STATUS_OK)
        fprintf(stderr, "%s\n", sg_last_error());
    else
        printf("%s: in work is %s\n", argc == 5 ? "recorded" : "replayed", name);
    sg_client_free(client);
    return status == SG_STATUS_OK ? 0 : 1;
}
