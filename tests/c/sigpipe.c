/* A site that drops the connection in the middle of an upload must not end the host by SIGPIPE. The library may not
 * buy that by touching the process's disposition: the host's own pipes need it as it is. */
#include <pthread.h>
#include <signal.h>

#include "peer.h"
#include "site.h"

enum { RUNS = 4, BLOCKED_RUNS = 2, BODY = 8 * 1024 * 1024 };

/* `{"entity_type":"Note","data":{"content":"xxxx…"}}`: much more than the socket's buffers hold. */
static char *large_parameters(void)
{
    static const char head[] = "{\"entity_type\":\"Note\",\"data\":{\"content\":\"";
    static const char tail[] = "\"}}";
    char *text = malloc(sizeof head + BODY + sizeof tail);

    REQUIRE(text != NULL);
    memcpy(text, head, sizeof head - 1);
    memset(text + sizeof head - 1, 'x', BODY);
    memcpy(text + sizeof head - 1 + BODY, tail, sizeof tail);
    return text;
}

static void check_disposition(void)
{
    struct sigaction now;
    sigset_t mask;

    CHECK_INT(sigaction(SIGPIPE, NULL, &now), 0);
    CHECK(now.sa_handler == SIG_DFL);
    CHECK_INT(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
    CHECK_INT(sigismember(&mask, SIGPIPE), 0);
    CHECK_INT(sigpending(&mask), 0);
    CHECK_INT(sigismember(&mask, SIGPIPE), 0);
}

/* Whether a SIGPIPE waits for this thread. */
static int is_pending(void)
{
    sigset_t pending;

    CHECK_INT(sigpending(&pending), 0);
    return sigismember(&pending, SIGPIPE);
}

/* A host that blocks SIGPIPE itself finds none that came from the library, and finds its own where it left it. */
static void check_blocked(sg_client *client, const char *parameters)
{
    sigset_t pipe, before, after;
    int own, number;

    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    CHECK_INT(pthread_sigmask(SIG_BLOCK, &pipe, &before), 0);
    for (own = 0; own < 2; own++) {
        if (own)
            CHECK_INT(pthread_kill(pthread_self(), SIGPIPE), 0);
        for (number = 0; number < BLOCKED_RUNS; number++) {
            sg_result *result = NULL;

            CHECK_CLASS(sg_call(client, "create", parameters, &result), SG_STATUS_NETWORK);
            CHECK_INT(is_pending(), own);
            CHECK_INT(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
            CHECK_INT(sigismember(&after, SIGPIPE), 1);
        }
    }
    CHECK_INT(sigwait(&pipe, &number), 0);
    CHECK_INT(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
}

int main(void)
{
    static struct peer peer;
    sg_options *options = sg_options_new();
    sg_client *client = NULL;
    char *parameters = large_parameters();
    int run;

    peer.reset_over = 65536;
    peer_start(&peer);
    REQUIRE_OK(sg_options_set_verify_on_connect(options, 0));
    REQUIRE_OK(sg_connect_script(peer.url, "script", "key", options, &client));
    check_disposition();
    for (run = 0; run < RUNS; run++) {
        sg_result *result = NULL;
        sg_error *error;

        CHECK_CLASS(sg_call(client, "create", parameters, &result), SG_STATUS_NETWORK);
        CHECK(result == NULL);
        error = sg_error_take_last();
        /* Only where its end had left may the site have carried it out. */
        CHECK_INT(sg_error_is_retryable(error), !sg_error_may_have_applied(error));
        sg_error_free(error);
        check_disposition();
    }
    check_blocked(client, parameters);
    check_disposition();
    sg_client_free(client);
    sg_options_free(options);
    REQUIRE_OK(sg_runtime_shutdown(10000));
    peer_stop(&peer);
    /* Once a call: a write is never sent twice. */
    CHECK_INT(peer.resets, RUNS + 2 * BLOCKED_RUNS);
    free(parameters);
    return check_done();
}
