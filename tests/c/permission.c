/* A refusal by the permission role is a status of its own, told with all its parts, and nothing was written. What shares
 * its number on the wire (a taken name, a missing row, a bad value) is something else. */
#include "site.h"

static const char *or_none(const char *text)
{
    return text ? text : "(none)";
}

/* Calls, expects a refusal, and gives its record. */
static sg_error *refused(const sg_client *client, const char *method, const char *parameters, int line)
{
    sg_result *result = NULL;
    sg_status status = sg_call(client, method, parameters, &result);
    sg_error *error;

    check_status(status, SG_STATUS_PERMISSION, parameters, __FILE__, line);
    check_that(result == NULL, "no result", __FILE__, line);
    error = sg_error_take_last();
    check_int(sg_error_is_retryable(error), 0, "retryable", __FILE__, line);
    check_int(sg_error_may_have_applied(error), 0, "may_have_applied", __FILE__, line);
    check_int(sg_error_http_status(error), 200, "http_status", __FILE__, line);
    check_that(sg_error_server_message(error) != NULL, "the site's own words", __FILE__, line);
    return error;
}

static void text_is(const sg_client *client, const char *type, int64_t id, const char *field, const char *expected)
{
    char parameters[256];
    sg_result *result = NULL;

    snprintf(parameters, sizeof parameters,
             "{\"entity_type\":\"%s\",\"filters\":[[\"id\",\"is\",%" PRId64 "]],\"fields\":[\"%s\"]}", type, id, field);
    REQUIRE_OK(sg_call(client, "find_one", parameters, &result));
    CHECK_TEXT(sg_value_string(sg_value_get(sg_result_value(result), field), NULL), expected);
    sg_result_free(result);
}

static void check_update(const sg_client *script, const sg_client *artist)
{
    char parameters[256];
    char status[32];
    int64_t shot = site_first_id(artist, "Shot");
    sg_result *result = NULL;
    sg_error *error;

    snprintf(parameters, sizeof parameters,
             "{\"entity_type\":\"Shot\",\"filters\":[[\"id\",\"is\",%" PRId64 "]],\"fields\":[\"sg_status_list\"]}", shot);
    REQUIRE_OK(sg_call(script, "find_one", parameters, &result));
    snprintf(status, sizeof status, "%s",
             or_none(sg_value_string(sg_value_get(sg_result_value(result), "sg_status_list"), NULL)));
    sg_result_free(result);

    snprintf(parameters, sizeof parameters,
             "{\"entity_type\":\"Shot\",\"entity_id\":%" PRId64 ",\"data\":{\"sg_status_list\":\"%s\"}}", shot,
             strcmp(status, "ip") == 0 ? "fin" : "ip");
    error = refused(artist, "update", parameters, __LINE__);
    CHECK_TEXT(sg_error_operation(error), "update");
    CHECK_TEXT(sg_error_entity_type(error), "Shot");
    CHECK_INT(sg_error_entity_id(error), shot);
    CHECK_TEXT(sg_error_field(error), "sg_status_list");
    CHECK_TEXT(sg_error_role(error), "Artist");
    CHECK_INT(sg_error_server_code(error), 104);
    CHECK_INT(sg_error_batch_index(error), -1);
    CHECK_HAS(sg_error_message(error), "Artist");
    CHECK_HAS(sg_error_message(error), "sg_status_list");
    CHECK_HAS(sg_error_server_message(error), "not editable for this user: [Shot.sg_status_list]");
    sg_error_free(error);
    text_is(script, "Shot", shot, "sg_status_list", status);

    /* The second request of a batch is refused: the first is rolled back. */
    snprintf(parameters, sizeof parameters,
             "{\"requests\":[{\"request_type\":\"create\",\"entity_type\":\"Note\",\"data\":{\"subject\":\"rolled back\","
             "\"project\":{\"type\":\"Project\",\"id\":%" PRId64 "}}},"
             "{\"request_type\":\"delete\",\"entity_type\":\"Shot\",\"entity_id\":%" PRId64 "}]}",
             site_first_id(artist, "Project"), shot);
    error = refused(artist, "batch", parameters, __LINE__);
    CHECK_INT(sg_error_batch_index(error), 1);
    CHECK_TEXT(sg_error_operation(error), "delete");
    CHECK_TEXT(sg_error_entity_type(error), "Shot");
    sg_error_free(error);

    /* The library tells the request, too, where it does not ask the site. */
    CHECK_CLASS(sg_call(artist, "batch", "[[{\"request_type\":\"delete\",\"entity_type\":\"Shot\",\"entity_id\":1}, null]]", &result),
                SG_STATUS_INVALID_ARGUMENT);
    CHECK_HAS(sg_last_error(), "requests[1] must be an object, not null");
    error = sg_error_take_last();
    CHECK_INT(sg_error_batch_index(error), 1);
    CHECK(sg_error_server_message(error) == NULL);
    sg_error_free(error);
    CHECK_CLASS(sg_call(artist, "batch", "[[{\"request_type\":\"dismiss\"}]]", &result), SG_STATUS_INVALID_ARGUMENT);
    error = sg_error_take_last();
    CHECK_INT(sg_error_batch_index(error), 0);
    sg_error_free(error);
    CHECK_CLASS(sg_call(artist, "batch", "[{}]", &result), SG_STATUS_INVALID_ARGUMENT);
    error = sg_error_take_last();
    CHECK_INT(sg_error_batch_index(error), -1);
    sg_error_free(error);

    REQUIRE_OK(sg_call(script, "find", "[\"Note\",[[\"subject\",\"is\",\"rolled back\"]]]", &result));
    CHECK_INT(sg_value_count(sg_result_value(result)), 0);
    sg_result_free(result);
}

static void check_other_operations(const sg_client *script, const sg_client *artist)
{
    char parameters[128];
    int64_t event = site_first_id(script, "EventLogEntry");
    sg_error *error;

    error = refused(artist, "create", "{\"entity_type\":\"LocalStorage\",\"data\":{\"code\":\"mine\"}}", __LINE__);
    CHECK_TEXT(sg_error_operation(error), "create");
    CHECK_TEXT(sg_error_entity_type(error), "LocalStorage");
    CHECK(sg_error_field(error) == NULL);
    sg_error_free(error);

    error = refused(artist, "find", "{\"entity_type\":\"ApiUser\",\"filters\":[]}", __LINE__);
    CHECK_TEXT(sg_error_operation(error), "read");
    CHECK_TEXT(sg_error_entity_type(error), "ApiUser");
    CHECK_TEXT(sg_error_role(error), "Artist");
    sg_error_free(error);

    /* Not even a script with every right may delete what the event log says. The rule is told. */
    snprintf(parameters, sizeof parameters, "{\"entity_type\":\"EventLogEntry\",\"entity_id\":%" PRId64 "}", event);
    error = refused(script, "delete", parameters, __LINE__);
    CHECK_TEXT(sg_error_operation(error), "delete");
    CHECK_TEXT(sg_error_entity_type(error), "EventLogEntry");
    CHECK_INT(sg_error_entity_id(error), event);
    CHECK(sg_error_role(error) != NULL);
    CHECK(sg_error_rule_id(error) > 0);
    CHECK_HAS(sg_error_rule_text(error), "retire_entity");
    sg_error_free(error);
}

static void check_sudo(void)
{
    sg_options *options = sg_options_new();
    sg_client *client = NULL;
    sg_error *error;

    /* An artist may act for nobody. */
    REQUIRE_OK(sg_options_set_sudo_as_login(options, check_setting("SG_TEST_ADMIN_LOGIN")));
    CHECK_STATUS(sg_connect_user(check_setting("SG_TEST_URL"), check_setting("SG_TEST_ARTIST_LOGIN"),
                                 check_setting("SG_TEST_ARTIST_PASSWORD"), options, &client),
                 SG_STATUS_PERMISSION);
    error = sg_error_take_last();
    CHECK_TEXT(sg_error_operation(error), "sudo");
    sg_error_free(error);
    CHECK(client == NULL);

    /* A script may, but not for somebody who does not exist: that is a matter of who, not of may. */
    REQUIRE_OK(sg_options_set_sudo_as_login(options, "nobody-of-this-name"));
    CHECK_STATUS(sg_connect_script(check_setting("SG_TEST_URL"), check_setting("SG_TEST_SCRIPT_NAME"),
                                   check_setting("SG_TEST_API_KEY"), options, &client),
                 SG_STATUS_AUTH_SUDO_TARGET);
    CHECK_HAS(sg_last_error(), "nobody-of-this-name");
    sg_options_free(options);
}

/* The neighbours that carry the same number. */
static void check_not_permission(const sg_client *script)
{
    sg_result *result = NULL;
    int64_t project = site_first_id(script, "Project");
    char parameters[256];
    char name[96];

    snprintf(parameters, sizeof parameters,
             "{\"entity_type\":\"Project\",\"filters\":[[\"id\",\"is\",%" PRId64 "]],\"fields\":[\"name\"]}", project);
    REQUIRE_OK(sg_call(script, "find_one", parameters, &result));
    snprintf(name, sizeof name, "%s", or_none(sg_value_string(sg_value_get(sg_result_value(result), "name"), NULL)));
    sg_result_free(result);
    snprintf(parameters, sizeof parameters, "{\"entity_type\":\"Project\",\"data\":{\"name\":\"%s\"}}", name);
    CHECK_STATUS(sg_call(script, "create", parameters, &result), SG_STATUS_CONFLICT);
    CHECK_STATUS(sg_call(script, "delete", "{\"entity_type\":\"Shot\",\"entity_id\":99999999}", &result),
                 SG_STATUS_NOT_FOUND);
    snprintf(parameters, sizeof parameters,
             "{\"entity_type\":\"Shot\",\"entity_id\":%" PRId64 ",\"data\":{\"sg_cut_in\":\"no number\"}}",
             site_first_id(script, "Shot"));
    CHECK_STATUS(sg_call(script, "update", parameters, &result), SG_STATUS_REJECTED);
}

int main(void)
{
    sg_client *script = site_script();
    sg_client *artist = site_artist();

    check_update(script, artist);
    check_other_operations(script, artist);
    check_sudo();
    check_not_permission(script);
    site_works(artist);
    sg_client_free(artist);
    sg_client_free(script);
    CHECK_OK(sg_runtime_shutdown(10000));
    return check_done();
}
