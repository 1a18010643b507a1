/* A callback is called exactly once, on the library's thread for callbacks, whatever an operation comes to and whenever it is
 * freed; its data are finalized exactly once. */
#include <pthread.h>
#include <time.h>

#include "peer.h"
#include "site.h"

enum { MANY = 64 };

/* What one registration has seen. */
struct seen {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int called;
    int finalized;
    sg_status status;
    sg_op *op;
    int frees;      /* whether the callback frees the operation */
    pthread_t host; /* the thread that registered */
    int on_host;    /* whether the callback ran on that */
};

static void seen_init(struct seen *seen)
{
    memset(seen, 0, sizeof *seen);
    pthread_mutex_init(&seen->lock, NULL);
    pthread_cond_init(&seen->changed, NULL);
    seen->host = pthread_self();
}

/* Waits until its data are finalized, at most for a while. */
static void seen_wait(struct seen *seen)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 30;
    pthread_mutex_lock(&seen->lock);
    while (!seen->finalized && pthread_cond_timedwait(&seen->changed, &seen->lock, &until) == 0)
        continue;
    pthread_mutex_unlock(&seen->lock);
}

static void finalize(void *data)
{
    struct seen *seen = data;

    pthread_mutex_lock(&seen->lock);
    seen->finalized++;
    pthread_cond_broadcast(&seen->changed);
    pthread_mutex_unlock(&seen->lock);
}

static void on_done(sg_op *op, void *data)
{
    struct seen *seen = data;
    sg_result *result = NULL;
    sg_status status;

    CHECK(op == seen->op);
    CHECK_INT(sg_op_is_done(op), 1);
    status = sg_op_take_result(op, &result);
    CHECK((status == SG_STATUS_OK) == (result != NULL));
    sg_result_free(result);
    pthread_mutex_lock(&seen->lock);
    CHECK_INT(seen->finalized, 0);
    seen->called++;
    seen->status = status;
    seen->on_host = pthread_equal(pthread_self(), seen->host);
    pthread_mutex_unlock(&seen->lock);
    if (seen->frees) {
        sg_op_free(op);
        CHECK_INT(sg_op_is_done(op), 1); /* it stays valid to the end of the callback */
        sg_op_free(op);
    }
}

static sg_op *submit(const sg_client *client, const char *method, const char *parameters)
{
    sg_op *op = NULL;

    REQUIRE_OK(sg_submit(client, method, parameters, NULL, &op));
    return op;
}

#define FIND "{\"entity_type\":\"Project\",\"filters\":[]}"

/* One call, from registration to the end. */
static void check_once(const sg_client *client, const char *method, const char *parameters, sg_status expected, int frees,
                       int waits)
{
    struct seen seen;
    sg_op *op = submit(client, method, parameters);

    seen_init(&seen);
    seen.op = op;
    seen.frees = frees;
    if (waits)
        CHECK_OK(sg_op_wait(op, 30000));
    REQUIRE_OK(sg_op_on_done(op, on_done, &seen, finalize));
    seen_wait(&seen);
    CHECK_INT(seen.called, 1);
    CHECK_INT(seen.finalized, 1);
    CHECK_INT(seen.on_host, 0);
    CHECK_STATUS(seen.status, expected);
    if (!frees) {
        CHECK_STATUS(sg_op_on_done(op, on_done, &seen, finalize), SG_STATUS_INVALID_STATE);
        CHECK_HAS(sg_last_error(), "callback already");
        CHECK_INT(seen.finalized, 1);
        sg_op_free(op);
    }
}

/* The host lets go at once: the operation and its client live on until the callback has run. */
static void check_forgotten(void)
{
    struct seen seen;
    sg_client *client = site_script();
    sg_op *op = submit(client, "find", FIND);

    seen_init(&seen);
    seen.op = op;
    REQUIRE_OK(sg_op_on_done(op, on_done, &seen, finalize));
    sg_op_free(op);
    sg_client_free(client);
    seen_wait(&seen);
    CHECK_INT(seen.called, 1);
    CHECK_INT(seen.finalized, 1);
    CHECK_OK(seen.status);
}

static void blocking_calls(sg_op *op, void *data)
{
    struct seen *seen = data;
    const sg_client *client = (const sg_client *)seen->op;
    sg_client *other = NULL;
    sg_result *result = NULL;
    sg_queue *queue = NULL;
    sg_op *next = NULL;

    (void)op;
    CHECK_STATUS(sg_call(client, "find", FIND, &result), SG_STATUS_INVALID_STATE_REENTRANT);
    CHECK_STATUS(sg_connect_script("http://127.0.0.1:1", "s", "k", NULL, &other), SG_STATUS_INVALID_STATE_REENTRANT);
    CHECK_STATUS(sg_runtime_shutdown(1000), SG_STATUS_INVALID_STATE_REENTRANT);
    CHECK_OK(sg_queue_new(&queue));
    CHECK_STATUS(sg_queue_dispatch(queue, 0, 0, NULL), SG_STATUS_INVALID_STATE_REENTRANT);
    sg_queue_free(queue);
    /* What does not wait is allowed: another call, with this callback's data for its own. */
    CHECK_OK(sg_submit(client, "find", FIND, NULL, &next));
    CHECK_STATUS(sg_op_wait(next, -1), SG_STATUS_INVALID_STATE_REENTRANT);
    seen->op = next;
    CHECK_OK(sg_op_on_done(next, on_done, seen, finalize));
}

static void check_inside(const sg_client *client)
{
    struct seen seen;
    sg_op *op = submit(client, "find", FIND);

    seen_init(&seen);
    seen.op = (sg_op *)client;
    REQUIRE_OK(sg_op_on_done(op, blocking_calls, &seen, NULL));
    seen_wait(&seen);
    CHECK_INT(seen.called, 1);
    CHECK_OK(seen.status);
    sg_op_free(seen.op);
    sg_op_free(op);
}

static int entered, freed;

static void wait_for_free(sg_op *op, void *data)
{
    const struct timespec pause = {0, 1000000};

    __sync_fetch_and_add(&entered, 1);
    while (!__sync_fetch_and_add(&freed, 0))
        nanosleep(&pause, NULL);
    on_done(op, data);
}

/* The host frees the operation while its callback is running: the result is not lost. */
static void check_freed_meanwhile(const sg_client *client)
{
    const struct timespec pause = {0, 1000000};
    struct seen seen;
    sg_op *op = submit(client, "find", FIND);

    seen_init(&seen);
    seen.op = op;
    REQUIRE_OK(sg_op_on_done(op, wait_for_free, &seen, finalize));
    while (!__sync_fetch_and_add(&entered, 0))
        nanosleep(&pause, NULL);
    sg_op_free(op);
    __sync_fetch_and_add(&freed, 1);
    seen_wait(&seen);
    CHECK_INT(seen.called, 1);
    CHECK_OK(seen.status);
}

/* Many at once, half of them cancelled. */
static void check_many(const sg_client *client)
{
    static struct seen seen[MANY];
    int index;

    for (index = 0; index < MANY; index++) {
        seen_init(&seen[index]);
        seen[index].op = submit(client, "find", FIND);
        REQUIRE_OK(sg_op_on_done(seen[index].op, on_done, &seen[index], finalize));
        if (index % 2)
            CHECK_OK(sg_op_cancel(seen[index].op));
    }
    for (index = 0; index < MANY; index++) {
        seen_wait(&seen[index]);
        CHECK_INT(seen[index].called, 1);
        CHECK_INT(seen[index].finalized, 1);
        CHECK(seen[index].status == SG_STATUS_OK || (index % 2 && seen[index].status == SG_STATUS_CANCELLED));
        sg_op_free(seen[index].op);
    }
}

static const char *slow(struct peer *peer, const char *request)
{
    const struct timespec pause = {2, 0};

    (void)peer;
    if (!strstr(request, "\"method_name\":\"info\""))
        nanosleep(&pause, NULL);
    return PEER_GREETING;
}

/* A shutdown tells everyone before it returns; afterwards nothing new is promised. */
static void check_shutdown(void)
{
    static struct peer peer;
    struct seen seen;
    sg_options *options = sg_options_new();
    sg_client *client = NULL;
    sg_op *op;

    peer.answer = slow;
    peer_start(&peer);
    REQUIRE_OK(sg_options_set_verify_on_connect(options, 0));
    REQUIRE_OK(sg_connect_script(peer.url, "s", "key", options, &client));
    op = submit(client, "find", FIND);
    seen_init(&seen);
    seen.op = op;
    REQUIRE_OK(sg_op_on_done(op, on_done, &seen, finalize));
    CHECK_OK(sg_runtime_shutdown(30000));
    CHECK_INT(seen.called, 1);
    CHECK_INT(seen.finalized, 1);
    CHECK_STATUS(seen.status, SG_STATUS_CANCELLED);
    sg_op_free(op);
    sg_client_free(client);
    sg_options_free(options);
    peer_stop(&peer);
}

static void check_after_shutdown(void)
{
    struct seen seen;
    sg_client *client = site_script();
    sg_op *op = submit(client, "find", FIND);

    CHECK_OK(sg_op_wait(op, 30000));
    CHECK_OK(sg_runtime_shutdown(30000));
    seen_init(&seen);
    CHECK_STATUS(sg_op_on_done(op, on_done, &seen, finalize), SG_STATUS_INVALID_STATE);
    CHECK_INT(seen.finalized, 0);
    sg_op_free(op);
    sg_client_free(client);
}

static int running;

static void take_long(sg_op *op, void *data)
{
    const struct timespec pause = {1, 0};

    (void)op;
    (void)data;
    __sync_fetch_and_add(&running, 1);
    nanosleep(&pause, NULL);
    __sync_fetch_and_add(&running, -1);
}

/* A shutdown that ran out of time is made good by the next one: OK means that nothing runs any more. */
static void check_shutdown_again(void)
{
    const struct timespec pause = {0, 1000000};
    sg_client *client = site_script();
    sg_op *op = submit(client, "find", FIND);

    REQUIRE_OK(sg_op_on_done(op, take_long, NULL, NULL));
    while (!__sync_fetch_and_add(&running, 0))
        nanosleep(&pause, NULL);
    CHECK_STATUS(sg_runtime_shutdown(50), SG_STATUS_TIMEOUT_WAIT);
    CHECK_STATUS(sg_runtime_shutdown(50), SG_STATUS_TIMEOUT_WAIT);
    CHECK_INT(__sync_fetch_and_add(&running, 0), 1);
    CHECK_OK(sg_runtime_shutdown(30000));
    CHECK_INT(__sync_fetch_and_add(&running, 0), 0);
    sg_op_free(op);
    sg_client_free(client);
}

/* A write that was cancelled before it left this machine was not applied, and is said not to have been. */
static void check_cancelled_write(const sg_client *client)
{
    sg_stats before = SG_STATS_INIT, after = SG_STATS_INIT;
    int index, applied = 0, cancelled = 0;

    CHECK_OK(sg_client_stats(client, &before));
    for (index = 0; index < MANY; index++) {
        sg_op *op = submit(client, "update", "[\"Shot\", 1, {\"description\": \"x\"}]");

        CHECK_OK(sg_op_cancel(op));
        if (sg_op_error(op)) {
            cancelled++;
            applied += sg_error_may_have_applied(sg_op_error(op));
        }
        sg_op_free(op);
    }
    CHECK(cancelled > 0);
    CHECK(applied < cancelled);
    CHECK_OK(sg_client_stats(client, &after));
    CHECK_INT(after.calls - before.calls, MANY);
    CHECK((uint64_t)applied <= after.requests - before.requests);
}

int main(void)
{
    sg_client *client = site_script();
    sg_op *op = submit(client, "find", FIND);

    CHECK_STATUS(sg_op_on_done(NULL, on_done, NULL, NULL), SG_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(sg_op_on_done(op, NULL, NULL, finalize), SG_STATUS_INVALID_ARGUMENT);
    CHECK_HAS(sg_last_error(), "on_done is NULL");
    sg_op_free(op);

    check_once(client, "find", FIND, SG_STATUS_OK, 0, 0);
    check_once(client, "find", FIND, SG_STATUS_OK, 0, 1);
    check_once(client, "find", FIND, SG_STATUS_OK, 1, 0);
    check_once(client, "find", FIND, SG_STATUS_OK, 1, 1);
    check_once(client, "fnid", FIND, SG_STATUS_INVALID_ARGUMENT, 1, 0);
    check_forgotten();
    check_freed_meanwhile(client);
    check_inside(client);
    check_many(client);
    check_cancelled_write(client);
    sg_client_free(client);
    check_shutdown();
    check_after_shutdown();
    check_shutdown_again();
    CHECK_OK(sg_runtime_shutdown(30000));
    return check_done();
}
