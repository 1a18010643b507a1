/* Handles may be freed in any order: what a result, an error or a running call still needs stays alive. */
#include <pthread.h>
#include <semaphore.h>

#include "peer.h"
#include "site.h"

static sem_t request_came;
static sem_t may_answer;

/* Holds the answer back until the test says so. */
static const char *slow_answer(struct peer *peer, const char *request)
{
    (void)peer;
    if (!strstr(request, "\"method_name\":\"slow\""))
        return PEER_GREETING;
    sem_post(&request_came);
    sem_wait(&may_answer);
    return "{\"results\":{\"word\":\"late\"}}";
}

static void *call_slowly(void *client)
{
    sg_result *result = NULL;

    CHECK_OK(sg_call_raw(client, "slow", NULL, &result));
    return result;
}

/* A client is freed while another thread waits in a call: the call ends well, and no new one begins. */
static void check_free_during_call(void)
{
    static struct peer peer;
    sg_options *options = sg_options_new();
    sg_client *client = NULL;
    sg_result *none = NULL;
    void *result = NULL;
    pthread_t thread;

    peer.answer = slow_answer;
    peer_start(&peer);
    REQUIRE(sem_init(&request_came, 0, 0) == 0);
    REQUIRE(sem_init(&may_answer, 0, 0) == 0);
    REQUIRE_OK(sg_options_set_verify_on_connect(options, 0));
    REQUIRE_OK(sg_connect_script(peer.url, "script", "a key", options, &client));
    sg_options_free(options);
    REQUIRE(pthread_create(&thread, NULL, call_slowly, client) == 0);
    REQUIRE(sem_wait(&request_came) == 0);
    sg_client_free(client);
    /* The call in flight keeps the memory, so this looks at no freed memory, and must be seen for what it is. */
    CHECK_CLASS(sg_call_raw(client, "info", NULL, &none), SG_STATUS_INVALID_ARGUMENT);
    CHECK_HAS(sg_last_error(), "freed");
    sg_client_free(client);
    sem_post(&may_answer);
    REQUIRE(pthread_join(thread, &result) == 0);
    CHECK_TEXT(sg_value_string(sg_value_get(sg_result_value(result), "word"), NULL), "late");
    sg_result_free(result);
    peer_stop(&peer);
    sem_destroy(&request_came);
    sem_destroy(&may_answer);
}

int main(void)
{
    sg_client *client = site_script();
    sg_client *second = site_script();
    sg_result *results[2] = {NULL, NULL};
    sg_result *none = NULL;
    const sg_value *kept;
    sg_error *error;
    int index;

    for (index = 0; index < 2; index++)
        REQUIRE_OK(sg_call(client, "find", "{\"entity_type\":\"Project\",\"filters\":[],\"fields\":[\"name\"]}", &results[index]));
    CHECK_CLASS(sg_call(client, "no_such_method", NULL, &none), SG_STATUS_INVALID_ARGUMENT);
    error = sg_error_take_last();
    sg_client_free(client);
    sg_result_free(results[0]);
    kept = sg_value_pointer(sg_result_value(results[1]), "/0/name");
    CHECK(sg_value_string(kept, NULL) != NULL);
    CHECK_HAS(sg_error_message(error), "no_such_method");
    site_works(second);
    check_free_during_call();

    /* Even after the library's threads have ended. */
    CHECK_OK(sg_runtime_shutdown(10000));
    CHECK_STATUS(sg_call(second, "info", NULL, &none), SG_STATUS_INVALID_STATE);
    CHECK(sg_value_string(kept, NULL) != NULL);
    CHECK_HAS(sg_error_message(error), "no_such_method");
    sg_error_free(error);
    sg_client_free(second);
    CHECK(sg_value_string(kept, NULL) != NULL);
    sg_result_free(results[1]);

    /* And a new client starts them again. */
    client = site_script();
    site_works(client);
    CHECK_OK(sg_runtime_shutdown(10000));
    CHECK_OK(sg_runtime_shutdown(10000));
    sg_client_free(client);
    return check_done();
}
