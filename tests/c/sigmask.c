/* The library's own threads block SIGPIPE, and what a host handles on threads of its own; the thread that calls keeps the
 * mask that it had. */
#include <dirent.h>
#include <pthread.h>
#include <signal.h>

#include "site.h"

static const int blocked_signals[] = {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGALRM, SIGUSR1};

/* Reads `/proc/self/task/<id>/<file>` into `text`. */
static int read_task(const char *id, const char *file, char *text, size_t size)
{
    char path[300];
    FILE *stream;
    size_t got;

    snprintf(path, sizeof path, "/proc/self/task/%s/%s", id, file);
    stream = fopen(path, "r");
    if (!stream)
        return 0; /* a thread that ended in the meantime */
    got = fread(text, 1, size - 1, stream);
    fclose(stream);
    text[got] = '\0';
    return 1;
}

int main(void)
{
    sg_client *client;
    DIR *tasks;
    struct dirent *task;
    sigset_t before;
    sigset_t after;
    int ours = 0;
    int signal;

    REQUIRE(pthread_sigmask(SIG_SETMASK, NULL, &before) == 0);
    client = site_script();
    site_works(client);
    REQUIRE(pthread_sigmask(SIG_SETMASK, NULL, &after) == 0);
    for (signal = 1; signal < 32; signal++)
        CHECK_INT(sigismember(&after, signal), sigismember(&before, signal));

    tasks = opendir("/proc/self/task");
    REQUIRE(tasks != NULL);
    while ((task = readdir(tasks)) != NULL) {
        char text[4096];
        const char *mask;
        uint64_t blocked;
        size_t index;

        if (!read_task(task->d_name, "comm", text, sizeof text) || strncmp(text, "sg-", 3) != 0)
            continue;
        ours++;
        if (!read_task(task->d_name, "status", text, sizeof text))
            continue;
        mask = strstr(text, "\nSigBlk:");
        REQUIRE(mask != NULL);
        blocked = strtoull(mask + strlen("\nSigBlk:"), NULL, 16);
        for (index = 0; index < sizeof blocked_signals / sizeof blocked_signals[0]; index++)
            if (!(blocked & (UINT64_C(1) << (blocked_signals[index] - 1))))
                check_failed(__FILE__, __LINE__, "a thread of the library does not block %s:\n%s",
                             strsignal(blocked_signals[index]), text);
    }
    closedir(tasks);
    /* Were they named otherwise, the loop above would have looked at none. */
    CHECK(ours > 0);
    sg_client_free(client);
    CHECK_OK(sg_runtime_shutdown(10000));
    return check_done();
}
