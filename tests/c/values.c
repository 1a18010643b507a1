/* Cursors over everything that JSON can hold, and the bytes of the site left as they came. */
#include "peer.h"
#include "site.h"

/* One reply that serves as the site's greeting and as the answer to every call. */
#define RESULTS                                                                                                        \
    "{\"version\":[8,60,0],\"name\":\"Zo\\u00eb \\ud83c\\udfac \\\"q\\\" \\\\ \\n\",\"plain\":\"A/B ~ \",\"nul\":\"a\\u0000b\","        \
    "\"empty\":\"\",\"none\":null,\"yes\":true,\"no\":false,\"big\":9223372036854775807,\"small\":-9223372036854775808,"  \
    "\"huge\":9223372036854775808,\"half\":0.5,\"exp\":1e3,\"time\":\"2024-02-29T23:59:59Z\",\"date\":\"1970-01-02\","      \
    "\"twice\":1,\"list\":[1,[],{}, \"x\"],\"deep\":{\"a\":{\"b\":[{\"c/d\":\"found\",\"~\":1}]}},\"\\u00e9\":\"accent\",\"twice\":2}"

static const char *answer(struct peer *peer, const char *request)
{
    (void)peer;
    (void)request;
    return "{\"results\":" RESULTS "}";
}

static void check_strings(const sg_value *root)
{
    size_t length = 0;
    const char *text;

    CHECK_TEXT(sg_value_string(sg_value_get(root, "name"), NULL), "Zo\xc3\xab \xf0\x9f\x8e\xac \"q\" \\ \n");
    CHECK_TEXT(sg_value_string(sg_value_get(root, "plain"), &length), "A/B ~ ");
    CHECK_INT(length, 6);
    text = sg_value_string(sg_value_get(root, "nul"), &length);
    CHECK_INT(length, 3);
    CHECK(text != NULL && memcmp(text, "a\0b", 4) == 0);
    CHECK_TEXT(sg_value_string(sg_value_get(root, "empty"), &length), "");
    CHECK_INT(length, 0);
    CHECK_TEXT(sg_value_string(sg_value_get(root, "\xc3\xa9"), NULL), "accent");
    CHECK_TEXT(sg_value_string(sg_value_get_n(root, "plain and more", 5), NULL), "A/B ~ ");
    CHECK(sg_value_string(sg_value_get(root, "yes"), NULL) == NULL);
    text = sg_value_text(sg_value_get(root, "plain"), &length);
    CHECK(length == 6 && text != NULL && memcmp(text, "A/B ~ ", 6) == 0);
    text = sg_value_text(sg_value_get(root, "nul"), &length);
    CHECK(length == 3 && text != NULL && memcmp(text, "a\0b", 3) == 0);
    CHECK(sg_value_text(sg_value_get(root, "empty"), &length) != NULL);
    CHECK_INT(length, 0);
    CHECK(sg_value_text(sg_value_get(root, "plain"), NULL) == NULL);
    CHECK(sg_value_text(sg_value_get(root, "yes"), &length) == NULL);
    text = sg_value_key_text(sg_value_get(root, "\xc3\xa9"), &length);
    CHECK(length == 2 && text != NULL && memcmp(text, "\xc3\xa9", 2) == 0);
    text = sg_value_key_text(sg_value_get(root, "plain"), &length);
    CHECK(length == 5 && text != NULL && memcmp(text, "plain", 5) == 0);
    CHECK(sg_value_key_text(root, &length) == NULL);
    CHECK_INT(length, 0);
    CHECK(sg_value_get(root, "no such key") == NULL);
    CHECK(sg_value_get(root, NULL) == NULL);
    CHECK(sg_value_get(sg_value_get(root, "list"), "x") == NULL);
}

static void check_scalars(const sg_value *root)
{
    int64_t number = 1;
    double real = 1;
    int32_t truth = 7;

    CHECK_OK(sg_value_int64(sg_value_get(root, "big"), &number));
    CHECK(number == INT64_MAX);
    CHECK_OK(sg_value_int64(sg_value_get(root, "small"), &number));
    CHECK(number == INT64_MIN);
    CHECK_CLASS(sg_value_int64(sg_value_get(root, "huge"), &number), SG_STATUS_INVALID_ARGUMENT);
    CHECK_INT(number, 0);
    CHECK_CLASS(sg_value_int64(sg_value_get(root, "half"), &number), SG_STATUS_INVALID_ARGUMENT);
    CHECK_CLASS(sg_value_int64(sg_value_get(root, "plain"), &number), SG_STATUS_INVALID_ARGUMENT);
    CHECK_CLASS(sg_value_int64(sg_value_get(root, "big"), NULL), SG_STATUS_INVALID_ARGUMENT);
    CHECK_OK(sg_value_double(sg_value_get(root, "half"), &real));
    CHECK(real == 0.5);
    CHECK_OK(sg_value_double(sg_value_get(root, "exp"), &real));
    CHECK(real == 1000.0);
    CHECK_OK(sg_value_double(sg_value_get(root, "huge"), &real));
    CHECK(real == 9223372036854775808.0);
    CHECK_OK(sg_value_bool(sg_value_get(root, "yes"), &truth));
    CHECK_INT(truth, 1);
    CHECK_OK(sg_value_bool(sg_value_get(root, "no"), &truth));
    CHECK_INT(truth, 0);
    truth = 7;
    CHECK_CLASS(sg_value_bool(sg_value_get(root, "none"), &truth), SG_STATUS_INVALID_ARGUMENT);
    CHECK_INT(truth, 0);
    CHECK_OK(sg_value_time_ms(sg_value_get(root, "time"), &number));
    CHECK_INT(number, INT64_C(1709251199000));
    CHECK_OK(sg_value_time_ms(sg_value_get(root, "date"), &number));
    CHECK_INT(number, 86400000);
    CHECK_CLASS(sg_value_time_ms(sg_value_get(root, "plain"), &number), SG_STATUS_INVALID_ARGUMENT);
    CHECK_INT(sg_value_is_null(sg_value_get(root, "none")), 1);
    CHECK_INT(sg_value_is_null(sg_value_get(root, "empty")), 0);
    CHECK_OK(sg_value_int64(sg_value_get(root, "twice"), &number));
    CHECK_INT(number, 2); /* the last one wins */
}

static void check_walking(const sg_value *root)
{
    const sg_value *list = sg_value_get(root, "list");
    const sg_value *member;
    size_t count = 0;

    CHECK_INT(sg_value_get_type(root), SG_VALUE_TYPE_OBJECT);
    CHECK_INT(sg_value_get_type(list), SG_VALUE_TYPE_ARRAY);
    CHECK_INT(sg_value_get_type(sg_value_get(root, "none")), SG_VALUE_TYPE_NULL);
    CHECK_INT(sg_value_get_type(sg_value_get(root, "yes")), SG_VALUE_TYPE_BOOL);
    CHECK_INT(sg_value_get_type(sg_value_get(root, "half")), SG_VALUE_TYPE_NUMBER);
    CHECK_INT(sg_value_get_type(sg_value_get(root, "plain")), SG_VALUE_TYPE_STRING);
    CHECK_INT(sg_value_count(list), 4);
    CHECK_INT(sg_value_count(sg_value_get(root, "plain")), 0);
    CHECK(sg_value_at(list, 4) == NULL);
    CHECK_TEXT(sg_value_string(sg_value_at(list, 3), NULL), "x");
    CHECK(sg_value_first(sg_value_at(list, 1)) == NULL);
    CHECK(sg_value_key(sg_value_at(list, 0), NULL) == NULL);
    CHECK_TEXT(sg_value_key(sg_value_first(root), NULL), "version");
    CHECK_TEXT(sg_value_key(sg_value_at(root, 1), NULL), "name");
    for (member = sg_value_first(root); member; member = sg_value_next(member))
        count += sg_value_key(member, NULL) != NULL;
    CHECK_INT(count, sg_value_count(root));
    CHECK_INT(count, 20);

    CHECK_TEXT(sg_value_string(sg_value_pointer(root, "/deep/a/b/0/c~1d"), NULL), "found");
    CHECK(sg_value_pointer(root, "/deep/a/b/0/~0") != NULL);
    CHECK(sg_value_pointer(root, "") == root);
    CHECK(sg_value_pointer(root, "/deep/a/b/1") == NULL);
    CHECK(sg_value_pointer(root, "deep") == NULL);
    CHECK(sg_value_pointer(root, "/list/01") == NULL);
    CHECK(sg_value_pointer(root, NULL) == NULL);
}

int main(void)
{
    static struct peer peer;
    sg_client *client = NULL;
    sg_result *result = NULL;
    sg_options *options = sg_options_new();
    const char *json;
    size_t length = 0;

    peer.answer = answer;
    peer_start(&peer);
    REQUIRE_OK(sg_options_set_verify_on_connect(options, 0));
    REQUIRE_OK(sg_connect_script(peer.url, "script", "a key", options, &client));
    REQUIRE_OK(sg_call_raw(client, "anything", "[1]", &result));
    sg_client_free(client);
    peer_stop(&peer);

    json = sg_result_json(result, &length);
    CHECK_TEXT(json, RESULTS);
    CHECK_INT(length, strlen(RESULTS));
    json = sg_value_json(sg_value_get(sg_result_value(result), "list"), &length);
    CHECK(length == strlen("[1,[],{}, \"x\"]") && json && memcmp(json, "[1,[],{}, \"x\"]", length) == 0);
    check_strings(sg_result_value(result));
    check_scalars(sg_result_value(result));
    check_walking(sg_result_value(result));
    sg_result_free(result);
    sg_options_free(options);
    CHECK_OK(sg_runtime_shutdown(10000));
    return check_done();
}
