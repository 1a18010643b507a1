/* A session is recorded, and replayed without its site: the same answers, files and refusals, no key in the file, and a
 * status of its own for what was not recorded. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "site.h"

/* Somewhere that no site is: nobody answers at port 1. */
#define NOWHERE "http://127.0.0.1:1"

static char recording[256], copy[256], movie[256];

static sg_client *connected(sg_status (*set)(sg_options *, const char *), const char *url, const char *name, const char *key)
{
    sg_options *options = sg_options_new();
    sg_client *client = NULL;

    REQUIRE_OK(set(options, recording));
    REQUIRE_OK(sg_options_set_timeout_ms(options, 120000));
    REQUIRE_OK(sg_connect_script(url, name, key, options, &client));
    sg_options_free(options);
    return client;
}

/* What a plug-in does. The answer is the id of what it made. */
static int64_t story(const sg_client *client)
{
    char parameters[1024];
    sg_result *result = NULL;
    int64_t version = 0, attachment = 0;

    snprintf(parameters, sizeof parameters,
             "[\"Version\", {\"code\": \"recorded\", \"project\": {\"type\": \"Project\", \"id\": %" PRId64 "}}]",
             site_first_id(client, "Project"));
    REQUIRE_OK(sg_call(client, "create", parameters, &result));
    REQUIRE_OK(sg_value_int64(sg_value_get(sg_result_value(result), "id"), &version));
    sg_result_free(result);

    snprintf(parameters, sizeof parameters, "[\"Version\", %" PRId64 ", \"%s\", \"sg_uploaded_movie\"]", version, movie);
    REQUIRE_OK(sg_call(client, "upload", parameters, &result));
    REQUIRE_OK(sg_value_int64(sg_result_value(result), &attachment));
    sg_result_free(result);

    snprintf(parameters, sizeof parameters, "[%" PRId64 ", \"%s\"]", attachment, copy);
    CHECK_OK(sg_call(client, "download_attachment", parameters, &result));
    sg_result_free(result);
    CHECK_STATUS(sg_call(client, "update", "[\"Version\", 1, {\"no_such_field\": 1}]", &result), SG_STATUS_REJECTED);
    CHECK_HAS(sg_last_error(), "no_such_field");
    return version;
}

static char *content(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    char *bytes = calloc(1, 1 << 20);

    REQUIRE(file != NULL && bytes != NULL);
    *length = fread(bytes, 1, (1 << 20) - 1, file);
    fclose(file);
    return bytes;
}

static void write_movie(void)
{
    FILE *file = fopen(movie, "wb");
    int index;

    REQUIRE(file != NULL);
    for (index = 0; index < 50000; index++)
        fputc(index * 7 & 255, file);
    fclose(file);
}

static void check_file(void)
{
    struct stat facts;
    size_t length;
    char *text = content(recording, &length);

    CHECK(stat(recording, &facts) == 0 && (facts.st_mode & 0777) == 0600);
    CHECK(strstr(text, check_setting("SG_TEST_API_KEY")) == NULL);
    CHECK(strncmp(text, "{\"libshotgrid_recording\":1,", 27) == 0);
    CHECK(length > 0 && text[length - 1] == '\n');
    free(text);
}

static void same_copy(void)
{
    size_t lengths[2];
    char *contents[2] = {content(movie, &lengths[0]), content(copy, &lengths[1])};

    CHECK(lengths[0] == lengths[1] && memcmp(contents[0], contents[1], lengths[0]) == 0);
    free(contents[0]);
    free(contents[1]);
    unlink(copy);
}

static void check_mistakes(void)
{
    sg_options *options = sg_options_new();
    sg_client *client = NULL;

    CHECK_STATUS(sg_options_set_record(NULL, recording), SG_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(sg_options_set_replay(NULL, recording), SG_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(sg_options_set_record(options, ""), SG_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(sg_options_set_replay(options, ""), SG_STATUS_INVALID_ARGUMENT);
    CHECK_OK(sg_options_set_replay(options, movie));
    CHECK_STATUS(sg_connect_script("", "", "", options, &client), SG_STATUS_RECORDING);
    CHECK_HAS(sg_last_error(), "line 1");
    CHECK_OK(sg_options_set_record(options, recording));
    CHECK_STATUS(sg_connect_script("", "", "", options, &client), SG_STATUS_INVALID_ARGUMENT);
    CHECK_OK(sg_options_set_replay(options, NULL));
    CHECK_OK(sg_options_set_record(options, movie));
    CHECK_STATUS(sg_connect_script(NOWHERE, "a", "b", options, &client), SG_STATUS_IO);
    CHECK_HAS(sg_last_error(), "is there already");
    sg_options_free(options);
}

/* What the log tells of the recording. */
static int told_of_end;

static void listen(sg_log_level level, const char *target, const char *message, void *data)
{
    (void)data;
    if (level == SG_LOG_LEVEL_ERROR && strcmp(target, "record") == 0 && strstr(message, "ends here") != NULL)
        told_of_end++;
}

/* A file that cannot grow any more: calls go on, the host is told once and can count, and what stands there can be replayed. */
static void check_full(void)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    sg_stats stats = SG_STATS_INIT;
    sg_result *result = NULL;
    sg_client *client;
    struct stat facts;

    signal(SIGXFSZ, SIG_IGN);
    unlink(recording);
    REQUIRE_OK(sg_log_set(listen, SG_LOG_LEVEL_ERROR, NULL, NULL));
    client = connected(sg_options_set_record, check_setting("SG_TEST_URL"), check_setting("SG_TEST_SCRIPT_NAME"),
                       check_setting("SG_TEST_API_KEY"));
    CHECK(site_works(client));
    /* Room for a part of a line. */
    REQUIRE(stat(recording, &facts) == 0);
    limit.rlim_cur = (rlim_t)facts.st_size + 100;
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHECK(site_works(client));
    CHECK(site_works(client));
    CHECK(site_first_id(client, "Shot") > 0);
    limit.rlim_cur = RLIM_INFINITY;
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHECK_OK(sg_client_stats(client, &stats));
    CHECK_INT(stats.unrecorded, 3);
    CHECK_INT(stats.calls_failed, 0);
    sg_client_free(client);
    CHECK_OK(sg_runtime_shutdown(30000));
    CHECK_INT(told_of_end, 1);
    REQUIRE_OK(sg_log_set(NULL, 0, NULL, NULL));

    client = connected(sg_options_set_replay, NOWHERE, "", "");
    CHECK(site_works(client));
    CHECK_STATUS(sg_call(client, "find_one", "[\"Shot\", []]", &result), SG_STATUS_RECORDING_NO_MATCH);
    sg_client_free(client);
}

int main(void)
{
    sg_stats stats = SG_STATS_INIT;
    sg_result *result = NULL;
    sg_client *client;
    int64_t version;

    snprintf(recording, sizeof recording, "/tmp/libshotgrid-%ld-session.rec", (long)getpid());
    snprintf(copy, sizeof copy, "/tmp/libshotgrid-%ld-copy.mov", (long)getpid());
    snprintf(movie, sizeof movie, "/tmp/libshotgrid-%ld-movie.mov", (long)getpid());
    write_movie();

    client = connected(sg_options_set_record, check_setting("SG_TEST_URL"), check_setting("SG_TEST_SCRIPT_NAME"),
                       check_setting("SG_TEST_API_KEY"));
    version = story(client);
    CHECK_OK(sg_client_stats(client, &stats));
    CHECK_INT(stats.unrecorded, 0);
    sg_client_free(client);
    check_file();
    same_copy();

    client = connected(sg_options_set_replay, NOWHERE, "", "");
    CHECK_INT(story(client), version);
    same_copy();
    CHECK_STATUS(sg_call(client, "delete", "[\"Version\", 1]", &result), SG_STATUS_RECORDING_NO_MATCH);
    CHECK_HAS(sg_last_error(), "holds no such request");
    sg_client_free(client);

    check_mistakes();
    check_full();
    unlink(recording);
    unlink(movie);
    CHECK_OK(sg_runtime_shutdown(30000));
    return check_done();
}
