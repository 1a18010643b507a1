/* The log tells a TD what the library does, holds no secret, never calls a host back after it was told to stop, and may be changed from
 * inside itself. The counters of a client agree with what it did. */
#include <pthread.h>
#include <time.h>

#include "site.h"

enum { LINES = 256 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char lines[LINES][512];
static int line_count;

struct listener {
    int called;
    int finalized;
    int running;
    int replaces; /* removes itself when it is called first */
    int pauses;   /* takes its time */
};

static void finalize(void *data)
{
    struct listener *listener = data;

    __sync_fetch_and_add(&listener->finalized, 1);
}

static void listen(sg_log_level level, const char *target, const char *message, void *data)
{
    const struct timespec pause = {0, 200000000};
    struct listener *listener = data;
    sg_result *result = NULL;

    CHECK(level >= SG_LOG_LEVEL_ERROR && level <= SG_LOG_LEVEL_DEBUG);
    CHECK(strchr(message, '\n') == NULL);
    __sync_fetch_and_add(&listener->running, 1);
    CHECK_INT(__sync_fetch_and_add(&listener->finalized, 0), 0);
    __sync_fetch_and_add(&listener->called, 1);
    pthread_mutex_lock(&lock);
    if (line_count < LINES)
        snprintf(lines[line_count++], sizeof lines[0], "%d %s: %s", (int)level, target, message);
    pthread_mutex_unlock(&lock);
    if (listener->pauses)
        nanosleep(&pause, NULL);
    if (listener->replaces) {
        listener->replaces = 0;
        CHECK_STATUS(sg_call(NULL, "info", NULL, &result), SG_STATUS_INVALID_ARGUMENT);
        CHECK_OK(sg_log_set(NULL, 0, NULL, NULL));
        CHECK_INT(__sync_fetch_and_add(&listener->finalized, 0), 0);
    }
    __sync_fetch_and_add(&listener->running, -1);
}

/* Whether a line with all the parts comes within a while; "" stands for any. */
static int told(const char *first, const char *second)
{
    const struct timespec pause = {0, 10000000};
    int round, index, found = 0;

    for (round = 0; round < 3000 && !found; round++) {
        pthread_mutex_lock(&lock);
        for (index = 0; index < line_count && !found; index++)
            found = strstr(lines[index], first) && strstr(lines[index], second);
        pthread_mutex_unlock(&lock);
        if (!found)
            nanosleep(&pause, NULL);
    }
    return found;
}

static void check_secrets(void)
{
    int index;

    pthread_mutex_lock(&lock);
    for (index = 0; index < line_count; index++) {
        CHECK(!strstr(lines[index], check_setting("SG_TEST_API_KEY")));
        CHECK(!strstr(lines[index], check_setting("SG_TEST_ARTIST_PASSWORD")));
        CHECK(!strstr(lines[index], "a wrong key"));
    }
    pthread_mutex_unlock(&lock);
}

static void check_messages(void)
{
    struct listener listener = {0, 0, 0, 0, 0};
    sg_client *script, *artist, *nobody = NULL;
    sg_result *result = NULL;

    CHECK_STATUS(sg_log_set(listen, 0, &listener, finalize), SG_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(sg_log_set(listen, 5, &listener, finalize), SG_STATUS_INVALID_ARGUMENT);
    CHECK_INT(listener.finalized, 0);
    REQUIRE_OK(sg_log_set(listen, SG_LOG_LEVEL_DEBUG, &listener, finalize));
    script = site_script();
    artist = site_artist();
    CHECK(told("3 connect: script \"", "is connected to "));
    CHECK(told("3 connect: \"", check_setting("SG_TEST_ARTIST_LOGIN")));
    CHECK(told("4 call: connect in ", " requests, "));
    site_works(script);
    CHECK(told("4 call: find in ", " ms: 1 request, "));
    CHECK(sg_connect_script(check_setting("SG_TEST_URL"), "nobody", "a wrong key", NULL, &nobody) != SG_STATUS_OK);
    CHECK(told("1 call: connect in ", "AUTH_CREDENTIALS"));
    CHECK(sg_call(script, "find_on", NULL, &result) == SG_STATUS_INVALID_ARGUMENT);
    CHECK(told("1 call: find_on in ", "INVALID_ARGUMENT"));
    check_secrets();
    /* From here on nothing is told any more. */
    REQUIRE_OK(sg_log_set(NULL, 99, NULL, NULL)); /* the level is not looked at */
    CHECK_INT(listener.finalized, 1);
    listener.called = 0;
    site_works(script);
    CHECK_OK(sg_runtime_shutdown(30000));
    CHECK_INT(listener.called, 0);
    sg_client_free(script);
    sg_client_free(artist);
}

static void check_changes(void)
{
    struct listener inside = {0, 0, 0, 1, 0}, slow = {0, 0, 0, 0, 1}, next = {0, 0, 0, 0, 0};
    const struct timespec pause = {0, 10000000};
    sg_client *client;
    int round;

    /* Removed inside itself: finalized when it ends. */
    REQUIRE_OK(sg_log_set(listen, SG_LOG_LEVEL_DEBUG, &inside, finalize));
    client = site_script();
    for (round = 0; round < 3000 && __sync_fetch_and_add(&inside.finalized, 0) == 0; round++)
        nanosleep(&pause, NULL);
    CHECK_INT(inside.called, 1);
    CHECK_INT(inside.finalized, 1);
    /* Replaced while it is being called: the change waits for it. */
    REQUIRE_OK(sg_log_set(listen, SG_LOG_LEVEL_DEBUG, &slow, finalize));
    site_works(client);
    for (round = 0; round < 3000 && __sync_fetch_and_add(&slow.running, 0) == 0; round++)
        nanosleep(&pause, NULL);
    REQUIRE_OK(sg_log_set(listen, SG_LOG_LEVEL_ERROR, &next, finalize));
    CHECK_INT(slow.running, 0);
    CHECK_INT(slow.finalized, 1);
    site_works(client);
    CHECK_OK(sg_runtime_shutdown(30000));
    CHECK_INT(next.called, 0);
    REQUIRE_OK(sg_log_set(NULL, 0, NULL, NULL));
    CHECK_INT(next.finalized, 1);
    sg_client_free(client);
}

static void check_stats(void)
{
    sg_stats before = SG_STATS_INIT, after = SG_STATS_INIT;
    sg_stats small;
    sg_client *client = site_script();
    sg_result *result = NULL;

    CHECK_OK(sg_client_stats(client, &before));
    CHECK_INT(before.calls, 1);
    CHECK_INT(before.calls_failed, 0);
    CHECK_INT(before.requests, 2);
    CHECK(before.bytes_sent > 0 && before.bytes_received > 0);
    site_works(client);
    CHECK(sg_call(client, "fnid", NULL, &result) != SG_STATUS_OK);
    CHECK_OK(sg_client_stats(client, &after));
    CHECK_INT(after.calls, 3);
    CHECK_INT(after.calls_failed, 1);
    CHECK_INT(after.calls_running, 0);
    CHECK_INT(after.requests, 3);
    CHECK_INT(after.retries, 0);
    CHECK(after.bytes_received > before.bytes_received);
    CHECK_INT(after.struct_size, sizeof after);
    /* A caller whose header knew less. */
    memset(&small, 7, sizeof small);
    small.struct_size = 16;
    CHECK_OK(sg_client_stats(client, &small));
    CHECK_INT(small.calls, 3);
    CHECK_INT(small.calls_failed, 0x0707070707070707);
    small.struct_size = 2;
    CHECK_STATUS(sg_client_stats(client, &small), SG_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(sg_client_stats(client, NULL), SG_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(sg_client_stats(NULL, &after), SG_STATUS_INVALID_ARGUMENT);
    sg_client_free(client);
}

int main(void)
{
    check_messages();
    check_changes();
    check_stats();
    CHECK_OK(sg_runtime_shutdown(30000));
    return check_done();
}
