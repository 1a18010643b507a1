/* A thousand sign-ins, calls, callbacks and frees leave nothing behind: no memory, no thread, no descriptor. */
#include <dirent.h>
#include <unistd.h>

#include "site.h"

enum { WARM_UP = 100, CYCLES = 1000, MOST_KILOBYTES = 2048 };

static int entries(const char *path)
{
    DIR *folder = opendir(path);
    int count = 0;

    REQUIRE(folder != NULL);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static long resident_kilobytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long pages = 0;

    REQUIRE(file != NULL);
    REQUIRE(fscanf(file, "%*s %ld", &pages) == 1);
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void count(sg_op *op, void *data)
{
    (void)op;
    ++*(int *)data;
}

static void cycle(void)
{
    sg_client *client = site_script();
    sg_queue *queue = NULL;
    sg_op *op = NULL;
    int called = 0;

    site_works(client);
    REQUIRE_OK(sg_queue_new(&queue));
    CHECK(sg_queue_fd(queue) >= 0);
    REQUIRE_OK(sg_submit(client, "info", NULL, NULL, &op));
    REQUIRE_OK(sg_queue_on_done(queue, op, count, &called, NULL));
    sg_op_free(op);
    sg_client_free(client);
    CHECK_OK(sg_queue_dispatch(queue, 0, 30000, NULL));
    CHECK_INT(called, 1);
    sg_queue_free(queue);
}

/* Where memory is looked at by other means, it is not the process's own, and everything is slow. */
static int is_watched(void)
{
#ifdef __SANITIZE_ADDRESS__
    return 1;
#else
    const char *preload = getenv("LD_PRELOAD");

    return preload && strstr(preload, "vgpreload");
#endif
}

int main(void)
{
    int few = is_watched();
    int threads, descriptors, index;
    long kilobytes;

    for (index = 0; index < (few ? 2 : WARM_UP); index++)
        cycle();
    usleep(300000); /* connections that were let go of close on threads of the library */
    threads = entries("/proc/self/task");
    descriptors = entries("/proc/self/fd");
    kilobytes = resident_kilobytes();
    for (index = 0; index < (few ? 8 : CYCLES) && check_failures == 0; index++)
        cycle();
    usleep(300000);
    CHECK(entries("/proc/self/task") <= threads);
    CHECK(entries("/proc/self/fd") <= descriptors + 2);
    if (!few && resident_kilobytes() - kilobytes > MOST_KILOBYTES)
        check_failed(__FILE__, __LINE__, "%d cycles took %ld KiB", CYCLES, resident_kilobytes() - kilobytes);
    CHECK_OK(sg_runtime_shutdown(30000));
    CHECK_INT(entries("/proc/self/task"), 3); /* this thread, "." and ".." */
    return check_done();
}
