/* Checks for the C tests. A failed check says where it stands, what was expected and what was found; the program goes
 * on and ends with 1. REQUIRE is for what the rest of the program cannot do without. Any thread may check. */
#ifndef CHECK_H
#define CHECK_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many checks failed so far. */
static int check_failures;

/* Where failures are told: standard error, unless a test has turned that away. */
static FILE *check_stream;

static inline void check_failed(const char *file, int line, const char *format, ...)
{
    FILE *stream = check_stream ? check_stream : stderr;
    va_list parts;

    __sync_fetch_and_add(&check_failures, 1);
    fprintf(stream, "%s:%d: ", file, line);
    va_start(parts, format);
    vfprintf(stream, format, parts);
    va_end(parts);
    fputc('\n', stream);
    fflush(stream);
}

static inline int check_that(int holds, const char *what, const char *file, int line)
{
    if (!holds)
        check_failed(file, line, "expected %s", what);
    return holds;
}

static inline int check_int(int64_t actual, int64_t expected, const char *what, const char *file, int line)
{
    if (actual != expected)
        check_failed(file, line, "%s: expected %" PRId64 ", found %" PRId64, what, expected, actual);
    return actual == expected;
}

static inline int check_text(const char *actual, const char *expected, const char *what, const char *file, int line)
{
    int same = actual && strcmp(actual, expected) == 0;

    if (!same)
        check_failed(file, line, "%s: expected \"%s\", found \"%s\"", what, expected, actual ? actual : "(NULL)");
    return same;
}

static inline int check_has(const char *text, const char *part, const char *what, const char *file, int line)
{
    int has = text && strstr(text, part) != NULL;

    if (!has)
        check_failed(file, line, "%s: expected \"%s\" in \"%s\"", what, part, text ? text : "(NULL)");
    return has;
}

#define CHECK(condition) check_that((condition) ? 1 : 0, #condition, __FILE__, __LINE__)
#define CHECK_INT(actual, expected) check_int((int64_t)(actual), (int64_t)(expected), #actual, __FILE__, __LINE__)
#define CHECK_TEXT(actual, expected) check_text((actual), (expected), #actual, __FILE__, __LINE__)
#define CHECK_HAS(text, part) check_has((text), (part), #text, __FILE__, __LINE__)

#define REQUIRE(condition)                                                                                             \
    do {                                                                                                               \
        if (!CHECK(condition))                                                                                         \
            exit(1);                                                                                                   \
    } while (0)

/* The end of main. */
static inline int check_done(void)
{
    if (check_failures > 0)
        fprintf(check_stream ? check_stream : stderr, "%d checks failed\n", check_failures);
    return check_failures > 0 ? 1 : 0;
}

/* A value that the test was started with. */
static inline const char *check_setting(const char *name)
{
    const char *value = getenv(name);

    if (!value || !*value) {
        fprintf(stderr, "%s is not set; `cargo xtask c-tests` starts a site and sets it\n", name);
        exit(2);
    }
    return value;
}

#endif
