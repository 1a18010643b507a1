/* A defect of the library is an error like any other: INTERNAL, with the place where it is, and the host goes on. */
#include <pthread.h>

#include "panics.h"
#include "site.h"

static void check_panic(void)
{
    sg_error *error;

    CHECK_STATUS(sg_test_panic(), SG_STATUS_INTERNAL);
    CHECK_STATUS(sg_last_error_status(), SG_STATUS_INTERNAL);
    CHECK_HAS(sg_last_error(), "this defect was made on purpose");
    CHECK_HAS(sg_last_error(), "lib.rs:");
    error = sg_error_take_last();
    CHECK_STATUS(sg_error_status(error), SG_STATUS_INTERNAL);
    CHECK_INT(sg_error_is_retryable(error), 0);
    sg_error_free(error);
    CHECK_TEXT(sg_last_error(), "");
}

static void *run(void *data)
{
    (void)data;
    check_panic();
    return NULL;
}

int main(void)
{
    sg_client *client;
    pthread_t thread;

    check_panic(); /* before the library did anything else */
    client = site_script();
    check_panic();
    site_works(client);
    REQUIRE(pthread_create(&thread, NULL, run, NULL) == 0);
    REQUIRE(pthread_join(thread, NULL) == 0);
    site_works(client);
    sg_client_free(client);
    CHECK_OK(sg_runtime_shutdown(10000));
    return check_done();
}
