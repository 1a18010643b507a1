/* A host's thread-exit destructors may run after the library's thread-locals are gone. Whatever they call then must
 * answer, not abort. Which destructor runs first is not ours to say, so the key's destructor sets its value again: it is
 * called in up to PTHREAD_DESTRUCTOR_ITERATIONS rounds, and the later ones come after every thread-local's end. */
#include <limits.h>
#include <pthread.h>

#include "site.h"

enum { THREADS = 16, ROUNDS = 4 };

static pthread_key_t key;
static sg_client *client;
static int destructors_run;

static void at_thread_exit(void *data)
{
    int *rounds = data;
    char text[64];
    sg_result *result = NULL;
    sg_error *error;

    __sync_fetch_and_add(&destructors_run, 1);
    CHECK(sg_last_error() != NULL);
    (void)sg_last_error_status();
    (void)sg_last_error_copy(text, sizeof text);
    /* One that fails at the door, one that goes to the site, and one that fails there. */
    CHECK_CLASS(sg_call(client, NULL, NULL, &result), SG_STATUS_INVALID_ARGUMENT);
    CHECK(sg_last_error() != NULL);
    CHECK_OK(sg_call(client, "find_one", "{\"entity_type\":\"Project\",\"filters\":[]}", &result));
    CHECK(sg_result_json(result, NULL) != NULL);
    sg_result_free(result);
    CHECK(sg_call(client, "find", "{\"entity_type\":\"NoSuchThing\",\"filters\":[]}", &result) != SG_STATUS_OK);
    error = sg_error_take_last();
    CHECK(sg_error_message(error) != NULL);
    sg_error_free(error);
    if (--*rounds > 0)
        pthread_setspecific(key, rounds);
    else
        free(rounds);
}

static void *run(void *data)
{
    int *rounds = malloc(sizeof *rounds);
    sg_result *result = NULL;

    (void)data;
    REQUIRE(rounds != NULL);
    *rounds = ROUNDS;
    REQUIRE(pthread_setspecific(key, rounds) == 0);
    /* The thread-locals exist and hold something when the thread ends, those too that it has from driving the network. */
    site_works(client);
    CHECK_CLASS(sg_call(client, "no_such_method", NULL, &result), SG_STATUS_INVALID_ARGUMENT);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    int index;

    client = site_script();
    REQUIRE(ROUNDS <= PTHREAD_DESTRUCTOR_ITERATIONS);
    REQUIRE(pthread_key_create(&key, at_thread_exit) == 0);
    for (index = 0; index < THREADS; index++)
        REQUIRE(pthread_create(&threads[index], NULL, run, NULL) == 0);
    for (index = 0; index < THREADS; index++)
        REQUIRE(pthread_join(threads[index], NULL) == 0);
    CHECK_INT(destructors_run, THREADS * ROUNDS);
    site_works(client);
    sg_client_free(client);
    CHECK_OK(sg_runtime_shutdown(10000));
    return check_done();
}
