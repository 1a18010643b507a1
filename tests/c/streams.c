/* The library writes to no standard stream: neither when it works, nor when it fails, nor when it has a defect. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "panics.h"
#include "site.h"

/* Puts a new empty file in the place of a stream and gives back its descriptor. */
static int turn_away(int stream)
{
    char path[] = "/tmp/shotgrid-stream-XXXXXX";
    int file = mkstemp(path);

    REQUIRE(file >= 0);
    REQUIRE(unlink(path) == 0);
    REQUIRE(dup2(file, stream) == stream);
    return file;
}

/* How much was written to a file, and what, told on the stream of the checks. */
static void check_empty(int file, const char *name)
{
    struct stat now;
    char text[1024];
    ssize_t got;

    REQUIRE(fstat(file, &now) == 0);
    if (now.st_size == 0)
        return;
    got = pread(file, text, sizeof text - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    check_failed(__FILE__, __LINE__, "%d bytes on %s: %s", (int)now.st_size, name, text);
}

int main(void)
{
    int out;
    int err;
    sg_client *client;
    sg_client *none = NULL;
    sg_result *result = NULL;

    check_stream = fdopen(dup(STDERR_FILENO), "w");
    REQUIRE(check_stream != NULL);
    out = turn_away(STDOUT_FILENO);
    err = turn_away(STDERR_FILENO);
    /* As a person hunting for a fault would have it: no variable may open the streams. */
    REQUIRE(setenv("RUST_BACKTRACE", "full", 1) == 0);
    REQUIRE(setenv("RUST_LOG", "trace", 1) == 0);

    client = site_script();
    site_works(client);
    CHECK_CLASS(sg_call(client, "no_such_method", NULL, &result), SG_STATUS_INVALID_ARGUMENT);
    CHECK(sg_call(client, "find", "{\"entity_type\":\"NoSuchThing\",\"filters\":[]}", &result) != SG_STATUS_OK);
    CHECK_CLASS(sg_connect_script(check_setting("SG_TEST_URL"), "nobody", "no key", NULL, &none), SG_STATUS_AUTH);
    CHECK_CLASS(sg_connect_script("http://127.0.0.1:1", "nobody", "no key", NULL, &none), SG_STATUS_NETWORK);
    CHECK_STATUS(sg_test_panic(), SG_STATUS_INTERNAL);
    sg_client_free(client);
    CHECK_OK(sg_runtime_shutdown(10000));

    check_empty(out, "standard output");
    check_empty(err, "standard error");
    return check_done();
}
