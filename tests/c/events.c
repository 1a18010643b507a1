/* The event feed: what happens comes once, with who did it; waits end, are cancelled and begin again; a feed that resumes from a state gives
 * what the state does not cover; and whatever is freed in whichever order, nothing is left. */
#include "site.h"

static const char *OPTIONS = "{\"event_types\": [\"Shotgun_Shot_New\"], \"poll_min_ms\": 20, \"poll_max_ms\": 50, \"state\": %s}";

static sg_events *open_feed(const sg_client *client, const char *state)
{
    char options[4096];
    sg_events *feed = NULL;

    REQUIRE(snprintf(options, sizeof options, OPTIONS, state) < (int)sizeof options);
    REQUIRE_OK(sg_events_open(client, options, &feed));
    return feed;
}

static void make_shot(const sg_client *client, const char *code)
{
    char parameters[160];
    sg_result *made = NULL;

    snprintf(parameters, sizeof parameters, "[\"Shot\", {\"code\": \"%s\", \"project\": {\"type\": \"Project\", \"id\": %" PRId64 "}}]", code,
             site_first_id(client, "Project"));
    REQUIRE_OK(sg_call(client, "create", parameters, &made));
    sg_result_free(made);
}

static int is_shot(const sg_result *events, const char *code, int again)
{
    const sg_value *event = sg_value_first(sg_result_value(events));
    int32_t duplicate = -1;

    return CHECK_INT(sg_value_count(sg_result_value(events)), 1)
           && CHECK_TEXT(sg_value_string(sg_value_pointer(event, "/entity/name"), NULL), code)
           && CHECK_TEXT(sg_value_string(sg_value_pointer(event, "/actor/kind"), NULL), "script")
           && CHECK_OK(sg_value_bool(sg_value_get(event, "duplicate_possible"), &duplicate)) && CHECK_INT(duplicate, again);
}

static void next_is(sg_events *feed, const char *code, int again)
{
    sg_result *events = NULL;

    REQUIRE_OK(sg_events_next(feed, 20000, &events));
    is_shot(events, code, again);
    sg_result_free(events);
}

static sg_result *state_of(const sg_events *feed)
{
    sg_result *state = NULL;

    REQUIRE_OK(sg_events_state(feed, &state));
    return state;
}

static void check_waiting(const sg_client *client)
{
    sg_events *feed = open_feed(client, "null");
    sg_result *events = NULL;
    sg_op *op = NULL;
    sg_op *other = NULL;

    CHECK_STATUS(sg_events_next(feed, 50, &events), SG_STATUS_TIMEOUT_WAIT);
    CHECK(events == NULL);
    make_shot(client, "E1");
    next_is(feed, "E1", 0);

    REQUIRE_OK(sg_events_submit_next(feed, &op));
    CHECK_STATUS(sg_events_submit_next(feed, &other), SG_STATUS_INVALID_STATE);
    CHECK_STATUS(sg_events_next(feed, 0, &events), SG_STATUS_INVALID_STATE);
    CHECK_OK(sg_op_cancel(op));
    CHECK_STATUS(sg_op_take_result(op, &events), SG_STATUS_CANCELLED);
    sg_op_free(op);

    /* At once again; and the feed may go before what it has begun, and the client before the feed. */
    REQUIRE_OK(sg_events_submit_next(feed, &op));
    make_shot(client, "E2");
    CHECK_OK(sg_op_wait(op, 20000));
    CHECK_OK(sg_op_take_result(op, &events));
    is_shot(events, "E2", 0);
    sg_op_free(op);
    REQUIRE_OK(sg_events_submit_next(feed, &op));
    sg_events_free(feed);
    CHECK_STATUS(sg_op_wait(op, 20), SG_STATUS_TIMEOUT_WAIT);
    CHECK_OK(sg_op_cancel(op));
    sg_op_free(op);
    /* Events outlive their feed. */
    is_shot(events, "E2", 0);
    sg_result_free(events);
}

static void check_resuming(const sg_client *client)
{
    sg_client *other = site_script();
    sg_events *feed = open_feed(other, "null");
    sg_result *covered;
    sg_result *before;
    sg_result *events = NULL;

    sg_client_free(other);
    before = state_of(feed);
    make_shot(client, "R1");
    next_is(feed, "R1", 0);
    covered = state_of(feed);
    sg_events_free(feed);

    feed = open_feed(client, sg_result_json(before, NULL));
    next_is(feed, "R1", 1);
    sg_events_free(feed);
    feed = open_feed(client, sg_result_json(covered, NULL));
    CHECK_STATUS(sg_events_next(feed, 200, &events), SG_STATUS_TIMEOUT_WAIT);
    make_shot(client, "R2");
    next_is(feed, "R2", 0);
    sg_events_free(feed);
    sg_result_free(before);
    sg_result_free(covered);
}

static void check_refusals(const sg_client *client)
{
    sg_events *feed = NULL;

    CHECK_STATUS(sg_events_open(client, "{\"project\": 1}", &feed), SG_STATUS_INVALID_ARGUMENT);
    CHECK_HAS(sg_last_error(), "there are projects");
    CHECK_STATUS(sg_events_open(client, "{\"state\": \"nonsense\"}", &feed), SG_STATUS_INVALID_ARGUMENT);
    CHECK(feed == NULL);
    sg_events_free(NULL);
}

int main(void)
{
    sg_client *client = site_script();
    sg_events *left;
    sg_result *events = NULL;

    check_waiting(client);
    check_resuming(client);
    check_refusals(client);
    /* A shutdown ends waits; a feed of before can still be freed. */
    left = open_feed(client, "null");
    CHECK_OK(sg_runtime_shutdown(10000));
    CHECK_STATUS(sg_events_next(left, 1000, &events), SG_STATUS_INVALID_STATE);
    sg_events_free(left);
    sg_client_free(client);
    CHECK_OK(sg_runtime_shutdown(10000));
    return check_done();
}
