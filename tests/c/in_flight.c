/* A process may end, fork or let go of everything while operations are under way: nothing hangs, nothing crashes, and each callback and
 * finalizer has its turn at most once. */
#include <pthread.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"
#include "site.h"

enum { OPS = 24, ROUNDS = 6, CHILD_SECONDS = 60 };

static int called, finalized;

static void finalize(void *data)
{
    (void)data;
    __sync_fetch_and_add(&finalized, 1);
}

static void on_done(sg_op *op, void *data)
{
    (void)data;
    CHECK_INT(sg_op_is_done(op), 1);
    __sync_fetch_and_add(&called, 1);
}

/* Answers what comes after a while, so that there is something under way. */
static const char *slow(struct peer *peer, const char *request)
{
    const struct timespec pause = {0, 300000000};

    (void)peer;
    if (!strstr(request, "\"method_name\":\"info\""))
        nanosleep(&pause, NULL);
    return PEER_GREETING;
}

static sg_client *connect_to(const char *url)
{
    sg_options *options = sg_options_new();
    sg_client *client = NULL;

    REQUIRE_OK(sg_options_set_verify_on_connect(options, 0));
    REQUIRE_OK(sg_connect_script(url, "script", "key", options, &client));
    sg_options_free(options);
    return client;
}

struct work {
    sg_client *client;
    sg_queue *queue;
    sg_op *ops[OPS];
};

/* Half with callbacks on the library's thread, half in a queue. */
static void begin(struct work *work, const char *url)
{
    int index;

    work->client = connect_to(url);
    REQUIRE_OK(sg_queue_new(&work->queue));
    for (index = 0; index < OPS; index++) {
        REQUIRE_OK(sg_submit_raw(work->client, "read", "{}", NULL, &work->ops[index]));
        if (index % 2)
            REQUIRE_OK(sg_op_on_done(work->ops[index], on_done, NULL, finalize));
        else
            REQUIRE_OK(sg_queue_on_done(work->queue, work->ops[index], on_done, NULL, finalize));
    }
}

static void end(struct work *work, int order)
{
    int index;

    if (order % 2)
        sg_client_free(work->client);
    if (order / 2 % 2)
        sg_queue_free(work->queue);
    for (index = 0; index < OPS; index++) {
        if ((index + order) % 3 == 0)
            CHECK_OK(sg_op_cancel(work->ops[index]));
        sg_op_free(work->ops[index]);
    }
    if (!(order / 2 % 2))
        sg_queue_free(work->queue);
    if (!(order % 2))
        sg_client_free(work->client);
}

/* Runs in a child and gives its exit status; -1 where a signal ended it. */
static int in_child(void (*child)(struct work *, const char *), struct work *work, const char *url)
{
    int status = 0;
    pid_t pid = fork();

    REQUIRE(pid >= 0);
    if (pid == 0) {
        alarm(CHILD_SECONDS);
        child(work, url);
        exit(check_done());
    }
    REQUIRE(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The host returns from main with everything open. */
static void leave(struct work *work, const char *url)
{
    (void)work;
    begin(malloc(sizeof(struct work)), url);
}

/* The same through _exit, with the library's threads in the middle of things. */
static void leave_at_once(struct work *work, const char *url)
{
    leave(work, url);
    _exit(check_done());
}

/* A child lets go of what its parent had, and works on its own. */
static void inherit(struct work *parents, const char *url)
{
    struct work own;
    uint32_t count = 0;

    CHECK_STATUS(sg_op_wait(parents->ops[0], 1000), SG_STATUS_FORKED);
    CHECK_INT(sg_op_is_done(parents->ops[0]), 0);
    CHECK_STATUS(sg_op_cancel(parents->ops[0]), SG_STATUS_FORKED);
    CHECK_STATUS(sg_op_on_done(parents->ops[0], on_done, NULL, finalize), SG_STATUS_FORKED);
    CHECK_STATUS(sg_queue_dispatch(parents->queue, 0, 1000, &count), SG_STATUS_FORKED);
    CHECK_STATUS(sg_queue_wake(parents->queue), SG_STATUS_FORKED);
    CHECK_INT(sg_queue_fd(parents->queue), -1);
    parents->ops[0] = NULL; /* leaked: sg_op_free is below for the others */
    sg_op_free(parents->ops[1]);
    sg_queue_free(parents->queue);
    sg_client_free(parents->client);
    CHECK_INT(called, 0);
    CHECK_INT(finalized, 0);
    begin(&own, url);
    CHECK_OK(sg_op_wait(own.ops[0], 30000));
    end(&own, 0);
    CHECK_OK(sg_runtime_shutdown(30000));
}

static int forked_status = -1;

/* A child that is forked in a callback has none of the library's threads, this one neither: it may wait. */
static void fork_inside(sg_op *op, void *data)
{
    sg_client *client = NULL;
    pid_t pid = fork();

    (void)op;
    if (pid == 0) {
        sg_status status;

        alarm(CHILD_SECONDS);
        status = sg_connect_script((const char *)data, "script", "key", NULL, &client);
        sg_client_free(client);
        _exit(status == SG_STATUS_INVALID_STATE_REENTRANT);
    }
    waitpid(pid, &forked_status, 0);
}

static void check_fork_inside(const char *url)
{
    sg_client *client = connect_to(url);
    sg_op *op = NULL;

    REQUIRE_OK(sg_submit_raw(client, "read", "{}", NULL, &op));
    REQUIRE_OK(sg_op_on_done(op, fork_inside, (void *)url, NULL));
    sg_op_free(op);
    sg_client_free(client);
    CHECK_OK(sg_runtime_shutdown(60000));
    CHECK(WIFEXITED(forked_status) && WEXITSTATUS(forked_status) == 0);
}

int main(void)
{
    static struct peer peer;
    struct work work;
    int round;

    peer.answer = slow;
    peer_start(&peer);
    CHECK_INT(in_child(leave, &work, peer.url), 0);
    CHECK_INT(in_child(leave_at_once, &work, peer.url), 0);
    check_fork_inside(peer.url);
    begin(&work, peer.url);
    CHECK_INT(in_child(inherit, &work, peer.url), 0);
    end(&work, 0);
    for (round = 0; round < ROUNDS; round++) {
        begin(&work, peer.url);
        end(&work, round);
    }
    CHECK_OK(sg_runtime_shutdown(30000));
    /* All callbacks of the library's thread have run; those of queues that were freed were finalized alone. */
    CHECK_INT(called, (ROUNDS + 1) * OPS / 2);
    CHECK_INT(finalized, (ROUNDS + 1) * OPS);
    peer_stop(&peer);
    return check_done();
}
