/* What proves who somebody is leaves no copy in memory that was freed: the process looks through all that it can write to.
 *
 * The secrets are kept veiled, so that the program itself does not hold them in clear, and are wiped from the environment.
 * tests/secrets_in_memory.rs looks for more of them, by proxies, addresses, files and TLS; this is the shared library as hosts load it. */
#include <fcntl.h>
#include <unistd.h>

#include "site.h"

enum { VEIL = 0x5a, LONGEST = 256, STEP = 1 << 16 };

typedef struct {
    const char *name;
    size_t length;
    unsigned char veiled[LONGEST];
} needle;

static unsigned char window[STEP + LONGEST];

static void wipe(void *memory, size_t length)
{
    volatile unsigned char *bytes = memory;

    while (length-- > 0)
        *bytes++ = 0;
}

static needle veil(const char *name, const char *clear)
{
    needle made = {name, strlen(clear), {0}};

    REQUIRE(made.length >= 8 && made.length < LONGEST);
    for (size_t at = 0; at < made.length; at++)
        made.veiled[at] = (unsigned char)clear[at] ^ VEIL;
    return made;
}

/* A secret of the environment, which does not have it any more afterwards. */
static needle taken(const char *variable)
{
    char *clear = getenv(variable);
    needle made;

    REQUIRE(clear != NULL);
    made = veil(variable, clear);
    wipe(clear, made.length);
    return made;
}

static void unveil(const needle *hidden, char clear[LONGEST])
{
    for (size_t at = 0; at < hidden->length; at++)
        clear[at] = (char)(hidden->veiled[at] ^ VEIL);
    clear[hidden->length] = '\0';
}

static int stands_at(const unsigned char *place, const needle *wanted)
{
    for (size_t at = 0; at < wanted->length; at++)
        if ((place[at] ^ VEIL) != wanted->veiled[at])
            return 0;
    return 1;
}

/* How often it stands in a region of memory, but for the window through which it is looked for. */
static int found_between(int memory, uint64_t start, uint64_t end, const needle *wanted)
{
    uint64_t own = (uint64_t)(uintptr_t)window;
    int found = 0;

    for (uint64_t at = start; at < end; at += STEP) {
        uint64_t left = end - at;
        ssize_t got = pread(memory, window, left < sizeof window ? (size_t)left : sizeof window, (off_t)at);

        if (got < (ssize_t)wanted->length)
            break;
        for (ssize_t place = 0; place < STEP && place + (ssize_t)wanted->length <= got; place++)
            if (stands_at(window + place, wanted) && (at + (uint64_t)place < own || at + (uint64_t)place >= own + sizeof window))
                found++;
    }
    return found;
}

static int found(const needle *wanted)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    char line[512];
    int sum = 0;

    REQUIRE(maps != NULL && memory >= 0);
    while (fgets(line, sizeof line, maps) != NULL) {
        uint64_t start = 0, end = 0;
        char rights[8] = "";

        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &start, &end, rights) == 3 && strncmp(rights, "rw", 2) == 0)
            sum += found_between(memory, start, end, wanted);
    }
    fclose(maps);
    close(memory);
    wipe(window, sizeof window);
    return sum;
}

int main(void)
{
    needle key = taken("SG_TEST_API_KEY"), password = taken("SG_TEST_ARTIST_PASSWORD"), token;
    const char *url = check_setting("SG_TEST_URL");
    char clear[LONGEST];
    sg_client *script = NULL, *person = NULL, *nobody = NULL;
    sg_result *result = NULL;

    /* The search finds what is there, and not itself. */
    CHECK_INT(found(&key), 0);
    unveil(&key, clear);
    CHECK(found(&key) >= 1);

    REQUIRE_OK(sg_connect_script(url, check_setting("SG_TEST_SCRIPT_NAME"), clear, NULL, &script));
    clear[0] ^= 1;
    CHECK_CLASS(sg_connect_script(url, check_setting("SG_TEST_SCRIPT_NAME"), clear, NULL, &nobody), SG_STATUS_AUTH);
    unveil(&password, clear);
    REQUIRE_OK(sg_connect_user(url, check_setting("SG_TEST_ARTIST_LOGIN"), clear, NULL, &person));
    wipe(clear, sizeof clear);
    CHECK(site_works(script));
    CHECK(site_works(person));
    REQUIRE_OK(sg_call(person, "get_session_token", NULL, &result));
    token = veil("the session token", sg_value_string(sg_result_value(result), NULL));
    sg_result_free(result);
    CHECK(found(&key) >= 1);
    CHECK(found(&password) >= 1);
    CHECK(found(&token) >= 1);

    sg_client_free(script);
    sg_client_free(person);
    sg_client_free(nobody);
    CHECK_OK(sg_runtime_shutdown(20000));
    CHECK_INT(found(&key), 0);
    CHECK_INT(found(&password), 0);
    CHECK_INT(found(&token), 0);
    return check_done();
}
