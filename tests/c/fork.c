/* A forked child has none of the parent's threads. A client of the parent must say so there at once instead of waiting
 * for ever; it can be freed, and the child can connect anew. The parent goes on as if nothing had happened. */
#include <pthread.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "site.h"

enum { THREADS = 4, ROUNDS = 12, CHILD_SECONDS = 60 };

static volatile int stop;

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* A client of another process answers FORKED, quickly. Its counters can be read. */
static void check_foreign(sg_client *client)
{
    sg_result *result = NULL;
    sg_stats stats = SG_STATS_INIT;
    double started = now();

    CHECK_STATUS(sg_call(client, "info", NULL, &result), SG_STATUS_FORKED);
    CHECK_STATUS(sg_client_cancel_calls(client), SG_STATUS_FORKED);
    CHECK(now() - started < 5);
    CHECK(result == NULL);
    CHECK_HAS(sg_last_error(), "parent process");
    CHECK_OK(sg_client_stats(client, &stats));
    CHECK(stats.calls > 0);
    sg_client_free(client);
}

/* Runs `child` in a fork and checks that it ended well. */
static void in_child(void (*child)(sg_client *), sg_client *client)
{
    int status = 0;
    pid_t pid = fork();

    REQUIRE(pid >= 0);
    if (pid == 0) {
        alarm(CHILD_SECONDS); /* a child that hangs is the fault that this test is for */
        check_failures = 0;
        child(client);
        _exit(check_done());
    }
    REQUIRE(waitpid(pid, &status, 0) == pid);
    if (WIFSIGNALED(status))
        check_failed(__FILE__, __LINE__, "the child was ended by signal %d", WTERMSIG(status));
    else
        CHECK_INT(WEXITSTATUS(status), 0);
    if (check_failures > 0)
        _exit(check_done()); /* more children would hang as long as this one did */
}

static void grandchild(sg_client *client)
{
    check_foreign(client);
}

static void child(sg_client *parents)
{
    sg_client *own;

    check_foreign(parents);
    own = site_script();
    site_works(own);
    in_child(grandchild, own);
    site_works(own);
    sg_client_free(own);
    CHECK_OK(sg_runtime_shutdown(10000));
}

static void *keep_calling(void *client)
{
    while (!stop)
        site_works(client);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    sg_client *client = site_script();
    int index, round;

    site_works(client);
    in_child(child, client);
    site_works(client);

    /* The same while other threads are in the middle of calls, and hold whatever locks calls hold: one alone, which drives the network,
     * then several. */
    for (index = 0; index < THREADS; index++) {
        REQUIRE(pthread_create(&threads[index], NULL, keep_calling, client) == 0);
        if (index == 0 || index == THREADS - 1)
            for (round = 0; round < ROUNDS / 2; round++)
                in_child(child, client);
    }
    stop = 1;
    for (index = 0; index < THREADS; index++)
        REQUIRE(pthread_join(threads[index], NULL) == 0);
    site_works(client);

    /* A child of a process that has shut the library down. */
    CHECK_OK(sg_runtime_shutdown(10000));
    in_child(child, client);
    sg_client_free(client);
    return check_done();
}
