/* A person's session ends in the middle of the work: it is renewed once, silently, however many calls find it ended, and
 * the calls go on. Where it cannot be renewed, the status says that the session is the matter. */
#include <pthread.h>

#include "peer.h"
#include "site.h"

enum { THREADS = 8 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int sign_ins;     /* how many sessions were opened */
static int ended;        /* how many of those, the oldest, have ended */
static int password_set; /* whether the password was changed meanwhile, so that it opens no session any more */
static int refusals;     /* how many calls came with a session that had ended */

/* The number N of "token-N" in a request; 0 without one. */
static int token_of(const char *request)
{
    const char *token = strstr(request, "\"token-");

    return token ? atoi(token + strlen("\"token-")) : 0;
}

static const char *answer(struct peer *peer, const char *request)
{
    static const char *sessions[] = {
        "{\"exception\":true,\"message\":\"Can't authenticate user 'ann'.\",\"error_code\":102}",
        "{\"results\":{\"session_id\":\"token-1\"}}",
        "{\"results\":{\"session_id\":\"token-2\"}}",
        "{\"results\":{\"session_id\":\"token-3\"}}",
    };
    const char *reply;

    (void)peer;
    if (strstr(request, "\"method_name\":\"info\""))
        return PEER_GREETING;
    pthread_mutex_lock(&lock);
    if (strstr(request, "\"user_password\"")) {
        reply = password_set || sign_ins == 3 ? sessions[0] : sessions[++sign_ins];
    } else if (token_of(request) > ended) {
        reply = "{\"results\":{\"entities\":[{\"type\":\"Shot\",\"id\":7}],\"paging_info\":{\"entity_count\":1}}}";
    } else {
        refusals++;
        reply = "{\"exception\":true,\"message\":\"Can't authenticate session token ending with 'en-1'\",\"error_code\":102}";
    }
    pthread_mutex_unlock(&lock);
    return reply;
}

static int find_shot(const sg_client *client)
{
    sg_result *result = NULL;
    int64_t id = 0;
    int found = CHECK_OK(sg_call(client, "find_one", "{\"entity_type\":\"Shot\",\"filters\":[]}", &result))
                && CHECK_OK(sg_value_int64(sg_value_get(sg_result_value(result), "id"), &id)) && CHECK_INT(id, 7);

    sg_result_free(result);
    return found;
}

static void *run(void *client)
{
    find_shot(client);
    return NULL;
}

/* The same on the site that was started for this test, whose sessions last six seconds. */
static void check_real_site(void)
{
    const struct timespec longer = {6, 500000000};
    sg_client *artist = site_artist();
    sg_client *joined = NULL;
    sg_result *result = NULL;
    sg_options *options = sg_options_new();
    const char *token;

    site_works(artist);
    REQUIRE_OK(sg_call(artist, "get_session_token", NULL, &result));
    token = sg_value_string(sg_result_value(result), NULL);
    REQUIRE_OK(sg_options_set_verify_on_connect(options, 0));
    REQUIRE_OK(sg_connect_session(check_setting("SG_TEST_URL"), token, options, &joined));
    nanosleep(&longer, NULL);
    site_works(artist);
    sg_result_free(result);
    result = NULL;
    CHECK_STATUS(sg_call(joined, "find_one", "{\"entity_type\":\"Shot\",\"filters\":[]}", &result),
                 SG_STATUS_AUTH_SESSION_EXPIRED);
    CHECK(result == NULL);
    sg_options_free(options);
    sg_client_free(joined);
    sg_client_free(artist);
}

static void check_scripted_site(void)
{
    static struct peer peer;
    pthread_t threads[THREADS];
    sg_client *client = NULL;
    sg_client *joined = NULL;
    sg_result *result = NULL;
    int index;

    peer.answer = answer;
    peer_start(&peer);
    REQUIRE_OK(sg_connect_user(peer.url, "ann", "a password", NULL, &client));
    find_shot(client);
    CHECK_INT(sign_ins, 1);

    ended = 1;
    find_shot(client);
    CHECK_INT(sign_ins, 2);
    CHECK_INT(refusals, 1);

    /* Eight calls at once find the second session ended: it is renewed once for all of them. */
    ended = 2;
    for (index = 0; index < THREADS; index++)
        REQUIRE(pthread_create(&threads[index], NULL, run, client) == 0);
    for (index = 0; index < THREADS; index++)
        REQUIRE(pthread_join(threads[index], NULL) == 0);
    CHECK_INT(sign_ins, 3);

    /* Somebody changes the password: no renewal, and not the AUTH of a mistyped password either. */
    ended = 3;
    password_set = 1;
    CHECK_STATUS(sg_call(client, "find_one", "{\"entity_type\":\"Shot\",\"filters\":[]}", &result),
                 SG_STATUS_AUTH_SESSION_EXPIRED);
    CHECK_HAS(sg_last_error(), "could not be renewed");
    CHECK(strstr(sg_last_error(), "a password") == NULL);
    CHECK(result == NULL);

    /* A session that was opened elsewhere is nobody's to renew. */
    ended = 2;
    REQUIRE_OK(sg_connect_session(peer.url, "token-3", NULL, &joined));
    find_shot(joined);
    ended = 3;
    CHECK_STATUS(sg_call(joined, "find_one", "{\"entity_type\":\"Shot\",\"filters\":[]}", &result),
                 SG_STATUS_AUTH_SESSION_EXPIRED);
    CHECK_INT(sign_ins, 3);

    sg_client_free(joined);
    sg_client_free(client);
    peer_stop(&peer);
}

int main(void)
{
    check_scripted_site();
    check_real_site();
    CHECK_OK(sg_runtime_shutdown(10000));
    return check_done();
}
