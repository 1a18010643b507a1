/* Everything a host can get wrong: each has its status, and a message that says what is wrong and what to do. Nothing
 * here may crash, and no out-parameter keeps an old value. */
#include "peer.h"
#include "site.h"

#include <sys/resource.h>
#include <unistd.h>

static sg_client *const stale_client = (sg_client *)&check_failures;
static sg_result *const stale_result = (sg_result *)&check_failures;

/* A call that must fail with a class of status, and the words that its message must have. */
static void check_call(const sg_client *client, const char *method, const char *parameters, sg_status expected,
                       const char *const *words, int line)
{
    sg_result *result = stale_result;
    sg_status status = sg_call(client, method, parameters, &result);

    if (SG_STATUS_CLASS(status) != SG_STATUS_CLASS(expected))
        check_failed(__FILE__, line, "%s %s: expected %s, found %s: %s", method ? method : "NULL",
                     parameters ? parameters : "NULL", sg_status_name((int32_t)expected),
                     sg_status_name((int32_t)status), sg_last_error());
    for (; *words; words++)
        check_has(sg_last_error(), *words, "the message", __FILE__, line);
    check_that(result == NULL, "no result", __FILE__, line);
}

/* The same for connecting as a script. */
static void check_connect(const char *url, const char *name, const char *key, sg_status expected,
                          const char *const *words, int line)
{
    sg_client *client = stale_client;
    sg_status status = sg_connect_script(url, name, key, NULL, &client);

    if (SG_STATUS_CLASS(status) != SG_STATUS_CLASS(expected))
        check_failed(__FILE__, line, "%s: expected %s, found %s: %s", url ? url : "NULL",
                     sg_status_name((int32_t)expected), sg_status_name((int32_t)status), sg_last_error());
    for (; *words; words++)
        check_has(sg_last_error(), *words, "the message", __FILE__, line);
    check_that(client == NULL, "no client", __FILE__, line);
}

/* C99 has no variadic macro with nothing behind the dots, so each call names at least one word. */
#define CALL_FAILS(client, method, parameters, expected, ...)                                                          \
    do {                                                                                                               \
        const char *const words[] = {__VA_ARGS__, NULL};                                                               \
        check_call(client, method, parameters, expected, words, __LINE__);                                             \
    } while (0)

#define CONNECT_FAILS(url, name, key, expected, ...)                                                                   \
    do {                                                                                                               \
        const char *const words[] = {__VA_ARGS__, NULL};                                                               \
        check_connect(url, name, key, expected, words, __LINE__);                                                      \
    } while (0)

static void check_connecting(void)
{
    const char *url = check_setting("SG_TEST_URL");
    const char *name = check_setting("SG_TEST_SCRIPT_NAME");
    const char *key = check_setting("SG_TEST_API_KEY");
    sg_client *client = stale_client;
    char with_path[256];
    char nobody_listens[64];
    int port;

    CONNECT_FAILS(NULL, name, key, SG_STATUS_INVALID_ARGUMENT, "site_url", "NULL");
    CONNECT_FAILS(url, NULL, key, SG_STATUS_INVALID_ARGUMENT, "script_name", "NULL");
    CONNECT_FAILS(url, name, NULL, SG_STATUS_INVALID_ARGUMENT, "api_key", "NULL");
    CONNECT_FAILS(url, "", key, SG_STATUS_INVALID_ARGUMENT, "script_name", "empty");
    CONNECT_FAILS(url, name, "", SG_STATUS_INVALID_ARGUMENT, "api_key", "empty");
    CONNECT_FAILS(url, "\xff\xfe", key, SG_STATUS_INVALID_ARGUMENT, "script_name", "UTF-8");
    CONNECT_FAILS("\xc3\x28", name, key, SG_STATUS_INVALID_ARGUMENT, "site_url", "UTF-8");
    CONNECT_FAILS("", name, key, SG_STATUS_INVALID_ARGUMENT, "site_url", "empty");
    CONNECT_FAILS("studio.example.com", name, key, SG_STATUS_INVALID_ARGUMENT, "scheme", "https://");
    CONNECT_FAILS("ftp://studio.example.com", name, key, SG_STATUS_INVALID_ARGUMENT, "ftp", "https");
    CONNECT_FAILS("http://studio.example.com", name, key, SG_STATUS_INVALID_ARGUMENT, "https://", "allow_insecure_http");
    snprintf(with_path, sizeof with_path, "%s/page/12", url);
    CONNECT_FAILS(with_path, name, key, SG_STATUS_INVALID_ARGUMENT, "path", "/page/12");
    CHECK_CLASS(sg_connect_script(url, name, key, NULL, NULL), SG_STATUS_INVALID_ARGUMENT);
    CHECK_HAS(sg_last_error(), "out");

    CHECK_CLASS(sg_connect_user(url, check_setting("SG_TEST_ARTIST_LOGIN"), "", NULL, &client),
                SG_STATUS_INVALID_ARGUMENT);
    CHECK_HAS(sg_last_error(), "password is empty");
    CHECK(client == NULL);
    client = stale_client;
    CHECK_CLASS(sg_connect_session(url, "", NULL, &client), SG_STATUS_INVALID_ARGUMENT);
    CHECK_HAS(sg_last_error(), "session_token is empty");
    CHECK(client == NULL);

    CHECK_STATUS(sg_connect_user(url, check_setting("SG_TEST_ARTIST_LOGIN"), "not the password", NULL, &client),
                 SG_STATUS_AUTH_CREDENTIALS);
    CHECK_HAS(sg_last_error(), check_setting("SG_TEST_ARTIST_LOGIN"));
    CHECK(strstr(sg_last_error(), "not the password") == NULL);
    CONNECT_FAILS(url, name, "0000000000000000", SG_STATUS_AUTH, name);
    CHECK_STATUS(sg_connect_session(url, "no such session", NULL, &client), SG_STATUS_AUTH_SESSION_EXPIRED);

    close(peer_listen(&port)); /* a port that was free a moment ago */
    snprintf(nobody_listens, sizeof nobody_listens, "http://127.0.0.1:%d", port);
    CONNECT_FAILS(nobody_listens, name, key, SG_STATUS_NETWORK, "127.0.0.1", "refused");
    CONNECT_FAILS("https://no-such-host.invalid", name, key, SG_STATUS_NETWORK, "no-such-host.invalid");
}

static const char *web_page(struct peer *peer, const char *request)
{
    (void)peer;
    (void)request;
    return "<!DOCTYPE html><html><head><title>Welcome to the studio</title></head><body>Sign in</body></html>";
}

static const char *broken_json(struct peer *peer, const char *request)
{
    (void)peer;
    (void)request;
    return "{\"results\":{\"version\":[8,60";
}

static const char *no_version(struct peer *peer, const char *request)
{
    (void)peer;
    (void)request;
    return "{\"results\":{\"hello\":1}}";
}

static const char *old_version(struct peer *peer, const char *request)
{
    (void)peer;
    (void)request;
    return "{\"results\":{\"version\":[2,3,9]}}";
}

/* What answers is not a site, or not one of today. */
static void check_strange_sites(void)
{
    static struct peer page;
    static struct peer broken;
    static struct peer nameless;
    static struct peer old;

    page.answer = web_page;
    page.content_type = "text/html";
    peer_start(&page);
    CONNECT_FAILS(page.url, "script", "a key", SG_STATUS_PROTOCOL, "web page", "site_url");
    peer_stop(&page);
    broken.answer = broken_json;
    peer_start(&broken);
    CONNECT_FAILS(broken.url, "script", "a key", SG_STATUS_PROTOCOL, "cut short");
    peer_stop(&broken);
    nameless.answer = no_version;
    peer_start(&nameless);
    CONNECT_FAILS(nameless.url, "script", "a key", SG_STATUS_PROTOCOL, "version");
    peer_stop(&nameless);
    old.answer = old_version;
    peer_start(&old);
    CONNECT_FAILS(old.url, "script", "a key", SG_STATUS_UNSUPPORTED, "2.4.0", "2.3.9");
    peer_stop(&old);
}

static void check_calling(void)
{
    sg_client *client = site_script();
    sg_options *options = sg_options_new();
    sg_result *result = stale_result;

    CALL_FAILS(NULL, "info", NULL, SG_STATUS_INVALID_ARGUMENT, "client", "NULL");
    CALL_FAILS((const sg_client *)(const void *)options, "info", NULL, SG_STATUS_INVALID_ARGUMENT, "sg_client");
    CALL_FAILS(client, NULL, NULL, SG_STATUS_INVALID_ARGUMENT, "method", "NULL");
    CALL_FAILS(client, "", NULL, SG_STATUS_INVALID_ARGUMENT, "method");
    CALL_FAILS(client, "\xff", NULL, SG_STATUS_INVALID_ARGUMENT, "method", "UTF-8");
    CALL_FAILS(client, "find", "\xff", SG_STATUS_INVALID_ARGUMENT, "params_json", "UTF-8");
    CHECK_CLASS(sg_call(client, "info", NULL, NULL), SG_STATUS_INVALID_ARGUMENT);
    CHECK_HAS(sg_last_error(), "out");
    CHECK_CLASS(sg_call_n(client, "info", NULL, 3, &result), SG_STATUS_INVALID_ARGUMENT);
    CHECK_HAS(sg_last_error(), "params_json");
    CHECK(result == NULL);

    /* Broken or wrong JSON: where, and what was expected. */
    CALL_FAILS(client, "find", "{\"entity_type\":\"Shot\",", SG_STATUS_INVALID_ARGUMENT, "JSON");
    CALL_FAILS(client, "find", "{\"entity_type\":\"Shot\"} and more", SG_STATUS_INVALID_ARGUMENT, "JSON");
    CALL_FAILS(client, "find", "\"Shot\"", SG_STATUS_INVALID_ARGUMENT, "object", "array");
    CALL_FAILS(client, "find", "{\"entity_type\":7,\"filters\":[]}", SG_STATUS_INVALID_ARGUMENT, "entity_type", "text");
    CALL_FAILS(client, "find", "{\"entity_type\":\"Shot\",\"filters\":7}", SG_STATUS_INVALID_ARGUMENT, "filters");
    CALL_FAILS(client, "find", "{\"entity_type\":\"Shot\",\"filters\":[[\"code\",\"is\"]]}", SG_STATUS_INVALID_ARGUMENT,
               "filter");
    CALL_FAILS(client, "find", "{\"entity_type\":\"Shot\",\"filters\":[],\"limit\":\"many\"}", SG_STATUS_INVALID_ARGUMENT,
               "limit");
    CALL_FAILS(client, "find", "{\"filters\":[]}", SG_STATUS_INVALID_ARGUMENT, "entity_type");
    CALL_FAILS(client, "find", "[\"Shot\",[],[],[],\"all\",0,false,1,true,null,7,8,9]", SG_STATUS_INVALID_ARGUMENT, "find");

    /* The nearest name that there is. */
    CALL_FAILS(client, "fnd", NULL, SG_STATUS_INVALID_ARGUMENT, "\"fnd\"", "\"find\"");
    CALL_FAILS(client, "schema_field_raed", NULL, SG_STATUS_INVALID_ARGUMENT, "schema_field_read");
    CALL_FAILS(client, "find", "{\"entity_typ\":\"Shot\",\"filters\":[]}", SG_STATUS_INVALID_ARGUMENT, "entity_typ",
               "entity_type");

    /* What only the site knows. */
    CALL_FAILS(client, "find", "{\"entity_type\":\"Shott\",\"filters\":[]}", SG_STATUS_REJECTED, "Shott");
    CALL_FAILS(client, "find", "{\"entity_type\":\"Shot\",\"filters\":[[\"no_such_field\",\"is\",1]]}", SG_STATUS_REJECTED,
               "no_such_field");
    CALL_FAILS(client, "create", "{\"entity_type\":\"Shot\",\"data\":{\"code\":\"x\",\"no_such_field\":1}}",
               SG_STATUS_REJECTED, "no_such_field");
    CALL_FAILS(client, "update", "{\"entity_type\":\"Shot\",\"entity_id\":99999999,\"data\":{\"description\":\"x\"}}",
               SG_STATUS_NOT_FOUND, "99999999");

    site_works(client);
    CHECK_TEXT(sg_last_error(), "");
    sg_options_free(options);
    sg_client_free(client);
}

static void check_options(void)
{
    sg_options *options = sg_options_new();
    sg_client *client = site_script();

    CHECK_CLASS(sg_options_set_timeout_ms(NULL, 1), SG_STATUS_INVALID_ARGUMENT);
    CHECK_HAS(sg_last_error(), "options");
    CHECK_CLASS(sg_options_set_timeout_ms((sg_options *)(void *)client, 1), SG_STATUS_INVALID_ARGUMENT);
    CHECK_HAS(sg_last_error(), "sg_options");
    CHECK_CLASS(sg_options_set_max_download_bytes(NULL, 1), SG_STATUS_INVALID_ARGUMENT);
    CHECK_HAS(sg_last_error(), "options");
    CHECK_OK(sg_options_set_max_download_bytes(options, 1 << 20));
    CHECK_CLASS(sg_options_set_sudo_as_login(options, "\xff"), SG_STATUS_INVALID_ARGUMENT);
    CHECK_HAS(sg_last_error(), "UTF-8");
    CHECK_OK(sg_options_set_sudo_as_login(options, NULL));
    sg_client_free(client);
    sg_options_free(options);

    options = sg_options_new();
    client = stale_client;
    CHECK_OK(sg_options_set_ca_file(options, "/no/such/file.pem"));
    CHECK_CLASS(sg_connect_script(check_setting("SG_TEST_URL"), "script", "a key", options, &client), SG_STATUS_IO);
    CHECK_HAS(sg_last_error(), "/no/such/file.pem");
    CHECK(client == NULL);
    sg_options_free(options);
}

/* NULL is no value, and looking at it is allowed. */
static void check_null(void)
{
    size_t length = 7;
    int64_t number = 7;

    sg_client_free(NULL);
    sg_options_free(NULL);
    sg_result_free(NULL);
    sg_error_free(NULL);
    CHECK(sg_result_value(NULL) == NULL);
    CHECK(sg_result_json(NULL, &length) == NULL);
    CHECK_INT(length, 0);
    CHECK_INT(sg_value_get_type(NULL), SG_VALUE_TYPE_NONE);
    CHECK(sg_value_get(sg_value_at(sg_value_first(NULL), 3), "x") == NULL);
    CHECK(sg_value_string(NULL, NULL) == NULL);
    CHECK_INT(sg_value_is_null(NULL), 1);
    CHECK_CLASS(sg_value_int64(NULL, &number), SG_STATUS_INVALID_ARGUMENT);
    CHECK_INT(number, 0);
    CHECK_STATUS(sg_error_status(NULL), SG_STATUS_OK);
    CHECK_TEXT(sg_error_message(NULL), "");
    CHECK(sg_error_field(NULL) == NULL);
    CHECK_INT(sg_error_batch_index(NULL), -1);
    CHECK_TEXT(sg_status_name(12345678), "UNKNOWN");
    CHECK_TEXT(sg_status_name(0x7f20), "AUTH");
}

/* A process that may open no more files: it is not said that the site cannot be reached. */
static void check_no_descriptors(void)
{
    struct rlimit before, limit;
    sg_client *client = stale_client;
    int next = dup(STDERR_FILENO);

    REQUIRE(next > 0 && close(next) == 0 && getrlimit(RLIMIT_NOFILE, &before) == 0);
    limit = before;
    limit.rlim_cur = (rlim_t)next;
    REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK_STATUS(sg_connect_script(check_setting("SG_TEST_URL"), check_setting("SG_TEST_SCRIPT_NAME"),
                                   check_setting("SG_TEST_API_KEY"), NULL, &client),
                 SG_STATUS_NETWORK);
    CHECK_HAS(sg_last_error(), "as many files open as it may");
    REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
    REQUIRE_OK(sg_connect_script(check_setting("SG_TEST_URL"), check_setting("SG_TEST_SCRIPT_NAME"),
                                 check_setting("SG_TEST_API_KEY"), NULL, &client));
    sg_client_free(client);
}

int main(void)
{
    check_null();
    check_connecting();
    check_strange_sites();
    check_calling();
    check_options();
    check_no_descriptors();
    CHECK_OK(sg_runtime_shutdown(10000));
    return check_done();
}
