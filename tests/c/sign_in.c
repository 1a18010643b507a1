/* A sign-in by the browser, with the site's own page in place of the browser: the person's cookie, the form, and its button. Whatever is
 * decided, cancelled or freed in the middle, nothing is left. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "site.h"

enum { LONGEST = 64 * 1024 };

/* Sends a request to the site, and gives all that it answers. */
static void browse(const char *request, char *answer)
{
    const char *port = strrchr(check_setting("SG_TEST_URL"), ':') + 1;
    struct sockaddr_in address;
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    size_t filled = 0;
    ssize_t count;

    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)atoi(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(connection >= 0 && connect(connection, (struct sockaddr *)&address, sizeof address) == 0);
    REQUIRE(write(connection, request, strlen(request)) == (ssize_t)strlen(request));
    while ((count = read(connection, answer + filled, LONGEST - 1 - filled)) > 0)
        filled += (size_t)count;
    REQUIRE(count == 0);
    answer[filled] = '\0';
    close(connection);
}

/* What a person does who opens the address in a browser in which they are signed in, and presses a button. */
static void decide(const char *url, const char *session, const char *decision)
{
    static char answer[LONGEST];
    const char *host = strstr(check_setting("SG_TEST_URL"), "://") + 3;
    const char *path = strstr(url, "/app_session_request/");
    const char *field;
    char request[4096];
    char form[512];
    int length;

    REQUIRE(path != NULL);
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s\r\nCookie: _session_id=%s\r\nConnection: close\r\n\r\n", path, host, session);
    browse(request, answer);
    field = strstr(answer, "name=\"form_token\" value=\"");
    REQUIRE(field != NULL);
    field += strlen("name=\"form_token\" value=\"");
    length = snprintf(form, sizeof form, "form_token=%.*s&decision=%s", (int)strcspn(field, "\""), field, decision);
    snprintf(request, sizeof request,
             "POST %s HTTP/1.1\r\nHost: %s\r\nCookie: _session_id=%s\r\nContent-Type: application/x-www-form-urlencoded\r\n"
             "Content-Length: %d\r\nConnection: close\r\n\r\n%s",
             path, host, session, length, form);
    browse(request, answer);
    CHECK(strncmp(answer, "HTTP/1.1 200", 12) == 0);
}

static sg_sign_in *begun(void)
{
    sg_sign_in *sign_in = NULL;

    REQUIRE_OK(sg_sign_in_new(check_setting("SG_TEST_URL"), "Paint", "a machine", NULL, &sign_in));
    REQUIRE_OK(sg_sign_in_set_poll_interval_ms(sign_in, 20));
    CHECK(sg_sign_in_url(sign_in) == NULL);
    REQUIRE_OK(sg_sign_in_begin(sign_in));
    return sign_in;
}

static void check_approved(const char *session)
{
    sg_sign_in *sign_in = begun();
    sg_client *client = NULL;
    sg_client *again = NULL;

    CHECK_STATUS(sg_sign_in_wait(sign_in, 50, &client), SG_STATUS_TIMEOUT_WAIT);
    CHECK(client == NULL && sg_sign_in_login(sign_in) == NULL);
    decide(sg_sign_in_url(sign_in), session, "approve");
    REQUIRE_OK(sg_sign_in_wait(sign_in, 20000, &client));
    CHECK_TEXT(sg_sign_in_login(sign_in), check_setting("SG_TEST_ARTIST_LOGIN"));
    site_works(client);
    CHECK_OK(sg_sign_in_wait(sign_in, 0, &again));
    sg_sign_in_free(sign_in);
    sg_client_free(client);
    site_works(again);
    sg_client_free(again);
}

/* Without a wait, and the sign-in is freed before its operation. */
static void check_not_waiting(const char *session)
{
    sg_sign_in *sign_in = NULL;
    sg_client *client = NULL;
    sg_result *address = NULL;
    sg_op *op = NULL;

    REQUIRE_OK(sg_sign_in_new(check_setting("SG_TEST_URL"), "Paint", "a machine", NULL, &sign_in));
    REQUIRE_OK(sg_sign_in_set_poll_interval_ms(sign_in, 20));
    REQUIRE_OK(sg_sign_in_submit_begin(sign_in, &op));
    REQUIRE_OK(sg_op_wait(op, 20000));
    REQUIRE_OK(sg_op_take_result(op, &address));
    CHECK_TEXT(sg_value_string(sg_result_value(address), NULL), sg_sign_in_url(sign_in));
    sg_op_free(op);
    REQUIRE_OK(sg_sign_in_submit_wait(sign_in, &op));
    sg_sign_in_free(sign_in);
    decide(sg_value_string(sg_result_value(address), NULL), session, "approve");
    CHECK_OK(sg_op_wait(op, 20000));
    REQUIRE_OK(sg_op_take_client(op, &client));
    site_works(client);
    sg_result_free(address);
    sg_op_free(op);
    sg_client_free(client);
}

static void check_not_given(const char *session)
{
    sg_sign_in *sign_in = begun();
    sg_client *client = NULL;
    sg_op *op = NULL;

    decide(sg_sign_in_url(sign_in), session, "reject");
    CHECK_STATUS(sg_sign_in_wait(sign_in, 20000, &client), SG_STATUS_AUTH_SIGN_IN_REJECTED);
    sg_sign_in_free(sign_in);

    sign_in = begun();
    REQUIRE_OK(sg_sign_in_submit_wait(sign_in, &op));
    CHECK_OK(sg_sign_in_cancel(sign_in));
    CHECK_STATUS(sg_op_wait(op, 20000), SG_STATUS_OK);
    CHECK_STATUS(sg_op_take_client(op, &client), SG_STATUS_CANCELLED);
    sg_op_free(op);
    sg_sign_in_free(sign_in);

    /* Approved, and nobody takes the session. */
    sign_in = begun();
    decide(sg_sign_in_url(sign_in), session, "approve");
    sg_sign_in_free(sign_in);
    CHECK(client == NULL);
    sg_sign_in_free(NULL);
}

int main(void)
{
    sg_client *artist = site_artist();
    char session[512];

    REQUIRE_OK(sg_client_session_token(artist, session, sizeof session, NULL));
    check_approved(session);
    check_not_waiting(session);
    check_not_given(session);
    sg_client_free(artist);
    CHECK_OK(sg_runtime_shutdown(10000));
    return check_done();
}
