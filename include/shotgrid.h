/**
 * @file shotgrid.h
 * @brief Autodesk Flow Production Tracking (ShotGrid) for C and C++ hosts, and for every language with an FFI.
 *
 * This file is written from the library's sources. Do not edit it.
 *
 * # What it is
 *
 * libshotgrid signs in to a site as a person or as a script and calls the methods of the official Python client by their
 * own names. What the site refuses comes back as a typed error: a permission refusal is never mistaken for a wrong
 * password, a broken network or bad data.
 *
 * docs/methods.md of the distribution lists the methods with their parameters, docs/threading.md, docs/shutdown.md and
 * docs/embedding.md say how to live in somebody else's process.
 *
 * @code{.c}
 * #include <shotgrid.h>
 * #include <stdio.h>
 *
 * int main(void) {
 *   sg_client *client = NULL;
 *   sg_result *result = NULL;
 *   const char *find = "{\"entity_type\": \"Shot\", \"filters\": [], \"fields\": [\"code\"]}";
 *   sg_status status = sg_connect_script("https://studio.shotgrid.autodesk.com", "my_tool", "the key", NULL, &client);
 *   if (status == SG_STATUS_OK) {
 *     status = sg_call(client, "find", find, &result);
 *   }
 *   if (status != SG_STATUS_OK) {
 *     const char *message = sg_last_error();
 *     fprintf(stderr, "%s: %s\n", sg_status_name(status), message);
 *   }
 *   const sg_value *shot = sg_value_first(sg_result_value(result));
 *   for (; shot != NULL; shot = sg_value_next(shot)) {
 *     const char *code = sg_value_string(sg_value_get(shot, "code"), NULL);
 *     printf("%s\n", code != NULL ? code : "(no code)");
 *   }
 *   sg_result_free(result);
 *   sg_client_free(client);
 *   return status == SG_STATUS_OK ? 0 : 1;
 * }
 * @endcode
 *
 * # Ownership
 *
 * - What comes out of an `out` parameter, sg_options_new() or sg_error_take_last() is yours: give it to the `_free`
 *   function of its type, once. Every `_free` takes NULL and does nothing then.
 * - A `const char *` or `const sg_value *` that is returned is borrowed from the object that it came from, and gone with
 *   it. Never free it.
 * - Objects keep alive what they need: the order of frees never matters. A result outlives its client.
 * - What you pass in is copied before a function returns.
 * - An `out` parameter comes last. It is set to NULL or 0 when the function begins, and filled on success only.
 * - Handles that were freed already, or are of another type, are refused with SG_STATUS_INVALID_ARGUMENT where they can be
 *   told. That is best effort: memory that was handed out anew may look like anything.
 *
 * # Threads
 *
 * - A `const T *` parameter may be used by any number of threads at once, a `T *` parameter by one at a time. sg_client
 *   is always `const`: share it freely.
 * - Every function says what it is: `threadsafe` (may it be called at once with others on the same objects), `blocking`
 *   (may it wait), `callback-safe` (may it be called inside one of the library's callbacks or on its threads).
 * - The first connect starts a few threads of the library's own. sg_runtime_shutdown() ends them. A thread of yours that waits
 *   in a call may do the network's work meanwhile; no callback runs on it there.
 * - Nothing need ever wait: sg_submit() and its like return at once, and sg_queue_on_done() has a function of yours called
 *   on a thread of yours, inside sg_queue_dispatch(). Callbacks of sg_op_on_done() and sg_log_set() run on the library's one
 *   thread for callbacks, where calls that wait are refused.
 *
 * # Errors
 *
 * - Functions that can fail return an sg_status. Its low 8 bits are a class, the next 8 a detail. Compare classes:
 *   `SG_STATUS_CLASS(status) == SG_STATUS_AUTH`. Later versions may add details and classes.
 * - SG_STATUS_AUTH asks who you are; SG_STATUS_PERMISSION says that you may not.
 * - Each thread has a record of its last failure: sg_last_error() for the message, sg_error_take_last() for all of it. Every
 *   function that can fail clears it when it begins. The pure readers, sg_last_error_status() and sg_error_status(), do
 *   not.
 * - A write is never sent twice. Where its fate is unknown, sg_error_may_have_applied() says so.
 * - No key, password or token that a client signs in with is ever part of an error.
 * - A panic inside the library ends in SG_STATUS_INTERNAL, never in your process's end. Nothing is ever written to a
 *   standard stream.
 *
 * # Encodings
 *
 * All text is UTF-8, paths on Windows too. It is NUL-terminated unless a length stands beside it; functions whose name ends
 * in `_n` take a length where a text may hold NUL. Times stay the site's text: sg_value_time_ms() converts them. Durations
 * are milliseconds.
 *
 * # fork, signals, dlopen
 *
 * - fork: in the child, clients, operations, pages, queues, feeds and sign-ins of the parent answer SG_STATUS_FORKED and are
 *   freed as usual; connect again there. Functions that only look or set, such as sg_client_stats(), sg_op_progress() and
 *   sg_sign_in_set_lifetime_ms(), do not fail, and tell what was so at the fork. Results stay readable. No callback or finalizer of the parent's is called in the child.
 * - Signals: the library's threads block all signals that can be sent to the process, SIGPIPE among them, so that your
 *   handlers run on your threads. Handlers and dispositions are never touched. A thread of yours that waits in a call may have
 *   SIGPIPE blocked meanwhile. On Linux no function of the library is a cancellation point: pthread_cancel() takes effect at the
 *   next one of your own, such as pthread_testcancel() behind a call.
 * - dlopen: the shared library stays mapped after dlclose() on ELF systems. Call sg_runtime_shutdown() in your unload hook. A
 *   plug-in that links the static library must be linked with `-Wl,-z,nodelete` itself.
 * - No locale, no atexit handlers, no constructors. Memory comes from the process's malloc and goes back to its free, wiped.
 *
 * # What stays compatible
 *
 * Functions, their parameters, status numbers and the meaning of each stay as they are within a major version, 0 among
 * them. New versions add functions and statuses. All types but the enums are opaque; enums are
 * int32_t wide. SG_CHECK_VERSION() tells whether the library that was loaded is at least the one that this header is of.
 *
 * # Building
 *
 * Define SG_STATIC where you link the static library on Windows. The header is C99, C11, C++11 and later.
 */

#ifndef SHOTGRID_H
#define SHOTGRID_H

#include <stddef.h>
#include <stdint.h>

/** The version of this header: see sg_lib_version_number() for the library's. */
#define SG_VERSION_MAJOR 0
#define SG_VERSION_MINOR 1
#define SG_VERSION_PATCH 0
#define SG_VERSION_NUMBER ((SG_VERSION_MAJOR << 16) | (SG_VERSION_MINOR << 8) | SG_VERSION_PATCH)

/**
 * Whether the library that was loaded has everything that this header declares: 1 when it is of this version or a later one
 * with the same major number, else 0. Ask once, before the first call of another function.
 */
#define SG_CHECK_VERSION() \
  (sg_lib_version_number() >= (SG_VERSION_NUMBER + 0u) && \
   sg_lib_version_number() >> 16 == (SG_VERSION_MAJOR + 0u))

/** The class of a status: its low 8 bits. */
#define SG_STATUS_CLASS(status) ((status) & 0xff)

/** What a sg_call_options begins as: everything as the client has it. */
#define SG_CALL_OPTIONS_INIT {sizeof(sg_call_options), 0, 0}

/** What a sg_stats begins as. */
#define SG_STATS_INIT {sizeof(sg_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0}

/** Marks what the library exports. */
#ifndef SG_API
#if defined(SG_STATIC)
#define SG_API
#elif defined(_WIN32)
#define SG_API __declspec(dllimport)
#elif defined(__GNUC__)
#define SG_API __attribute__((visibility("default")))
#else
#define SG_API
#endif
#endif

/** No function throws. */
#ifndef SG_NOEXCEPT
#if defined(__cplusplus) && (__cplusplus >= 201103L || (defined(_MSC_VER) && _MSC_VER >= 1900))
#define SG_NOEXCEPT noexcept
#else
#define SG_NOEXCEPT
#endif
#endif

/**
 * What a call came to.
 *
 * The low 8 bits are the class, the next 8 a detail: `SG_STATUS_CLASS(status)` gives the class. Numbers are fixed
 * and never reused; a later version may add classes and details, so compare classes and treat an unknown
 * detail as its class.
 */
enum sg_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * The call did what was asked.
   */
  SG_STATUS_OK = 0,
  /**
   * An argument is NULL, not UTF-8, broken JSON, an unknown method or parameter, or out of range. The message
   * says which one and what is allowed. Nothing was sent.
   */
  SG_STATUS_INVALID_ARGUMENT = 1,
  /**
   * The handle is in no state for this: consumed, shut down.
   */
  SG_STATUS_INVALID_STATE = 2,
  /**
   * A call that waits was made inside one of the library's own callbacks or threads, where it would never end.
   */
  SG_STATUS_INVALID_STATE_REENTRANT = 258,
  /**
   * The handle was made in the parent process of a fork. Make a new one in this process.
   */
  SG_STATUS_FORKED = 3,
  /**
   * A defect in the library: a caught panic or a broken invariant. The message says where.
   */
  SG_STATUS_INTERNAL = 4,
  /**
   * The site is too old for this call. The message names the version it needs.
   */
  SG_STATUS_UNSUPPORTED = 6,
  /**
   * The call was cancelled, by the host or by a shutdown.
   */
  SG_STATUS_CANCELLED = 7,
  /**
   * A time limit passed.
   */
  SG_STATUS_TIMEOUT = 8,
  /**
   * The connection was not made within the connect limit.
   */
  SG_STATUS_TIMEOUT_CONNECT = 264,
  /**
   * The whole call took longer than its limit.
   */
  SG_STATUS_TIMEOUT_TOTAL = 520,
  /**
   * The wait ended; the operation itself goes on.
   */
  SG_STATUS_TIMEOUT_WAIT = 776,
  /**
   * The network failed.
   */
  SG_STATUS_NETWORK = 16,
  /**
   * The site's name has no address.
   */
  SG_STATUS_NETWORK_DNS = 272,
  /**
   * Nobody answers at that address and port, or it cannot be reached.
   */
  SG_STATUS_NETWORK_CONNECT = 528,
  /**
   * The connection was dropped before the whole reply had come.
   */
  SG_STATUS_NETWORK_RESET = 784,
  /**
   * The proxy failed or refused.
   */
  SG_STATUS_NETWORK_PROXY = 1040,
  /**
   * The secure connection could not be made.
   */
  SG_STATUS_TLS = 17,
  /**
   * The site's certificate is signed by nobody in the trust store.
   */
  SG_STATUS_TLS_UNTRUSTED = 273,
  /**
   * The site's certificate is expired or not valid yet.
   */
  SG_STATUS_TLS_EXPIRED = 529,
  /**
   * The site's certificate is for another host name.
   */
  SG_STATUS_TLS_HOST_NAME = 785,
  /**
   * There is no trust store to check against. Name a CA file.
   */
  SG_STATUS_TLS_NO_ROOTS = 1041,
  /**
   * The reply is not what the API promises: a web page, truncated or broken JSON, a wrong shape.
   */
  SG_STATUS_PROTOCOL = 18,
  /**
   * The reply is larger than the limit set.
   */
  SG_STATUS_PROTOCOL_TOO_LARGE = 274,
  /**
   * Who are you: the site does not accept the credentials.
   */
  SG_STATUS_AUTH = 32,
  /**
   * Wrong login, password, script name or application key.
   */
  SG_STATUS_AUTH_CREDENTIALS = 288,
  /**
   * The session has ended and could not be renewed. Sign in again.
   */
  SG_STATUS_AUTH_SESSION_EXPIRED = 544,
  /**
   * A second factor is needed, or the one given is wrong (code 106).
   */
  SG_STATUS_AUTH_TWO_FACTOR = 800,
  /**
   * The site signs people in by single sign-on and refuses passwords (code 108).
   */
  SG_STATUS_AUTH_SSO = 1056,
  /**
   * The site signs people in by Autodesk Identity and refuses this password (code 110).
   */
  SG_STATUS_AUTH_IDENTITY = 1312,
  /**
   * The person to act for cannot be acted for: unknown, retired, inactive, or opted out.
   */
  SG_STATUS_AUTH_SUDO_TARGET = 1568,
  /**
   * The site does not let this client use its API at all (HTTP 401 or 403).
   */
  SG_STATUS_AUTH_BLOCKED = 1824,
  /**
   * The site offers no sign-in by the browser. Sign in with a login and password, or as a script.
   */
  SG_STATUS_AUTH_SIGN_IN_OFF = 2080,
  /**
   * The person rejected the sign-in in the browser, or it was collected elsewhere.
   */
  SG_STATUS_AUTH_SIGN_IN_REJECTED = 2336,
  /**
   * Nobody approved the sign-in in the browser in time. Begin another one.
   */
  SG_STATUS_AUTH_SIGN_IN_EXPIRED = 2592,
  /**
   * The sign-in may have been approved, but the reply that carried the session was lost, and it is given once. Begin
   * another one.
   */
  SG_STATUS_AUTH_SIGN_IN_LOST = 2848,
  /**
   * You may not: the permission role forbids it. Nothing was written.
   */
  SG_STATUS_PERMISSION = 33,
  /**
   * There is no such row or page.
   */
  SG_STATUS_NOT_FOUND = 34,
  /**
   * A value that must be unique is taken.
   */
  SG_STATUS_CONFLICT = 35,
  /**
   * The site refuses the data or the arguments.
   */
  SG_STATUS_REJECTED = 36,
  /**
   * Too many requests; wait for as long as the error record says.
   */
  SG_STATUS_RATE_LIMITED = 37,
  /**
   * Any other fault of the site.
   */
  SG_STATUS_SERVER_FAULT = 48,
  /**
   * The site is down for maintenance or too busy (502, 503, 504).
   */
  SG_STATUS_UNAVAILABLE = 49,
  /**
   * A local file could not be read or written.
   */
  SG_STATUS_IO = 64,
  /**
   * The recording to replay is none, of another version, or broken. The message names the line.
   */
  SG_STATUS_RECORDING = 65,
  /**
   * The recording that is replayed holds no such request, or fewer of them. The message says what was asked, and where
   * the nearest one differs. Nothing was sent.
   */
  SG_STATUS_RECORDING_NO_MATCH = 321,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sg_status sg_status;
#else
typedef int32_t sg_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a cursor stands on.
 */
enum sg_value_type
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Nothing: the cursor is NULL.
   */
  SG_VALUE_TYPE_NONE = 0,
  /**
   * The JSON null.
   */
  SG_VALUE_TYPE_NULL = 1,
  /**
   * true or false.
   */
  SG_VALUE_TYPE_BOOL = 2,
  /**
   * A number.
   */
  SG_VALUE_TYPE_NUMBER = 3,
  /**
   * A text; dates and times are texts too.
   */
  SG_VALUE_TYPE_STRING = 4,
  /**
   * A list of values.
   */
  SG_VALUE_TYPE_ARRAY = 5,
  /**
   * Members with keys.
   */
  SG_VALUE_TYPE_OBJECT = 6,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sg_value_type sg_value_type;
#else
typedef int32_t sg_value_type;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How much a message of the log matters.
 */
enum sg_log_level
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * A call failed.
   */
  SG_LOG_LEVEL_ERROR = 1,
  /**
   * Something went wrong and is being mended, such as a request that is tried again.
   */
  SG_LOG_LEVEL_WARN = 2,
  /**
   * Milestones: signed in, a session was renewed.
   */
  SG_LOG_LEVEL_INFO = 3,
  /**
   * Every call, with its time, bytes and requests.
   */
  SG_LOG_LEVEL_DEBUG = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sg_log_level sg_log_level;
#else
typedef int32_t sg_log_level;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A signed-in connection to one site.
 *
 * Any number of threads may use it at once; each call is independent. It holds a pool of connections, so make one and
 * keep it. After a fork it works in the parent alone: in the child every call answers SG_STATUS_FORKED.
 */
typedef struct sg_client sg_client;

/**
 * The record of one failed call, owned by whoever took it with sg_error_take_last(). It never changes: any number of
 * threads may read it at once.
 */
typedef struct sg_error sg_error;

/**
 * A feed of the events of a site: every event at least once, although their numbers fill in late and out of order.
 *
 * It works on after its client was freed. docs/events.md says what can be relied on.
 */
typedef struct sg_events sg_events;

/**
 * A call under way, or at its end.
 *
 * Any number of threads may wait for it, ask how far it is, or cancel it. Freeing it lets the call go on unobserved.
 */
typedef struct sg_op sg_op;

/**
 * Settings for sg_connect_user(), sg_connect_script() and sg_connect_session().
 *
 * One object may serve any number of connects, one after the other or at once: connecting copies it. Changing it is for
 * one thread at a time and does not change clients that are connected already. Wherever a `const sg_options *` is
 * taken, NULL stands for all defaults.
 */
typedef struct sg_options sg_options;

/**
 * A `find` in progress, for reads of any size: a million rows never take more memory than a few pages.
 *
 * The next four pages are asked for ahead. It works on after its client was freed.
 */
typedef struct sg_pages sg_pages;

/**
 * Where callbacks wait until a thread of the host calls sg_queue_dispatch(): the way to be called back in applications whose
 * interface or scene may be touched by one thread alone.
 *
 * An event loop watches sg_queue_fd(); a game loop dispatches in each frame without waiting.
 */
typedef struct sg_queue sg_queue;

/**
 * The answer to a call: a JSON value, as the site sent it but for what sg_call() changes in records.
 *
 * It never changes: any number of threads may read it at once. It does not need its client any more: it stays valid after
 * sg_client_free(), after sg_runtime_shutdown(), and in a forked child.
 */
typedef struct sg_result sg_result;

/**
 * A sign-in by the person's browser: no password goes through the program, and single sign-on and second factors are the site's matter.
 *
 * Make one, begin it, have the person open its address, and wait. Any number of threads may use it at once. Each sign-in serves once.
 */
typedef struct sg_sign_in sg_sign_in;

/**
 * A place in a result: a JSON value, or a member of an object with its key.
 *
 * A cursor is borrowed from its sg_result: it is never freed by itself and is gone with it. All functions take a NULL
 * cursor as "nothing there", so that look-ups chain without checks in between:
 * `sg_value_string(sg_value_get(sg_value_at(rows, 0), "code"), NULL)`. Any other pointer is a mistake, which is told where it can be: for
 * that, memory at the multiple of 1024 before it is read.
 */
typedef struct sg_value sg_value;

/**
 * What a client has done since it began to connect, by itself and for operations. Begin with SG_STATS_INIT.
 *
 * The counters are read one by one while others go on: each is right, and together they are nearly of one moment.
 */
typedef struct {
  /**
   * sizeof(sg_stats), by which the library knows what the caller's header knew.
   */
  uint32_t struct_size;
  /**
   * Always 0.
   */
  uint32_t reserved;
  /**
   * Calls, ended and under way. Connecting is one.
   */
  uint64_t calls;
  /**
   * Those that failed, cancelled ones among them.
   */
  uint64_t calls_failed;
  /**
   * Those that are under way.
   */
  uint64_t calls_running;
  /**
   * Requests that were sent for them.
   */
  uint64_t requests;
  /**
   * Those that were sent because an earlier one had failed.
   */
  uint64_t retries;
  /**
   * Bytes of request bodies, files among them.
   */
  uint64_t bytes_sent;
  /**
   * Bytes of reply bodies, after decompression.
   */
  uint64_t bytes_received;
  /**
   * Requests that the recording of sg_options_set_record() lacks, because it could not be written.
   */
  uint64_t unrecorded;
} sg_stats;

/**
 * Is told that a session has ended and that the library cannot renew it.
 *
 * Ask the person to sign in again, and hand the new session to sg_client_renew_session(), from here or from anywhere later. A callback must
 * not throw, and must not longjmp() out.
 *
 * - user_data: as it was given
 */
typedef void (*sg_session_expired_fn)(void *user_data);

/**
 * Lets the host clean up what it gave as user_data. It is called exactly once: after the callback, or when it is certain that the
 * callback will never be called. Where the function that takes it fails, it is not called. It must not throw.
 *
 * - user_data: as it was given
 */
typedef void (*sg_finalize_fn)(void *user_data);

/**
 * The limits of one call. Begin with SG_CALL_OPTIONS_INIT, which leaves everything as the client has it.
 */
typedef struct {
  /**
   * sizeof(sg_call_options), by which the library knows what the caller's header knew.
   */
  uint32_t struct_size;
  /**
   * As sg_options_set_timeout_ms(), for this call: files are limited by standing still. 0: the client's own limit.
   */
  uint32_t timeout_ms;
  /**
   * As sg_options_set_max_attempts(), for this call; 0: the client's own number.
   */
  uint32_t max_attempts;
} sg_call_options;

/**
 * Is told that an operation is at its end.
 *
 * Where the host has freed the operation before, it is still valid for the time of the callback. It may be freed inside.
 * A callback must not throw, and must not longjmp() out. On the library's thread for callbacks all signals are blocked, and a program that
 * is started there inherits that.
 *
 * - op: the operation, by the pointer that began it; the host's as ever
 * - user_data: as it was given
 */
typedef void (*sg_done_fn)(sg_op *op, void *user_data);

/**
 * Takes a message of the log.
 *
 * It runs on the library's one thread for callbacks, after the fact: logging never holds up the network. A callback must not throw, must
 * not longjmp() out, and calls that wait answer SG_STATUS_INVALID_STATE_REENTRANT there.
 *
 * - level: how much it matters
 * - target: what it is about: "connect", "session", "call", "retry" or "log"; valid for the time of the callback
 * - message: one line, UTF-8, without a secret; valid for the time of the callback
 * - user_data: as it was given
 */
typedef void (*sg_log_fn)(sg_log_level level, const char *target, const char *message, void *user_data);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the loaded library as text, such as "0.1.0".
 *
 * It may differ from SG_VERSION_NUMBER, which is the version of the header that your program was compiled with.
 *
 * @return Never NULL. The text is the library's and lives as long as the process.
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API const char *sg_lib_version(void) SG_NOEXCEPT;

/**
 * The version of the loaded library as a number, built as SG_VERSION_NUMBER is.
 *
 * @return (major << 16) | (minor << 8) | patch
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API uint32_t sg_lib_version_number(void) SG_NOEXCEPT;

/**
 * The name of a status, without its SG_STATUS_ prefix, such as "PERMISSION".
 *
 * @param[in] status  any number; a detail that this version does not know is named as its class.
 * @return Never NULL; "UNKNOWN" for an unknown class. The text is the library's and lives as long as the process.
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API const char *sg_status_name(int32_t status) SG_NOEXCEPT;

/**
 * What a status means, in one sentence for a person.
 *
 * @param[in] status  any number; a detail that this version does not know is described as its class.
 * @return Never NULL. The text is the library's and lives as long as the process.
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API const char *sg_status_describe(int32_t status) SG_NOEXCEPT;

/**
 * Makes settings that all have their defaults.
 *
 * @return The settings, owned by the caller: give them to sg_options_free().
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API sg_options *sg_options_new(void) SG_NOEXCEPT;

/**
 * Frees settings. Clients that were connected with them are not affected.
 *
 * @param[in] options  the settings, or NULL, which does nothing; gone afterwards.
 * @threadsafe yes, once nobody uses the settings
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API void sg_options_free(sg_options *options) SG_NOEXCEPT;

/**
 * Limits how long one exchange with the site may take in all, its retries included. Default: 60000.
 *
 * That is the whole of most calls. A find of many pages has the limit for each page, since it may rightly take minutes. For uploads and
 * downloads it is how long a request may stand still: a large file takes as long as it takes, for as long as it moves.
 *
 * @param[in] options  the settings to change; not NULL; stay the caller's.
 * @param[in] timeout_ms  milliseconds; 0 for no limit.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
 * @threadsafe per handle: one thread at a time
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_options_set_timeout_ms(sg_options *options,
                                    uint32_t timeout_ms)
SG_NOEXCEPT;

/**
 * Limits how long making one connection may take, TLS included. Default: 10000.
 *
 * Each attempt of sg_options_set_max_attempts() has this limit anew, for writes too, since nothing was sent: with the defaults, a call that
 * nobody takes the connection of ends after some 31 seconds. The limit of sg_options_set_timeout_ms() counts all of them.
 *
 * @param[in] options  the settings to change; not NULL; stay the caller's.
 * @param[in] timeout_ms  milliseconds; 0 for no limit of its own, so that only the limit of sg_options_set_timeout_ms() counts.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
 * @threadsafe per handle: one thread at a time
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_options_set_connect_timeout_ms(sg_options *options,
                                            uint32_t timeout_ms)
SG_NOEXCEPT;

/**
 * Sets how often a read is tried in all before its failure is reported. Default: 3. Writes are never sent twice: they are tried again where
 * nothing was sent, as when no connection was made.
 *
 * A download goes on where it broke, and each attempt that brought something begins the count anew: one that breaks again
 * and again goes on for as long as it moves, until it is cancelled.
 *
 * @param[in] options  the settings to change; not NULL; stay the caller's.
 * @param[in] attempts  1 or more; 1 for never again.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
 * @threadsafe per handle: one thread at a time
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_options_set_max_attempts(sg_options *options,
                                      uint32_t attempts)
SG_NOEXCEPT;

/**
 * Sets how many requests a client has under way at once. Further ones wait for their turn, in order; that wait counts in the time
 * limit of a call. Default: 32. Uploads and downloads have half as many besides, so that they hold up no call.
 *
 * @param[in] options  the settings to change; not NULL; stay the caller's.
 * @param[in] connections  1 or more.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
 * @threadsafe per handle: one thread at a time
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_options_set_max_connections(sg_options *options,
                                         uint32_t connections)
SG_NOEXCEPT;

/**
 * Limits the size of a reply after decompression; a larger one is SG_STATUS_PROTOCOL_TOO_LARGE. Default: 1 GiB.
 *
 * All rows of a find together have the same limit; sg_pages_open() has it for each page. A reply may hold one value for each four
 * bytes of the limit. A result that is looked at by cursors takes up to fourteen times the limit where its values are as small as
 * that, and two to five times in most. Downloads to a file have a limit of their own: sg_options_set_max_download_bytes().
 *
 * @param[in] options  the settings to change; not NULL; stay the caller's.
 * @param[in] bytes  1 or more.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
 * @threadsafe per handle: one thread at a time
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_options_set_max_reply_bytes(sg_options *options,
                                         uint64_t bytes)
SG_NOEXCEPT;

/**
 * Limits the size of a file that a download writes; a larger one is SG_STATUS_PROTOCOL_TOO_LARGE, and nothing of it is left. Default:
 * no limit but the disk's.
 *
 * A file whose length is announced is refused before anything of it is written; any other when it grows beyond the limit.
 *
 * @param[in] options  the settings to change; not NULL; stay the caller's.
 * @param[in] bytes  0 for no limit.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
 * @threadsafe per handle: one thread at a time
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_options_set_max_download_bytes(sg_options *options,
                                            uint64_t bytes)
SG_NOEXCEPT;

/**
 * Appends the name and version of your tool to the user agent, as add_user_agent() of the official client does.
 *
 * @param[in] options  the settings to change; not NULL; stay the caller's.
 * @param[in] suffix  such as "my-tool (2.1)"; not empty; NULL for none; copied. Visible ASCII characters and spaces: any other is
 *   SG_STATUS_INVALID_ARGUMENT while connecting.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
 * @threadsafe per handle: one thread at a time
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_options_set_user_agent_suffix(sg_options *options,
                                           const char *suffix)
SG_NOEXCEPT;

/**
 * Names a PEM file of certificates to trust besides the operating system's. It wins over the environment variable
 * SHOTGUN_API_CACERTS. Nothing turns the verification of certificates off.
 *
 * @param[in] options  the settings to change; not NULL; stay the caller's.
 * @param[in] path  the file, as UTF-8 on every system; not empty; NULL for none; copied. It is read while connecting.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
 * @threadsafe per handle: one thread at a time
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API sg_status sg_options_set_ca_file(sg_options *options, const char *path) SG_NOEXCEPT;

/**
 * Sends everything through an HTTP proxy. It wins over the proxy of the environment (https_proxy, http_proxy, all_proxy,
 * no_proxy). Other kinds of proxies, such as socks, are refused while connecting.
 *
 * @param[in] options  the settings to change; not NULL; stay the caller's.
 * @param[in] proxy  [user:password@]host[:port] or an http:// URL; not empty; NULL for the environment's; copied. What
 *   cannot be read as such is SG_STATUS_INVALID_ARGUMENT while connecting.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
 * @threadsafe per handle: one thread at a time
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API sg_status sg_options_set_proxy(sg_options *options, const char *proxy) SG_NOEXCEPT;

/**
 * Goes straight to the site, whatever sg_options_set_proxy() and the environment say. Default: off.
 *
 * @param[in] options  the settings to change; not NULL; stay the caller's.
 * @param[in] on  0 for off, anything else for on.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
 * @threadsafe per handle: one thread at a time
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API sg_status sg_options_set_no_proxy(sg_options *options, int32_t on) SG_NOEXCEPT;

/**
 * Acts for another person: what is written is that person's doing, within that person's role. The caller's own role
 * must allow it; a person who cannot be acted for is SG_STATUS_AUTH_SUDO_TARGET.
 *
 * @param[in] options  the settings to change; not NULL; stay the caller's.
 * @param[in] login  the person's login; not empty; NULL for nobody; copied.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
 * @threadsafe per handle: one thread at a time
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API sg_status sg_options_set_sudo_as_login(sg_options *options, const char *login) SG_NOEXCEPT;

/**
 * Gives the second factor of a person's sign-in, for sg_connect_user() alone. Without it, a site that asks for one
 * answers SG_STATUS_AUTH_TWO_FACTOR.
 *
 * @param[in] options  the settings to change; not NULL; stay the caller's.
 * @param[in] token  the code from the person's device; not empty; NULL for none; copied, and wiped when freed.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
 * @threadsafe per handle: one thread at a time
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API sg_status sg_options_set_auth_token(sg_options *options, const char *token) SG_NOEXCEPT;

/**
 * Tags the event log entries of this client's writes, so that a tool can tell its own events from others'.
 *
 * @param[in] options  the settings to change; not NULL; stay the caller's.
 * @param[in] uuid  the tag; not empty; NULL for none; copied.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
 * @threadsafe per handle: one thread at a time
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API sg_status sg_options_set_session_uuid(sg_options *options, const char *uuid) SG_NOEXCEPT;

/**
 * Allows http:// to hosts other than this machine. Passwords and keys then cross the network in clear text.
 * Default: off. To this machine itself (127.0.0.1, ::1, localhost) http:// is always allowed.
 *
 * @param[in] options  the settings to change; not NULL; stay the caller's.
 * @param[in] on  0 for off, anything else for on.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
 * @threadsafe per handle: one thread at a time
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API sg_status sg_options_set_allow_insecure_http(sg_options *options, int32_t on) SG_NOEXCEPT;

/**
 * Proves the credentials while connecting, so that a wrong password shows at once and not at the first call.
 * Default: on. Off, connecting sends nothing, and the first call tells.
 *
 * @param[in] options  the settings to change; not NULL; stay the caller's.
 * @param[in] on  0 for off, anything else for on.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
 * @threadsafe per handle: one thread at a time
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API sg_status sg_options_set_verify_on_connect(sg_options *options, int32_t on) SG_NOEXCEPT;

/**
 * Records: writes all that goes to the site and comes from it to a file, without passwords, keys, tokens, cookies and signatures.
 *
 * The file is made while connecting, for its owner alone (mode 0600). One that is there is refused (SG_STATUS_IO), except that
 * clients of one process that name the same file share it. Each request stands in it before its answer is given, so that a crash
 * leaves all before it. Where it cannot be written any more, as on a full disk, calls go on as without: the log says so once, as an
 * error about "record", and sg_stats counts what it lacks (`unrecorded`). The rows of the site are in it: look through it before you
 * give it away. See docs/recording.md.
 *
 * @param[in] options  the settings to change; not NULL; stay the caller's.
 * @param[in] path  the file to make, as UTF-8 on every system; not empty; NULL for no recording; copied.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
 * @threadsafe per handle: one thread at a time
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_options_set_record(sg_options *options,
                                const char *path)
SG_NOEXCEPT;

/**
 * Replays: answers from a recording, in place of the site. No connection is made, and no name looked up.
 *
 * The address, login, name, key, password and token of a connect may then be anything, also empty. A request is answered as it
 * was recorded, faults included, and at once: its method and parameters decide, and where none is the same, those that differ in
 * dates and times alone. The same request is answered in the order of the file; after that a read is given the last answer again,
 * and a write is SG_STATUS_RECORDING_NO_MATCH, as is what was not recorded: the message says what was asked and where the nearest
 * differs. Clients that are connected with these settings share their place in the recording; setting it anew begins at its
 * beginning. A file that is no recording, or a broken one, is SG_STATUS_RECORDING while connecting. See docs/recording.md.
 *
 * @param[in] options  the settings to change; not NULL; stay the caller's.
 * @param[in] path  the recording, as UTF-8 on every system; not empty; NULL for the site; copied. It is read while connecting, and
 *   must stay as it is while a client uses it.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
 * @threadsafe per handle: one thread at a time
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_options_set_replay(sg_options *options,
                                const char *path)
SG_NOEXCEPT;

/**
 * Signs in as a person.
 *
 * Login and password are exchanged for a session, which later calls carry; when the session ends it is renewed once,
 * silently. Unless sg_options_set_verify_on_connect() is off, the credentials are proven before this returns.
 *
 * @param[in] site_url  such as "https://studio.shotgrid.autodesk.com"; not NULL; copied. A site
 *   behind HTTP Basic authentication takes "https://user:password@host": both go along with every call as an Authorization
 *   header, as in the official client, not with files. They sign nobody in, and no message or log shows the password.
 * @param[in] login  the person's login; not NULL; copied.
 * @param[in] password  the person's password or legacy passphrase; not NULL; copied, and wiped when freed.
 * @param[in] options  the settings, or NULL for all defaults; stay the caller's; copied.
 * @param[out] out  the client, owned by the caller: give it to sg_client_free(). NULL on failure. Not NULL itself.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; the classes SG_STATUS_AUTH (who are you), SG_STATUS_NETWORK,
 *   SG_STATUS_TLS, SG_STATUS_TIMEOUT, SG_STATUS_PROTOCOL, SG_STATUS_RATE_LIMITED, SG_STATUS_UNAVAILABLE,
 *   SG_STATUS_SERVER_FAULT, SG_STATUS_UNSUPPORTED, SG_STATUS_IO (the CA file, a recording), SG_STATUS_RECORDING; SG_STATUS_CANCELLED by a shutdown
 * @threadsafe yes
 * @blocking yes, within the time limits of the options
 * @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
 * @since 0.1.0
 */
SG_API
sg_status sg_connect_user(const char *site_url,
                          const char *login,
                          const char *password,
                          const sg_options *options,
                          sg_client **out)
SG_NOEXCEPT;

/**
 * Signs in as a script, with the name and the application key that the site shows for it.
 *
 * Unless sg_options_set_verify_on_connect() is off, the key is proven before this returns.
 *
 * @param[in] site_url  such as "https://studio.shotgrid.autodesk.com", as for sg_connect_user(); not NULL; copied.
 * @param[in] script_name  the script's name; not NULL; copied.
 * @param[in] api_key  the script's application key; not NULL; copied, and wiped when freed.
 * @param[in] options  the settings, or NULL for all defaults; stay the caller's; copied.
 * @param[out] out  the client, owned by the caller: give it to sg_client_free(). NULL on failure. Not NULL itself.
 * @return as sg_connect_user()
 * @threadsafe yes
 * @blocking yes, within the time limits of the options
 * @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
 * @since 0.1.0
 */
SG_API
sg_status sg_connect_script(const char *site_url,
                            const char *script_name,
                            const char *api_key,
                            const sg_options *options,
                            sg_client **out)
SG_NOEXCEPT;

/**
 * Joins a session that was opened elsewhere, such as by a browser sign-in or by the method get_session_token.
 *
 * The session cannot be renewed: when it ends, calls answer SG_STATUS_AUTH_SESSION_EXPIRED.
 *
 * @param[in] site_url  such as "https://studio.shotgrid.autodesk.com", as for sg_connect_user(); not NULL; copied.
 * @param[in] session_token  the session's token; not NULL; copied, and wiped when freed.
 * @param[in] options  the settings, or NULL for all defaults; stay the caller's; copied.
 * @param[out] out  the client, owned by the caller: give it to sg_client_free(). NULL on failure. Not NULL itself.
 * @return as sg_connect_user()
 * @threadsafe yes
 * @blocking yes, within the time limits of the options
 * @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
 * @since 0.1.0
 */
SG_API
sg_status sg_connect_session(const char *site_url,
                             const char *session_token,
                             const sg_options *options,
                             sg_client **out)
SG_NOEXCEPT;

/**
 * Begins to sign in as a person, and returns at once: sg_connect_user() without the wait.
 *
 * When the operation is done, sg_op_take_client() gives the client. To cancel it gives the connect up.
 *
 * @param[in] site_url  such as "https://studio.shotgrid.autodesk.com", as for sg_connect_user(); not NULL; copied.
 * @param[in] login  the person's login; not NULL; copied.
 * @param[in] password  the person's password or legacy passphrase; not NULL; copied, and wiped when freed.
 * @param[in] options  the settings, or NULL for all defaults; stay the caller's; copied.
 * @param[out] out  the operation, owned by the caller: give it to sg_op_free(). NULL on failure. Not NULL itself.
 * @return SG_STATUS_OK: it is under way, and whatever comes of it is the operation's; SG_STATUS_INVALID_ARGUMENT: an argument
 *   is NULL or not UTF-8; SG_STATUS_INTERNAL: the library's threads could not be started
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_submit_connect_user(const char *site_url,
                                 const char *login,
                                 const char *password,
                                 const sg_options *options,
                                 sg_op **out)
SG_NOEXCEPT;

/**
 * Begins to sign in as a script, and returns at once: sg_connect_script() without the wait.
 *
 * When the operation is done, sg_op_take_client() gives the client. To cancel it gives the connect up.
 *
 * @param[in] site_url  such as "https://studio.shotgrid.autodesk.com", as for sg_connect_user(); not NULL; copied.
 * @param[in] script_name  the script's name; not NULL; copied.
 * @param[in] api_key  the script's application key; not NULL; copied, and wiped when freed.
 * @param[in] options  the settings, or NULL for all defaults; stay the caller's; copied.
 * @param[out] out  the operation, owned by the caller: give it to sg_op_free(). NULL on failure. Not NULL itself.
 * @return SG_STATUS_OK: it is under way, and whatever comes of it is the operation's; SG_STATUS_INVALID_ARGUMENT: an argument
 *   is NULL or not UTF-8; SG_STATUS_INTERNAL: the library's threads could not be started
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_submit_connect_script(const char *site_url,
                                   const char *script_name,
                                   const char *api_key,
                                   const sg_options *options,
                                   sg_op **out)
SG_NOEXCEPT;

/**
 * Begins to sign in as whoever a session belongs to, and returns at once: sg_connect_session() without the wait.
 *
 * When the operation is done, sg_op_take_client() gives the client. To cancel it gives the connect up.
 *
 * @param[in] site_url  such as "https://studio.shotgrid.autodesk.com", as for sg_connect_user(); not NULL; copied.
 * @param[in] session_token  the session's token; not NULL; copied, and wiped when freed.
 * @param[in] options  the settings, or NULL for all defaults; stay the caller's; copied.
 * @param[out] out  the operation, owned by the caller: give it to sg_op_free(). NULL on failure. Not NULL itself.
 * @return SG_STATUS_OK: it is under way, and whatever comes of it is the operation's; SG_STATUS_INVALID_ARGUMENT: an argument
 *   is NULL or not UTF-8; SG_STATUS_INTERNAL: the library's threads could not be started
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_submit_connect_session(const char *site_url,
                                    const char *session_token,
                                    const sg_options *options,
                                    sg_op **out)
SG_NOEXCEPT;

/**
 * What a client has done since it connected.
 *
 * @param[in] client  the client; not NULL; stays the caller's.
 * @param[in,out] out  the counters; not NULL; begins as SG_STATS_INIT. Members that a later version adds are left alone.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API sg_status sg_client_stats(const sg_client *client, sg_stats *out) SG_NOEXCEPT;

/**
 * Ends every call of a client that is under way, whoever waits for it: each fails with SG_STATUS_CANCELLED, a moment later.
 *
 * For a host whose threads are in sg_call(): when the person presses Escape, or the document is closed. It ends what has begun, on whatever
 * thread: calls, operations of sg_submit(), and waits for pages and events, also of pages and feeds that were opened with the client. It does not wait until they have
 * ended: that takes less than 100 ms where a call waits for the site or in the line, and as long as it takes where it works on an answer that is there, with
 * which it may still succeed. Calls that begin later go on as usual, on the same client; so where threads are to end, set a flag of
 * yours that they look at before each call, and cancel again until they have ended: one may be just behind its look.
 *
 * What was being written may have been carried out: sg_error_may_have_applied() tells. Pages of which somebody waited for one must be opened
 * again, as after sg_op_cancel(); those that were only read ahead are asked for again. A feed of events loses nothing and goes on when it is asked again.
 * Connects and sign-ins are not ended. To end one thing alone, begin it by sg_submit() and give it to sg_op_cancel().
 *
 * @param[in] client  the client; not NULL; stays the caller's.
 * @return SG_STATUS_OK, also where nothing was under way, and after a shutdown; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_FORKED
 * @threadsafe yes; not from a handler of a signal
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_client_cancel_calls(const sg_client *client)
SG_NOEXCEPT;

/**
 * Frees a client. Results that came from it stay valid. It does not sign out.
 *
 * Calls that other threads have in flight still end, but no new one may begin: they must have entered the library.
 *
 * @param[in] client  the client, or NULL, which does nothing; gone afterwards.
 * @threadsafe yes, once no other thread begins a call with it
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API void sg_client_free(sg_client *client) SG_NOEXCEPT;

/**
 * Copies the token of the session that a client is in, so that it can be kept and joined later with sg_connect_session().
 *
 * Whoever has the token is this person until the session ends: keep it where the system keeps passwords, never in a log, on a command
 * line or in a file that others read, and wipe the buffer when you are done. The token may have ended already; sg_connect_session()
 * finds out. A client that acts for another person gives the session of its own person.
 *
 * @param[in] client  the client, signed in as a person or in a session; not NULL; stays the caller's.
 * @param[out] buffer  the caller's memory for the token and a NUL, or NULL to ask for the length only. Nothing is written unless there is
 *   room for all of it.
 * @param[in] capacity  the size of the buffer in bytes.
 * @param[out] length  the length of the token without its NUL, also where the buffer was too small; 0 on every other failure. May be
 *   NULL if there is a buffer.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT: among others, the buffer is too small; SG_STATUS_INVALID_STATE: the client is a script,
 *   or no session was opened yet because verify_on_connect is off; SG_STATUS_FORKED
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_client_session_token(const sg_client *client,
                                  char *buffer,
                                  size_t capacity,
                                  size_t *length)
SG_NOEXCEPT;

/**
 * Has a client go on in another session, such as after the person has signed in again.
 *
 * Calls that wait for it (see sg_client_on_session_expired()) are made in it, and so are all calls from now on. Where the token comes from
 * does not matter: another sign-in by the browser, or sg_client_session_token() of a client that was connected with a password. It is not
 * proven here: if it has ended too, the next call finds out. Make sure that it is the same person's.
 *
 * @param[in] client  the client, signed in as a person or in a session; not NULL; stays the caller's.
 * @param[in] session_token  the token; not empty; copied, and wiped when freed. NULL: nobody will sign in; calls that wait fail at once.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_INVALID_STATE: the client is a script; SG_STATUS_FORKED
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_client_renew_session(const sg_client *client,
                                  const char *session_token)
SG_NOEXCEPT;

/**
 * Has a function called when the session of a client ends and cannot be renewed, in place of the function before.
 *
 * That is every session that was opened elsewhere or by the browser, and a person's whose password has changed since. It is called once for
 * each session that ends, when the first call runs into that. Calls that run into it wait for sg_client_renew_session() for at most wait_ms,
 * and have their whole time limit again behind it; then they fail with SG_STATUS_AUTH_SESSION_EXPIRED. The thread that asks the
 * person must not wait in such a call itself.
 *
 * @param[in] client  the client, signed in as a person or in a session; not NULL; stays the caller's.
 * @param[in] queue  where to call it: in sg_queue_dispatch() of this queue; stays the caller's. NULL for the library's thread for callbacks,
 *   where calls that wait answer SG_STATUS_INVALID_STATE_REENTRANT.
 * @param[in] on_expired  the function; NULL for none.
 * @param[in] user_data  is passed to it; may be NULL; stays the host's.
 * @param[in] finalize  cleans up user_data once the function was replaced or the client is gone, and no call of it is left; on the library's thread for
 *   callbacks, or after a shutdown on the thread that frees the client. NULL if there is nothing to clean up. Not called when this fails, nor
 *   if on_expired is NULL.
 * @param[in] wait_ms  how long calls wait for another session in milliseconds; 0: they fail at once.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_INVALID_STATE: the client is a script, or the library was shut
 *   down; SG_STATUS_FORKED; SG_STATUS_INTERNAL: the thread for callbacks could not be started
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_client_on_session_expired(const sg_client *client,
                                       const sg_queue *queue,
                                       sg_session_expired_fn on_expired,
                                       void *user_data,
                                       sg_finalize_fn finalize,
                                       uint32_t wait_ms)
SG_NOEXCEPT;

/**
 * Makes a sign-in by the browser. Nothing is sent yet.
 *
 * @param[in] site_url  such as "https://studio.shotgrid.autodesk.com"; not NULL; copied.
 * @param[in] app_name  what the program calls itself, at most 200 characters; the person reads it before approving; not
 *   NULL; copied.
 * @param[in] machine_id  the machine that it runs on, such as its host name, at most 200 characters; the person reads it
 *   too; not NULL; copied.
 * @param[in] options  the settings of the client, or NULL for all defaults; stay the caller's; copied.
 * @param[out] out  the sign-in, owned by the caller: give it to sg_sign_in_free(). NULL on failure. Not NULL itself.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; the classes SG_STATUS_TLS, SG_STATUS_IO (the CA file, a recording) and
 *   SG_STATUS_RECORDING; SG_STATUS_INTERNAL: the library's threads could not be started
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_sign_in_new(const char *site_url,
                         const char *app_name,
                         const char *machine_id,
                         const sg_options *options,
                         sg_sign_in **out)
SG_NOEXCEPT;

/**
 * Sets the pause between two questions to the site whether the person has approved. Default: 2000.
 *
 * @param[in] sign_in  the sign-in; not NULL; stays the caller's.
 * @param[in] interval_ms  milliseconds; 1 or more. Sites expect 2000; a site that asks for a longer pause gets it.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API sg_status sg_sign_in_set_poll_interval_ms(const sg_sign_in *sign_in, uint32_t interval_ms) SG_NOEXCEPT;

/**
 * Sets how long the site keeps a sign-in that nobody has decided about. Default: 305000, as sites do.
 *
 * A site does not say why it has forgotten one: before this time the person has rejected it, afterwards it was too old. Nor is a site
 * that cannot be reached asked for longer.
 *
 * @param[in] sign_in  the sign-in; not NULL; stays the caller's.
 * @param[in] lifetime_ms  milliseconds; 1 or more.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_sign_in_set_lifetime_ms(const sg_sign_in *sign_in,
                                     uint32_t lifetime_ms)
SG_NOEXCEPT;

/**
 * Asks the site for a session. Afterwards sg_sign_in_url() gives the address that the person is to open.
 *
 * @param[in] sign_in  the sign-in; not NULL; stays the caller's.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_INVALID_STATE: it has begun already, or after a shutdown;
 *   SG_STATUS_AUTH_SIGN_IN_OFF: the site does not offer this; SG_STATUS_CANCELLED by sg_sign_in_cancel() or a shutdown; otherwise as
 *   sg_connect_user(), and it may be begun again
 * @threadsafe yes
 * @blocking yes, within the time limits of the options
 * @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
 * @since 0.1.0
 */
SG_API
sg_status sg_sign_in_begin(const sg_sign_in *sign_in)
SG_NOEXCEPT;

/**
 * Begins without the wait: sg_sign_in_begin() as an operation.
 *
 * @param[in] sign_in  the sign-in; not NULL; stays the caller's, and may be freed before the operation.
 * @param[out] out  the operation, owned by the caller: give it to sg_op_free(). NULL on failure. Not NULL itself. When it is done,
 *   sg_op_take_result() gives the address as a text, and sg_sign_in_url() has it.
 * @return SG_STATUS_OK: it is under way, and whatever comes of it is the operation's; SG_STATUS_INVALID_ARGUMENT;
 *   SG_STATUS_INVALID_STATE after a shutdown; SG_STATUS_FORKED
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_sign_in_submit_begin(const sg_sign_in *sign_in,
                                  sg_op **out)
SG_NOEXCEPT;

/**
 * The address that the person is to open, to approve or to reject. Show it too: not every machine has a browser that opens by itself.
 *
 * Whoever has it and is signed in there can approve; whoever can read it may collect the session in your place. Show it to this person
 * alone, and keep it out of logs.
 *
 * @param[in] sign_in  the sign-in, or NULL; stays the caller's.
 * @return The address, borrowed from the sign-in; NULL before it has begun, and for NULL.
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
const char *sg_sign_in_url(const sg_sign_in *sign_in)
SG_NOEXCEPT;

/**
 * The login of the person who approved, as the site tells it.
 *
 * @param[in] sign_in  the sign-in, or NULL; stays the caller's.
 * @return The login, borrowed from the sign-in; NULL before a wait has given the client, for NULL, and where the site does not tell.
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
const char *sg_sign_in_login(const sg_sign_in *sign_in)
SG_NOEXCEPT;

/**
 * Has the system open the address in the person's browser: by xdg-open on Linux, open on macOS, the handler of addresses on Windows. No
 * shell has a part in it.
 *
 * That it was started does not mean that a browser came up: show the address as well.
 *
 * @param[in] sign_in  the sign-in, which has begun; not NULL; stays the caller's.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_INVALID_STATE: it has not begun, or after a shutdown; SG_STATUS_IO: there is
 *   nothing to open addresses with; SG_STATUS_FORKED
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_sign_in_open_browser(const sg_sign_in *sign_in)
SG_NOEXCEPT;

/**
 * Waits until the person has approved, and gives the client.
 *
 * The site gives the session once. It is never lost by a wait that ends early: the library carries each question to its end and keeps what it
 * brought for the next wait. So a timer may call this with 0 now and then, which asks without waiting. Each wait behind the
 * end gives another sg_client of the same connection.
 *
 * @param[in] sign_in  the sign-in, which has begun; not NULL; stays the caller's.
 * @param[in] timeout_ms  the longest wait in milliseconds; 0 only looks; negative waits until it is decided or too old.
 * @param[out] out  the client, owned by the caller: give it to sg_client_free(). NULL on failure. Not NULL itself.
 * @return SG_STATUS_OK; SG_STATUS_TIMEOUT_WAIT: not decided yet; SG_STATUS_AUTH_SIGN_IN_REJECTED; SG_STATUS_AUTH_SIGN_IN_EXPIRED;
 *   SG_STATUS_AUTH_SIGN_IN_LOST: the reply with the session was lost on the way; SG_STATUS_CANCELLED by sg_sign_in_cancel() or a shutdown;
 *   SG_STATUS_INVALID_STATE: it has not begun, or after a shutdown; SG_STATUS_INVALID_ARGUMENT; otherwise as sg_connect_session()
 * @threadsafe yes
 * @blocking yes, at most for timeout_ms
 * @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
 * @since 0.1.0
 */
SG_API
sg_status sg_sign_in_wait(const sg_sign_in *sign_in,
                          int64_t timeout_ms,
                          sg_client **out)
SG_NOEXCEPT;

/**
 * Waits without the wait: an operation that is done when the person has decided.
 *
 * To cancel the operation stops this wait and not the sign-in: that is sg_sign_in_cancel().
 *
 * @param[in] sign_in  the sign-in, which has begun; not NULL; stays the caller's, and may be freed before the operation.
 * @param[out] out  the operation, owned by the caller: give it to sg_op_free(). NULL on failure. Not NULL itself. When it is done,
 *   sg_op_take_client() gives the client.
 * @return SG_STATUS_OK: it is under way, and whatever comes of it is the operation's; SG_STATUS_INVALID_ARGUMENT;
 *   SG_STATUS_INVALID_STATE after a shutdown; SG_STATUS_FORKED
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_sign_in_submit_wait(const sg_sign_in *sign_in,
                                 sg_op **out)
SG_NOEXCEPT;

/**
 * Gives a sign-in up. Whoever waits for it is told SG_STATUS_CANCELLED at once. The page stays open in the browser; what is approved there
 * is not collected any more. Behind the end it does nothing to clients that were given.
 *
 * @param[in] sign_in  the sign-in; not NULL; stays the caller's.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_FORKED
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_sign_in_cancel(const sg_sign_in *sign_in)
SG_NOEXCEPT;

/**
 * Frees a sign-in, and gives it up unless an operation waits for it. A session that was given and not taken is wiped.
 *
 * @param[in] sign_in  the sign-in, or NULL, which does nothing; gone afterwards.
 * @threadsafe yes, once nobody uses the sign-in
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API void sg_sign_in_free(sg_sign_in *sign_in) SG_NOEXCEPT;

/**
 * Writes a text as a JSON string, in quotes and with its quotes, backslashes and control characters escaped, for a host that puts
 * parameters together without a JSON library. What people type must go through it.
 *
 * As snprintf, it tells how much room it needs; but what does not fit is not cut off, because half a string breaks the JSON
 * around it: then the buffer becomes "".
 *
 * @param[in] text  the text; NULL becomes the JSON null.
 * @param[out] buffer  the caller's memory; may be NULL if capacity is 0.
 * @param[in] capacity  its size in bytes.
 * @return The length of the JSON in bytes without the NUL: it is whole if this is less than capacity. 0 if the text is not UTF-8.
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
size_t sg_json_quote(const char *text,
                     char *buffer,
                     size_t capacity)
SG_NOEXCEPT;

/**
 * What sg_call() knows, for bindings that offer each method by its name: a JSON object whose keys are the methods' names. Each method is
 * an object with the texts `summary` and `returns`, `example` (parameters as sg_call() takes them; null where there are none), and
 * `parameters` in their positional order, each with `name`, `takes` (in words), `required`, and `default` where it has one.
 *
 * It is docs/methods.md in another form. Later versions may add methods, parameters behind the present ones, and members.
 *
 * @return Never NULL. The text is the library's and lives as long as the process.
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
const char *sg_methods_json(void)
SG_NOEXCEPT;

/**
 * Calls a method of the official Python client by its name and waits for the answer.
 *
 * The answer has the site's bytes, with two changes that the official client makes as well, at the top level of each record that find,
 * find_one, create, update, batch, note_thread_read, text_search and activity_stream_read give, and of pages and events: in a text `&lt;`
 * becomes "<", and a link to a local file (an object whose "link_type" is "local") gets this platform's path as "local_path", and its
 * "url". So a text that was read may differ from the one that the site keeps: mind that where a filter or an update is made of it.
 * sg_call_raw() changes nothing.
 *
 * It ends by its time limits, or by sg_client_cancel_calls() from another thread, with all other calls of the client. To bound or cancel one
 * call alone, use sg_submit() with sg_op_wait() and sg_op_cancel().
 *
 * Whatever is JSON goes out as it is given, also what a site may refuse, such as 1e400, or an escape that is half of a surrogate pair.
 *
 * @param[in] client  the client; not NULL; stays the caller's.
 * @param[in] method  a method's name, such as "find" or "create"; not NULL; copied. An unknown one is
 *   SG_STATUS_INVALID_ARGUMENT, with the nearest known name in the message.
 * @param[in] params_json  a JSON object of the method's keyword arguments or a JSON array of its positional ones, under the
 *   names and with the defaults of the official client; NULL for no arguments; copied.
 * @param[out] out  the answer, owned by the caller: give it to sg_result_free(). NULL on failure. Not NULL itself.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_INVALID_STATE after a shutdown; SG_STATUS_FORKED in a child of
 *   the process that connected; SG_STATUS_PERMISSION (you may not); SG_STATUS_NOT_FOUND; SG_STATUS_CONFLICT;
 *   SG_STATUS_REJECTED; SG_STATUS_CANCELLED by sg_client_cancel_calls() or a shutdown; the classes of sg_connect_user()
 * @threadsafe yes
 * @blocking yes, within the time limits of the client's options
 * @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
 * @since 0.1.0
 */
SG_API
sg_status sg_call(const sg_client *client,
                  const char *method,
                  const char *params_json,
                  sg_result **out)
SG_NOEXCEPT;

/**
 * As sg_call(), with the length of the parameters' text, which need not end with a NUL.
 *
 * @param[in] client  the client; not NULL; stays the caller's.
 * @param[in] method  a method's name; not NULL; copied.
 * @param[in] params_json  as for sg_call(); may be NULL if params_len is 0; copied.
 * @param[in] params_len  its length in bytes; 0 for no arguments.
 * @param[out] out  the answer, owned by the caller: give it to sg_result_free(). NULL on failure. Not NULL itself.
 * @return as sg_call()
 * @threadsafe yes
 * @blocking yes, within the time limits of the client's options
 * @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
 * @since 0.1.0
 */
SG_API
sg_status sg_call_n(const sg_client *client,
                    const char *method,
                    const char *params_json,
                    size_t params_len,
                    sg_result **out)
SG_NOEXCEPT;

/**
 * Sends any method of the wire with any parameters, for what sg_call() does not know, and waits for the answer.
 *
 * Parameters and answer are the wire's, to the byte: nothing is filled in or converted. A method that the library does not know to only
 * read is treated as a write, and never sent twice. Alone it can be cancelled as an operation: sg_submit_raw().
 *
 * @param[in] client  the client; not NULL; stays the caller's.
 * @param[in] wire_method  the method's name on the wire, such as "read"; not NULL; copied.
 * @param[in] params_json  the JSON value to send as its parameters; NULL for none; copied.
 * @param[out] out  the answer, owned by the caller: give it to sg_result_free(). NULL on failure. Not NULL itself.
 * @return as sg_call()
 * @threadsafe yes
 * @blocking yes, within the time limits of the client's options
 * @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
 * @since 0.1.0
 */
SG_API
sg_status sg_call_raw(const sg_client *client,
                      const char *wire_method,
                      const char *params_json,
                      sg_result **out)
SG_NOEXCEPT;

/**
 * As sg_call_raw(), with the length of the parameters' text, which need not end with a NUL.
 *
 * @param[in] client  the client; not NULL; stays the caller's.
 * @param[in] wire_method  the method's name on the wire; not NULL; copied.
 * @param[in] params_json  as for sg_call_raw(); may be NULL if params_len is 0; copied.
 * @param[in] params_len  its length in bytes; 0 for none.
 * @param[out] out  the answer, owned by the caller: give it to sg_result_free(). NULL on failure. Not NULL itself.
 * @return as sg_call()
 * @threadsafe yes
 * @blocking yes, within the time limits of the client's options
 * @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
 * @since 0.1.0
 */
SG_API
sg_status sg_call_raw_n(const sg_client *client,
                        const char *wire_method,
                        const char *params_json,
                        size_t params_len,
                        sg_result **out)
SG_NOEXCEPT;

/**
 * Begins a call and returns at once: sg_call() without the wait.
 *
 * @param[in] client  the client; not NULL; stays the caller's, and may be freed before the operation.
 * @param[in] method  a method's name; not NULL; copied.
 * @param[in] params_json  as for sg_call(); NULL for no arguments; copied.
 * @param[in] options  limits of this call, or NULL for the client's own; copied.
 * @param[out] out  the operation, owned by the caller: give it to sg_op_free(). NULL on failure. Not NULL itself.
 * @return SG_STATUS_OK: the call is under way, and whatever comes of it is the operation's; SG_STATUS_INVALID_ARGUMENT: a
 *   pointer or a text itself; an unknown method and wrong parameters are the operation's failure;
 *   SG_STATUS_INVALID_STATE after a shutdown; SG_STATUS_FORKED; SG_STATUS_UNSUPPORTED: options of a later version ask for
 *   something that this version does not know
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_submit(const sg_client *client,
                    const char *method,
                    const char *params_json,
                    const sg_call_options *options,
                    sg_op **out)
SG_NOEXCEPT;

/**
 * As sg_submit(), with the length of the parameters' text, which need not end with a NUL.
 *
 * @param[in] client  the client; not NULL; stays the caller's, and may be freed before the operation.
 * @param[in] method  a method's name; not NULL; copied.
 * @param[in] params_json  as for sg_call(); may be NULL if params_len is 0; copied.
 * @param[in] params_len  its length in bytes; 0 for no arguments.
 * @param[in] options  limits of this call, or NULL for the client's own; copied.
 * @param[out] out  the operation, owned by the caller: give it to sg_op_free(). NULL on failure. Not NULL itself.
 * @return as sg_submit()
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_submit_n(const sg_client *client,
                      const char *method,
                      const char *params_json,
                      size_t params_len,
                      const sg_call_options *options,
                      sg_op **out)
SG_NOEXCEPT;

/**
 * Begins a call of the wire and returns at once: sg_call_raw() without the wait.
 *
 * @param[in] client  the client; not NULL; stays the caller's, and may be freed before the operation.
 * @param[in] wire_method  the method's name on the wire; not NULL; copied.
 * @param[in] params_json  as for sg_call_raw(); NULL for none; copied.
 * @param[in] options  limits of this call, or NULL for the client's own; copied.
 * @param[out] out  the operation, owned by the caller: give it to sg_op_free(). NULL on failure. Not NULL itself.
 * @return as sg_submit()
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_submit_raw(const sg_client *client,
                        const char *wire_method,
                        const char *params_json,
                        const sg_call_options *options,
                        sg_op **out)
SG_NOEXCEPT;

/**
 * As sg_submit_raw(), with the length of the parameters' text, which need not end with a NUL.
 *
 * @param[in] client  the client; not NULL; stays the caller's, and may be freed before the operation.
 * @param[in] wire_method  the method's name on the wire; not NULL; copied.
 * @param[in] params_json  as for sg_call_raw(); may be NULL if params_len is 0; copied.
 * @param[in] params_len  its length in bytes; 0 for none.
 * @param[in] options  limits of this call, or NULL for the client's own; copied.
 * @param[out] out  the operation, owned by the caller: give it to sg_op_free(). NULL on failure. Not NULL itself.
 * @return as sg_submit()
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_submit_raw_n(const sg_client *client,
                          const char *wire_method,
                          const char *params_json,
                          size_t params_len,
                          const sg_call_options *options,
                          sg_op **out)
SG_NOEXCEPT;

/**
 * Waits until an operation is at its end.
 *
 * @param[in] op  the operation; not NULL; stays the caller's.
 * @param[in] timeout_ms  the longest wait in milliseconds; 0 only looks; negative waits for as long as it takes.
 * @return SG_STATUS_OK: it is at its end, well or not; SG_STATUS_TIMEOUT_WAIT: it goes on; SG_STATUS_INVALID_ARGUMENT;
 *   SG_STATUS_FORKED in a child of the process that began it
 * @threadsafe yes
 * @blocking yes, at most for timeout_ms
 * @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
 * @since 0.1.0
 */
SG_API sg_status sg_op_wait(const sg_op *op, int64_t timeout_ms) SG_NOEXCEPT;

/**
 * Whether an operation is at its end.
 *
 * @param[in] op  the operation, or NULL; stays the caller's.
 * @return 1: it is; 0: it goes on, or op is NULL, or belongs to a parent of this process
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API int32_t sg_op_is_done(const sg_op *op) SG_NOEXCEPT;

/**
 * Cancels an operation. Whoever waits for it is told at once; connections are closed and unfinished files removed
 * soon after.
 *
 * An operation that was cancelled in time fails with SG_STATUS_CANCELLED; sg_error_may_have_applied() tells whether the site
 * may have done a write all the same, and of a download whether its file may have taken its place. Cancelling again, or at the end, does nothing.
 *
 * @param[in] op  the operation; not NULL; stays the caller's.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_FORKED
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_op_cancel(const sg_op *op)
SG_NOEXCEPT;

/**
 * How far the files of an operation are, for uploads and downloads.
 *
 * @param[in] op  the operation; not NULL; stays the caller's.
 * @param[out] done  the bytes that were moved so far; an attempt that failed is taken back. May be NULL.
 * @param[out] total  all bytes that there are to move; 0 while that is not known, and for calls without files. May be NULL.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API sg_status sg_op_progress(const sg_op *op, uint64_t *done, uint64_t *total) SG_NOEXCEPT;

/**
 * Takes what an operation came to. A result can be taken once; a failure is told each time.
 *
 * @param[in] op  the operation; not NULL; stays the caller's.
 * @param[out] out  the answer, owned by the caller: give it to sg_result_free(). NULL on failure, and for
 *   sg_pages_submit_next() behind the last page. Not NULL itself.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_STATE: it goes on, or its result was taken, or it is a connect, whose client
 *   sg_op_take_client() gives; otherwise how the call failed, as sg_call(), with SG_STATUS_CANCELLED after a cancel
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API sg_status sg_op_take_result(const sg_op *op, sg_result **out) SG_NOEXCEPT;

/**
 * Takes the client of a connect that was begun with sg_submit_connect_user() and its like. It can be taken once; a failure is
 * told each time.
 *
 * @param[in] op  the operation; not NULL; stays the caller's.
 * @param[out] out  the client, owned by the caller: give it to sg_client_free(). NULL on failure. Not NULL itself.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_STATE: it goes on, or its client was taken, or it is no connect; otherwise how the
 *   connect failed, as sg_connect_user(), with SG_STATUS_CANCELLED after a cancel
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_op_take_client(const sg_op *op,
                            sg_client **out)
SG_NOEXCEPT;

/**
 * How an operation failed: its own record, whatever happened on this thread.
 *
 * @param[in] op  the operation, or NULL; stays the caller's.
 * @return The record, borrowed from the operation and never freed by itself; NULL while it goes on, where it did not
 *   fail, for NULL, and in a child of the process that began it.
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API const sg_error *sg_op_error(const sg_op *op) SG_NOEXCEPT;

/**
 * Frees an operation. A call that goes on does so, unobserved: to stop it, cancel it first.
 *
 * @param[in] op  the operation, or NULL, which does nothing; gone afterwards, and its error record with it.
 * @threadsafe yes, once nobody uses the operation
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API void sg_op_free(sg_op *op) SG_NOEXCEPT;

/**
 * Has a function called when an operation is at its end; soon, if it is already.
 *
 * It is called exactly once, well or not, after a cancel and a shutdown too, and never inside this function. It runs on the library's
 * one thread for callbacks, one after another, so it should be brief, and calls that wait answer
 * SG_STATUS_INVALID_STATE_REENTRANT there. To be called on a thread of your own use sg_queue_on_done().
 *
 * @param[in] op  the operation; not NULL; stays the caller's, and may be freed at once.
 * @param[in] on_done  the function; not NULL.
 * @param[in] user_data  is passed to it; may be NULL; stays the host's.
 * @param[in] finalize  cleans up user_data when the library is done with it; NULL if there is nothing to clean up.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_INVALID_STATE: the operation has a callback already, or the library
 *   was shut down; SG_STATUS_FORKED; SG_STATUS_INTERNAL: the thread for callbacks could not be started
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_op_on_done(const sg_op *op,
                        sg_done_fn on_done,
                        void *user_data,
                        sg_finalize_fn finalize)
SG_NOEXCEPT;

/**
 * Makes an empty queue. It serves operations of any number of clients.
 *
 * @param[out] out  the queue, owned by the caller: give it to sg_queue_free(). NULL on failure. Not NULL itself.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API sg_status sg_queue_new(sg_queue **out) SG_NOEXCEPT;

/**
 * Has a function called by sg_queue_dispatch() when an operation is at its end; by the next one, if it is already.
 *
 * It is called exactly once, well or not, after a cancel and a shutdown too, unless the queue is freed before. All functions of the
 * library may be called inside, those that wait too.
 *
 * @param[in] queue  the queue; not NULL; stays the caller's.
 * @param[in] op  the operation; not NULL; stays the caller's, and may be freed at once.
 * @param[in] on_done  the function; not NULL.
 * @param[in] user_data  is passed to it; may be NULL; stays the host's.
 * @param[in] finalize  cleans up user_data when the library is done with it, in sg_queue_dispatch() or sg_queue_free(); NULL if
 *   there is nothing to clean up.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_INVALID_STATE: the operation has a callback already;
 *   SG_STATUS_FORKED
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_queue_on_done(const sg_queue *queue,
                           const sg_op *op,
                           sg_done_fn on_done,
                           void *user_data,
                           sg_finalize_fn finalize)
SG_NOEXCEPT;

/**
 * Runs on this thread the callbacks that are due, in the order in which their operations ended.
 *
 * Those that become due meanwhile wait for the next call, so that a frame is never held up for long. It may be called inside a
 * callback, as a dialogue does that runs an event loop of its own.
 *
 * @param[in] queue  the queue; not NULL; stays the caller's.
 * @param[in] max_callbacks  run at most so many; 0 for all that are due.
 * @param[in] timeout_ms  if nothing is due, the longest wait for it in milliseconds; 0 only looks; negative waits for as long as it
 *   takes.
 * @param[out] count  how many were run; may be NULL.
 * @return SG_STATUS_OK, also if none was due; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_FORKED in a child of the process that made
 *   the queue
 * @threadsafe yes: each callback is run once, by one of the threads
 * @blocking yes, at most for timeout_ms and the callbacks' own time
 * @callback-safe inside callbacks of a queue; on the library's own threads it answers SG_STATUS_INVALID_STATE_REENTRANT
 * @since 0.1.0
 */
SG_API
sg_status sg_queue_dispatch(const sg_queue *queue,
                            uint32_t max_callbacks,
                            int64_t timeout_ms,
                            uint32_t *count)
SG_NOEXCEPT;

/**
 * Has a sg_queue_dispatch() that waits return without a callback; if none waits, the next one returns at once. Until then the
 * descriptor is readable.
 *
 * @param[in] queue  the queue; not NULL; stays the caller's.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_FORKED
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_queue_wake(const sg_queue *queue)
SG_NOEXCEPT;

/**
 * A descriptor for poll(), epoll, QSocketNotifier, GLib or libuv: readable for as long as a callback is due, or a
 * sg_queue_wake() was not seen. Then call sg_queue_dispatch() with no wait; do not read from it, nor write to it, nor close it.
 *
 * @param[in] queue  the queue; stays the caller's.
 * @return The descriptor, which is the queue's and closed with it; -1 on systems without such (Windows), and on failure, of which
 *   sg_last_error() tells
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
int32_t sg_queue_fd(const sg_queue *queue)
SG_NOEXCEPT;

/**
 * Frees a queue. Callbacks that were not run never will be: their user_data have been finalized, on this thread, when it returns.
 * Their operations go on, and are still to be freed: a host whose callbacks free them keeps a list, or keeps the operation in user_data
 * and frees it in finalize.
 *
 * @param[in] queue  the queue, or NULL, which does nothing; gone afterwards.
 * @threadsafe yes, once no other thread uses the queue
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
void sg_queue_free(sg_queue *queue)
SG_NOEXCEPT;

/**
 * Begins to read a `find` page by page. No page is asked for yet.
 *
 * @param[in] client  the client; not NULL; stays the caller's, and may be freed before the pages.
 * @param[in] params_json  the parameters of the method find, as for sg_call(), but without "page"; not NULL; copied. A
 *   "limit" is the most rows in all.
 * @param[out] out  the pages, owned by the caller: give them to sg_pages_free(). NULL on failure. Not NULL itself.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_UNSUPPORTED; otherwise as sg_call()
 * @threadsafe yes
 * @blocking yes, until the site's description of itself is known, which it is after a verified connect
 * @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
 * @since 0.1.0
 */
SG_API sg_status sg_pages_open(const sg_client *client, const char *params_json, sg_pages **out) SG_NOEXCEPT;

/**
 * The next page: a result that is an array of rows.
 *
 * Behind the last page the answer is SG_STATUS_OK and NULL. A find that finds nothing has one empty page. After a failure
 * every further call fails in the same way, and behind a page that was stopped with SG_STATUS_INVALID_STATE, so that a part is never taken for the whole.
 *
 * It ends by its time limits, or by sg_client_cancel_calls() from another thread, with all calls of the client. To bound or cancel one
 * page alone, use sg_pages_submit_next() with sg_op_wait() and sg_op_cancel().
 *
 * @param[in] pages  the pages; not NULL; stay the caller's.
 * @param[out] out  the page, owned by the caller: give it to sg_result_free(). NULL behind the last page and on failure. Not
 *   NULL itself.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_INVALID_STATE when a page was stopped before, or after a shutdown;
 *   otherwise as sg_call()
 * @threadsafe yes: each thread gets another page
 * @blocking yes, within the time limits of the client's options, which each page has for itself
 * @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
 * @since 0.1.0
 */
SG_API
sg_status sg_pages_next(const sg_pages *pages,
                        sg_result **out)
SG_NOEXCEPT;

/**
 * Begins to read the next page and returns at once: sg_pages_next() without the wait.
 *
 * Several may be begun: pages come in the order in which they were asked for. An operation that is cancelled ends the reading,
 * so that a part is never taken for the whole.
 *
 * @param[in] pages  the pages; not NULL; stay the caller's, and may be freed before the operation.
 * @param[out] out  the operation, owned by the caller: give it to sg_op_free(). NULL on failure. Not NULL itself. When it is done,
 *   sg_op_take_result() gives the page, or SG_STATUS_OK and NULL behind the last one.
 * @return SG_STATUS_OK: it is under way, and whatever comes of it is the operation's; SG_STATUS_INVALID_ARGUMENT;
 *   SG_STATUS_INVALID_STATE after a shutdown; SG_STATUS_FORKED
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_pages_submit_next(const sg_pages *pages,
                               sg_op **out)
SG_NOEXCEPT;

/**
 * Frees the pages, and gives up those that are being fetched ahead. Results that came from them stay valid.
 *
 * @param[in] pages  the pages, or NULL, which does nothing; gone afterwards.
 * @threadsafe yes, once nobody uses the pages
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API void sg_pages_free(sg_pages *pages) SG_NOEXCEPT;

/**
 * Opens a feed of the events that a client may see.
 *
 * The options are a JSON object. What to read: "projects" (ids or links), "entity_types" (such as "Shot"), "event_types" (such as
 * "Shotgun_Shot_Change"), "attributes" (names of fields), "filters" (conditions as for find), all of them asked at the site; and "fields", to
 * be read besides those that every event has. Where to begin: "from", one of "now" (the default), "beginning", {"id": N} and {"time": "…Z"}; or
 * "state", what sg_events_state() gave, which wins. How: "batch", the most events at once (100); "poll_min_ms" (1000) and "poll_max_ms"
 * (10000), the pauses between two looks while events come and while none do; "window_ms" (300000), how long a number may take to fill in;
 * "rescan_ms" (2000), how soon it is looked for; "accept_other_site" (false), to resume at another address.
 *
 * @param[in] client  the client; not NULL; stays the caller's, and may be freed before the feed.
 * @param[in] options_json  the options; NULL for all defaults; copied.
 * @param[out] out  the feed, owned by the caller: give it to sg_events_free(). NULL on failure. Not NULL itself.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT: an option is wrong, or the state is of another site; otherwise as sg_call()
 * @threadsafe yes
 * @blocking yes, within the time limits of the client's options: it asks which event is the newest
 * @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
 * @since 0.1.0
 */
SG_API
sg_status sg_events_open(const sg_client *client,
                         const char *options_json,
                         sg_events **out)
SG_NOEXCEPT;

/**
 * Waits for the next events: a result that is an array of one or more, in the order of their numbers but for those that filled in late.
 *
 * Each is a row of EventLogEntry with three members more: "actor" ({"kind", "user", "acting"}; kind is "person", "script", "script_for_person",
 * "person_for_person" or "site"), "duplicate_possible" (true only where a feed has resumed and may have given it before), and "late" (true where
 * it filled in behind others). sg_client_cancel_calls() ends the wait. To ask for the next events says that those before have been handled. A failure does not end the
 * feed: it looks again when you ask again, after a pause.
 *
 * @param[in] feed  the feed; not NULL; stays the caller's.
 * @param[in] timeout_ms  the longest wait in milliseconds; 0 only looks; negative waits for as long as it takes. A look that is under way when
 *   the time is over goes on, and the next call has what it finds.
 * @param[out] out  the events, owned by the caller: give it to sg_result_free(). NULL on failure. Not NULL itself.
 * @return SG_STATUS_OK; SG_STATUS_TIMEOUT_WAIT: there were none; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_INVALID_STATE: somebody waits for the next
 *   events already, or after a shutdown; otherwise as sg_call(), and the feed goes on
 * @threadsafe yes, but one at a time
 * @blocking yes, at most for timeout_ms
 * @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
 * @since 0.1.0
 */
SG_API
sg_status sg_events_next(const sg_events *feed,
                         int64_t timeout_ms,
                         sg_result **out)
SG_NOEXCEPT;

/**
 * Begins to wait for the next events and returns at once: sg_events_next() without the wait or its limit.
 *
 * One at a time. That the events were handled is said by asking for the next ones, and not by sg_events_state(). Those of an operation that
 * was cancelled come again; those of one that nobody took the result of do not.
 *
 * @param[in] feed  the feed; not NULL; stays the caller's, and may be freed before the operation.
 * @param[out] out  the operation, owned by the caller: give it to sg_op_free(). NULL on failure. Not NULL itself. When it is done,
 *   sg_op_take_result() gives the events.
 * @return SG_STATUS_OK: it is under way, and whatever comes of it is the operation's; SG_STATUS_INVALID_ARGUMENT;
 *   SG_STATUS_INVALID_STATE: somebody waits for the next events already, or after a shutdown; SG_STATUS_FORKED
 * @threadsafe yes, but one at a time
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_events_submit_next(const sg_events *feed,
                                sg_op **out)
SG_NOEXCEPT;

/**
 * Where the host is in the log: a JSON text of a few kilobytes to resume from, as "state" of sg_events_open().
 *
 * Keep it after the events were handled. It covers all that sg_events_next() gave, and of sg_events_submit_next() all but the events that came last. A
 * feed that resumes gives everything that the state does not cover, so what was handled since it was kept comes again, marked.
 *
 * @param[in] feed  the feed; not NULL; stays the caller's.
 * @param[out] out  the state, owned by the caller: sg_result_json() gives its text, sg_result_free() frees it. NULL on failure. Not NULL
 *   itself.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT; SG_STATUS_FORKED
 * @threadsafe yes; while somebody waits for events it is the state from before that
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_events_state(const sg_events *feed,
                          sg_result **out)
SG_NOEXCEPT;

/**
 * Frees a feed. Events that came from it stay valid.
 *
 * @param[in] feed  the feed, or NULL, which does nothing; gone afterwards.
 * @threadsafe yes, once nobody uses the feed
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API void sg_events_free(sg_events *feed) SG_NOEXCEPT;

/**
 * The JSON text of the whole answer: the site's bytes, but for what sg_call() changes in records. That of sg_call_raw() is not changed.
 *
 * @param[in] result  the result; NULL gives NULL; stays the caller's.
 * @param[out] len  its length in bytes without the NUL; may be NULL.
 * @return The text, UTF-8 and NUL-terminated, borrowed from the result; NULL if result is NULL.
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
const char *sg_result_json(const sg_result *result,
                           size_t *len)
SG_NOEXCEPT;

/**
 * A cursor on the whole answer, from where sg_value_get(), sg_value_at() and the others go on.
 *
 * @param[in] result  the result; NULL gives NULL; stays the caller's.
 * @return The cursor, borrowed from the result and never freed by itself; NULL if result is NULL.
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API const sg_value *sg_result_value(const sg_result *result) SG_NOEXCEPT;

/**
 * Frees a result, and with it every cursor and text that came from it.
 *
 * @param[in] result  the result, or NULL, which does nothing; gone afterwards.
 * @threadsafe yes, once nobody uses the result
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API void sg_result_free(sg_result *result) SG_NOEXCEPT;

/**
 * What a cursor stands on.
 *
 * @param[in] value  the cursor, or NULL.
 * @return SG_VALUE_TYPE_NONE for NULL
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API sg_value_type sg_value_get_type(const sg_value *value) SG_NOEXCEPT;

/**
 * How many elements an array or members an object has.
 *
 * @param[in] value  the cursor, or NULL.
 * @return 0 for what is neither array nor object, and for NULL
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API size_t sg_value_count(const sg_value *value) SG_NOEXCEPT;

/**
 * The member of an object that has this key. Where a key is doubled, the last one counts.
 *
 * @param[in] value  the cursor, or NULL.
 * @param[in] key  the key; NULL and what is not UTF-8 are found nowhere.
 * @return The cursor, borrowed from the result; NULL if there is no such member
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API const sg_value *sg_value_get(const sg_value *value, const char *key) SG_NOEXCEPT;

/**
 * As sg_value_get(), with the length of the key, which may hold NUL.
 *
 * @param[in] value  the cursor, or NULL.
 * @param[in] key  the key; may be NULL if len is 0.
 * @param[in] len  its length in bytes.
 * @return The cursor, borrowed from the result; NULL if there is no such member
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API const sg_value *sg_value_get_n(const sg_value *value, const char *key, size_t len) SG_NOEXCEPT;

/**
 * The element of an array, or the member of an object, at a position.
 *
 * To visit all of them, sg_value_first() and sg_value_next() are quicker.
 *
 * @param[in] value  the cursor, or NULL.
 * @param[in] index  the position, from 0.
 * @return The cursor, borrowed from the result; NULL past the end
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API const sg_value *sg_value_at(const sg_value *value, size_t index) SG_NOEXCEPT;

/**
 * The first element of an array or member of an object, for a loop with sg_value_next().
 *
 * @param[in] value  the cursor, or NULL.
 * @return The cursor, borrowed from the result; NULL if there is none
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API const sg_value *sg_value_first(const sg_value *value) SG_NOEXCEPT;

/**
 * The element or member behind this one in the same array or object. One step, however large the array is.
 *
 * @param[in] value  the cursor, or NULL.
 * @return The cursor, borrowed from the result; NULL after the last one
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API const sg_value *sg_value_next(const sg_value *value) SG_NOEXCEPT;

/**
 * The value at a JSON pointer (RFC 6901), such as "/entities/0/code"; "" is the cursor itself.
 *
 * @param[in] value  the cursor, or NULL.
 * @param[in] json_pointer  the pointer, with ~0 for ~ and ~1 for / inside a key; NULL finds nothing.
 * @return The cursor, borrowed from the result; NULL if there is no such value
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API const sg_value *sg_value_pointer(const sg_value *value, const char *json_pointer) SG_NOEXCEPT;

/**
 * The key of the member that a cursor stands on.
 *
 * @param[in] value  the cursor, or NULL.
 * @param[out] len  its length in bytes without the NUL; may be NULL. A key may hold NUL.
 * @return The key, UTF-8 and NUL-terminated, borrowed from the result; NULL if the cursor stands on no object's member
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API const char *sg_value_key(const sg_value *value, size_t *len) SG_NOEXCEPT;

/**
 * The key of the member that a cursor stands on, without a NUL: what sg_value_key() gives, by less memory and time.
 *
 * @param[in] value  the cursor, or NULL.
 * @param[out] len  its length in bytes; not NULL, because the key does not end there.
 * @return The key, UTF-8, borrowed from the result and not NUL-terminated; NULL if the cursor stands on no object's member or len is NULL
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
const char *sg_value_key_text(const sg_value *value,
                              size_t *len)
SG_NOEXCEPT;

/**
 * The text of a string, decoded. Dates and times are strings: see sg_value_time_ms().
 *
 * @param[in] value  the cursor, or NULL.
 * @param[out] len  its length in bytes without the NUL; may be NULL. A text may hold NUL.
 * @return The text, UTF-8 and NUL-terminated, borrowed from the result; NULL if there is no string
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API const char *sg_value_string(const sg_value *value, size_t *len) SG_NOEXCEPT;

/**
 * The text of a string, decoded, without a NUL: what sg_value_string() gives, by less memory and time, since most texts are given where
 * they stand in the reply.
 *
 * @param[in] value  the cursor, or NULL.
 * @param[out] len  its length in bytes; not NULL, because the text does not end there.
 * @return The text, UTF-8, borrowed from the result and not NUL-terminated; NULL if there is no string or len is NULL
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
const char *sg_value_text(const sg_value *value,
                          size_t *len)
SG_NOEXCEPT;

/**
 * The JSON text of a value: the site's bytes, but for what sg_call() changes in records. That of sg_call_raw() is not changed.
 *
 * @param[in] value  the cursor, or NULL.
 * @param[out] len  its length in bytes; not NULL, because the text does not end there.
 * @return The text, borrowed from the result and not NUL-terminated; NULL if value or len is NULL
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
const char *sg_value_json(const sg_value *value,
                          size_t *len)
SG_NOEXCEPT;

/**
 * Whether there is nothing: the JSON null, or no value at all.
 *
 * @param[in] value  the cursor, or NULL.
 * @return 1 for the JSON null and for a NULL cursor, else 0
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API int32_t sg_value_is_null(const sg_value *value) SG_NOEXCEPT;

/**
 * Reads a whole number.
 *
 * @param[in] value  the cursor; NULL is an error.
 * @param[out] out  the number; 0 on failure; not NULL.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT: no number, not whole, or out of range. The message says what it is.
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API sg_status sg_value_int64(const sg_value *value, int64_t *out) SG_NOEXCEPT;

/**
 * Reads a number as a double.
 *
 * @param[in] value  the cursor; NULL is an error.
 * @param[out] out  the number; 0 on failure; not NULL.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT: no number, or out of range. The message says what it is.
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API sg_status sg_value_double(const sg_value *value, double *out) SG_NOEXCEPT;

/**
 * Reads true or false.
 *
 * @param[in] value  the cursor; NULL is an error.
 * @param[out] out  1 or 0; 0 on failure; not NULL.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT: neither true nor false. The message says what it is.
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API sg_status sg_value_bool(const sg_value *value, int32_t *out) SG_NOEXCEPT;

/**
 * Reads the site's text of a date and time, or of a date, as milliseconds since 1970-01-01 00:00 UTC.
 *
 * @param[in] value  the cursor; NULL is an error.
 * @param[out] out  the milliseconds, negative before 1970; 0 on failure; not NULL.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT: no such text. The message says what it is.
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API sg_status sg_value_time_ms(const sg_value *value, int64_t *out) SG_NOEXCEPT;

/**
 * The message of this thread's last failure, in words for a person. It holds no secret.
 *
 * Every function that can fail and returns an sg_status clears the record when it begins, so after a success it is "".
 * Read it in a statement of its own: in `printf("%d %s", sg_call(...), sg_last_error())` it may be read before the call.
 *
 * @return Never NULL; "" if there is no failure. Borrowed from the thread: gone with its next call that returns an
 *   sg_status, and with sg_error_take_last().
 * @threadsafe yes: each thread has its own
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API const char *sg_last_error(void) SG_NOEXCEPT;

/**
 * The status of this thread's last failure. It does not clear the record.
 *
 * @return SG_STATUS_OK if there is no failure; SG_STATUS_INVALID_STATE in a destructor of an ending thread whose record is
 *   gone
 * @threadsafe yes: each thread has its own
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API sg_status sg_last_error_status(void) SG_NOEXCEPT;

/**
 * Copies the message of this thread's last failure, by snprintf's rule: what does not fit is cut off, between characters,
 * and a NUL always ends the copy. It does not clear the record.
 *
 * @param[out] buffer  the caller's memory; may be NULL if capacity is 0.
 * @param[in] capacity  its size in bytes.
 * @return The message's whole length in bytes without the NUL: the copy is whole if this is less than capacity
 * @threadsafe yes: each thread has its own
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API size_t sg_last_error_copy(char *buffer, size_t capacity) SG_NOEXCEPT;

/**
 * Takes this thread's record as an object of its own, for bindings that make an exception of it.
 *
 * @return The record, owned by the caller: give it to sg_error_free(). NULL if there is no failure. The thread's record
 *   is empty afterwards.
 * @threadsafe yes: each thread has its own
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API sg_error *sg_error_take_last(void) SG_NOEXCEPT;

/**
 * Frees a record.
 *
 * @param[in] error  the record, or NULL, which does nothing; gone afterwards.
 * @threadsafe yes, once nobody uses the record
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API void sg_error_free(sg_error *error) SG_NOEXCEPT;

/**
 * The status of the failure. It does not clear the thread's record.
 *
 * @param[in] error  the record, or NULL; stays the caller's.
 * @return SG_STATUS_OK for NULL
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API sg_status sg_error_status(const sg_error *error) SG_NOEXCEPT;

/**
 * What happened, in words for a person. It holds no secret.
 *
 * @param[in] error  the record, or NULL; stays the caller's.
 * @return Never NULL; "" for NULL. Borrowed from the record.
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API const char *sg_error_message(const sg_error *error) SG_NOEXCEPT;

/**
 * The site's own words, unchanged.
 *
 * @param[in] error  the record, or NULL; stays the caller's.
 * @return Borrowed from the record; NULL where the site said nothing, and for NULL
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API const char *sg_error_server_message(const sg_error *error) SG_NOEXCEPT;

/**
 * The error code of the site's reply, such as 103 or 104.
 *
 * @param[in] error  the record, or NULL; stays the caller's.
 * @return 0 for none, and for NULL
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API int64_t sg_error_server_code(const sg_error *error) SG_NOEXCEPT;

/**
 * The HTTP status of the reply.
 *
 * @param[in] error  the record, or NULL; stays the caller's.
 * @return 0 where no reply came, and for NULL
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API int32_t sg_error_http_status(const sg_error *error) SG_NOEXCEPT;

/**
 * Whether the same call may succeed if it is made again, and would do nothing twice: it is 0 wherever
 * sg_error_may_have_applied() is 1, and for what was cancelled.
 *
 * @param[in] error  the record, or NULL; stays the caller's.
 * @return 1 or 0; 0 for NULL
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API int32_t sg_error_is_retryable(const sg_error *error) SG_NOEXCEPT;

/**
 * How long the site asks to wait before another attempt.
 *
 * @param[in] error  the record, or NULL; stays the caller's.
 * @return milliseconds; -1 for none, and for NULL
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API int64_t sg_error_retry_after_ms(const sg_error *error) SG_NOEXCEPT;

/**
 * Whether a write may have reached the site although no answer came back. Then look before you write again. Of a download that was cancelled,
 * whether its file may have taken its place all the same, or does at that very moment; where it is 0 it never will.
 *
 * @param[in] error  the record, or NULL; stays the caller's.
 * @return 1 or 0; 0 for NULL
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
int32_t sg_error_may_have_applied(const sg_error *error)
SG_NOEXCEPT;

/**
 * Which request of a batch failed: the one that the site refused, or the first that the library did not send the batch for.
 *
 * @param[in] error  the record, or NULL; stays the caller's.
 * @return counted from 0; -1 where no single request failed, and for NULL
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API int64_t sg_error_batch_index(const sg_error *error) SG_NOEXCEPT;

/**
 * The Attachment that was uploaded before a later step of the call failed, such as sharing it or reading the thumbnail.
 *
 * @param[in] error  the record, or NULL; stays the caller's.
 * @return its id; 0 for none, and for NULL
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API int64_t sg_error_attachment_id(const sg_error *error) SG_NOEXCEPT;

/**
 * What a refusal forbids.
 *
 * @param[in] error  the record, or NULL; stays the caller's.
 * @return "create", "read", "update", "delete", "revive" or "sudo", borrowed from the record; NULL where the site did not tell, and
 *   for NULL
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
const char *sg_error_operation(const sg_error *error)
SG_NOEXCEPT;

/**
 * The entity type that a refusal is about, such as "Shot".
 *
 * @param[in] error  the record, or NULL; stays the caller's.
 * @return Borrowed from the record; NULL where the site did not tell, and for NULL
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API const char *sg_error_entity_type(const sg_error *error) SG_NOEXCEPT;

/**
 * The id of the row that a refusal is about.
 *
 * @param[in] error  the record, or NULL; stays the caller's.
 * @return 0 where the site did not tell, and for NULL
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API int64_t sg_error_entity_id(const sg_error *error) SG_NOEXCEPT;

/**
 * The field that a refusal is about, such as "sg_status_list".
 *
 * @param[in] error  the record, or NULL; stays the caller's.
 * @return Borrowed from the record; NULL where the site did not tell, and for NULL
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API const char *sg_error_field(const sg_error *error) SG_NOEXCEPT;

/**
 * The permission role whose rule refused, by its display name.
 *
 * @param[in] error  the record, or NULL; stays the caller's.
 * @return Borrowed from the record; NULL where the site did not tell, and for NULL
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API const char *sg_error_role(const sg_error *error) SG_NOEXCEPT;

/**
 * The number of the permission rule that refused.
 *
 * @param[in] error  the record, or NULL; stays the caller's.
 * @return 0 where the site did not tell, and for NULL
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API int64_t sg_error_rule_id(const sg_error *error) SG_NOEXCEPT;

/**
 * The permission rule that refused, as the site words it.
 *
 * @param[in] error  the record, or NULL; stays the caller's.
 * @return Borrowed from the record; NULL where the site did not tell, and for NULL
 * @threadsafe yes
 * @blocking no
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API const char *sg_error_rule_text(const sg_error *error) SG_NOEXCEPT;

/**
 * Has a function take the messages of the log of all clients of this process, in place of the one before.
 *
 * At SG_LOG_LEVEL_DEBUG every call is told with its method, milliseconds, requests, retries and bytes. When this returns, the function
 * before is not being called any more, and its user_data are finalized; called inside that very function, that happens when it
 * ends. Where a function is too slow, messages are lost, and it is told how many.
 *
 * @param[in] log  the function; NULL for none.
 * @param[in] max_level  the least important sg_log_level that is wanted, such as SG_LOG_LEVEL_INFO. Not looked at where log is NULL.
 * @param[in] user_data  is passed to it; may be NULL; stays the host's.
 * @param[in] finalize  cleans up user_data when the function was replaced; NULL if there is nothing to clean up. Not called when this
 *   fails, nor if log is NULL.
 * @return SG_STATUS_OK; SG_STATUS_INVALID_ARGUMENT: max_level is no level, and log is not NULL
 * @threadsafe yes
 * @blocking yes, while the function before is being called
 * @callback-safe yes
 * @since 0.1.0
 */
SG_API
sg_status sg_log_set(sg_log_fn log,
                     int32_t max_level,
                     void *user_data,
                     sg_finalize_fn finalize)
SG_NOEXCEPT;

/**
 * Ends the library's threads, for a host's unload hook (uninitializePlugin, ShutdownModule) or before a check for leaks.
 *
 * Calls that other threads have in flight end with SG_STATUS_CANCELLED. Clients that exist answer SG_STATUS_INVALID_STATE
 * from then on and are still to be freed; results stay valid. A new connect starts new threads. If no client was
 * connected, this does nothing. Threads that an earlier call left behind are waited for too, and so are threads of yours that
 * are inside of a call.
 *
 * Callbacks of sg_op_on_done() are called, with SG_STATUS_CANCELLED, before it returns SG_STATUS_OK for a timeout_ms above 0. After
 * SG_STATUS_TIMEOUT_WAIT, and with 0, they may still be running or to come: code that they are in must stay loaded.
 *
 * @param[in] timeout_ms  how long to wait for the threads' end; 0 to let them end by themselves.
 * @return SG_STATUS_OK: the threads are gone and no call goes on, or timeout_ms was 0; SG_STATUS_TIMEOUT_WAIT: some still end
 * @threadsafe yes; of two calls at once, one may return before the other's threads are gone
 * @blocking yes, at most for timeout_ms
 * @callback-safe no: answers SG_STATUS_INVALID_STATE_REENTRANT
 * @since 0.1.0
 */
SG_API
sg_status sg_runtime_shutdown(uint32_t timeout_ms)
SG_NOEXCEPT;

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SHOTGRID_H */
