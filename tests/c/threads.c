/* One client, eight threads: every answer is the right one, and every thread has its own last error. */
#include <pthread.h>

#include "site.h"

enum { THREADS = 8, CALLS = 20, ROWS = 16 };

static const sg_client *client;
static int64_t ids[ROWS];

struct worker {
    int number;
    int right;
};

/* Asks for one row by its id and checks that it is that row which comes. */
static int finds(int64_t id)
{
    char parameters[160];
    sg_result *result = NULL;
    int64_t found = 0;
    int right;

    snprintf(parameters, sizeof parameters,
             "{\"entity_type\":\"Task\",\"filters\":[[\"id\",\"is\",%" PRId64 "]],\"fields\":[\"content\",\"project\"]}", id);
    right = CHECK_OK(sg_call(client, "find", parameters, &result));
    right = right && CHECK_INT(sg_value_count(sg_result_value(result)), 1);
    right = right && CHECK_OK(sg_value_int64(sg_value_pointer(sg_result_value(result), "/0/id"), &found));
    right = right && CHECK_INT(found, id);
    sg_result_free(result);
    return right;
}

/* A method of this thread's own name is unknown; the message must be of this thread. */
static int fails(int number)
{
    char method[32];
    sg_result *result = NULL;
    sg_status status;

    snprintf(method, sizeof method, "no_method_%d_", number);
    status = sg_call(client, method, NULL, &result);
    return CHECK_CLASS(status, SG_STATUS_INVALID_ARGUMENT) && CHECK_HAS(sg_last_error(), method);
}

static void *run(void *data)
{
    struct worker *worker = data;
    int call;

    for (call = 0; call < CALLS; call++)
        worker->right += finds(ids[(worker->number + call) % ROWS]) && fails(worker->number);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    struct worker workers[THREADS];
    sg_client *owned = site_script();
    sg_result *result = NULL;
    const sg_value *row;
    int index;

    client = owned;
    REQUIRE_OK(sg_call(client, "find", "{\"entity_type\":\"Task\",\"filters\":[],\"limit\":16}", &result));
    REQUIRE(sg_value_count(sg_result_value(result)) == ROWS);
    row = sg_value_first(sg_result_value(result));
    for (index = 0; index < ROWS; index++, row = sg_value_next(row))
        REQUIRE_OK(sg_value_int64(sg_value_get(row, "id"), &ids[index]));
    sg_result_free(result);

    for (index = 0; index < THREADS; index++) {
        workers[index].number = index;
        workers[index].right = 0;
        REQUIRE(pthread_create(&threads[index], NULL, run, &workers[index]) == 0);
    }
    for (index = 0; index < THREADS; index++) {
        REQUIRE(pthread_join(threads[index], NULL) == 0);
        CHECK_INT(workers[index].right, CALLS);
    }
    sg_client_free(owned);
    CHECK_OK(sg_runtime_shutdown(10000));
    return check_done();
}
