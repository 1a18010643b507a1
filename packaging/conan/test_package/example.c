#include <shotgrid.h>
#include <stdio.h>

int main(void)
{
    sg_client *client = NULL;
    sg_status status;

    if (!SG_CHECK_VERSION())
        return 1;
    /* Nobody is at home at port 1: the library is there, and it says so. */
    status = sg_connect_script("http://127.0.0.1:1", "nobody", "nothing", NULL, &client);
    printf("shotgrid %s: %s\n", sg_lib_version(), sg_status_name(status));
    return SG_STATUS_CLASS(status) == SG_STATUS_NETWORK ? 0 : 1;
}
