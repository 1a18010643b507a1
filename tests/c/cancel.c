/* A cancel takes effect within 100 ms wherever an operation is: before a connection stands, in the middle of a TLS handshake, before
 * the reply and in the middle of it. The connection is closed; cancelling again, from many threads, does nothing. */
#include <pthread.h>
#include <time.h>

#include "prompt.h"
#include "site.h"

enum { CANCELLERS = 4 };

/* A site that takes a connection and then does what a case wants. */
struct stuck {
    int listener;
    int port;
    const char *says; /* what it sends on each connection, when it has been asked something; NULL: it does not even read */
    int held;         /* connections that it holds */
    int closed;       /* connections that the other side has closed */
    int stop;
    pthread_t thread;
};

static void *stuck_main(void *data)
{
    struct stuck *stuck = data;
    struct pollfd watched[8];
    nfds_t count = 1, index;
    char text[16384];

    watched[0].fd = stuck->listener;
    watched[0].events = POLLIN;
    while (!__sync_fetch_and_add(&stuck->stop, 0)) {
        if (poll(watched, count, 20) <= 0)
            continue;
        if ((watched[0].revents & POLLIN) && count < 8) {
            watched[count].fd = accept(stuck->listener, NULL, NULL);
            watched[count].events = POLLIN;
            watched[count++].revents = 0;
            __sync_fetch_and_add(&stuck->held, 1);
        }
        for (index = 1; index < count; index++) {
            if (watched[index].fd < 0 || watched[index].revents == 0)
                continue;
            if (recv(watched[index].fd, text, sizeof text, 0) <= 0) {
                close(watched[index].fd);
                watched[index].fd = -1;
                __sync_fetch_and_add(&stuck->closed, 1);
            } else if (stuck->says) {
                send(watched[index].fd, stuck->says, strlen(stuck->says), MSG_NOSIGNAL);
            }
        }
    }
    for (index = 1; index < count; index++)
        if (watched[index].fd >= 0)
            close(watched[index].fd);
    return NULL;
}

static void stuck_start(struct stuck *stuck, const char *says)
{
    memset(stuck, 0, sizeof *stuck);
    stuck->says = says;
    stuck->listener = peer_listen(&stuck->port);
    REQUIRE(pthread_create(&stuck->thread, NULL, stuck_main, stuck) == 0);
}

static void stuck_stop(struct stuck *stuck)
{
    __sync_fetch_and_add(&stuck->stop, 1);
    pthread_join(stuck->thread, NULL);
    close(stuck->listener);
}

static sg_client *client_of(const char *scheme, int port)
{
    sg_options *options = sg_options_new();
    sg_client *client = NULL;
    char url[64];

    snprintf(url, sizeof url, "%s://127.0.0.1:%d", scheme, port);
    REQUIRE_OK(sg_options_set_verify_on_connect(options, 0));
    REQUIRE_OK(sg_options_set_max_attempts(options, 1));
    REQUIRE_OK(sg_options_set_connect_timeout_ms(options, 60000));
    REQUIRE_OK(sg_connect_script(url, "script", "key", options, &client));
    sg_options_free(options);
    return client;
}

static void *cancel(void *op)
{
    CHECK_OK(sg_op_cancel(op));
    return NULL;
}

/* Cancels an operation that is stuck and checks how long that takes. */
static void check_cancel(sg_op *op, const char *where, int may_have_applied)
{
    pthread_t threads[CANCELLERS];
    double started;
    int index;

    CHECK_STATUS(sg_op_wait(op, 150), SG_STATUS_TIMEOUT_WAIT);
    started = now();
    for (index = 0; index < CANCELLERS; index++)
        REQUIRE(pthread_create(&threads[index], NULL, cancel, op) == 0);
    CHECK_OK(sg_op_wait(op, 60000));
    if (now() - started > prompt_limit())
        check_failed(__FILE__, __LINE__, "%s: the cancel took %.0f ms", where, (now() - started) * 1000);
    for (index = 0; index < CANCELLERS; index++)
        pthread_join(threads[index], NULL);
    CHECK_OK(sg_op_cancel(op));
    REQUIRE(sg_op_error(op) != NULL);
    CHECK_STATUS(sg_error_status(sg_op_error(op)), SG_STATUS_CANCELLED);
    CHECK_INT(sg_error_may_have_applied(sg_op_error(op)), may_have_applied);
    sg_op_free(op);
}

static sg_op *begin(const sg_client *client, const char *method, const char *parameters)
{
    sg_op *op = NULL;

    REQUIRE_OK(sg_submit_raw(client, method, parameters, NULL, &op));
    return op;
}

/* The connection that was under way is closed, not kept open for nobody. */
static void check_closed(struct stuck *stuck, const char *where)
{
    double until = now() + 30;

    while (__sync_fetch_and_add(&stuck->closed, 0) < __sync_fetch_and_add(&stuck->held, 0) && now() < until)
        nap(5);
    CHECK(stuck->held > 0);
    if (stuck->closed < stuck->held)
        check_failed(__FILE__, __LINE__, "%s: %d of %d connections are still open", where, stuck->held - stuck->closed, stuck->held);
}

/* `written`: whether the request has left by then, so that a write may have been applied. */
static void check_stuck(const char *scheme, const char *says, const char *where, int written)
{
    struct stuck stuck;
    sg_client *client;

    stuck_start(&stuck, says);
    client = client_of(scheme, stuck.port);
    check_cancel(begin(client, "read", "{}"), where, 0);
    check_closed(&stuck, where);
    check_cancel(begin(client, "create", "{}"), where, written);
    check_closed(&stuck, where);
    sg_client_free(client);
    stuck_stop(&stuck);
}

static void check_connect(void)
{
    struct full_queue queue;
    sg_client *client;
    sg_op *op = NULL;
    char url[64];

    full_queue_start(&queue);
    client = client_of("http", queue.port);
    check_cancel(begin(client, "read", "{}"), "in a connect", 0);
    sg_client_free(client);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", queue.port);
    REQUIRE_OK(sg_submit_connect_script(url, "script", "key", NULL, &op));
    check_cancel(op, "in a sign-in", 0);
    full_queue_stop(&queue);
}

int main(void)
{
    check_connect();
    check_stuck("https", NULL, "in a TLS handshake", 0);
    check_stuck("http", NULL, "before the reply", 1);
    check_stuck("http", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"results\":[1,",
                "in the middle of the reply", 1);
    CHECK_OK(sg_runtime_shutdown(30000));
    return check_done();
}
