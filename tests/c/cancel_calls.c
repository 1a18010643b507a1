/* sg_client_cancel_calls() ends every call of a client within 100 ms, wherever the threads that wait for it are: in a connect, in the line for a
 * connection, in a read that waits by itself, in a poll, in the middle of a reply, in a pause, on the runtime. Calls that begin later go on, on
 * connections that were idle. */
#include "prompt.h"
#include "site.h"

enum { CALLS = 8, ROUNDS = 200, BUSY = 4 };

/* A site that answers what it is asked, but for what a request says that it should do. */
struct site {
    int listener;
    int port;
    int connections;
    int stalled; /* requests that it has and does not answer */
    int stop[2];
    pthread_t thread;
};

#define GREETING_LENGTH (sizeof PEER_GREETING - 1)

static int count_of(int *number)
{
    return __sync_fetch_and_add(number, 0);
}

static void say(int socket, const char *text)
{
    send(socket, text, strlen(text), MSG_NOSIGNAL);
}

/* Answers a request, or does what it says. */
static void obey(struct site *site, int socket, const char *request)
{
    char head[256];

    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", GREETING_LENGTH);
    if (strstr(request, "STALL")) {
        __sync_fetch_and_add(&site->stalled, 1);
    } else if (strstr(request, "HALF")) {
        say(socket, head);
        say(socket, "{\"results\":{");
        __sync_fetch_and_add(&site->stalled, 1);
    } else if (strstr(request, "LATER")) {
        say(socket, "HTTP/1.1 503 Later\r\nContent-Type: text/plain\r\nRetry-After: 60\r\nContent-Length: 5\r\n\r\nlater");
        __sync_fetch_and_add(&site->stalled, 1);
    } else {
        /* At once, as the system holds a second piece back until the first one was acknowledged. */
        snprintf(head + strlen(head), sizeof head - strlen(head), "%s", PEER_GREETING);
        say(socket, head);
    }
}

static void *site_main(void *data)
{
    static char text[64][16384];
    struct site *site = data;
    struct pollfd watched[66];
    size_t filled[66] = {0};
    nfds_t count = 2, index;

    watched[0].fd = site->stop[0];
    watched[1].fd = site->listener;
    watched[0].events = watched[1].events = POLLIN;
    while (poll(watched, count, 60000) > 0 && watched[0].revents == 0) {
        nfds_t known = count;

        if (watched[1].revents) {
            for (index = 2; index < count && watched[index].fd >= 0; index++)
                ;
            REQUIRE(index < 66);
            watched[index].fd = accept(site->listener, NULL, NULL);
            watched[index].events = POLLIN;
            watched[index].revents = 0;
            filled[index] = 0;
            if (index == count)
                count++;
            __sync_fetch_and_add(&site->connections, 1);
        }
        for (index = 2; index < known; index++) {
            char *buffer = text[index - 2], *body;
            ssize_t got;

            if (watched[index].fd < 0 || watched[index].revents == 0)
                continue;
            got = recv(watched[index].fd, buffer + filled[index], sizeof text[0] - 1 - filled[index], 0);
            if (got <= 0) {
                close(watched[index].fd);
                watched[index].fd = -1;
                continue;
            }
            filled[index] += (size_t)got;
            buffer[filled[index]] = '\0';
            body = strstr(buffer, "\r\n\r\n");
            if (body && strstr(body, "]}")) {
                obey(site, watched[index].fd, body);
                filled[index] = 0;
            }
        }
    }
    for (index = 2; index < count; index++)
        if (watched[index].fd >= 0)
            close(watched[index].fd);
    return NULL;
}

static void site_start(struct site *site)
{
    memset(site, 0, sizeof *site);
    site->listener = peer_listen(&site->port);
    REQUIRE(pipe(site->stop) == 0);
    REQUIRE(pthread_create(&site->thread, NULL, site_main, site) == 0);
}

static void site_stop(struct site *site)
{
    close(site->stop[1]);
    pthread_join(site->thread, NULL);
    close(site->stop[0]);
    close(site->listener);
}

static sg_client *client_of(int port, uint32_t max_connections)
{
    sg_options *options = sg_options_new();
    sg_client *client = NULL;
    char url[64];

    snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
    REQUIRE_OK(sg_options_set_verify_on_connect(options, 0));
    REQUIRE_OK(sg_options_set_timeout_ms(options, 600000));
    REQUIRE_OK(sg_options_set_connect_timeout_ms(options, 600000));
    if (max_connections > 0)
        REQUIRE_OK(sg_options_set_max_connections(options, max_connections));
    REQUIRE_OK(sg_connect_script(url, "script", "key", options, &client));
    sg_options_free(options);
    return client;
}

/* A call on a thread of its own. */
struct call {
    const sg_client *client;
    const char *method;
    const char *parameters;
    int warm; /* how many calls it makes before, so that a connection is kept */
    int ended;
    sg_status status;
    int may_have_applied;
    double end;
    pthread_t thread;
};

static void answered(const sg_client *client)
{
    sg_result *result = NULL;

    CHECK_OK(sg_call_raw(client, "read", "{\"is\":\"ANSWERED\"}", &result));
    sg_result_free(result);
}

static void *call_main(void *data)
{
    struct call *call = data;
    sg_result *result = NULL;
    int index;

    for (index = 0; index < call->warm; index++)
        answered(call->client);
    call->status = sg_call_raw(call->client, call->method, call->parameters, &result);
    call->end = now();
    if (call->status != SG_STATUS_OK) {
        sg_error *error = sg_error_take_last();

        CHECK(result == NULL);
        call->may_have_applied = sg_error_may_have_applied(error);
        sg_error_free(error);
    }
    sg_result_free(result);
    __sync_fetch_and_add(&call->ended, 1);
    return NULL;
}

static void call_begin(struct call *call, const sg_client *client, const char *method, const char *parameters, int warm)
{
    memset(call, 0, sizeof *call);
    call->client = client;
    call->method = method;
    call->parameters = parameters;
    call->warm = warm;
    REQUIRE(pthread_create(&call->thread, NULL, call_main, call) == 0);
}

static void call_check(struct call *call, const char *where, double since, int may_have_applied)
{
    double until = now() + 60;

    while (!count_of(&call->ended) && now() < until)
        nap(1);
    if (!count_of(&call->ended)) {
        check_failed(__FILE__, __LINE__, "%s: the call goes on", where);
        exit(check_done());
    }
    pthread_join(call->thread, NULL);
    if (call->status != SG_STATUS_CANCELLED)
        check_failed(__FILE__, __LINE__, "%s: %s", where, sg_status_name(call->status));
    if (call->end - since > prompt_limit())
        check_failed(__FILE__, __LINE__, "%s: the cancel took %.0f ms", where, (call->end - since) * 1000);
    if (call->may_have_applied != may_have_applied)
        check_failed(__FILE__, __LINE__, "%s: may have applied: %d", where, call->may_have_applied);
}

static void wait_until(int *number, int wanted, const char *where)
{
    double until = now() + 60;

    while (count_of(number) < wanted && now() < until)
        nap(1);
    if (count_of(number) < wanted) {
        check_failed(__FILE__, __LINE__, "%s: %d of %d requests came", where, count_of(number), wanted);
        exit(check_done());
    }
}

/* Cancels a call that is stuck, `pause` milliseconds after the site has it. */
static void check_stuck(const char *where, const char *parameters, int warm, int pause, size_t with_writes)
{
    static const char *const methods[] = {"read", "create"};
    size_t index;

    for (index = 0; index < 1 + with_writes; index++) {
        struct site site;
        struct call call;
        sg_client *client;
        double since;
        int connections;

        site_start(&site);
        client = client_of(site.port, 0);
        call_begin(&call, client, methods[index], parameters, warm);
        wait_until(&site.stalled, 1, where);
        nap(pause);
        since = now();
        CHECK_OK(sg_client_cancel_calls(client));
        call_check(&call, where, since, index == 1);
        /* The client is as good as before. */
        answered(client);
        connections = count_of(&site.connections);
        answered(client);
        CHECK_INT(count_of(&site.connections), connections);
        CHECK_OK(sg_client_cancel_calls(client));
        answered(client);
        CHECK_INT(count_of(&site.connections), connections);
        sg_client_free(client);
        site_stop(&site);
    }
}

/* Some wait for the site, the others for a connection, and an operation is under way. */
static void check_many(void)
{
    struct call calls[CALLS];
    struct site site;
    sg_client *client, *other;
    struct call beside;
    sg_op *op = NULL;
    double since;
    int index;

    site_start(&site);
    client = client_of(site.port, 2);
    other = client_of(site.port, 0);
    call_begin(&beside, other, "read", "{\"is\":\"STALL\"}", 1);
    wait_until(&site.stalled, 1, "of another client");
    for (index = 0; index < CALLS; index++)
        call_begin(&calls[index], client, "read", "{\"is\":\"STALL\"}", 0);
    wait_until(&site.stalled, 3, "in the line");
    REQUIRE_OK(sg_submit_raw(client, "read", "{\"is\":\"STALL\"}", NULL, &op));
    nap(100);
    since = now();
    CHECK_OK(sg_client_cancel_calls(client));
    for (index = 0; index < CALLS; index++)
        call_check(&calls[index], "in the line", since, 0);
    CHECK_OK(sg_op_wait(op, 60000));
    CHECK_STATUS(sg_error_status(sg_op_error(op)), SG_STATUS_CANCELLED);
    sg_op_free(op);
    answered(client);
    CHECK_INT(count_of(&site.stalled), 3);
    /* Those of other clients go on. */
    CHECK_INT(count_of(&beside.ended), 0);
    since = now();
    CHECK_OK(sg_client_cancel_calls(other));
    call_check(&beside, "of another client", since, 0);
    sg_client_free(client);
    sg_client_free(other);
    site_stop(&site);
}

static void check_connect(void)
{
    struct full_queue queue;
    struct call call;
    sg_client *client;
    double since;

    full_queue_start(&queue);
    client = client_of(queue.port, 0);
    call_begin(&call, client, "create", "{}", 0);
    nap(150);
    since = now();
    CHECK_OK(sg_client_cancel_calls(client));
    call_check(&call, "in a connect", since, 0);
    sg_client_free(client);
    full_queue_stop(&queue);
}

/* Threads that never stop calling, while others cancel: each call has its answer or was cancelled, and no connection is lost to
 * the calls that come after. */
struct busy {
    const sg_client *client;
    int stop;
    int answered;
    int cancelled;
};

static void *busy_main(void *data)
{
    struct busy *busy = data;

    while (!count_of(&busy->stop)) {
        sg_result *result = NULL;
        sg_status status = sg_call_raw(busy->client, "create", "{\"is\":\"ANSWERED\"}", &result);

        if (status == SG_STATUS_OK)
            __sync_fetch_and_add(&busy->answered, 1);
        else if (CHECK_STATUS(status, SG_STATUS_CANCELLED))
            __sync_fetch_and_add(&busy->cancelled, 1);
        sg_result_free(result);
    }
    return NULL;
}

static void check_busy(void)
{
    pthread_t threads[BUSY];
    struct busy busy;
    struct site site;
    sg_client *client;
    int index;

    site_start(&site);
    client = client_of(site.port, 0);
    memset(&busy, 0, sizeof busy);
    busy.client = client;
    for (index = 0; index < BUSY; index++)
        REQUIRE(pthread_create(&threads[index], NULL, busy_main, &busy) == 0);
    for (index = 0; index < ROUNDS; index++) {
        int before = count_of(&busy.answered);

        while (count_of(&busy.answered) < before + 20)
            nap(1);
        CHECK_OK(sg_client_cancel_calls(client));
    }
    __sync_fetch_and_add(&busy.stop, 1);
    for (index = 0; index < BUSY; index++)
        pthread_join(threads[index], NULL);
    CHECK(busy.cancelled > 0);
    answered(client);
    sg_client_free(client);
    site_stop(&site);
}

static void check_arguments(void)
{
    struct site site;
    sg_client *client;

    CHECK_STATUS(sg_client_cancel_calls(NULL), SG_STATUS_INVALID_ARGUMENT);
    site_start(&site);
    client = client_of(site.port, 0);
    CHECK_OK(sg_client_cancel_calls(client));
    answered(client);
    CHECK_OK(sg_runtime_shutdown(30000));
    CHECK_OK(sg_client_cancel_calls(client));
    sg_client_free(client);
    site_stop(&site);
}

int main(void)
{
    /* Longer than what a thread waits for in a read. */
    static char longer[8192];
    size_t length = (size_t)snprintf(longer, sizeof longer, "{\"is\":\"STALL\",\"text\":\"");

    memset(longer + length, 'x', 6000);
    strcpy(longer + length + 6000, "\"}");
    check_connect();
    check_stuck("on the runtime", "{\"is\":\"STALL\"}", 0, 50, 1);
    check_stuck("in a read", "{\"is\":\"STALL\"}", 2, 50, 1);
    check_stuck("in a poll behind a read", "{\"is\":\"STALL\"}", 2, 1300, 1);
    check_stuck("in a poll", longer, 2, 50, 1);
    check_stuck("in the middle of a reply, on the runtime", "{\"is\":\"HALF\"}", 0, 50, 1);
    check_stuck("in the middle of a reply", "{\"is\":\"HALF\"}", 2, 50, 1);
    check_stuck("in a pause before another attempt", "{\"is\":\"LATER\"}", 2, 50, 0);
    check_many();
    check_busy();
    check_arguments();
    return check_done();
}
