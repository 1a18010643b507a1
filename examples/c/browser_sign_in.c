/*
 * Signing in by the person's browser: no password goes through the program. It then lists the projects that the person sees, and goes on in
 * the same session with another client, as a tool does that was started again.
 *
 *     browser_sign_in <site-url> [--show-only]
 *
 * With --show-only the address is shown and no browser is opened.
 */
/* For gethostname() where the compiler is told to be plain C99. */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <shotgrid.h>

static int failed(const char *what, sg_status status)
{
    fprintf(stderr, "%s: %s: %s\n", what, sg_status_name(status), sg_last_error());
    switch (status) {
    case SG_STATUS_AUTH_SIGN_IN_OFF:
        fprintf(stderr, "  Ask for a login and password instead.\n");
        break;
    case SG_STATUS_AUTH_SIGN_IN_REJECTED:
    case SG_STATUS_AUTH_SIGN_IN_EXPIRED:
    case SG_STATUS_AUTH_SIGN_IN_LOST:
        fprintf(stderr, "  Start again to sign in.\n");
        break;
    default:
        break;
    }
    return 1;
}

/* A compiler may leave out writes that nobody reads, but not volatile ones. */
static void wipe(char *text, size_t length)
{
    volatile char *at = text;

    while (length-- > 0)
        *at++ = '\0';
}

static sg_status list_projects(const sg_client *client)
{
    sg_result *projects = NULL;
    sg_status status = sg_call(client, "find", "[\"Project\", [], [\"name\"]]", &projects);
    const sg_value *project = sg_value_first(sg_result_value(projects));

    for (; project != NULL; project = sg_value_next(project)) {
        const char *name = sg_value_string(sg_value_get(project, "name"), NULL);

        printf("  %s\n", name != NULL ? name : "(a project without a name)");
    }
    sg_result_free(projects);
    return status;
}

/* A real tool would keep the token where the system keeps passwords, and join the session when it is started again. */
static sg_status go_on_elsewhere(const char *site_url, const sg_client *client)
{
    char token[512];
    size_t length = 0;
    sg_client *again = NULL;
    sg_status status = sg_client_session_token(client, token, sizeof token, &length);

    if (status == SG_STATUS_OK)
        status = sg_connect_session(site_url, token, NULL, &again);
    wipe(token, sizeof token);
    if (status == SG_STATUS_OK)
        printf("The session is good for another client, too.\n");
    sg_client_free(again);
    return status;
}

int main(int argc, char **argv)
{
    char machine[256] = "";
    sg_sign_in *sign_in = NULL;
    sg_client *client = NULL;
    sg_status status;

    if (argc < 2) {
        fprintf(stderr, "usage: browser_sign_in <site-url> [--show-only]\n");
        return 2;
    }
    if (gethostname(machine, sizeof machine - 1) != 0)
        strcpy(machine, "this machine");

    status = sg_sign_in_new(argv[1], "Sign-in example", machine, NULL, &sign_in);
    if (status == SG_STATUS_OK)
        status = sg_sign_in_begin(sign_in);
    if (status != SG_STATUS_OK) {
        sg_sign_in_free(sign_in);
        return failed("Asking for a session", status);
    }

    /* Shown in any case: not every machine has a browser that opens by itself. */
    printf("Approve this sign-in at\n  %s\n", sg_sign_in_url(sign_in));
    fflush(stdout);
    if (argc < 3 || strcmp(argv[2], "--show-only") != 0) {
        if (sg_sign_in_open_browser(sign_in) != SG_STATUS_OK)
            fprintf(stderr, "%s\n", sg_last_error());
    }

    /* In short waits, as a program does that has other things to do. None of them can lose the session. */
    do
        status = sg_sign_in_wait(sign_in, 1000, &client);
    while (status == SG_STATUS_TIMEOUT_WAIT);

    if (status == SG_STATUS_OK) {
        const char *login = sg_sign_in_login(sign_in);

        printf("Signed in as %s, who sees\n", login != NULL ? login : "a person");
        status = list_projects(client);
    }
    if (status == SG_STATUS_OK)
        status = go_on_elsewhere(argv[1], client);
    /* The message of a failure is this thread's, and the frees leave it alone. */
    sg_client_free(client);
    sg_sign_in_free(sign_in);
    return status == SG_STATUS_OK ? 0 : failed("Signing in", status);
}
