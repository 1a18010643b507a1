/* A program that somebody writes who has unpacked the archive: signs in, lists shots, looks whom it was linked with. */
#include <shotgrid.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    sg_client *client = NULL;
    sg_result *shots = NULL;
    sg_status status;
    size_t count = 0;

    if (!SG_CHECK_VERSION()) {
        fprintf(stderr, "the library is %s, older than its header\n", sg_lib_version());
        return 1;
    }
    status = sg_connect_script(getenv("SG_TEST_URL"), getenv("SG_TEST_SCRIPT_NAME"), getenv("SG_TEST_API_KEY"), NULL, &client);
    if (status == SG_STATUS_OK)
        status = sg_call(client, "find", "[\"Shot\", [], [\"code\"]]", &shots);
    if (status != SG_STATUS_OK) {
        const char *message = sg_last_error();

        fprintf(stderr, "%s: %s\n", sg_status_name(status), message);
    }
    for (const sg_value *shot = sg_value_first(sg_result_value(shots)); shot != NULL; shot = sg_value_next(shot))
        count++;
    printf("libshotgrid %s found %s shots\n", sg_lib_version(), count > 0 ? "some" : "no");
    sg_result_free(shots);
    sg_client_free(client);
    return status == SG_STATUS_OK ? 0 : 1;
}
