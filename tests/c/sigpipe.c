/* A site that drops the connection in the middle of an upload must not end the host by SIGPIPE. The library may not
 * buy that by touching the process's disposition: the host's own pipes need it as it is. */
#include <signal.h>

#include "peer.h"
#include "site.h"

enum { RUNS = 8, BODY = 8 * 1024 * 1024 };

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
        CHECK_INT(sg_error_may_have_applied(error), 1);
        CHECK_INT(sg_error_is_retryable(error), 0);
        sg_error_free(error);
        check_disposition();
    }
    sg_client_free(client);
    sg_options_free(options);
    REQUIRE_OK(sg_runtime_shutdown(10000));
    peer_stop(&peer);
    /* Once a call: a write is never sent twice. */
    CHECK_INT(peer.resets, RUNS);
    free(parameters);
    return check_done();
}
