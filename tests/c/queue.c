/* Callbacks of a queue run on the thread that dispatches, once each, and an event loop sees on a descriptor that they are due. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "site.h"

enum { OPS = 48, DISPATCHERS = 3, PAGES_AHEAD = 8 };

#define FIND "{\"entity_type\":\"Project\",\"filters\":[]}"

struct seen {
    int called;
    int finalized;
    sg_queue *frees;   /* a queue that the callback frees */
    sg_queue *nests;   /* a queue that the callback dispatches once more */
    uint32_t nested;   /* how many callbacks that ran */
    pthread_t on;
};

static void finalize(void *data)
{
    struct seen *seen = data;

    CHECK_INT(seen->finalized, 0);
    __sync_fetch_and_add(&seen->finalized, 1);
}

static void on_done(sg_op *op, void *data)
{
    struct seen *seen = data;

    CHECK_INT(sg_op_is_done(op), 1);
    __sync_fetch_and_add(&seen->called, 1);
    seen->on = pthread_self();
    if (seen->frees)
        sg_queue_free(seen->frees);
    if (seen->nests)
        CHECK_OK(sg_queue_dispatch(seen->nests, 0, 0, &seen->nested));
}

static sg_op *expect(const sg_client *client, const sg_queue *queue, struct seen *seen)
{
    sg_op *op = NULL;

    memset(seen, 0, sizeof *seen);
    REQUIRE_OK(sg_submit(client, "find", FIND, NULL, &op));
    REQUIRE_OK(sg_queue_on_done(queue, op, on_done, seen, finalize));
    return op;
}

static int readable(int descriptor, int timeout_ms)
{
    struct pollfd watched;

    watched.fd = descriptor;
    watched.events = POLLIN;
    watched.revents = 0;
    return poll(&watched, 1, timeout_ms) > 0 && (watched.revents & POLLIN);
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* An event loop: poll, then dispatch without waiting. */
static void check_descriptor(const sg_client *client)
{
    struct seen seen[3];
    sg_op *ops[3];
    sg_queue *queue = NULL;
    uint32_t count = 77;
    int descriptor, index;

    REQUIRE_OK(sg_queue_new(&queue));
    CHECK_OK(sg_queue_dispatch(queue, 0, 0, &count));
    CHECK_INT(count, 0);
    descriptor = sg_queue_fd(queue);
    REQUIRE(descriptor >= 0);
    CHECK_INT(sg_queue_fd(queue), descriptor);
    CHECK(!readable(descriptor, 0));
    for (index = 0; index < 3; index++)
        ops[index] = expect(client, queue, &seen[index]);
    for (index = 0; index < 3; index++)
        CHECK_OK(sg_op_wait(ops[index], 30000));
    CHECK(readable(descriptor, 30000));
    CHECK_OK(sg_queue_dispatch(queue, 1, 0, &count));
    CHECK_INT(count, 1);
    CHECK(readable(descriptor, 0));
    /* The last one ended before its waiter was told, but may not be in the queue yet. */
    for (index = 1; index < 3; index += (int)count)
        CHECK_OK(sg_queue_dispatch(queue, 0, 30000, &count));
    CHECK(!readable(descriptor, 0));
    for (index = 0; index < 3; index++) {
        CHECK_INT(seen[index].called, 1);
        CHECK_INT(seen[index].finalized, 1);
        CHECK(pthread_equal(seen[index].on, pthread_self()));
        sg_op_free(ops[index]);
    }
    /* A descriptor that is asked for late is right from the beginning. */
    sg_queue_free(queue);
    REQUIRE_OK(sg_queue_new(&queue));
    ops[0] = expect(client, queue, &seen[0]);
    CHECK_OK(sg_queue_dispatch(queue, 0, 30000, &count));
    ops[1] = expect(client, queue, &seen[1]);
    while (!readable(sg_queue_fd(queue), 10))
        continue;
    CHECK_OK(sg_queue_dispatch(queue, 0, 0, &count));
    CHECK_INT(seen[1].called, 1);
    sg_op_free(ops[0]);
    sg_op_free(ops[1]);
    sg_queue_free(queue);
}

static void *wake_soon(void *queue)
{
    const struct timespec pause = {0, 100000000};

    nanosleep(&pause, NULL);
    CHECK_OK(sg_queue_wake(queue));
    return NULL;
}

static void check_waits(const sg_client *client)
{
    struct seen seen;
    sg_queue *queue = NULL;
    sg_op *op;
    pthread_t thread;
    uint32_t count = 77;
    double started = now();

    REQUIRE_OK(sg_queue_new(&queue));
    CHECK_OK(sg_queue_dispatch(queue, 0, 200, &count));
    CHECK(now() - started >= 0.19);
    CHECK_INT(count, 0);
    REQUIRE(pthread_create(&thread, NULL, wake_soon, queue) == 0);
    started = now();
    CHECK_OK(sg_queue_dispatch(queue, 0, -1, &count));
    CHECK(now() - started < 20);
    CHECK_INT(count, 0);
    pthread_join(thread, NULL);
    /* A wake that nobody waited for is not lost, and shows. */
    CHECK(!readable(sg_queue_fd(queue), 0));
    CHECK_OK(sg_queue_wake(queue));
    CHECK(readable(sg_queue_fd(queue), 0));
    CHECK_OK(sg_queue_dispatch(queue, 0, -1, &count));
    CHECK(!readable(sg_queue_fd(queue), 0));
    op = expect(client, queue, &seen);
    sg_op_free(op);
    CHECK_OK(sg_queue_dispatch(queue, 0, -1, &count));
    CHECK_INT(count, 1);
    CHECK_INT(seen.called, 1);
    sg_queue_free(queue);
}

/* What a queue did not run when it is freed never runs, and is finalized by then. */
static void check_free(const sg_client *client)
{
    struct seen due, running;
    sg_queue *queue = NULL;
    sg_op *ops[2];
    int descriptor;

    REQUIRE_OK(sg_queue_new(&queue));
    ops[0] = expect(client, queue, &due);
    descriptor = sg_queue_fd(queue);
    CHECK_OK(sg_op_wait(ops[0], 30000));
    ops[1] = expect(client, queue, &running);
    sg_queue_free(queue);
    CHECK(fcntl(descriptor, F_GETFD) == -1); /* closed with it, whatever still runs */
    CHECK_INT(due.called, 0);
    CHECK_INT(due.finalized, 1);
    CHECK_INT(running.called, 0);
    CHECK_INT(running.finalized, 1);
    CHECK_OK(sg_op_wait(ops[1], 30000));
    sg_op_free(ops[0]);
    sg_op_free(ops[1]);

    /* Inside its own callback, with more behind it. */
    REQUIRE_OK(sg_queue_new(&queue));
    ops[0] = expect(client, queue, &due);
    due.frees = queue;
    CHECK_OK(sg_op_wait(ops[0], 30000));
    ops[1] = expect(client, queue, &running);
    CHECK_OK(sg_op_wait(ops[1], 30000));
    CHECK_OK(sg_queue_dispatch(queue, 0, 30000, NULL));
    CHECK_INT(due.called + running.called, 1);
    CHECK_INT(due.finalized, 1);
    if (running.called == 0)
        CHECK_INT(running.finalized, 1);
    sg_op_free(ops[0]);
    sg_op_free(ops[1]);
    if (running.called)
        sg_queue_free(queue);
}

/* A callback that runs an event loop of its own, as a dialogue does. */
static void check_nested(const sg_client *client)
{
    struct seen outer, inner;
    sg_queue *queue = NULL;
    sg_op *ops[2];
    uint32_t count = 0, total = 0;

    REQUIRE_OK(sg_queue_new(&queue));
    ops[0] = expect(client, queue, &outer);
    outer.nests = queue;
    ops[1] = expect(client, queue, &inner);
    CHECK_OK(sg_op_wait(ops[0], 30000));
    CHECK_OK(sg_op_wait(ops[1], 30000));
    while (total + outer.nested < 2) {
        REQUIRE_OK(sg_queue_dispatch(queue, 0, 30000, &count));
        REQUIRE(count > 0 || outer.nested > 0);
        total += count;
    }
    CHECK_INT(outer.called, 1);
    CHECK_INT(inner.called, 1);
    sg_op_free(ops[0]);
    sg_op_free(ops[1]);
    sg_queue_free(queue);
}

static sg_queue *shared;
static uint32_t dispatched;

static void *dispatch(void *unused)
{
    uint32_t count = 0;
    double until = now() + 60;

    (void)unused;
    while (__sync_fetch_and_add(&dispatched, 0) < OPS && now() < until) {
        CHECK_OK(sg_queue_dispatch(shared, 2, 20, &count));
        __sync_fetch_and_add(&dispatched, count);
    }
    return NULL;
}

static void check_threads(const sg_client *client)
{
    static struct seen seen[OPS];
    pthread_t threads[DISPATCHERS];
    int index;

    REQUIRE_OK(sg_queue_new(&shared));
    for (index = 0; index < DISPATCHERS; index++)
        REQUIRE(pthread_create(&threads[index], NULL, dispatch, NULL) == 0);
    for (index = 0; index < OPS; index++)
        sg_op_free(expect(client, shared, &seen[index]));
    for (index = 0; index < DISPATCHERS; index++)
        pthread_join(threads[index], NULL);
    for (index = 0; index < OPS; index++) {
        CHECK_INT(seen[index].called, 1);
        CHECK_INT(seen[index].finalized, 1);
    }
    sg_queue_free(shared);
}

struct sign_in {
    sg_client *client;
    sg_status status;
};

static void signed_in(sg_op *op, void *data)
{
    struct sign_in *sign_in = data;
    sg_result *result = NULL;

    CHECK_STATUS(sg_op_take_result(op, &result), SG_STATUS_INVALID_STATE);
    sign_in->status = sg_op_take_client(op, &sign_in->client);
    if (sign_in->status == SG_STATUS_OK) {
        sg_client *again = NULL;

        CHECK_STATUS(sg_op_take_client(op, &again), SG_STATUS_INVALID_STATE);
        site_works(sign_in->client); /* a thread of the host's own may wait in a callback */
    }
    sg_op_free(op);
}

static void check_sign_in(void)
{
    struct sign_in good = {NULL, SG_STATUS_INTERNAL}, bad = {NULL, SG_STATUS_INTERNAL}, person = {NULL, SG_STATUS_INTERNAL};
    sg_queue *queue = NULL;
    sg_op *op = NULL;
    const char *url = check_setting("SG_TEST_URL");
    uint32_t count = 0, total = 0;

    REQUIRE_OK(sg_queue_new(&queue));
    REQUIRE_OK(sg_submit_connect_script(url, check_setting("SG_TEST_SCRIPT_NAME"), check_setting("SG_TEST_API_KEY"), NULL, &op));
    REQUIRE_OK(sg_queue_on_done(queue, op, signed_in, &good, NULL));
    REQUIRE_OK(sg_submit_connect_script(url, check_setting("SG_TEST_SCRIPT_NAME"), "wrong", NULL, &op));
    REQUIRE_OK(sg_queue_on_done(queue, op, signed_in, &bad, NULL));
    REQUIRE_OK(sg_submit_connect_user(url, check_setting("SG_TEST_ARTIST_LOGIN"), check_setting("SG_TEST_ARTIST_PASSWORD"), NULL,
                                      &op));
    REQUIRE_OK(sg_queue_on_done(queue, op, signed_in, &person, NULL));
    for (; total < 3; total += count)
        REQUIRE_OK(sg_queue_dispatch(queue, 0, 30000, &count));
    CHECK_OK(good.status);
    CHECK_OK(person.status);
    CHECK_STATUS(bad.status, SG_STATUS_AUTH_CREDENTIALS);
    CHECK(bad.client == NULL);
    sg_client_free(good.client);
    sg_client_free(person.client);
    CHECK_STATUS(sg_submit_connect_script(url, NULL, "key", NULL, &op), SG_STATUS_INVALID_ARGUMENT);
    CHECK_HAS(sg_last_error(), "script_name is NULL");
    CHECK(op == NULL);
    sg_queue_free(queue);
}

/* Pages, asked for one after the other without a wait. */
static void check_pages(const sg_client *client)
{
    sg_pages *pages = NULL;
    sg_op *op = NULL;
    sg_result *page = NULL;
    sg_client *none = NULL;
    size_t rows = 0;
    int count = 0;

    REQUIRE_OK(sg_pages_open(client, "{\"entity_type\":\"Shot\",\"filters\":[]}", &pages));
    for (count = 0; count < 1000; count++) {
        REQUIRE_OK(sg_pages_submit_next(pages, &op));
        CHECK_OK(sg_op_wait(op, 30000));
        CHECK_STATUS(sg_op_take_client(op, &none), SG_STATUS_INVALID_STATE);
        REQUIRE_OK(sg_op_take_result(op, &page));
        sg_op_free(op);
        if (!page)
            break;
        rows += sg_value_count(sg_result_value(page));
        sg_result_free(page);
    }
    CHECK(count > 0 && count < 1000);
    CHECK(rows > 0);
    sg_pages_free(pages);
}

/* Many pages asked for at once come in that order, and one that is cancelled ends the reading. */
static void check_pages_ahead(const sg_client *client)
{
    sg_pages *pages = NULL;
    sg_op *ops[PAGES_AHEAD];
    sg_result *page = NULL;
    size_t rows[PAGES_AHEAD], all = 0, behind = 0;
    int round, index;

    for (round = 0; round < 10; round++) {
        REQUIRE_OK(sg_pages_open(client, "{\"entity_type\":\"EventLogEntry\",\"filters\":[]}", &pages));
        for (index = 0; index < PAGES_AHEAD; index++)
            REQUIRE_OK(sg_pages_submit_next(pages, &ops[index]));
        sg_pages_free(pages);
        for (index = 0; index < PAGES_AHEAD; index++) {
            CHECK_OK(sg_op_wait(ops[index], 60000));
            page = NULL;
            CHECK_OK(sg_op_take_result(ops[index], &page));
            rows[index] = page ? sg_value_count(sg_result_value(page)) : 0;
            all += rows[index];
            behind += index > 0 && rows[index - 1] < 500 ? rows[index] : 0;
            sg_result_free(page);
            sg_op_free(ops[index]);
        }
    }
    CHECK(all > 0);
    CHECK_INT(behind, 0);
    for (round = 0; round < 10; round++) {
        REQUIRE_OK(sg_pages_open(client, "{\"entity_type\":\"Shot\",\"filters\":[]}", &pages));
        REQUIRE_OK(sg_pages_submit_next(pages, &ops[0]));
        CHECK_OK(sg_op_cancel(ops[0]));
        REQUIRE_OK(sg_pages_submit_next(pages, &ops[1]));
        CHECK_OK(sg_op_wait(ops[1], 60000));
        if (sg_op_error(ops[0]))
            CHECK_STATUS(sg_error_status(sg_op_error(ops[1])), SG_STATUS_INVALID_STATE);
        sg_op_free(ops[0]);
        sg_op_free(ops[1]);
        sg_pages_free(pages);
    }
}

int main(void)
{
    sg_client *client = site_script();

    CHECK_STATUS(sg_queue_new(NULL), SG_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(sg_queue_dispatch(NULL, 0, 0, NULL), SG_STATUS_INVALID_ARGUMENT);
    CHECK_INT(sg_queue_fd(NULL), -1);
    sg_queue_free(NULL);
    check_descriptor(client);
    check_waits(client);
    check_free(client);
    check_nested(client);
    check_threads(client);
    check_sign_in();
    check_pages(client);
    check_pages_ahead(client);
    sg_client_free(client);
    CHECK_OK(sg_runtime_shutdown(30000));
    return check_done();
}
