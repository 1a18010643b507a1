/* A host unloads the library while its threads live on, and threads that called it end later. Nothing may crash, neither
 * here nor on a system whose C library cannot end thread-locals of an unloaded library (glibc before 2.18); the test is
 * given a copy of the library that sees this machine as such a one. Each case runs in a process of its own. */
#include <dlfcn.h>
#include <pthread.h>
#include <shotgrid.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

/* The functions of the library that this test calls: it is not linked with it. */
struct library {
    void *handle;
    sg_status (*connect_script)(const char *, const char *, const char *, const sg_options *, sg_client **);
    sg_status (*call)(const sg_client *, const char *, const char *, sg_result **);
    const char *(*last_error)(void);
    void (*result_free)(sg_result *);
    void (*client_free)(sg_client *);
    sg_status (*submit)(const sg_client *, const char *, const char *, const sg_call_options *, sg_op **);
    sg_status (*on_done)(const sg_op *, sg_done_fn, void *, sg_finalize_fn);
    void (*op_free)(sg_op *);
    sg_status (*runtime_shutdown)(uint32_t);
};

/* Two threads meet here twice: when the worker has called the library, and when it may end. */
static pthread_barrier_t meeting;

static void find_function(void *handle, const char *name, void *place)
{
    void *found = dlsym(handle, name);

    REQUIRE(found != NULL);
    memcpy(place, &found, sizeof found);
}

static void load(struct library *library, const char *path)
{
    library->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library->handle)
        fprintf(stderr, "%s\n", dlerror());
    REQUIRE(library->handle != NULL);
    find_function(library->handle, "sg_connect_script", &library->connect_script);
    find_function(library->handle, "sg_call", &library->call);
    find_function(library->handle, "sg_last_error", &library->last_error);
    find_function(library->handle, "sg_result_free", &library->result_free);
    find_function(library->handle, "sg_client_free", &library->client_free);
    find_function(library->handle, "sg_submit", &library->submit);
    find_function(library->handle, "sg_op_on_done", &library->on_done);
    find_function(library->handle, "sg_op_free", &library->op_free);
    find_function(library->handle, "sg_runtime_shutdown", &library->runtime_shutdown);
}

static int promised, called, finalized;

static void count_call(sg_op *op, void *data)
{
    (void)op;
    (void)data;
    __sync_fetch_and_add(&called, 1);
}

static void count_finalize(void *data)
{
    (void)data;
    __sync_fetch_and_add(&finalized, 1);
}

/* Begins something that nobody waits for: it is under way when the library is unloaded. */
static void leave_under_way(const struct library *library, const sg_client *client)
{
    sg_op *op = NULL;

    CHECK_INT(library->submit(client, "find", "{\"entity_type\":\"Shot\",\"filters\":[]}", NULL, &op), SG_STATUS_OK);
    CHECK_INT(library->on_done(op, count_call, NULL, count_finalize), SG_STATUS_OK);
    library->op_free(op);
    __sync_fetch_and_add(&promised, 1);
}

/* Connects and makes a call that works and one that fails, so that every thread-local is in use. */
static sg_client *use(const struct library *library)
{
    sg_client *client = NULL;
    sg_result *result = NULL;

    CHECK_INT(library->connect_script(check_setting("SG_TEST_URL"), check_setting("SG_TEST_SCRIPT_NAME"),
                                      check_setting("SG_TEST_API_KEY"), NULL, &client),
              SG_STATUS_OK);
    CHECK_TEXT(library->last_error(), "");
    CHECK_INT(library->call(client, "find_one", "{\"entity_type\":\"Project\",\"filters\":[]}", &result), SG_STATUS_OK);
    library->result_free(result);
    CHECK_INT(SG_STATUS_CLASS(library->call(client, "no_such_method", NULL, &result)), SG_STATUS_INVALID_ARGUMENT);
    return client;
}

static void *worker(void *data)
{
    const struct library *library = data;

    library->client_free(use(library));
    pthread_barrier_wait(&meeting);
    pthread_barrier_wait(&meeting);
    return NULL; /* thread-locals of the library end here, after it was unloaded */
}

static void *nothing(void *data)
{
    return data;
}

static void run_and_join(void *(*body)(void *), pthread_t *thread)
{
    REQUIRE(pthread_create(thread, NULL, body, NULL) == 0);
    REQUIRE(pthread_join(*thread, NULL) == 0);
}

static void unload(const char *path, int shut_down)
{
    struct library library;
    struct library again;
    pthread_t thread;
    sg_client *client;
    int index;

    load(&library, path);
    REQUIRE(pthread_barrier_init(&meeting, NULL, 2) == 0);
    REQUIRE(pthread_create(&thread, NULL, worker, &library) == 0);
    client = use(&library);
    pthread_barrier_wait(&meeting);
    leave_under_way(&library, client);
    library.client_free(client);
    if (shut_down)
        CHECK_INT(library.runtime_shutdown(10000), SG_STATUS_OK);
    CHECK_INT(dlclose(library.handle), 0);
    pthread_barrier_wait(&meeting);
    REQUIRE(pthread_join(thread, NULL) == 0);
    for (index = 0; index < 8; index++)
        run_and_join(nothing, &thread);
    usleep(100000); /* for threads of the library that would now run code which is not there any more */

    /* And it can be loaded again and again. */
    for (index = 0; index < 2; index++) {
        load(&again, path);
        client = use(&again);
        leave_under_way(&again, client);
        again.client_free(client);
        if (shut_down || index == 1)
            CHECK_INT(again.runtime_shutdown(10000), SG_STATUS_OK);
        CHECK_INT(dlclose(again.handle), 0);
    }
    CHECK_INT(called, promised);
    CHECK_INT(finalized, promised);
    pthread_barrier_destroy(&meeting);
}

static void in_child(const char *path, int shut_down, const char *name)
{
    int status = 0;
    pid_t pid = fork();

    REQUIRE(pid >= 0);
    if (pid == 0) {
        alarm(100);
        unload(path, shut_down);
        exit(check_done());
    }
    REQUIRE(waitpid(pid, &status, 0) == pid);
    if (WIFSIGNALED(status))
        check_failed(__FILE__, __LINE__, "%s: ended by signal %d", name, WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        check_failed(__FILE__, __LINE__, "%s: exit code %d", name, WEXITSTATUS(status));
}

int main(void)
{
    const char *library = check_setting("SG_TEST_LIBRARY");
    const char *old_system = check_setting("SG_TEST_LIBRARY_OLD_SYSTEM");

    in_child(library, 0, "with live threads");
    in_child(library, 1, "after a shutdown");
    in_child(old_system, 0, "on an old system, with live threads");
    in_child(old_system, 1, "on an old system, after a shutdown");
    return check_done();
}
