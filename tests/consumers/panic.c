/* A defect inside the shipped library is an error like any other, and the host goes on.
 *
 * The library has no function that could be made to panic. What it is made of panics where the system breaks its word: here a thread asks for the
 * time, and there is none. clock_gettime() is found in the program first, and in the C library afterwards. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <shotgrid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static __thread int no_clock;

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int (*real)(clockid_t, struct timespec *);

    if (no_clock) {
        errno = EINVAL;
        return -1;
    }
    /* A function's address out of a data pointer, as POSIX has it. */
    *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    return real(clock, now);
}

/* Ends the program where what was got is not INTERNAL, told with a place in the library's sources and with these words. */
static void is_told(const char *what, sg_status status, const char *words)
{
    const char *message = sg_last_error();

    if (status == SG_STATUS_INTERNAL && sg_last_error_status() == SG_STATUS_INTERNAL && strstr(message, ".rs:") != NULL &&
        strstr(message, words) != NULL)
        return;
    printf("%s, and %s: %s\n", what, sg_status_name(status), message);
    exit(1);
}

static void is_well(const char *what, sg_status status)
{
    if (status == SG_STATUS_OK)
        return;
    printf("%s, and %s: %s\n", what, sg_status_name(status), sg_last_error());
    exit(1);
}

int main(void)
{
    sg_client *client = NULL;
    sg_op *op = NULL;
    sg_result *result = NULL;
    int round;

    no_clock = 1;
    is_told("the clock failed before anything was done", sg_runtime_shutdown(10000), "Invalid argument");
    no_clock = 0;
    is_well("the clock is right again",
            sg_connect_script(getenv("SG_TEST_URL"), getenv("SG_TEST_SCRIPT_NAME"), getenv("SG_TEST_API_KEY"), NULL, &client));

    for (round = 0; round < 100; round++) {
        is_well("a call begins", sg_submit(client, "find", "[\"Shot\", [], [\"code\"]]", NULL, &op));
        no_clock = 1;
        is_told("the clock failed", sg_op_wait(op, 10000), "Invalid argument");
        is_told("the clock failed", sg_runtime_shutdown(10000), "Invalid argument");
        no_clock = 0;
        is_well("the clock is right again", sg_op_wait(op, 10000));
        is_well("and there is a result", sg_op_take_result(op, &result));
        sg_result_free(result);
        sg_op_free(op);
    }
    sg_client_free(client);
    is_well("the end", sg_runtime_shutdown(10000));
    printf("libshotgrid %s caught its panics\n", sg_lib_version());
    return 0;
}
