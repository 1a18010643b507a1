/* What the C tests share when they talk to the site that was started for them. */
#ifndef SITE_H
#define SITE_H

#include <shotgrid.h>

#include "check.h"

static inline int check_status(sg_status actual, sg_status expected, const char *what, const char *file, int line)
{
    if (actual != expected)
        check_failed(file, line, "%s: expected %s, found %s: %s", what, sg_status_name((int32_t)expected),
                     sg_status_name((int32_t)actual), sg_last_error());
    return actual == expected;
}

#define CHECK_STATUS(actual, expected) check_status((actual), (expected), #actual, __FILE__, __LINE__)
#define CHECK_OK(actual) CHECK_STATUS(actual, SG_STATUS_OK)

/* The class of a failure, whatever its detail. */
#define CHECK_CLASS(actual, expected) CHECK_STATUS((sg_status)SG_STATUS_CLASS(actual), expected)

#define REQUIRE_OK(actual)                                                                                             \
    do {                                                                                                               \
        if (!CHECK_OK(actual))                                                                                         \
            exit(1);                                                                                                   \
    } while (0)

/* Signs in as the script of the seed. */
static inline sg_client *site_script(void)
{
    sg_client *client = NULL;

    REQUIRE_OK(sg_connect_script(check_setting("SG_TEST_URL"), check_setting("SG_TEST_SCRIPT_NAME"),
                                 check_setting("SG_TEST_API_KEY"), NULL, &client));
    return client;
}

/* Signs in as the artist of the seed. */
static inline sg_client *site_artist(void)
{
    sg_client *client = NULL;

    REQUIRE_OK(sg_connect_user(check_setting("SG_TEST_URL"), check_setting("SG_TEST_ARTIST_LOGIN"),
                               check_setting("SG_TEST_ARTIST_PASSWORD"), NULL, &client));
    return client;
}

/* The id of the first row of a type that this client may see. */
static inline int64_t site_first_id(const sg_client *client, const char *entity_type)
{
    char parameters[128];
    sg_result *result = NULL;
    int64_t id = 0;

    snprintf(parameters, sizeof parameters, "{\"entity_type\":\"%s\",\"filters\":[]}", entity_type);
    REQUIRE_OK(sg_call(client, "find_one", parameters, &result));
    REQUIRE_OK(sg_value_int64(sg_value_get(sg_result_value(result), "id"), &id));
    sg_result_free(result);
    return id;
}

/* Asks for all projects and checks that there are some; the smallest call that needs the whole library. */
static inline int site_works(const sg_client *client)
{
    sg_result *result = NULL;
    int works = CHECK_OK(sg_call(client, "find", "{\"entity_type\":\"Project\",\"filters\":[],\"fields\":[\"name\"]}", &result))
                && CHECK(sg_value_count(sg_result_value(result)) > 0);

    sg_result_free(result);
    return works;
}

#endif
